"""The last tier: rows of the database, which outlive the process."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from typing import Any, Literal, Self, TypeVar

import anyio

from tmws_patterns.cache.write_behind import WriteBehind
from tmws_patterns.errors import StoreUnavailable
from tmws_patterns.ports import CacheRows, Entry
from tmws_patterns.tasks import background_tasks

T = TypeVar("T")
_LOG = logging.getLogger(__name__)

READ_DEADLINE = 0.25  # seconds: a hundred times a usual read, and a small part of a usual load
WRITE_DEADLINE = 5.0  # seconds for one batch; no request waits for it
RETRY_AFTER = 1.0  # seconds after a failure in which gets are misses at once
PURGE_EVERY = 100  # writes: keeps the table within a percent of its bound, at a percent of the cost
CLOSING = 1.0  # seconds that leaving may spend on what still waits: a short command's answer is kept


class DatabaseTier:
    """An async context manager over the rows. A write is queued and purges the table now and then."""

    name = "database"

    def __init__(
        self,
        rows: CacheRows,
        clock: Callable[[], float] = time.time,
        max_rows: int = 10_000,
        grace: float = 0.0,
    ) -> None:
        self._rows = rows
        self._clock = clock
        self._grace = grace
        self._max_rows = max_rows
        self._failed_at: float | None = None
        self._writes_until_purge = 0
        self.writes = WriteBehind(self._write)
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        tasks = await self._stack.enter_async_context(background_tasks())
        tasks.start_soon(self.writes.run)
        self._tasks = tasks
        return self

    async def __aexit__(self, *exc: Any) -> bool | None:
        with anyio.move_on_after(CLOSING, shield=True):
            await self.writes.flushed()
        return await self._stack.__aexit__(*exc)

    @property
    def available(self) -> bool:
        """False from a failure to the next success."""
        return self._failed_at is None

    @property
    def dropped(self) -> int:
        """Entries that were not written because too many waited."""
        return self.writes.dropped

    async def get(self, digest: str) -> Entry | None:
        """The entry; None where there is none, it is too old, or the database does not answer in time."""
        if self._failed_at is not None and anyio.current_time() < self._failed_at + RETRY_AFTER:
            return None
        now = self._clock() - self._grace
        try:
            known = self._rows.peek(digest, now)
            if known is None:
                with anyio.fail_after(READ_DEADLINE):
                    known = (await self._rows.fetch(digest, now),)
        except (StoreUnavailable, TimeoutError) as exc:
            self._failed(exc)
            return None
        self._failed_at = None
        (entry,) = known
        return entry if entry is not None and entry.expires_at > now else None

    async def put(self, digest: str, entry: Entry) -> None:
        """Queue the entry."""
        self.writes.put(digest, entry)

    async def publish(self, digest: str, entry: Entry) -> None:
        """Keep the entry, and return when it can be read, or after the deadline."""
        self.writes.discard(digest)
        await self._within(lambda: self._rows.upsert([(digest, entry)]))

    async def lease(self, name: str, token: str, seconds: float) -> bool | Literal["waived"] | None:
        """See ports.Leasing."""
        return await self._within(
            lambda: self._rows.leases.take(name, token, seconds), late=lambda: self._rows.leases.drop(name, token)
        )

    async def renew(self, name: str, token: str, seconds: float) -> bool | None:
        """See ports.Leasing."""
        return await self._within(lambda: self._rows.leases.prolong(name, token, seconds))

    async def waive(self, name: str, token: str, seconds: float) -> None:
        """See ports.Leasing."""
        await self._within(lambda: self._rows.leases.waive(name, token, seconds))

    async def release(self, name: str, token: str) -> None:
        """Give a lease back; one that cannot be given back ends by itself."""
        await self._within(lambda: self._rows.leases.drop(name, token))

    async def _within(
        self, work: Callable[[], Awaitable[T]], late: Callable[[], Awaitable[Any]] | None = None
    ) -> T | None:
        """What `work` returns within READ_DEADLINE, else None, and `late` is done after it.

        The work goes on in a task of the tier's own: a write waits for the file's lock, and cannot be cancelled.
        """
        if self._failed_at is not None and anyio.current_time() < self._failed_at + RETRY_AFTER:
            return None
        done, found = anyio.Event(), list[T]()
        given_up = False

        async def run() -> None:
            try:
                found.append(await work())
                if given_up and late is not None:
                    await late()
            except StoreUnavailable as exc:
                self._failed(exc)
            finally:
                done.set()

        self._tasks.start_soon(run)
        try:
            with anyio.fail_after(READ_DEADLINE):
                await done.wait()
        except BaseException as exc:
            given_up = True
            if not isinstance(exc, TimeoutError):
                raise
            self._failed(exc)
        return found[0] if found else None

    async def clear(self) -> None:
        """Delete every row."""
        self.writes.clear()
        try:
            with anyio.fail_after(WRITE_DEADLINE):
                await self.writes.flushed()
                await self._rows.clear()
        except (StoreUnavailable, TimeoutError) as exc:
            self._failed(exc)

    async def _write(self, batch: Sequence[tuple[str, Entry]]) -> None:
        try:
            with anyio.fail_after(WRITE_DEADLINE):
                await self._rows.upsert(batch)
                self._writes_until_purge -= len(batch)
                if self._writes_until_purge <= 0:
                    await self._rows.purge(self._clock() - self._grace, self._max_rows)
                    self._writes_until_purge = PURGE_EVERY
        except (StoreUnavailable, TimeoutError) as exc:
            self._failed(exc)
        else:
            self._failed_at = None

    def _failed(self, exc: Exception) -> None:
        if self._failed_at is None:
            _LOG.warning("the database tier of the cache is left out for now: %s", str(exc) or "no answer in time")
        self._failed_at = anyio.current_time()
