"""One contract for every tier."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import pytest
from cache_parts import entry, until

from tmws_patterns.cache.database import DatabaseTier
from tmws_patterns.cache.keys import digest
from tmws_patterns.cache.local import LocalTier
from tmws_patterns.cache.redis_tier import RedisTier
from tmws_patterns.ports import CacheTier, Entry
from tmws_patterns.settings import Settings
from tmws_patterns.storage import open_database

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def opened(kind: str, request: pytest.FixtureRequest, settings: Settings, clock) -> AsyncIterator[CacheTier]:
    if kind == "local":
        yield LocalTier(100, 2**20, 3600, clock)
    elif kind == "redis":
        url = request.getfixturevalue("valkey_url")
        async with RedisTier(url, timeout=2, namespace=uuid.uuid4().hex, clock=clock) as tier:
            await until(lambda: tier.available)
            yield tier
    else:
        url = request.getfixturevalue("own_postgres") if kind == "postgresql" else ""
        async with (
            open_database(settings.model_copy(update={"database_url": url})) as database,
            DatabaseTier(database.cache_rows, clock) as rows,
        ):
            yield rows


@pytest.fixture(params=["local", "redis", "sqlite", "postgresql"])
def kind(request: pytest.FixtureRequest) -> str:
    servers = {"redis": "valkey_url", "postgresql": "own_postgres"}
    if request.param in servers:  # started here, outside the event loop
        request.getfixturevalue(servers[request.param])
    return request.param


@pytest.fixture
async def tier(kind, request, settings, clock) -> AsyncIterator[CacheTier]:
    async with opened(kind, request, settings, clock) as found:
        yield found


@pytest.fixture
def name(unique: str) -> str:
    return digest((unique,))


async def put(tier: CacheTier, name: str, kept: Entry) -> None:
    await tier.put(name, kept)
    if not isinstance(tier, LocalTier):
        with anyio.fail_after(5):
            await tier.writes.flushed()  # type: ignore[attr-defined]


async def test_what_was_put_is_found_with_its_times_and_epochs(tier, name, clock) -> None:
    kept = entry(clock, b"\x00\xff any bytes", epochs=(("memory:artemis", 3), ("überall", 0)))
    await put(tier, name, kept)
    assert await tier.get(name) == kept


async def test_what_was_never_put_is_a_miss(tier, name) -> None:
    assert await tier.get(name) is None


async def test_a_later_entry_takes_the_place_of_an_earlier_one(tier, name, clock) -> None:
    await put(tier, name, entry(clock, b"first"))
    await put(tier, name, entry(clock, b"second"))
    assert (await tier.get(name)).payload == b"second"


async def test_ttl_1_lasts_less_than_a_second_and_no_longer(tier, name, clock) -> None:
    await put(tier, name, entry(clock, ttl=1))
    clock.now += 0.999
    assert await tier.get(name) is not None
    clock.now += 0.001
    assert await tier.get(name) is None


async def test_ttl_0_is_never_returned(tier, name, clock) -> None:
    await put(tier, name, entry(clock, ttl=0))
    assert await tier.get(name) is None


async def test_a_large_and_an_empty_payload_come_back_whole(tier, name, clock) -> None:
    for payload in (bytes(range(256)) * 1000, b""):
        await put(tier, name, entry(clock, payload))
        assert (await tier.get(name)).payload == payload


async def test_fifty_gets_at_once_each_find_their_own(tier, unique, clock) -> None:
    names = [digest((unique, number)) for number in range(50)]
    for number, name in enumerate(names):
        await put(tier, name, entry(clock, str(number).encode()))
    found: dict[int, bytes] = {}

    async def get(number: int) -> None:
        if (entry := await tier.get(names[number])) is not None:  # else the machine was too slow for its deadline
            found[number] = entry.payload

    with anyio.fail_after(20):
        while len(found) < 50:
            async with anyio.create_task_group() as tasks:
                for number in range(50):
                    tasks.start_soon(get, number)
    assert found == {number: str(number).encode() for number in range(50)}


async def test_clear_forgets_everything_also_what_still_waits_to_be_written(tier, unique, clock) -> None:
    await put(tier, digest((unique, 1)), entry(clock))
    await tier.put(digest((unique, 2)), entry(clock))
    await tier.clear()
    assert [await tier.get(digest((unique, number))) for number in (1, 2)] == [None, None]


async def test_a_tier_that_works_says_that_it_is_available(tier, kind) -> None:
    assert tier.available
    assert tier.name == {"local": "local", "redis": "redis"}.get(kind, "database")


async def test_the_database_tier_keeps_the_newest_rows(settings, clock) -> None:
    async with open_database(settings) as database:
        async with DatabaseTier(database.cache_rows, clock, max_rows=10) as tier:
            for number in range(101):  # the hundredth write after the first purge is followed by the next
                await tier.put(digest((number,)), entry(clock, stored_at=clock() + number))
                await tier.writes.flushed()
        kept = [number for number in range(101) if await database.cache_rows.fetch(digest((number,)), clock())]
    assert kept == list(range(91, 101))


async def test_leaving_the_database_tier_writes_what_still_waits(settings, clock) -> None:
    async with open_database(settings) as database:
        async with DatabaseTier(database.cache_rows, clock) as tier:
            for number in range(100):
                await tier.put(digest((number,)), entry(clock))
        assert await database.cache_rows.fetch(digest((99,)), clock()) is not None
