"""The quick way to read from PostgreSQL: statements compiled by Core, run on connections of asyncpg's own.

Every recall and every look into the cache's rows passes here: through the pool of SQLAlchemy's asynchronous layer the
same read takes several hops more. Where there is no such connection to be had, the pool reads instead, and tells of an
outage if there is one.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Any

from anyio import CancelScope
from sqlalchemy import Executable

from tmws_patterns.errors import StoreUnavailable
from tmws_patterns.storage.connections import Connections
from tmws_patterns.storage.postgres import Connect, told
from tmws_patterns.storage.prepared import POSTGRES, prepared

_LOG = logging.getLogger(__name__)

MOST = 2  # connections beside the pool: what they read is little, and who finds both at work takes one of the pool
CLOSING = 2.0  # seconds that reads under way are waited for
_REST = 1.0  # seconds after a failure in which the pool is asked instead


class PostgresReads:
    """Statements on connections that are kept. Rows are asyncpg's, with values as PostgreSQL holds them."""

    def __init__(self, connections: Connections, connect: Connect) -> None:
        """Open nothing yet; `connections` are read from where there is no connection to spare."""
        self._connections = connections
        self._connect = connect
        self._free: list[Any] = []
        self._busy: set[asyncio.Task[Sequence[Any]]] = set()
        self._open = 0
        self._rested = 0.0
        self._closed = False

    async def rows(
        self, statement: Executable, values: Mapping[str, Any] | None = None, *, little: bool = False
    ) -> Sequence[Any]:
        """All rows. Waiting can be cancelled; the statement, once begun, ends by itself. Raises StoreUnavailable."""
        loop = asyncio.get_running_loop()
        if self._closed or not (self._free or self._open < MOST) or loop.time() < self._rested:
            return await self._connections.rows(statement, values, little=little)
        connection = self._free.pop() if self._free else None
        self._open += connection is None
        reading = loop.create_task(self._read(connection, statement, values))
        self._busy.add(reading)
        reading.add_done_callback(self._busy.discard)
        try:
            return await asyncio.shield(reading)
        except StoreUnavailable as exc:
            _LOG.info("a read goes through the pool: %s", exc)
            self._rested = loop.time() + _REST
            return await self._connections.rows(statement, values, little=little)

    async def close(self) -> None:
        """Close the connections, once what is under way has ended; that is waited for CLOSING seconds at most."""
        self._closed = True
        with CancelScope(shield=True):
            if self._busy:
                await asyncio.wait(self._busy, timeout=CLOSING)
            while self._free:
                self._free.pop().terminate()

    async def _read(self, connection: Any, statement: Executable, values: Mapping[str, Any] | None) -> Sequence[Any]:
        """On the connection, or a new one for None; whichever it is, it is kept for the next read unless it fails."""
        try:
            ready = prepared(POSTGRES, statement, values)
            connection = connection or await self._connect()
            with told(self._connections.place, "no answer"):
                found: Sequence[Any] = await connection.fetch(ready.text, *ready.placed(values or {}))
        except BaseException:
            self._open -= 1
            if connection is not None:
                connection.terminate()
            raise
        if self._closed:
            connection.terminate()
        else:
            self._free.append(connection)
        return found
