"""The cache as the executor sees it: local memory, then Redis, then the database, then the load.

An entry keeps the epochs of its tags from before its load began, and is a miss in every tier once one
of them has moved. Its age is counted from the load in every tier: a back-fill copies both times.
"""

from __future__ import annotations

import logging
import math
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import anyio
from anyio.abc import TaskGroup

from tmws_patterns.cache.counters import Counters
from tmws_patterns.cache.database import DatabaseTier
from tmws_patterns.cache.epoch_guard import EpochGuard
from tmws_patterns.cache.keys import digest
from tmws_patterns.cache.local import LocalTier
from tmws_patterns.cache.read_through import ReadThrough, Wanted, served
from tmws_patterns.cache.redis_tier import RedisTier
from tmws_patterns.cache.single_flight import SingleFlight
from tmws_patterns.errors import InvalidInput
from tmws_patterns.ports import Cached, CacheRows, Entry, Epochs, Loaded, SharedTier
from tmws_patterns.settings import Settings
from tmws_patterns.tasks import background_tasks

_LOG = logging.getLogger(__name__)

REFRESHED = 0.8  # of its time, from which on a hit loads the answer anew in the background, by the spec
REST = 1.0  # seconds after a refresh that failed in which the next is not tried
_FAR = 20.0  # times its cost before its end no entry is refreshed: the chance is one in 500 million

Load = Callable[[], Awaitable[Loaded]]


class TieredCache:
    """Implements ports.AnswerCache. Made by `open_cache`."""

    def __init__(
        self,
        local: LocalTier,
        pages: LocalTier,
        lower: Sequence[SharedTier],
        epochs: Epochs,
        tasks: TaskGroup,
        clock: Callable[[], float],
        *,
        enabled: bool = True,
        grace: float = 0.0,
    ) -> None:
        self._local, self._pages = local, pages
        self._lower = tuple(lower)
        self._guard = EpochGuard(epochs)
        self._counters = Counters()
        self._through = ReadThrough(local, self._lower, self._guard, self._counters, clock, grace)
        self._flights: SingleFlight[Cached] = SingleFlight(tasks)
        self._tasks = tasks
        self._looking: set[Hashable] = set()
        self._refreshing: set[str] = set()
        self._clock = clock
        self._enabled = enabled

    async def get_or_load(
        self, key: tuple[Any, ...], load: Load, *, ttl: float, tags: tuple[str, ...], shared: bool = False
    ) -> Cached:
        """The answer of `key`, at most `ttl` seconds old; a local hit does not suspend.

        Whatever `load` raises is raised to all who waited for it. `shared` lets one process load for all.
        """
        name = _name(key)
        if name is None:
            self._counters.answered_by(None)
            return await self._load(load)
        if (epochs := self._guard.peek(tags)) is None:
            epochs = await self._guard.read(tags)
        # Who comes after a write may not join a load that began before it, so the epochs are part of
        # what is shared, or, where they are unknown, the invalidations of this process.
        if not self._enabled or ttl <= 0 or epochs is None:
            flight = (name, ttl, self._guard.bumps if epochs is None else epochs)
            answer = await self._flights.get(flight, lambda: self._load(load))
        elif (entry := self._through.held(name, epochs, ttl)) is not None:
            answer = served(name, entry, "local")
            if self._is_due(entry, self._clock()):
                self._refresh(Wanted(name, epochs, load, ttl, shared, newer_than=entry.stored_at))
        else:
            answer = await self._look(Wanted(name, epochs, load, ttl, shared))
        self._counters.answered_by(answer.tier)
        self._counters.stale += answer.stale
        return answer

    def again(self, cached: Cached, tags: tuple[str, ...], ttl: float) -> bool:
        """True where local memory would give `cached` once more; that is then a hit, and counted.

        False, too, where that cannot be known without waiting, and where it is time to load the answer anew.
        """
        if (entry := self._local.peek(cached.digest)) is None or entry.payload is not cached.payload:
            return False
        now = self._clock()
        if entry.stored_at + ttl <= now or self._is_due(entry, now) or self._guard.peek(tags) != entry.epochs:
            return False
        self._counters.hits_by_tier["local"] += 1
        return True

    def local_get(self, key: Hashable) -> bytes | None:
        """What `local_put` kept under `key`. Counts as neither hit nor miss."""
        entry = self._pages.peek(key)
        return None if entry is None else entry.payload

    def local_put(self, key: Hashable, payload: bytes, expires_at: float) -> None:
        """Keep what was derived from an answer in local memory, until `expires_at` at most."""
        if self._enabled:
            self._pages.add(key, Entry(payload, self._clock(), expires_at))

    async def invalidate(self, tags: Iterable[str]) -> None:
        """Make every answer with one of these tags stale. An outage is made up for before the next answer."""
        await self._guard.bump(tags)

    async def clear(self) -> None:
        """Forget everything in every tier that can be reached."""
        for tier in (self._local, self._pages, *self._lower):
            await tier.clear()

    def get_stats(self) -> dict[str, Any]:
        """Counts since the start; what is available is so at this moment, and False where there is no such tier.

        `dropped` are answers that were not written to a lower tier because too many waited for it. `tiers` tells of
        each tier that there is.
        """
        available = {tier.name: tier.available for tier in self._lower}
        return {
            **self._counters.to_dict(),
            "evictions": self._local.evictions,
            "coalesced": self._flights.coalesced,
            "local_cache_size": len(self._local),
            "local_cache_bytes": self._local.bytes_held,
            "redis_available": available.get("redis", False),
            "database_available": available.get("database", False),
            "dropped": sum(tier.dropped for tier in self._lower),
            "tiers": self._by_tier(),
        }

    def _by_tier(self) -> dict[str, dict[str, Any]]:
        """Hits, misses and state of each tier, in the order in which they are asked."""
        local = {"entries": len(self._local), "bytes": self._local.bytes_held, "evictions": self._local.evictions}
        found: dict[str, dict[str, Any]] = {self._local.name: {**self._counters.of_tier(self._local.name), **local}}
        for tier in self._lower:
            state = {"available": tier.available, "dropped": tier.dropped}
            found[tier.name] = {**self._counters.of_tier(tier.name), **state}
        return found

    async def _look(self, wanted: Wanted) -> Cached:
        """From the lower tiers, or loaded. Who asks first looks by himself: a flight costs more than a look."""
        flight = (wanted.name, wanted.ttl, wanted.epochs)
        if flight in self._looking or self._flights.flying(flight):
            return await self._flights.get(flight, lambda: self._through.answer(wanted))
        self._looking.add(flight)
        try:
            found = await self._through.find(wanted)
        finally:
            self._looking.discard(flight)
        if found.answer is not None:
            return found.answer
        if (entry := self._through.held(wanted.name, wanted.epochs, wanted.ttl)) is not None:
            return served(wanted.name, entry, "local")  # somebody else's load has landed meanwhile
        return await self._flights.get(flight, lambda: self._through.load(wanted, found))

    def _is_due(self, entry: Entry, now: float) -> bool:
        """True for an answer to be loaded anew before its end: in its last fifth, and the earlier the dearer it is.

        XFetch (Vattani et al., 2015, "Optimal probabilistic cache stampede prevention", VLDB): the answer counts
        as ended `cost * -ln(u)` seconds early, u being drawn anew by each hit.
        """
        left = entry.expires_at - now
        if left < (1 - REFRESHED) * (entry.expires_at - entry.stored_at):
            return True
        return left < _FAR * entry.cost and left < entry.cost * -math.log(1 - random.random())  # noqa: S311

    def _refresh(self, wanted: Wanted) -> None:
        if wanted.name not in self._refreshing:
            self._refreshing.add(wanted.name)
            self._tasks.start_soon(self._refresh_now, wanted)

    async def _refresh_now(self, wanted: Wanted) -> None:
        try:
            flight = (wanted.name, wanted.ttl, wanted.epochs)
            answer = await self._flights.get(flight, lambda: self._through.answer(wanted))
            if answer.stored_at > wanted.newer_than and answer.expires_at:
                self._counters.refreshes += 1
            else:  # it was not to be kept, or the answer that there is stands in for one
                await anyio.sleep(REST)
        except Exception as exc:  # the answer that there is serves until its end, and then somebody is told
            _LOG.info("an answer was not refreshed: %s", exc)
            await anyio.sleep(REST)
        finally:
            self._refreshing.discard(wanted.name)

    async def _load(self, load: Load) -> Cached:
        return Cached((await load()).payload, None, self._clock())


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
    grace = settings.cache_stale_on_error
    async with AsyncExitStack() as stack:
        lower: list[SharedTier] = []
        if settings.cache_enabled and settings.redis_url:
            lanes = settings.redis_max_connections
            redis = RedisTier(settings.redis_url, settings.redis_timeout, lanes, store_id, clock, grace)
            lower.append(await stack.enter_async_context(redis))
            redis.share(epochs)
        if settings.cache_enabled and rows is not None:
            lower.append(await stack.enter_async_context(DatabaseTier(rows, clock, grace=grace)))
        size, share, limit = settings.cache_max_size, settings.cache_max_bytes // 4, settings.cache_local_ttl
        local = LocalTier(size, settings.cache_max_bytes - share, limit, clock, grace)
        pages = LocalTier(size, share, limit, clock)
        tasks = await stack.enter_async_context(background_tasks())
        yield TieredCache(local, pages, lower, epochs, tasks, clock, enabled=settings.cache_enabled, grace=grace)


def _name(key: tuple[Any, ...]) -> str | None:
    """The digest; None for a key without one (half a surrogate pair, say), whose answer is not kept."""
    try:
        return digest(key)
    except InvalidInput as exc:
        _LOG.warning("an answer is not cached: %s", exc)
        return None
