"""How statements reach a database: one way to read, one way to write.

Reads are single statements outside any transaction. What has begun ends, whatever happens to the task
that began it: a cancelled caller leaves no lock behind and costs the pool no connection. (SQLAlchemy
ends a connection whose statement is cancelled, in a task that the next cancellation destroys.)
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar, cast

from anyio import CancelScope, CapacityLimiter, move_on_after, to_thread
from sqlalchemy import Executable, QueuePool, Row
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from tmws_patterns.errors import StoreUnavailable
from tmws_patterns.storage.failures import translated

_LOG = logging.getLogger(__name__)

T = TypeVar("T")


class Reads(Protocol):
    """Runs one statement and returns its rows, which may be plain tuples. Raises StoreUnavailable.

    `little` says that it finds little, by keys: that need not leave the event loop where it takes microseconds there.
    """

    async def rows(
        self, statement: Executable, values: Mapping[str, Any] | None = None, *, little: bool = False
    ) -> Sequence[Any]: ...


class Transaction(Protocol):
    """Statements that are committed together: SQLAlchemy's Connection, or the quick way of SQLite.

    `values` are those of one run, or of each of several. `execute` gives rows to go through, `scalar_one()` and
    `rowcount`, `scalar` the first value of the only row. Times are given as microseconds since 1970.
    """

    def execute(self, statement: Any, values: Any = None, /) -> Any: ...

    def scalar(self, statement: Any, values: Any = None, /) -> Any: ...


class QuickWriter(Protocol):
    """Runs transactions, one at a time, in whatever thread asks for them."""

    def transact(self, work: Callable[[Transaction], T]) -> T: ...

    def close(self) -> None: ...


POOL_TIMEOUT = 30.0
"""Seconds to wait for a connection: the longest deadline that the settings give a call by default."""

CLOSING = 2.0
"""Seconds that closing waits for reads that nobody waits for any more: reads take milliseconds."""


@dataclass(frozen=True, slots=True)
class Connections:
    """The engines of one database. `place` names it in errors: a path, or a host without password."""

    reader: AsyncEngine
    writer: AsyncEngine
    place: str
    quick_writer: QuickWriter | None = None
    """A writer to be used in a thread, where that is quicker: SQLite, each of whose statements is a hop otherwise."""
    _writing: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(1))
    _under_way: set[asyncio.Task[Any]] = field(default_factory=set)

    async def rows(
        self,
        statement: Executable,
        values: Mapping[str, Any] | None = None,
        *,
        little: bool = False,  # noqa: ARG002 - it makes no difference here
    ) -> Sequence[Row[Any]]:
        """All rows of one statement. Waiting can be cancelled; the statement, once begun, ends by itself.

        Raises:
            StoreUnavailable: no connection, or the statement failed.
        """
        with translated(self.place):
            connection = await self._checked_out(self.reader)
            return await asyncio.shield(self._begin(_fetch(connection, statement, values)))

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """A transaction, committed on leaving the block, rolled back by an exception.

        Waiting for a connection can be cancelled; the transaction cannot. Raises StoreUnavailable.
        """
        with translated(self.place):
            connection = await self._checked_out(self.writer)
            with CancelScope(shield=True):
                async with aclosing(connection), connection.begin():
                    yield connection

    async def transact(self, work: Callable[[Transaction], T]) -> T:
        """A transaction of several statements: what `work` returns, committed; rolled back where it raises.

        `work` is plain code, and may run in a thread. Waiting can be cancelled; the transaction cannot. Raises
        StoreUnavailable.
        """
        with translated(self.place):
            if self.quick_writer is not None:
                return await asyncio.shield(self._begin(self._in_thread(self.quick_writer, work)))
            connection = await self._checked_out(self.writer)
            return await asyncio.shield(self._begin(_worked(connection, work)))

    async def _in_thread(self, writer: QuickWriter, work: Callable[[Transaction], T]) -> T:
        return await to_thread.run_sync(writer.transact, work, limiter=self._writing)

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
        """Close every connection, once what is under way has ended; that is waited for CLOSING seconds at most."""
        with CancelScope(shield=True):
            with move_on_after(CLOSING):
                while self._under_way:  # one that ends may begin another: the giving back
                    await asyncio.wait(self._under_way)
            await self.reader.dispose()
            await self.writer.dispose()
            if self.quick_writer is not None:
                await to_thread.run_sync(self.quick_writer.close, limiter=self._writing)

    async def _checked_out(self, engine: AsyncEngine) -> AsyncConnection:
        connecting = self._begin(_connect(engine))
        try:
            return await asyncio.shield(connecting)
        except asyncio.CancelledError:
            self._begin(_give_back(connecting))
            raise

    def _begin(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = asyncio.get_running_loop().create_task(work)
        self._under_way.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._under_way.discard(task)
        if not task.cancelled() and (failure := task.exception()) is not None:
            _LOG.debug("%s: what was begun has failed, whether or not anybody waits for it: %s", self.place, failure)


async def _connect(engine: AsyncEngine) -> AsyncConnection:
    return await engine.connect()


async def _give_back(connecting: asyncio.Task[AsyncConnection]) -> None:
    with suppress(SQLAlchemyError, StoreUnavailable, OSError):  # nobody is left to be told
        await (await connecting).close()


async def _worked(connection: AsyncConnection, work: Callable[[Transaction], T]) -> T:
    async with aclosing(connection), connection.begin():
        return await connection.run_sync(work)


async def _fetch(
    connection: AsyncConnection, statement: Executable, values: Mapping[str, Any] | None
) -> Sequence[Row[Any]]:
    async with aclosing(connection):
        return (await connection.execute(statement, values)).all()
