"""How statements reach a database: one way to read, one way to write.

Reads are single statements outside any transaction. A write is a transaction that, once begun, ends
whatever happens to the task that began it: a cancelled caller never leaves a lock behind.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import cast

from anyio import CancelScope
from sqlalchemy import QueuePool
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from tmws_patterns.storage.failures import translated

POOL_TIMEOUT = 30.0
"""Seconds to wait for a connection: the longest deadline that the settings give a call by default."""


@dataclass(frozen=True, slots=True)
class Connections:
    """The engines of one database. `place` names it in errors: a path, or a host without password."""

    reader: AsyncEngine
    writer: AsyncEngine
    place: str

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A connection for reading. Raises StoreUnavailable for what fails inside the block."""
        with translated(self.place):
            async with self.reader.connect() as connection:
                yield connection

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """A transaction, committed on leaving the block, rolled back by an exception.

        Waiting for a connection can be cancelled; the transaction cannot. Raises StoreUnavailable.
        """
        with translated(self.place):
            async with self.writer.connect() as connection:
                with CancelScope(shield=True):
                    async with connection.begin():
                        yield connection

    def pool_status(self) -> dict[str, float]:
        """The reading pool: size, checked_out and overflow in connections, utilization in percent."""
        pool = cast(QueuePool, self.reader.sync_engine.pool)
        size, checked_out = pool.size(), pool.checkedout()
        return {
            "size": size,
            "checked_out": checked_out,
            "overflow": max(0, pool.overflow()),
            "utilization": round(min(100.0, 100.0 * checked_out / size), 1),
        }

    async def close(self) -> None:
        """Close every connection."""
        with CancelScope(shield=True):
            await self.reader.dispose()
            await self.writer.dispose()
