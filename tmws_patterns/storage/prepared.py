"""Statements as a driver takes them: compiled by SQLAlchemy's Core once, and filled with values without it.

To run a small statement, and to write out a list of values, Core takes longer than the driver, most of it for what is
the same each time. Values are passed on as they are: times as microseconds, lists of names as JSON.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import Dialect, Executable
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.postgresql import asyncpg

SQLITE: Dialect = sqlite.dialect(paramstyle="named")
_asyncpg: Any = asyncpg.dialect  # SQLAlchemy leaves it untyped
POSTGRES: Dialect = _asyncpg()

_NOTHING: Mapping[str, Any] = {}


class Prepared(NamedTuple):
    """The text of a statement, and how its parameters come about.

    Attributes:
        fixed: values of the statement itself.
        lists: the parameters that are lists, each with the names of its members in the text.
        order: the names in the order of their places, for a driver that counts them.
    """

    text: str
    fixed: Mapping[str, Any]
    lists: tuple[tuple[str, tuple[str, ...]], ...]
    order: tuple[str, ...]

    def named(self, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """All parameters by their names; there may be others among them."""
        if not self.fixed and not self.lists:
            return values
        found = {**self.fixed, **values}
        for name, members in self.lists:
            found.update(zip(members, found[name], strict=True))
        return found

    def placed(self, values: Mapping[str, Any]) -> list[Any]:
        """All parameters in the order of their places."""
        named = self.named(values)
        return [named[name] for name in self.order]


def prepared(dialect: Dialect, statement: Executable, values: Mapping[str, Any] | None) -> Prepared:
    """The statement for these values: another text for lists of other lengths. It is known by its identity."""
    plain, lists = _plain(dialect, statement)
    if not lists:
        return plain
    given = {**plain.fixed, **(values or _NOTHING)}
    return _with_lists(dialect, statement, tuple([len(given[name]) for name in lists]))


@lru_cache(maxsize=256)
def _compiled(dialect: Dialect, statement: Any) -> Any:
    return statement.compile(dialect=dialect)


@lru_cache(maxsize=256)
def _plain(dialect: Dialect, statement: Any) -> tuple[Prepared, tuple[str, ...]]:
    """The statement, complete where it has no lists, and the names of its lists."""
    compiled = _compiled(dialect, statement)
    fixed = {name: value for name, value in compiled.params.items() if not compiled.binds[name].required}
    lists = tuple(name for name in compiled.params if compiled.binds[name].expanding)
    return Prepared(compiled.string, fixed, (), tuple(compiled.positiontup or ())), lists


@lru_cache(maxsize=256)  # of texts that may be long
def _with_lists(dialect: Dialect, statement: Any, lengths: tuple[int, ...]) -> Prepared:
    plain, lists = _plain(dialect, statement)
    compiled = _compiled(dialect, statement)
    blank = {name: [0] * length for name, length in zip(lists, lengths, strict=True)}
    expanded = compiled.construct_expanded_state({**dict.fromkeys(compiled.params), **plain.fixed, **blank})
    members = tuple((name, tuple(expanded.parameter_expansion[name])) for name in lists)
    return Prepared(expanded.statement, plain.fixed, members, tuple(expanded.positiontup or ()))
