"""Answers loaded anew before their end, and old ones in the place of a load that failed."""

from __future__ import annotations

import random

import anyio
import pytest
from cache_parts import Backend, ask, cache_of, flushed, until

from tmws_patterns.errors import CallTimeout, InvalidInput, ServerUnavailable, StoreUnavailable

pytestmark = pytest.mark.anyio


@pytest.fixture
async def cache(settings, database, clock):
    async with cache_of(settings, database, clock) as opened:
        yield opened


@pytest.fixture
async def forgiving(settings, database, clock):
    """A cache that may serve an answer for 30 seconds after its end."""
    async with cache_of(settings.model_copy(update={"cache_stale_on_error": 30.0}), database, clock) as opened:
        yield opened


async def test_a_hit_in_the_last_fifth_is_served_at_once_and_loaded_anew(cache, clock) -> None:
    backend = Backend(b"old")
    await ask(cache, backend, "q", ttl=10)
    clock.now += 7
    assert (await ask(cache, backend, "q", ttl=10)).payload == b"old"
    assert backend.calls == 1
    clock.now += 2
    backend.payload = b"new"
    assert (await ask(cache, backend, "q", ttl=10)).payload == b"old"
    await until(lambda: cache.get_stats()["refreshes"] == 1)
    found = await ask(cache, backend, "q", ttl=10)
    assert (found.payload, found.tier, found.stored_at) == (b"new", "local", clock.now)
    assert backend.calls == 2


async def test_one_refresh_is_under_way_at_a_time(cache, clock) -> None:
    backend = Backend()
    await ask(cache, backend, "q", ttl=10)
    clock.now += 9
    backend.gate = anyio.Event()
    for _ in range(20):
        assert (await ask(cache, backend, "q", ttl=10)).tier == "local"
    await anyio.sleep(0.01)
    assert backend.calls == 2
    backend.gate.set()


async def test_a_refresh_that_fails_leaves_the_answer_that_there_is_and_rests(cache, clock) -> None:
    backend = Backend()
    await ask(cache, backend, "q", ttl=10)
    clock.now += 8.5
    backend.error = ServerUnavailable("gone")
    for _ in range(3):
        assert (await ask(cache, backend, "q", ttl=10)).payload == b"answer"
        await anyio.sleep(0.02)
    assert backend.calls == 2
    assert cache.get_stats()["refreshes"] == 0


@pytest.mark.parametrize(("drawn", "calls"), [(0.0, 1), (1 - 1e-9, 2)])
async def test_a_dear_answer_is_loaded_anew_before_the_last_fifth_by_chance(
    cache, clock, monkeypatch, drawn, calls
) -> None:
    backend = Backend(is_open=False)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(lambda: ask(cache, backend, "q", ttl=2))
        await anyio.sleep(0.2)
        backend.gate.set()
    monkeypatch.setattr(random, "random", lambda: drawn)  # the answer counts as ended 0 or 20.7 times 0.2 s early
    clock.now += 1
    await ask(cache, backend, "q", ttl=2)
    await anyio.sleep(0.05)
    assert backend.calls == calls


async def test_a_refresh_that_is_not_to_be_kept_rests_and_does_not_count(cache, clock) -> None:
    backend = Backend()
    await ask(cache, backend, "q", ttl=10)
    clock.now += 8.5
    backend.keep = False
    for _ in range(20):
        await ask(cache, backend, "q", ttl=10)
        await anyio.sleep(0.002)
    assert backend.calls == 2
    assert cache.get_stats()["refreshes"] == 0


async def test_without_a_grace_no_answer_stands_in_past_the_callers_ttl(cache, clock) -> None:
    backend = Backend()
    await ask(cache, backend, "q", ttl=10)
    clock.now += 5
    backend.error = ServerUnavailable("gone")
    with pytest.raises(ServerUnavailable):
        await ask(cache, backend, "q", ttl=2)


async def test_memories_stand_in_for_nothing_past_their_end(forgiving, clock) -> None:
    backend = Backend()
    await ask(forgiving, backend, "q", ttl=10, tags=("memory:default",))
    clock.now += 12
    backend.error = StoreUnavailable("gone")
    with pytest.raises(StoreUnavailable):
        await ask(forgiving, backend, "q", ttl=10, tags=("memory:default",))


async def test_an_invalidated_answer_is_not_refreshed_but_loaded(cache, clock) -> None:
    backend = Backend()
    await ask(cache, backend, "q", ttl=10, tags=("t",))
    clock.now += 9
    await cache.invalidate(["t"])
    assert (await ask(cache, backend, "q", ttl=10, tags=("t",))).tier is None


@pytest.mark.parametrize("error", [ServerUnavailable("gone"), CallTimeout("slow")])
async def test_an_old_answer_stands_in_for_an_outage_and_says_so(forgiving, clock, error) -> None:
    backend = Backend()
    await ask(forgiving, backend, "q", ttl=10)
    backend.error = error
    clock.now += 20
    found = await ask(forgiving, backend, "q", ttl=10)
    assert (found.payload, found.tier, found.stale) == (b"answer", "local", True)
    assert forgiving.get_stats()["stale"] == 1
    clock.now += 21
    with pytest.raises(type(error)):
        await ask(forgiving, backend, "q", ttl=10)


async def test_an_old_answer_of_a_lower_tier_stands_in_too(forgiving, settings, database, clock) -> None:
    backend = Backend()
    await ask(forgiving, backend, "q", ttl=10)
    await flushed(forgiving)
    clock.now += 20
    backend.error = ServerUnavailable("gone")
    async with cache_of(settings.model_copy(update={"cache_stale_on_error": 30.0}), database, clock) as another:
        found = await ask(another, backend, "q", ttl=10)
    assert (found.payload, found.tier, found.stale) == (b"answer", "database", True)


async def test_an_old_answer_stands_in_for_nothing_else(forgiving, cache, clock) -> None:
    backend = Backend()
    for opened, error in ((forgiving, InvalidInput("no")), (cache, ServerUnavailable("gone"))):
        backend.error = None
        await ask(opened, backend, "q", ttl=10)
        backend.error = error
        clock.now += 11
        with pytest.raises(type(error)):
            await ask(opened, backend, "q", ttl=10)


async def test_what_was_invalidated_stands_in_for_nothing(forgiving, clock) -> None:
    backend = Backend()
    await ask(forgiving, backend, "q", ttl=10, tags=("t",))
    await forgiving.invalidate(["t"])
    backend.error = ServerUnavailable("gone")
    with pytest.raises(ServerUnavailable):
        await ask(forgiving, backend, "q", ttl=10, tags=("t",))
