"""The quick way to read the cache's rows from SQLite: a connection of its own, one hop to its thread a read.

Every miss passes here, so it costs what a miss costs at least. Through the pool of SQLAlchemy's
asynchronous layer the same read takes five hops; the statement is still compiled by Core.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import aiosqlite
from anyio import CancelScope
from sqlalchemy import Select
from sqlalchemy.dialects import sqlite

from tmws_patterns.errors import StoreUnavailable
from tmws_patterns.storage.failures import translated

BUSY_TIMEOUT = 0.2  # seconds; a reader waits only while the file changes its shape


class DirectReads:
    """One statement, run again and again on one connection."""

    def __init__(self, connection: aiosqlite.Connection, statement: Select[Any], place: str) -> None:
        compiled = statement.compile(dialect=sqlite.dialect(paramstyle="named"))
        self._sql = str(compiled)
        self._connection = connection
        self._place = place
        self._closed = False

    @classmethod
    async def open(cls, path: Path, statement: Select[Any]) -> Self:
        """Open the file for reading.

        Raises:
            StoreUnavailable: it cannot be opened.
        """
        with translated(str(path)):
            # shielded: a connection half made would leave its thread behind
            with CancelScope(shield=True):
                connection = await aiosqlite.connect(path, timeout=BUSY_TIMEOUT, isolation_level=None)
                await connection.execute("PRAGMA query_only = ON")
        return cls(connection, statement, str(path))

    async def first(self, parameters: dict[str, Any]) -> Any:
        """The first row as a tuple; None where there is none. Raises StoreUnavailable, also after `close`."""
        if self._closed:
            raise StoreUnavailable(f"{self._place}: the database has been closed")
        with translated(self._place):
            return next(iter(await self._connection.execute_fetchall(self._sql, parameters)), None)

    async def close(self) -> None:
        """Close the connection, after the reads that wait for its thread; not cancelled half-way."""
        self._closed = True
        with CancelScope(shield=True):
            await self._connection.close()
