"""The quick way to write to SQLite: whole transactions on a connection of their own, in a thread.

A memory that is stored by itself takes several small statements, which SQLAlchemy takes longer to run than the driver.
So they are compiled by Core and run by the driver; scripts/bench_memory.py measures such stores.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar

from sqlalchemy import Executable

from tmws_patterns.storage.prepared import SQLITE, prepared

T = TypeVar("T")


class Done:
    """What a statement did: its rows, as plain tuples, or how many rows it changed."""

    def __init__(self, cursor: sqlite3.Cursor) -> None:
        self._rows: list[tuple[Any, ...]] = cursor.fetchall()  # RETURNING has to be read to its end
        self.rowcount = cursor.rowcount

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return iter(self._rows)

    def scalar_one(self) -> Any:
        """The first value of the only row."""
        if len(self._rows) != 1:
            raise sqlite3.DatabaseError(f"{len(self._rows)} rows were found where one is required")
        return self._rows[0][0]


class Running:
    """A transaction under way, on the connection that it was begun on."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def execute(
        self, statement: Executable, values: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None
    ) -> Done:
        """Run a statement, for each of several rows of values where these are given."""
        if isinstance(values, Sequence):
            ready = prepared(SQLITE, statement, values[0])
            return Done(self._connection.executemany(ready.text, [ready.named(row) for row in values]))
        ready = prepared(SQLITE, statement, values)
        return Done(self._connection.execute(ready.text, ready.named(values or {})))

    def scalar(self, statement: Executable, values: Mapping[str, Any] | None = None) -> Any:
        """The first value of the only row."""
        return self.execute(statement, values).scalar_one()


class DirectWrites:
    """Runs one transaction at a time, whichever threads ask. The connection is opened by the first.

    Raises what sqlite3 raises.
    """

    def __init__(self, path: Path, pragmas: Sequence[str], timeout: float) -> None:
        """Open nothing yet; `timeout` is how many seconds a writer of another connection is waited for."""
        self._path = path
        self._pragmas = tuple(pragmas)
        self._timeout = timeout
        self._connection: sqlite3.Connection | None = None
        self._writing = Lock()  # a caller who has given up leaves his thread at work

    def transact(self, work: Callable[[Running], T]) -> T:
        """What `work` returns, committed; rolled back where it raises."""
        with self._writing:
            connection = self._opened()
            connection.execute("BEGIN IMMEDIATE")
            try:
                done = work(Running(connection))
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
        return done

    def close(self) -> None:
        """Close the connection once the transaction under way has ended; the next one opens another."""
        with self._writing:
            connection, self._connection = self._connection, None
            if connection is not None:
                connection.close()

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            connection = sqlite3.connect(
                self._path, timeout=self._timeout, isolation_level=None, check_same_thread=False
            )
            try:
                for pragma in self._pragmas:
                    connection.execute(pragma)
            except BaseException:
                connection.close()
                raise
            self._connection = connection
        return self._connection
