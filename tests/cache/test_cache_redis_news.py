"""What one process raises another hears over Redis; a gap, an end of the connection and strangers are no harm.

The clocks of the epochs stand still, so that what they have read stays fresh, and only news can change it.
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial

import anyio
import pytest
from cache_parts import until
from redis.asyncio import Redis

from tmws_patterns.cache import open_cache
from tmws_patterns.settings import Settings
from tmws_patterns.storage import open_database
from tmws_patterns.storage.postgres_epochs import PostgresEpochs

pytestmark = pytest.mark.anyio


@dataclass(slots=True)
class Processes:
    """Two that share a database and a Redis, as far as epochs go."""

    one: PostgresEpochs
    other: PostgresEpochs
    redis: Redis
    name: str

    async def listeners(self) -> int:
        ((_, count),) = await self.redis.pubsub_numsub(f"tmws:{self.name}:epochs")
        return int(count)


@asynccontextmanager
async def processes(url: str, postgres: str) -> AsyncIterator[Processes]:
    settings = Settings.load({}, database_url=postgres, redis_url=url, redis_timeout=2.0)
    name = uuid.uuid4().hex
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(open_database(settings))
        epochs = [PostgresEpochs(database._connections, clock=lambda: 1000.0) for _ in range(2)]
        redis = await stack.enter_async_context(Redis.from_url(url, protocol=2))
        found = Processes(*epochs, redis, name)
        for each in epochs:
            cache = await stack.enter_async_context(open_cache(settings, None, each, name))
            await until(lambda cache=cache: cache.get_stats()["redis_available"])  # type: ignore[misc]
        await listening(found)
        yield found


async def wait_for(state: Callable[[], Awaitable[bool]]) -> None:
    with anyio.fail_after(10):
        while not await state():
            await anyio.sleep(0.005)


async def listening(found: Processes) -> None:
    """Return once each has heard of the other, and so knows that it has missed nothing since."""

    async def both() -> bool:
        return await found.listeners() == 2

    await wait_for(both)
    for speaker, listener in ((found.one, found.other), (found.other, found.one)):

        async def heard(tag: str, speaker: PostgresEpochs = speaker, listener: PostgresEpochs = listener) -> bool:
            await listener.read([tag])
            await speaker.bump([tag])
            await anyio.sleep(0.02)
            return listener.peek([tag]) is None

        for _ in range(2):  # the first may have been the beginning of its listening
            await wait_for(partial(heard, uuid.uuid4().hex))
        await listener.read(["a"])


async def test_what_is_raised_is_heard_and_read_anew(own_valkey, fresh_postgres) -> None:
    async with processes(own_valkey.url, fresh_postgres) as found:
        assert await found.other.read(["a", "b"]) == (0, 0)
        await found.one.bump(["a"])
        await until(lambda: found.other.peek(["a", "b"]) is None)
        assert await found.other.read(["a", "b"]) == (1, 0)
        await found.one.read(["a"])
        await found.other.bump(["a", "b"])
        await until(lambda: found.one.peek(["a", "b"]) is None)
        assert await found.one.read(["a", "b"]) == (2, 1)


async def test_what_is_heard_is_not_believed(own_valkey, fresh_postgres) -> None:
    """A copy of the database may share the Redis, and have raised what this one has not."""
    async with processes(own_valkey.url, fresh_postgres) as found:
        await found.other.read(["a"])
        await found.redis.publish(f"tmws:{found.name}:epochs", b'1 {"a": 5}')
        await until(lambda: found.other.peek(["a"]) is None)
        assert await found.other.read(["a"]) == (0,)
        await found.other.bump(["a"])
        assert found.other.peek(["a"]) == (1,)


async def test_a_user_who_may_not_listen_is_told_once_and_nothing_waits(own_valkey, fresh_postgres, caplog) -> None:
    async with Redis.from_url(own_valkey.url, protocol=2) as redis:
        await redis.execute_command("ACL", "SETUSER", "deaf", "on", ">secret", "~*", "+@all", "resetchannels")
    url = own_valkey.url.replace("redis://", "redis://deaf:secret@")
    settings = Settings.load({}, database_url=fresh_postgres, redis_url=url, redis_timeout=2.0)
    async with open_database(settings) as database:
        epochs = PostgresEpochs(database._connections, clock=lambda: 1000.0)
        async with open_cache(settings, None, epochs, "test") as cache:
            await until(lambda: cache.get_stats()["redis_available"])
            await epochs.read(["a"])
            await until(lambda: "lets nobody listen" in caplog.text)
            await anyio.sleep(1.5)
            assert epochs.peek(["a"]) == (0,)
    assert caplog.text.count("lets nobody listen") == 1


async def test_a_number_left_out_makes_all_unknown_until_it_is_read(own_valkey, fresh_postgres) -> None:
    async with processes(own_valkey.url, fresh_postgres) as found:
        await found.other.read(["a"])
        await found.one.bump(["a"])
        await until(lambda: found.other.peek(["a"]) is None)
        assert await found.other.read(["a"]) == (1,)
        await found.redis.incr(f"tmws:{found.name}:epochs:number")  # of a message that nobody got
        await found.redis.eval("local n = redis.call('INCR', KEYS[1]) redis.call('PUBLISH', ARGV[1], n .. ' {}')", 1,
                               f"tmws:{found.name}:epochs:number", f"tmws:{found.name}:epochs")  # fmt: skip
        await until(lambda: found.other.peek(["a"]) is None)
        await found.one.bump(["b"])
        assert await found.other.read(["a", "b"]) == (1, 1)


async def test_an_ended_connection_makes_all_unknown_and_is_opened_again(own_valkey, fresh_postgres) -> None:
    async with processes(own_valkey.url, fresh_postgres) as found:
        await found.other.read(["a"])
        await found.redis.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
        await until(lambda: found.other.peek(["a"]) is None)
        await listening(found)
        await found.other.read(["a"])
        await found.one.bump(["a"])
        await until(lambda: found.other.peek(["a"]) is None)
        assert await found.other.read(["a"]) == (1,)


async def test_a_server_that_came_back_is_listened_to_again(own_valkey, fresh_postgres) -> None:
    async with processes(own_valkey.url, fresh_postgres) as found:
        await found.other.read(["a"])
        own_valkey.stop()
        await until(lambda: found.other.peek(["a"]) is None)
        own_valkey.start()
        await listening(found)
        assert await found.other.read(["a"]) == (0,)
        await found.one.bump(["a"])
        await until(lambda: found.other.peek(["a"]) is None)
        assert await found.other.read(["a"]) == (1,)


STRANGE = (b"", b"7", b"x {}", b"7 []", b'7 {"a": "x"}', b"7 {", b'7 {"a": 99999999999999999999}', b'7 {"a": -1}')


@pytest.mark.parametrize("message", [*STRANGE, b"9" * 5_000 + b" {}"])
async def test_what_a_stranger_sends_changes_nothing(own_valkey, fresh_postgres, message: bytes) -> None:
    async with processes(own_valkey.url, fresh_postgres) as found:
        await found.other.read(["a"])
        await found.redis.publish(f"tmws:{found.name}:epochs", message)
        await found.one.bump(["a"])
        await until(lambda: found.other.peek(["a"]) is None)
        assert await found.other.read(["a"]) == (1,)


async def test_over_sqlite_nobody_listens_since_every_process_sees_for_itself(own_valkey, tmp_path) -> None:
    settings = Settings.load({}, data_dir=tmp_path, redis_url=own_valkey.url)
    async with (
        open_database(settings) as database,
        open_cache(settings, None, database.epochs, "test") as cache,
        Redis.from_url(own_valkey.url, protocol=2) as redis,
    ):
        await until(lambda: cache.get_stats()["redis_available"])
        await database.epochs.bump(["a"])
        assert await redis.pubsub_channels() == []
        assert await redis.keys("*") == []
