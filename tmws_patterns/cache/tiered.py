"""The cache as the executor sees it: local memory, then Redis, then the database, then the load.

An entry keeps the epochs of its tags from before its load began, and is a miss in every tier once one
of them has moved. Its age is counted from the load in every tier: a back-fill copies both times.
"""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from tmws_patterns.cache.counters import Counters
from tmws_patterns.cache.database import DatabaseTier
from tmws_patterns.cache.epoch_guard import EpochGuard, Pairs
from tmws_patterns.cache.keys import digest
from tmws_patterns.cache.local import LocalTier
from tmws_patterns.cache.redis_tier import RedisTier
from tmws_patterns.cache.single_flight import SingleFlight
from tmws_patterns.errors import InvalidInput
from tmws_patterns.ports import Cached, CacheRows, CacheTier, Entry, Epochs, Loaded
from tmws_patterns.settings import Settings
from tmws_patterns.tasks import background_tasks

_LOG = logging.getLogger(__name__)

JITTER = 0.1  # the part of a ttl that may be cut off, so that answers loaded together do not expire together

Load = Callable[[], Awaitable[Loaded]]


class TieredCache:
    """Implements ports.AnswerCache. Made by `open_cache`."""

    def __init__(
        self,
        local: LocalTier,
        pages: LocalTier,
        lower: Sequence[CacheTier],
        epochs: Epochs,
        flights: SingleFlight[Cached],
        clock: Callable[[], float],
        *,
        enabled: bool = True,
    ) -> None:
        self._local, self._pages = local, pages
        self._lower = tuple(lower)
        self._guard = EpochGuard(epochs)
        self._flights = flights
        self._clock = clock
        self._enabled = enabled
        self._counters = Counters()

    async def get_or_load(self, key: tuple[Any, ...], load: Load, *, ttl: float, tags: tuple[str, ...]) -> Cached:
        """The answer of `key`, at most `ttl` seconds old; a local hit does not suspend.

        Whatever `load` raises is raised to all who waited for it.
        """
        name = _name(key)
        if name is None:
            self._counters.answered_by(None)
            return await self._load(load)
        tags = _ordered(tags)
        if (epochs := self._guard.peek(tags)) is None:
            epochs = await self._guard.read(tags)
        # Who comes after a write may not join a load that began before it, so the epochs are part of
        # what is shared, or, where they are unknown, the invalidations of this process.
        if not self._enabled or ttl <= 0 or epochs is None:
            flight = (name, ttl, self._guard.bumps if epochs is None else epochs)
            answer = await self._flights.get(flight, lambda: self._load(load))
        elif (held := self._look(name, epochs, ttl)) is not None:
            answer = held
        else:
            known = epochs
            answer = await self._flights.get((name, ttl, known), lambda: self._load_through(name, known, load, ttl))
        self._counters.answered_by(answer.tier)
        return answer

    def peek(self, key: tuple[Any, ...], tags: tuple[str, ...]) -> Cached | None:
        """The answer, if local memory holds it and that can be known without waiting. Counts nothing."""
        name = _name(key) if self._enabled else None
        known = self._guard.peek(_ordered(tags))
        return None if name is None or known is None else self._look(name, known, float("inf"))

    def local_get(self, key: tuple[Any, ...]) -> bytes | None:
        """What `local_put` kept under `key`. Counts as neither hit nor miss."""
        name = _name(key)
        entry = None if name is None else self._pages.peek(name)
        return None if entry is None else entry.payload

    def local_put(self, key: tuple[Any, ...], payload: bytes, expires_at: float) -> None:
        """Keep what was derived from an answer in local memory, until `expires_at` at most."""
        name = _name(key) if self._enabled else None
        if name is not None:
            self._pages.add(name, Entry(payload, self._clock(), expires_at))

    async def invalidate(self, tags: Iterable[str]) -> None:
        """Make every answer with one of these tags stale. An outage is made up for before the next answer."""
        await self._guard.bump(tags)

    async def clear(self) -> None:
        """Forget everything in every tier that can be reached."""
        for tier in (self._local, self._pages, *self._lower):
            await tier.clear()

    def get_stats(self) -> dict[str, Any]:
        """Counts since the start. `redis_available` is the truth at this moment; False without Redis."""
        available = {tier.name: tier.available for tier in self._lower}
        return {
            **self._counters.to_dict(),
            "evictions": self._local.evictions,
            "coalesced": self._flights.coalesced,
            "local_cache_size": len(self._local),
            "redis_available": available.get("redis", False),
        }

    def _look(self, name: str, epochs: Pairs, ttl: float) -> Cached | None:
        entry = self._local.peek(name)
        if entry is None or entry.epochs != epochs or entry.stored_at + ttl <= self._clock():
            return None
        return Cached(entry.payload, "local", entry.stored_at)

    async def _load_through(self, name: str, epochs: Pairs, load: Load, ttl: float) -> Cached:
        stale = False
        for depth, tier in enumerate((self._local, *self._lower)):
            entry = await tier.get(name)
            if entry is None or entry.stored_at + ttl <= self._clock():
                continue
            if entry.epochs == epochs:
                if depth > 0:
                    await self._keep(name, entry, self._lower[: depth - 1])
                return Cached(entry.payload, tier.name, entry.stored_at)
            stale = True
        self._counters.invalidations += stale
        loaded = await load()
        now = self._clock()
        # Bumped meanwhile: nobody could be served from this entry, and a newer one may be in its place.
        if loaded.keep and self._guard.peek([tag for tag, _ in epochs]) in (None, epochs):
            until = min(now + _shortened(ttl, name), loaded.expires_at or float("inf"))
            await self._keep(name, Entry(loaded.payload, now, until, epochs), self._lower)
        return Cached(loaded.payload, None, now)

    async def _load(self, load: Load) -> Cached:
        return Cached((await load()).payload, None, self._clock())

    async def _keep(self, name: str, entry: Entry, tiers: Iterable[CacheTier]) -> None:
        self._local.add(name, entry)
        for tier in tiers:
            await tier.put(name, entry)


@asynccontextmanager
async def open_cache(
    settings: Settings,
    rows: CacheRows | None,
    epochs: Epochs,
    store_id: str,
    clock: Callable[[], float] = time.time,
) -> AsyncIterator[TieredCache]:
    """A cache with the tiers that the settings name; `rows` None leaves out the database tier.

    Opening waits for nothing: Redis is connected in the background. `store_id` keeps the answers of
    different databases apart in one Redis. On leaving, loads under way are cancelled, and queued
    writes get a moment to arrive.

    Raises:
        InvalidInput: TMWS_REDIS_URL is no URL of Redis.
    """
    async with AsyncExitStack() as stack:
        lower: list[CacheTier] = []
        if settings.cache_enabled and settings.redis_url:
            redis = RedisTier(
                settings.redis_url, settings.redis_timeout, settings.redis_max_connections, store_id, clock
            )
            lower.append(await stack.enter_async_context(redis))
        if settings.cache_enabled and rows is not None:
            lower.append(await stack.enter_async_context(DatabaseTier(rows, clock)))
        size, share, limit = settings.cache_max_size, settings.cache_max_bytes // 4, settings.cache_local_ttl
        local = LocalTier(size, settings.cache_max_bytes - share, limit, clock)
        pages = LocalTier(size, share, limit, clock)
        flights: SingleFlight[Cached] = SingleFlight(await stack.enter_async_context(background_tasks()))
        yield TieredCache(local, pages, lower, epochs, flights, clock, enabled=settings.cache_enabled)


def _name(key: tuple[Any, ...]) -> str | None:
    """The digest; None for a key without one (half a surrogate pair, say), whose answer is not kept."""
    try:
        return digest(key)
    except InvalidInput as exc:
        _LOG.warning("an answer is not cached: %s", exc)
        return None


def _ordered(tags: tuple[str, ...]) -> tuple[str, ...]:
    return tags if len(tags) < 2 else tuple(sorted(set(tags)))  # noqa: PLR2004 - nothing to order


def _shortened(ttl: float, name: str) -> float:
    """The ttl less up to JITTER of it: another part for each key, the same in every process."""
    return ttl * (1 - JITTER * int(name[:4], 16) / 0x10000)
