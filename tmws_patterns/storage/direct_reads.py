"""The quick ways to read from SQLite: at once for a small row by its key, else with one hop to a thread.

Every miss of the cache and every recall passes here. Through the pool of SQLAlchemy's asynchronous layer the
same read takes five hops; the statement is still compiled by Core, once. To find a row by its key takes less than
the hop to a thread and back (scripts/bench_cache.py has both), so the hop is left out for it: like the look at
data_version it reads a local file that is mostly in memory. WAL needs a local file anyway.

The file is mapped into memory, which spares a system call a page: of a large file that is most of the time. The price
is that a process ends where another cuts off the file under it, instead of being told; SQLite itself never does that to
a reader. `tmws-patterns memory backup` copies a file that is in use.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import aiosqlite
from anyio import CancelScope
from sqlalchemy import Executable

from tmws_patterns.errors import StoreUnavailable
from tmws_patterns.storage.failures import translated
from tmws_patterns.storage.prepared import SQLITE, prepared

BUSY_TIMEOUT = 0.2  # seconds; a reader waits only while the file changes its shape
MAPPED = 2**31 - 2**16  # bytes of a file that are mapped at most: SQLite's limit
_PRAGMAS = ("PRAGMA query_only = ON", f"PRAGMA mmap_size = {MAPPED}")


class DirectReads:
    """Statements on two connections, of the event loop and of a thread. Rows are plain tuples, as SQLite holds them."""

    def __init__(self, connection: aiosqlite.Connection, here: sqlite3.Connection, place: str) -> None:
        self._connection = connection
        self._here = here
        self._place = place
        self._closed = False

    @classmethod
    async def open(cls, path: Path) -> Self:
        """Open the file for reading.

        Raises:
            StoreUnavailable: it cannot be opened.
        """
        with translated(str(path)):
            # shielded: a connection half made would leave its thread behind
            with CancelScope(shield=True):
                connection = await aiosqlite.connect(path, timeout=BUSY_TIMEOUT, isolation_level=None)
                for pragma in _PRAGMAS:
                    await connection.execute(pragma)
            here = sqlite3.connect(path, timeout=0, isolation_level=None)
            for pragma in _PRAGMAS:
                here.execute(pragma)
        return cls(connection, here, str(path))

    def at_once(self, statement: Executable, values: Mapping[str, Any] | None) -> Sequence[Any] | None:
        """All rows of a statement that finds little by a key, on the event loop; None where that would mean waiting.

        Raises StoreUnavailable, also after `close`.
        """
        self._check_open()
        text, bound = _ready(statement, values)
        try:
            return self._here.execute(text, bound).fetchall()
        except sqlite3.Error as exc:
            code = getattr(exc, "sqlite_errorcode", 0)  # what Python's own layer raises has none
            if code & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                return None
            with translated(self._place):
                raise

    async def rows(
        self, statement: Executable, values: Mapping[str, Any] | None = None, *, little: bool = False
    ) -> Sequence[Any]:
        """All rows. Raises StoreUnavailable, also after `close`."""
        if little and (found := self.at_once(statement, values)) is not None:
            return found
        self._check_open()
        text, bound = _ready(statement, values)
        with translated(self._place):
            return list(await self._connection.execute_fetchall(text, bound))

    async def close(self) -> None:
        """Close the connections, after the reads that wait for the thread; not cancelled half-way."""
        self._closed = True
        self._here.close()
        with CancelScope(shield=True):
            await self._connection.close()

    def _check_open(self) -> None:
        if self._closed:
            raise StoreUnavailable(f"{self._place}: the database has been closed")


def _ready(statement: Executable, values: Mapping[str, Any] | None) -> tuple[str, Mapping[str, Any]]:
    ready = prepared(SQLITE, statement, values)
    return ready.text, ready.named(values or {})
