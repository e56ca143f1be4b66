"""The counters behind tags, and how a process knows them without asking the database every time.

On SQLite the small table is read again only when any process has committed (commits.py): the counters are the log of
invalidations, one row a tag. PostgreSQL: postgres_epochs.py.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import Row, bindparam, select
from sqlalchemy.dialects import sqlite

from tmws_patterns.ports import Epochs
from tmws_patterns.storage.commits import Commits
from tmws_patterns.storage.connections import Connections, Transaction
from tmws_patterns.storage.failures import translated
from tmws_patterns.storage.schema import tag_epochs

_ANSWERS = 1_024  # combinations of tags whose epochs are remembered until the next commit
ALL = select(tag_epochs.c.tag, tag_epochs.c.epoch)


class EpochLedger(Epochs, Protocol):
    """Epochs that a write of another table can take part in."""

    def bump_within(self, connection: Transaction, tags: Iterable[str]) -> Mapping[str, int]:
        """Raise the tags' epochs in the connection's transaction; returns the new ones, for `learn`."""
        ...

    def learn(self, epochs: Mapping[str, int]) -> None:
        """Take note of epochs that have been committed."""
        ...


def bump_statement(insert: Callable[..., Any]) -> Any:
    """Raises the epoch of one :tag, and returns it; `insert` is the dialect's."""
    statement = insert(tag_epochs).values(tag=bindparam("tag"), epoch=1)
    raised = {"epoch": tag_epochs.c.epoch + 1}
    return statement.on_conflict_do_update(index_elements=["tag"], set_=raised).returning(tag_epochs.c.epoch)


def raise_epochs(connection: Transaction, statement: Any, tags: Iterable[str]) -> dict[str, int]:
    """The new epochs of the tags, in the connection's transaction."""
    # sorted, so that two writers lock the rows in the same order
    return {tag: connection.scalar(statement, {"tag": tag}) for tag in sorted(set(tags))}


def by_tag(rows: Iterable[Row[tuple[str, int]]]) -> dict[str, int]:
    """The rows of ALL as a dict."""
    return {row.tag: row.epoch for row in rows}


class SqliteEpochs:
    """Epochs in memory.db. `peek` belongs to the event loop's thread; it sees the commits of every process."""

    _BUMP = bump_statement(sqlite.insert)

    def __init__(self, connections: Connections, path: Path) -> None:
        self._connections = connections
        with translated(connections.place):
            self._commits = Commits(path)
        self._stamp: object = None
        self._known: dict[str, int] = {}
        self._answers: dict[tuple[str, ...], tuple[int, ...]] = {}

    def peek(self, tags: Sequence[str]) -> tuple[int, ...] | None:
        """The epochs as of now; None only where another process holds the file for itself."""
        try:
            stamp = self._commits.stamp()
            if stamp != self._stamp:
                self._known = dict(self._commits.rows("SELECT tag, epoch FROM tag_epochs"))
                self._stamp = stamp
                self._answers.clear()
        except sqlite3.Error:
            return None
        asked = tags if tags.__class__ is tuple else tuple(tags)
        if (answer := self._answers.get(asked)) is None:
            if len(self._answers) >= _ANSWERS:
                self._answers.clear()
            answer = self._answers[asked] = tuple([self._known.get(tag, 0) for tag in asked])
        return answer

    def stamp(self) -> int | bytes:
        """Another value after each commit of any process; without waiting. Raises StoreUnavailable."""
        with translated(self._connections.place):
            return self._commits.stamp()

    async def read(self, tags: Sequence[str]) -> tuple[int, ...]:
        """The epochs, by one statement."""
        known = by_tag(await self._connections.rows(ALL))
        return tuple(known.get(tag, 0) for tag in tags)

    async def bump(self, tags: Iterable[str]) -> None:
        """Raise the epoch of each tag by one."""
        await self._connections.transact(lambda connection: self.bump_within(connection, tags))

    def bump_within(self, connection: Transaction, tags: Iterable[str]) -> Mapping[str, int]:
        """See EpochLedger."""
        return raise_epochs(connection, self._BUMP, tags)

    def learn(self, epochs: Mapping[str, int]) -> None:
        """Nothing to do: the commit itself changes the stamp."""

    def follow(self, tell: Callable[[Mapping[str, int]], None]) -> bool:  # noqa: ARG002 - nobody need be told
        """False: every process sees each commit at its next look."""
        return False

    def hear(self, epochs: Mapping[str, int] | None) -> None:
        """Nothing to do: see `follow`."""

    def close(self) -> None:
        """Close the connection that watches."""
        self._commits.close()
