"""Redis frozen, killed, refused and back: no failed call, no long wait, and the truth in the statistics."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import AsyncIterator

import anyio
import pytest
from cache_parts import Backend, ask, cache_of, entry, flushed, until
from redis.asyncio import Redis

from tmws_patterns.cache import frame, open_cache
from tmws_patterns.cache.keys import digest
from tmws_patterns.cache.redis_tier import RedisTier
from tmws_patterns.errors import InvalidInput

pytestmark = pytest.mark.anyio

DEADLINE = 0.02
SLACK = 0.4  # of a busy machine; redis-py left to itself waits 5 s, and fifty gets one after the other a second
NAME = digest(("q",))


@pytest.fixture
async def tier(own_valkey, clock) -> AsyncIterator[RedisTier]:
    async with RedisTier(own_valkey.url, DEADLINE, namespace="test", clock=clock) as opened:
        await until(lambda: opened.available)
        yield opened


async def timed_get(tier: RedisTier, name: str = NAME) -> float:
    started = time.perf_counter()
    await tier.get(name)
    return time.perf_counter() - started


async def gets_until_unavailable(tier: RedisTier) -> list[float]:
    """How long each get took, one after the other, until the tier says that it is away."""
    took: list[float] = []
    with anyio.fail_after(5):
        while tier.available:
            took.append(await timed_get(tier))
            await anyio.lowlevel.checkpoint()
    return took


@pytest.fixture
def frozen(own_valkey):
    def freeze() -> None:
        os.kill(own_valkey.process.pid, signal.SIGSTOP)

    yield freeze
    if own_valkey.process:
        os.kill(own_valkey.process.pid, signal.SIGCONT)


async def test_entering_and_the_first_get_wait_for_no_connection(frozen, own_valkey) -> None:
    frozen()
    started = time.perf_counter()
    async with RedisTier(own_valkey.url, DEADLINE) as tier:
        assert not tier.available
        assert await tier.get(NAME) is None
        await tier.put(NAME, entry(time.time))
        assert time.perf_counter() - started < SLACK


async def test_a_frozen_redis_costs_a_deadline_each_until_the_breaker_opens_and_nothing_after(tier, frozen) -> None:
    frozen()
    took = await gets_until_unavailable(tier)
    assert len(took) <= 3
    assert max(took) < DEADLINE + SLACK
    started = time.perf_counter()
    for _ in range(100):
        assert await tier.get(NAME) is None
    assert time.perf_counter() - started < DEADLINE


async def test_fifty_gets_at_once_on_a_frozen_redis_wait_one_deadline_together(tier, frozen) -> None:
    frozen()
    started = time.perf_counter()
    async with anyio.create_task_group() as tasks:
        for number in range(50):
            tasks.start_soon(tier.get, digest((number,)))
    assert time.perf_counter() - started < DEADLINE + SLACK


async def test_a_get_does_not_join_those_that_were_given_up(own_valkey, frozen, clock) -> None:
    async with RedisTier(own_valkey.url, 0.1, 1, "test", clock) as tier:
        await until(lambda: tier.available)
        await tier.put(NAME, entry(clock))
        await tier.writes.flushed()
        frozen()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(tier.publish, digest(("other",)), entry(clock))  # keeps the only lane busy
            await anyio.sleep(0.01)
            assert await tier.get(NAME) is None
            os.kill(own_valkey.process.pid, signal.SIGCONT)
            assert await tier.get(NAME) is not None


async def test_an_idle_connection_notices_by_itself_that_redis_is_gone(tier, own_valkey) -> None:
    own_valkey.stop()
    await until(lambda: not tier.available)


async def test_a_thawed_redis_is_available_again_with_what_it_held(tier, frozen, own_valkey, clock) -> None:
    await tier.put(NAME, entry(clock))
    await tier.writes.flushed()
    frozen()
    await gets_until_unavailable(tier)
    os.kill(own_valkey.process.pid, signal.SIGCONT)
    await until(lambda: tier.available, 3)
    assert (await tier.get(NAME)).payload == b"answer"


async def test_one_miss_is_enough_to_find_out_that_redis_was_killed(tier, own_valkey) -> None:
    own_valkey.stop()
    assert await tier.get(NAME) is None
    await anyio.wait_all_tasks_blocked()
    assert not tier.available


async def test_a_killed_redis_fails_no_get_and_comes_back(tier, own_valkey, clock) -> None:
    own_valkey.stop()
    took = await gets_until_unavailable(tier)
    assert max(took) < DEADLINE + SLACK
    await tier.clear()
    own_valkey.start()
    await until(lambda: tier.available, 3)
    await tier.put(NAME, entry(clock))
    await tier.writes.flushed()
    assert await tier.get(NAME) == entry(clock)


async def test_a_cancelled_get_leaves_the_others_in_step(tier, clock) -> None:
    names = [digest((number,)) for number in range(40)]
    for number, name in enumerate(names):
        await tier.put(name, entry(clock, str(number).encode()))
    await tier.writes.flushed()
    wrong: list[int] = []

    async def get(number: int, *, give_up: bool) -> None:
        with anyio.CancelScope() as scope:
            if give_up:
                scope.cancel()
            found = await tier.get(names[number])
            if found is not None and found.payload != str(number).encode():
                wrong.append(number)

    for _ in range(5):
        async with anyio.create_task_group() as tasks:
            for number in range(40):
                tasks.start_soon(lambda n=number: get(n, give_up=n % 3 == 0))
    assert wrong == []
    assert tier.available


async def test_more_gets_at_once_than_fit_are_misses_and_no_queue(tier, clock) -> None:
    await tier.put(NAME, entry(clock))
    await tier.writes.flushed()
    answers: list[object] = []

    async def get() -> None:
        answers.append(await tier.get(NAME))

    async with anyio.create_task_group() as tasks:
        for _ in range(300):
            tasks.start_soon(get)
    assert len(answers) == 300
    assert tier.available


async def test_what_others_wrote_under_our_keys_is_a_miss(tier, own_valkey) -> None:
    async with Redis.from_url(own_valkey.url) as client:
        await client.set(f"tmws:test:{NAME}", b"\x80\x04 no frame")
        assert await tier.get(NAME) is None
        await client.delete(f"tmws:test:{NAME}")
        await client.lpush(f"tmws:test:{NAME}", b"a list")
        assert await tier.get(NAME) is None
    assert tier.available


async def test_keys_carry_the_namespace_and_expire_with_the_entry(tier, own_valkey, clock) -> None:
    await tier.put(NAME, entry(clock, ttl=30))
    await tier.writes.flushed()
    async with Redis.from_url(own_valkey.url) as client:
        assert await client.keys("*") == [f"tmws:test:{NAME}".encode()]
        assert 29_000 < await client.pttl(f"tmws:test:{NAME}") <= 30_000
        assert frame.decode(await client.get(f"tmws:test:{NAME}")) == entry(clock, ttl=30)


async def test_clear_removes_only_this_namespace_s_keys(own_valkey, clock) -> None:
    async with Redis.from_url(own_valkey.url) as client:
        await client.mset({"mine": "1", "tmws:other:x": "1", "tmws:[a]*:x": "1", "tmws:a:x": "1"})
        await client.mset({f"tmws:[a]*:{number}": "1" for number in range(1500)})
        async with RedisTier(own_valkey.url, 2, namespace="[a]*", clock=clock) as tier:
            await until(lambda: tier.available)
            await tier.clear()
        assert sorted(await client.keys("*")) == [b"mine", b"tmws:a:x", b"tmws:other:x"]


async def test_a_redis_that_refuses_writes_still_answers_reads(tier, own_valkey, clock, caplog) -> None:
    await tier.put(NAME, entry(clock))
    await tier.writes.flushed()
    async with Redis.from_url(own_valkey.url) as client:
        await client.config_set("maxmemory", "1")
        await tier.put("other", entry(clock))
        await tier.writes.flushed()
    assert "refuses" in caplog.text
    assert await tier.get(NAME) is not None
    assert await tier.get("other") is None
    assert tier.available


async def test_an_answer_of_megabytes_is_left_to_the_other_tiers(tier, clock) -> None:
    await tier.put(NAME, entry(clock, bytes(2**20)))
    await tier.writes.flushed()
    assert await tier.get(NAME) is None


async def test_a_password_that_is_wrong_is_an_outage_and_no_error(own_valkey) -> None:
    async with Redis.from_url(own_valkey.url) as client:
        await client.config_set("requirepass", "right")
    wrong = own_valkey.url.replace("redis://", "redis://:wrong@")
    right = own_valkey.url.replace("redis://", "redis://:right@")
    async with RedisTier(wrong) as refused, RedisTier(right) as let_in:
        await until(lambda: let_in.available)
        assert not refused.available
        assert await refused.get(NAME) is None


async def test_a_server_that_is_no_redis_is_an_outage_and_no_error() -> None:
    async def serve(stream) -> None:
        async with stream:
            await stream.receive()
            await stream.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    port = listener.extra(anyio.abc.SocketAttribute.local_port)
    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, serve)
        async with RedisTier(f"redis://127.0.0.1:{port}") as tier:
            await until(lambda: tier._failures >= 4)
            assert not tier.available
        tasks.cancel_scope.cancel()


@pytest.mark.parametrize("url", ["http://host", "redis://host:port/0", "redis://host?socket_timeout=soon"])
def test_a_url_that_is_none_of_redis_is_refused(url) -> None:
    with pytest.raises(InvalidInput, match="Redis"):
        RedisTier(url)


async def test_nothing_is_left_open_when_no_redis_was_ever_there(clock) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        async with RedisTier(f"redis://127.0.0.1:{taken.getsockname()[1]}", clock=clock) as tier:
            await until(lambda: tier._failures > 0)
            assert not tier.available


# --- the whole cache over a Redis that goes and comes ---------------------------------------------


@pytest.fixture
def fast(settings, own_valkey):
    return settings.model_copy(update={"redis_url": own_valkey.url, "redis_timeout": DEADLINE})


@pytest.mark.parametrize("outage", ["frozen", "killed"])
async def test_no_call_fails_or_waits_while_redis_is_away_and_hits_come_back(
    fast, database, own_valkey, outage
) -> None:
    clock, unique = time.time, outage
    async with cache_of(fast, database, clock, rows=False) as cache:
        backend = Backend()
        assert cache.get_stats()["redis_available"]
        os.kill(own_valkey.process.pid, signal.SIGSTOP if outage == "frozen" else signal.SIGKILL)
        for number in range(30):
            started = time.perf_counter()
            assert (await ask(cache, backend, unique, number)).payload == b"answer"
            assert time.perf_counter() - started < DEADLINE + SLACK
        assert not cache.get_stats()["redis_available"]
        if outage == "frozen":
            os.kill(own_valkey.process.pid, signal.SIGCONT)
        else:
            own_valkey.stop()
            own_valkey.start()
        await until(lambda: cache.get_stats()["redis_available"], 3)
        await ask(cache, backend, unique, "after")
        await flushed(cache)
        async with cache_of(fast, database, clock, rows=False) as another:
            assert (await ask(another, backend, unique, "after")).tier == "redis"


async def test_a_tag_bumped_while_redis_was_away_makes_its_answers_stale(fast, database, own_valkey, clock) -> None:
    async with cache_of(fast, database, clock, rows=False) as cache:
        await ask(cache, Backend(b"old"), "q", tags=("t",))
        await flushed(cache)
        os.kill(own_valkey.process.pid, signal.SIGSTOP)
        await cache.invalidate(["t"])
        os.kill(own_valkey.process.pid, signal.SIGCONT)
        async with open_cache(fast, None, database.epochs, "test", clock) as another:
            await until(lambda: another.get_stats()["redis_available"])
            assert (await ask(another, Backend(b"new"), "q", tags=("t",))).payload == b"new"
