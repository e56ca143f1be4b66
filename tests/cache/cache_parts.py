"""What the tests of the cache share: entries, loads that can be watched, waiting for a state."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio

from tmws_patterns.cache import TieredCache, open_cache
from tmws_patterns.cache.keys import digest
from tmws_patterns.cache.redis_tier import RedisTier
from tmws_patterns.ports import Cached, Entry, Loaded
from tmws_patterns.settings import Settings
from tmws_patterns.storage import Database


class Clock:
    """Seconds since 1970, that stand until a test moves them."""

    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now


def entry(clock: Callable[[], float], payload: bytes = b"answer", ttl: float = 60, **changes: Any) -> Entry:
    now = clock()
    return Entry(**{"payload": payload, "stored_at": now, "expires_at": now + ttl, **changes})


class Backend:
    """A backend whose calls are counted; with `gate` set to False they wait until it opens."""

    def __init__(self, payload: bytes = b"answer", *, keep: bool = True, is_open: bool = True) -> None:
        self.calls = 0
        self.cancelled = 0
        self.keep = keep
        self.payload = payload
        self.error: Exception | None = None
        self.entered = anyio.Event()
        self.gate = anyio.Event()
        if is_open:
            self.gate.set()

    async def __call__(self) -> Loaded:
        self.calls += 1
        self.entered.set()
        try:
            await self.gate.wait()
        except BaseException:
            self.cancelled += 1
            raise
        if self.error is not None:
            raise self.error
        return Loaded(self.payload, self.keep)


async def until(state: Callable[[], bool], seconds: float = 5) -> None:
    """Poll a state that another process brings about."""
    with anyio.fail_after(seconds):
        while not state():
            await anyio.sleep(0.005)


async def flushed(cache: TieredCache) -> None:
    """Wait until every queued write has arrived."""
    with anyio.fail_after(5):
        for tier in cache._lower:
            await tier.writes.flushed()  # type: ignore[attr-defined]


@asynccontextmanager
async def cache_of(
    settings: Settings, database: Database, clock: Callable[[], float], *, rows: bool = True
) -> AsyncIterator[TieredCache]:
    """An open cache whose Redis, if it has one, has come up."""
    async with open_cache(settings, database.cache_rows if rows else None, database.epochs, "test", clock) as cache:
        for tier in cache._lower:
            if isinstance(tier, RedisTier):
                await until(lambda found=tier: found.available)  # type: ignore[misc]
        yield cache


def held(cache: TieredCache, key: tuple[Any, ...], tags: tuple[str, ...] = ()) -> bool:
    """Whether local memory would serve the key's answer now, were there no limit of its age beyond its own."""
    epochs = cache._guard.peek(tags)
    return epochs is not None and cache._through.held(digest(key), epochs, float("inf")) is not None


async def ask(cache: TieredCache, backend: Backend, *key: Any, ttl: float = 60, tags: tuple[str, ...] = ()) -> Cached:
    with anyio.fail_after(10):
        return await cache.get_or_load(key, backend, ttl=ttl, tags=tags)
