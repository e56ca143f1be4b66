"""`again`: an answer is given once more only while local memory would give that very answer."""

from __future__ import annotations

import pytest
from cache_parts import Backend, ask, cache_of, flushed

from tmws_patterns.ports import Cached

pytestmark = pytest.mark.anyio

TAGS = ("a", "b")


@pytest.fixture
async def cache(settings, database, clock):
    async with cache_of(settings, database, clock) as opened:
        yield opened


async def given(cache, *, ttl: float = 60) -> Cached:
    """An answer out of local memory."""
    for _ in range(2):
        found = await ask(cache, Backend(), "q", ttl=ttl, tags=TAGS)
    assert found.tier == "local"
    return found


async def test_an_answer_that_holds_is_given_again_and_counted_as_a_hit(cache) -> None:
    found = await given(cache)
    before = cache.get_stats()["local_hits"]
    assert all(cache.again(found, TAGS, 60) for _ in range(3))
    assert cache.get_stats()["local_hits"] == before + 3


@pytest.mark.parametrize("tag", TAGS)
async def test_one_with_a_tag_that_moved_is_not(cache, tag) -> None:
    found = await given(cache)
    await cache.invalidate([tag])
    assert not cache.again(found, TAGS, 60)


async def test_one_that_another_process_made_stale_is_not(cache, database, settings, clock) -> None:
    found = await given(cache)
    async with cache_of(settings, database, clock) as other:
        await other.invalidate(["a"])
    assert not cache.again(found, TAGS, 60)


async def test_one_that_is_too_old_for_this_caller_is_not(cache, clock) -> None:
    found = await given(cache)
    clock.now += 10
    assert cache.again(found, TAGS, 60)
    assert not cache.again(found, TAGS, 10)


async def test_one_that_is_to_be_loaded_anew_is_left_to_the_way_that_does_it(cache, clock) -> None:
    found = await given(cache, ttl=100)
    clock.now += 70
    assert cache.again(found, TAGS, 100)
    clock.now += 20
    before = cache.get_stats()["local_hits"]
    assert not cache.again(found, TAGS, 100)
    assert cache.get_stats()["local_hits"] == before


async def test_one_that_gave_way_to_a_newer_answer_is_not(cache, clock) -> None:
    found = await given(cache)
    await cache.invalidate(["a"])
    await ask(cache, Backend(b"newer"), "q", tags=TAGS)
    assert not cache.again(found, TAGS, 60)
    newer = await ask(cache, Backend(), "q", tags=TAGS)
    assert newer.payload == b"newer"
    assert cache.again(newer, TAGS, 60)


async def test_one_that_local_memory_let_go_is_not_though_a_lower_tier_has_it(cache) -> None:
    found = await given(cache)
    await flushed(cache)
    await cache._local.clear()
    assert not cache.again(found, TAGS, 60)
    assert (await ask(cache, Backend(), "q", tags=TAGS)).tier == "database"
