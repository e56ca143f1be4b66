"""The quick way to read from SQLite: a connection of its own, one hop to its thread a read.

Every miss of the cache and every recall passes here. Through the pool of SQLAlchemy's asynchronous
layer the same read takes five hops; the statement is still compiled by Core, once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Self

import aiosqlite
from anyio import CancelScope
from sqlalchemy import Executable
from sqlalchemy.dialects import sqlite

from tmws_patterns.errors import StoreUnavailable
from tmws_patterns.storage.failures import translated

BUSY_TIMEOUT = 0.2  # seconds; a reader waits only while the file changes its shape


class DirectReads:
    """Statements on one connection. Rows are plain tuples, as SQLite holds them."""

    def __init__(self, connection: aiosqlite.Connection, place: str) -> None:
        self._connection = connection
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
                await connection.execute("PRAGMA query_only = ON")
        return cls(connection, str(path))

    async def rows(self, statement: Executable, values: Mapping[str, Any] | None = None) -> Sequence[Any]:
        """All rows. Raises StoreUnavailable, also after `close`."""
        if self._closed:
            raise StoreUnavailable(f"{self._place}: the database has been closed")
        with translated(self._place):
            ready = _compiled(statement).construct_expanded_state(values)
            return list(await self._connection.execute_fetchall(ready.statement, ready.parameters))

    async def close(self) -> None:
        """Close the connection, after the reads that wait for its thread; not cancelled half-way."""
        self._closed = True
        with CancelScope(shield=True):
            await self._connection.close()


@lru_cache(maxsize=256)
def _compiled(statement: Any) -> Any:
    """The statement without its values; it is known by its identity."""
    return statement.compile(dialect=sqlite.dialect(paramstyle="named"))
