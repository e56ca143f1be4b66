"""Other forms of the same answer that cost fewer tokens.

A table is exact: `{"cols": [...], "rows": [[...], ...]}` in the place of rows that all have the same fields.
Folding is lossy, and done only where a pattern's author declares that nothing of it is missed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tmws_patterns.shaping.tokens import compact

COLS, ROWS = "cols", "rows"
_LEAST_ROWS = 2
_REPEATED = 120  # characters from which a text that was said already is only pointed at
_SHOWN = 40  # characters of it that are shown again
_EMPTY: tuple[Any, ...] = (None, "", [], {})
_MAIN_URLS = ("url", "html_url", "href", "link", "uri")


def columns(rows: Sequence[Any]) -> list[str] | None:
    """The fields of rows that could stand in a table; None where they, or their order, differ, or are too few to."""
    if len(rows) < _LEAST_ROWS or not isinstance(rows[0], dict) or not rows[0]:
        return None
    names = list(rows[0])
    return names if all(isinstance(row, dict) and list(row) == names for row in rows) else None


def may_have_tables(data: Any) -> bool:
    """False where something in an answer could be taken for a table, so that no page of it has one."""
    if isinstance(data, dict):
        return not (COLS in data and ROWS in data) and all(map(may_have_tables, data.values()))
    return not isinstance(data, list) or all(map(may_have_tables, data))


def folded(data: Any) -> Any:
    """`data` without what is empty, without links beside an object's own, and with long texts said once only."""
    return _folded(data, set())


def tabled(data: Any) -> Any:
    """`data` with rows as tables where that is shorter."""
    if isinstance(data, dict):
        return {name: tabled(value) for name, value in data.items()}
    if not isinstance(data, list):
        return data
    rows = [tabled(row) for row in data]
    names = columns(rows)
    if names is None:
        return rows
    table = {COLS: names, ROWS: [[row[name] for name in names] for row in rows]}
    return table if len(compact(table)) < len(compact(rows)) else rows


def _folded(data: Any, said: set[str]) -> Any:
    if isinstance(data, Mapping):
        kept = {name: _folded(value, said) for name, value in data.items() if not _is_side_link(name, value, data)}
        return {name: value for name, value in kept.items() if value not in _EMPTY or value is False or value == 0}
    if isinstance(data, list):
        return [_folded(value, said) for value in data]
    if not isinstance(data, str) or len(data) < _REPEATED:
        return data
    if data in said:
        return f"{data[:_SHOWN]}… (as before)"
    said.add(data)
    return data


def _is_side_link(name: str, value: Any, beside: Mapping[str, Any]) -> bool:
    """True for a link of an object that has a link of its own: `issues_url` beside `url`."""
    is_link = isinstance(value, str) and value.startswith(("http://", "https://")) and name.endswith(("_url", "_uri"))
    return is_link and name not in _MAIN_URLS and any(main in beside for main in _MAIN_URLS)
