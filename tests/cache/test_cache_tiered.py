"""The whole cache over both databases and Redis."""

from __future__ import annotations

import anyio
import pytest
from cache_parts import Backend, ask, cache_of, entry, flushed, held

from tmws_patterns.cache import open_cache
from tmws_patterns.cache.local import OVERHEAD
from tmws_patterns.errors import InvalidInput, ToolFailed
from tmws_patterns.ports import Cached

pytestmark = pytest.mark.anyio


@pytest.fixture
async def cache(settings, database, clock):
    async with cache_of(settings, database, clock) as opened:
        yield opened


@pytest.fixture(params=["redis", "database"])
def lower(request: pytest.FixtureRequest, settings) -> tuple[str, object]:
    """One lower tier by name, and the settings and rows that make it the only one."""
    url = request.getfixturevalue("valkey_url") if request.param == "redis" else ""
    return request.param, settings.model_copy(update={"redis_url": url})


@pytest.fixture
async def two_processes(lower, database, clock):
    """Two caches over one lower tier, and that tier's name: each has a local memory of its own."""
    name, settings = lower
    rows = name == "database"
    async with (
        cache_of(settings, database, clock, rows=rows) as one,
        cache_of(settings, database, clock, rows=rows) as other,
    ):
        yield one, other, name


# --- hits -----------------------------------------------------------------------------------------


async def test_a_repeat_is_a_local_hit_with_the_age_of_the_load(cache, clock) -> None:
    backend = Backend(b"42")
    loaded_at = clock()
    assert (await ask(cache, backend, "q"))[:3] == (b"42", None, loaded_at)
    clock.now += 5
    assert (await ask(cache, backend, "q"))[:3] == (b"42", "local", loaded_at)
    assert backend.calls == 1


async def test_a_local_hit_does_not_suspend(cache) -> None:
    backend = Backend()
    await ask(cache, backend, "q", tags=("b", "a"))
    hit = cache.get_or_load(("q",), backend, ttl=60, tags=("a", "b"))
    with pytest.raises(StopIteration) as finished:
        hit.send(None)
    assert finished.value.value.tier == "local"


async def test_another_process_finds_the_answer_in_the_lower_tier_and_then_in_its_own_memory(
    two_processes, clock, unique
) -> None:
    one, other, name = two_processes
    backend = Backend()
    loaded_at = clock()
    await ask(one, backend, unique, tags=("t",))
    await flushed(one)
    clock.now += 30
    assert (await ask(other, backend, unique, tags=("t",)))[:3] == (b"answer", name, loaded_at)
    assert (await ask(other, backend, unique, tags=("t",)))[:3] == (b"answer", "local", loaded_at)
    assert backend.calls == 1


async def test_a_back_fill_does_not_lengthen_the_age(two_processes, clock, unique) -> None:
    one, other, name = two_processes
    backend = Backend()
    await ask(one, backend, unique, ttl=10)
    await flushed(one)
    clock.now += 8.5
    assert (await ask(other, backend, unique, ttl=10)).tier == name
    clock.now += 1.5
    assert (await ask(other, backend, unique, ttl=10)).tier is None


async def test_a_hit_in_the_database_fills_redis(settings, valkey_url, database, clock, unique) -> None:
    both = settings.model_copy(update={"redis_url": valkey_url})
    backend = Backend()
    async with cache_of(settings, database, clock) as without_redis:
        loaded = await ask(without_redis, backend, unique)
    async with cache_of(both, database, clock) as first:
        assert (await ask(first, backend, unique)).tier == "database"
        await flushed(first)
    async with cache_of(both, database, clock, rows=False) as second:
        assert (await ask(second, backend, unique))[:3] == (b"answer", "redis", loaded.stored_at)


# --- how long -------------------------------------------------------------------------------------


async def test_ttl_0_is_never_kept_in_any_tier(two_processes, unique) -> None:
    one, other, _ = two_processes
    backend = Backend()
    for cache in (one, one, other):
        assert (await ask(cache, backend, unique, ttl=0)).tier is None
        await flushed(cache)
    assert backend.calls == 3


async def test_ttl_1_is_at_most_a_second_in_every_tier(two_processes, clock, unique) -> None:
    one, other, name = two_processes
    backend = Backend()
    await ask(one, backend, unique, ttl=1)
    await flushed(one)
    clock.now += 0.7
    assert (await ask(one, backend, unique, ttl=1)).tier == "local"
    assert (await ask(other, backend, unique, ttl=1)).tier == name
    clock.now += 0.3
    for cache in (one, other):
        assert not held(cache, (unique,))
    assert (await ask(other, backend, unique, ttl=1)).tier is None


async def test_a_shorter_ttl_holds_for_what_was_kept_under_a_longer_one(two_processes, clock, unique) -> None:
    one, other, _ = two_processes
    backend = Backend()
    await ask(one, backend, unique, ttl=300)
    await flushed(one)
    clock.now += 30
    assert (await ask(one, backend, unique, ttl=20)).tier is None
    clock.now += 30
    assert (await ask(other, backend, unique, ttl=20)).tier is None


async def test_jitter_shortens_a_ttl_by_a_tenth_at_most_and_never_lengthens_it(cache, clock) -> None:
    for number in range(50):
        await ask(cache, Backend(), number, ttl=10)
    ends = [cache._local.peek(name).expires_at - clock() for name in [*cache._local._small, *cache._local._main]]
    assert len(set(ends)) > 10
    assert min(ends) >= 9
    assert max(ends) <= 10


async def test_an_answer_that_may_not_be_kept_is_not(two_processes, unique) -> None:
    one, other, _ = two_processes
    partial = Backend(keep=False)
    for cache in (one, one, other):
        assert (await ask(cache, partial, unique)).tier is None
        await flushed(cache)


async def test_a_disabled_cache_keeps_nothing_but_still_shares_loads(settings, database, clock) -> None:
    off = settings.model_copy(update={"cache_enabled": False})
    async with cache_of(off, database, clock) as cache:
        backend = Backend(is_open=False)
        async with anyio.create_task_group() as tasks:
            for _ in range(10):
                tasks.start_soon(ask, cache, backend, "q")
            await backend.entered.wait()
            backend.gate.set()
        await ask(cache, backend, "q")
        cache.local_put(("page",), b"page", clock() + 60)
        assert cache.local_get(("page",)) is None
        assert not held(cache, ("q",))
        assert backend.calls == 2


async def test_keys_of_two_agents_never_meet(cache) -> None:
    await ask(cache, Backend(b"for artemis"), "tenant", "artemis", "recall", {"q": "x"})
    found = await ask(cache, Backend(b"for hera"), "tenant", "hera", "recall", {"q": "x"})
    assert found.payload == b"for hera"


async def test_two_databases_do_not_share_answers_in_one_redis(settings, valkey_url, database, clock, unique) -> None:
    both = settings.model_copy(update={"redis_url": valkey_url})
    async with cache_of(both, database, clock, rows=False) as one:
        await ask(one, Backend(b"one"), unique)
    async with open_cache(both, None, database.epochs, "another store", clock) as other:
        assert (await ask(other, Backend(b"other"), unique)).payload == b"other"


async def test_a_key_that_cannot_be_encoded_is_answered_and_not_kept(cache, caplog) -> None:
    backend = Backend()
    for _ in range(2):
        assert (await ask(cache, backend, "\ud800")).tier is None
    assert "not cached" in caplog.text


# --- derived pages ----------------------------------------------------------------------------------


async def test_derived_pages_are_kept_until_their_end_and_count_as_nothing(cache, clock) -> None:
    before = cache.get_stats()
    cache.local_put(("q", "page"), b"page", clock() + 10)
    assert cache.local_get(("q", "page")) == b"page"
    assert cache.local_get(("q", "other")) is None
    assert not held(cache, ("q", "page"))
    clock.now += 10
    assert cache.local_get(("q", "page")) is None
    assert {**cache.get_stats(), "local_cache_size": 0} == before


# --- invalidation -----------------------------------------------------------------------------------


async def test_an_invalidation_is_seen_by_the_next_read_over_each_database(each_settings, each_database, clock, unique):
    async with cache_of(each_settings, each_database, clock) as cache:
        backend = Backend()
        tags = (f"memory:{unique}", "other")
        await ask(cache, backend, unique, tags=tags)
        assert (await ask(cache, backend, unique, tags=tags)).tier == "local"
        await cache.invalidate([tags[0]])
        assert not held(cache, (unique,), tags)
        assert (await ask(cache, backend, unique, tags=tags)).tier is None
        assert (await ask(cache, backend, unique, tags=tags)).tier == "local"
        assert cache.get_stats()["invalidations"] == 1


async def test_an_invalidation_makes_the_answer_stale_in_the_lower_tier_of_another_process(
    two_processes, unique
) -> None:
    one, other, _ = two_processes
    backend = Backend()
    await ask(one, backend, unique, tags=("t",))
    await flushed(one)
    await one.invalidate(["t"])
    assert (await ask(other, backend, unique, tags=("t",))).tier is None
    assert other.get_stats()["invalidations"] == 1


async def test_another_process_s_write_is_seen_at_once_over_sqlite(two_processes, unique) -> None:
    one, other, _ = two_processes
    backend = Backend()
    await ask(one, backend, unique, tags=("t",))
    await other.invalidate(["t"])
    assert (await ask(one, backend, unique, tags=("t",))).tier is None


async def test_an_answer_whose_tag_was_bumped_during_its_load_is_never_served_again(cache) -> None:
    backend = Backend(b"old", is_open=False)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(lambda: ask(cache, backend, "q", tags=("t",)))
        await backend.entered.wait()
        await cache.invalidate(["t"])
        backend.gate.set()
    await flushed(cache)
    assert (await ask(cache, Backend(b"new"), "q", tags=("t",))).payload == b"new"


async def test_who_reads_after_a_write_does_not_join_a_load_from_before_it(cache) -> None:
    old, new = Backend(b"old", is_open=False), Backend(b"new")
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(lambda: ask(cache, old, "q", tags=("t",)))
        await old.entered.wait()
        await cache.invalidate(["t"])
        assert (await ask(cache, new, "q", tags=("t",))).payload == b"new"
        old.gate.set()
    assert (await ask(cache, new, "q", tags=("t",))).payload == b"new"


async def test_a_tag_that_was_not_bumped_leaves_answers_alone(cache) -> None:
    await ask(cache, Backend(), "q", tags=("t",))
    await cache.invalidate(["other"])
    assert (await ask(cache, Backend(), "q", tags=("t",))).tier == "local"


async def test_the_order_of_tags_does_not_matter(cache) -> None:
    await ask(cache, Backend(), "q", tags=("b", "a", "b"))
    assert (await ask(cache, Backend(), "q", tags=("a", "b"))).tier == "local"


async def test_clear_forgets_every_tier(two_processes, unique) -> None:
    one, other, _ = two_processes
    backend = Backend()
    await ask(one, backend, unique)
    await flushed(one)
    await one.clear()
    assert not held(one, (unique,))
    assert (await ask(other, backend, unique)).tier is None


# --- together ---------------------------------------------------------------------------------------


async def test_fifty_identical_calls_are_one_load_and_fifty_answers(two_processes, unique) -> None:
    cache, _, _ = two_processes
    backend = Backend(is_open=False)
    answers: list[Cached] = []

    async def call() -> None:
        answers.append(await ask(cache, backend, unique, tags=("t",)))

    async with anyio.create_task_group() as tasks:
        for _ in range(50):
            tasks.start_soon(call)
        with anyio.fail_after(5):
            await backend.entered.wait()
        backend.gate.set()
    assert [answer.payload for answer in answers] == [b"answer"] * 50
    assert backend.calls == 1
    stats = cache.get_stats()
    assert (stats["hits"], stats["misses"], stats["coalesced"]) == (0, 50, 49)


async def test_a_cancelled_leader_fails_nobody(cache) -> None:
    backend = Backend(is_open=False)
    answers: list[Cached] = []

    async def call() -> None:
        answers.append(await ask(cache, backend, "q"))

    async with anyio.create_task_group() as followers, anyio.create_task_group() as leading:
        leading.start_soon(call)
        await backend.entered.wait()
        for _ in range(20):
            followers.start_soon(call)
        await anyio.wait_all_tasks_blocked()
        leading.cancel_scope.cancel()
        await anyio.lowlevel.cancel_shielded_checkpoint()
        backend.gate.set()
    assert len(answers) == 20
    assert (backend.calls, backend.cancelled) == (1, 0)


async def test_the_last_waiter_takes_the_load_with_it_and_nothing_is_kept(cache) -> None:
    backend = Backend(is_open=False)
    async with anyio.create_task_group() as callers:
        for _ in range(3):
            callers.start_soon(ask, cache, backend, "q")
        await backend.entered.wait()
        callers.cancel_scope.cancel()
    await anyio.wait_all_tasks_blocked()
    assert backend.cancelled == 1
    assert not held(cache, ("q",))


async def test_a_failure_is_not_kept(cache) -> None:
    backend = Backend()
    backend.error = ToolFailed("it broke")
    with pytest.raises(ToolFailed, match="it broke"):
        await ask(cache, backend, "q")
    backend.error = None
    assert (await ask(cache, backend, "q")).tier is None
    assert backend.calls == 2


# --- outages of the database ------------------------------------------------------------------------


async def test_without_epochs_everything_is_loaded_and_nothing_kept_until_they_are_back(
    cache, hide_table, clock
) -> None:
    backend = Backend()
    await ask(cache, backend, "tagged", tags=("t",))
    with hide_table("memory.db", "tag_epochs"):
        assert (await ask(cache, backend, "tagged", tags=("t",))).tier is None
        assert not held(cache, ("tagged",), ("t",))
        assert (await ask(cache, backend, "new", tags=("t",))).tier is None
        await ask(cache, backend, "untagged")
        assert (await ask(cache, backend, "untagged")).tier == "local"
    assert (await ask(cache, backend, "new", tags=("t",))).tier is None
    assert (await ask(cache, backend, "tagged", tags=("t",))).tier == "local"


async def test_an_invalidation_that_the_database_could_not_take_is_made_up_for(cache, hide_table) -> None:
    backend = Backend()
    await ask(cache, backend, "q", tags=("t",))
    await ask(cache, backend, "q2", tags=("other",))
    with hide_table("memory.db", "tag_epochs"):
        await cache.invalidate(["t"])
    assert not held(cache, ("q",), ("t",))
    assert (await ask(cache, backend, "q2", tags=("other",))).tier == "local"
    assert (await ask(cache, backend, "q", tags=("t",))).tier is None
    assert (await ask(cache, backend, "q", tags=("t",))).tier == "local"


async def test_a_database_tier_that_fails_is_a_miss_and_says_so(cache, hide_table, clock) -> None:
    (tier,) = cache._lower
    with hide_table("cache.db", "cache_entries"):
        assert (await ask(cache, Backend(), "q")).tier is None
        assert not tier.available
        await cache.clear()
        await flushed(cache)
        assert not tier.available
    await tier.put("x" * 32, entry(clock))
    await flushed(cache)
    assert tier.available


async def test_after_a_failure_the_database_is_left_alone_until_it_has_answered_again(
    cache, hide_table, database, clock
) -> None:
    (tier,) = cache._lower
    await database.cache_rows.upsert([("x" * 32, entry(clock))])
    with hide_table("cache.db", "cache_entries"):
        assert await tier.get("x" * 32) is None
    assert await tier.get("x" * 32) is None
    await tier.put("y" * 32, entry(clock))
    await flushed(cache)
    assert await tier.get("x" * 32) is not None


# --- the whole --------------------------------------------------------------------------------------


async def test_the_statistics_count_answers_by_tier(two_processes, unique) -> None:
    one, other, name = two_processes
    await ask(one, Backend(), unique)
    await flushed(one)
    for _ in range(3):
        await ask(other, Backend(), unique)
    stats = other.get_stats()
    assert stats == {
        "hits": 3,
        "misses": 0,
        "local_hits": 2,
        "redis_hits": int(name == "redis"),
        "database_hits": int(name == "database"),
        "invalidations": 0,
        "refreshes": 0,
        "stale": 0,
        "hit_rate": 100.0,
        "evictions": 0,
        "coalesced": 0,
        "local_cache_size": 1,
        "local_cache_bytes": OVERHEAD + len(b"answer"),
        "redis_available": name == "redis",
        "database_available": name == "database",
        "dropped": 0,
        "tiers": {
            "local": {"hits": 2, "misses": 1, "entries": 1, "bytes": OVERHEAD + len(b"answer"), "evictions": 0},
            name: {"hits": 1, "misses": 0, "available": True, "dropped": 0},
        },
    }
    await one.invalidate(["t"])
    await ask(other, Backend(), unique, tags=("t",))
    assert [tier["misses"] for tier in other.get_stats()["tiers"].values()] == [2, 1]


async def test_the_local_tier_is_bounded_by_the_settings(settings, database, clock) -> None:
    small = settings.model_copy(update={"cache_max_size": 5})
    async with cache_of(small, database, clock) as cache:
        for number in range(8):
            await ask(cache, Backend(), number)
        stats = cache.get_stats()
        assert (stats["local_cache_size"], stats["evictions"]) == (5, 3)
        assert stats["hit_rate"] == 0


async def test_a_wrong_redis_url_is_named_without_its_password(settings, database) -> None:
    wrong = settings.model_copy(update={"redis_url": "http://user:secret@host"})
    with pytest.raises(InvalidInput, match="Redis") as caught:
        async with open_cache(wrong, None, database.epochs, "test"):
            pass
    assert "secret" not in str(caught.value)


async def test_an_answer_of_a_short_run_is_there_in_the_next(settings, database, clock) -> None:
    async with cache_of(settings, database, clock) as cache:
        await ask(cache, Backend(), "q")
    async with cache_of(settings, database, clock) as cache:
        assert (await ask(cache, Backend(), "q")).tier == "database"


async def test_what_the_body_raises_leaves_the_cache_as_it_is(settings, database, valkey_url) -> None:
    both = settings.model_copy(update={"redis_url": valkey_url})

    async def body() -> None:
        async with open_cache(both, database.cache_rows, database.epochs, "test"):
            raise KeyError("plain")

    with pytest.raises(KeyError):
        await body()
