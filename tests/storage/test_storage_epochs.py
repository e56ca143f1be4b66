"""What Epochs promise, on both engines; across processes in test_processes.py."""

from __future__ import annotations

import anyio
import pytest
from storage_rows import memory, pair

from tmws_patterns.call import Scope
from tmws_patterns.settings import Settings
from tmws_patterns.storage import Database, open_database
from tmws_patterns.storage.epochs import FRESH, PostgresEpochs

pytestmark = pytest.mark.anyio


async def test_a_tag_never_bumped_has_epoch_zero(database: Database) -> None:
    assert await database.epochs.read(["a", "b"]) == (0, 0)
    assert database.epochs.peek(["a", "b"]) == (0, 0)


async def test_a_bump_is_known_before_it_returns(database: Database) -> None:
    await database.epochs.read(["a"])
    await database.epochs.bump(["a", "b", "a"])
    assert database.epochs.peek(["b", "a", "c"]) in ((1, 1, 0), None)
    assert await database.epochs.read(["b", "a", "c"]) == (1, 1, 0)


async def test_every_write_of_memories_bumps_its_tags(database: Database) -> None:
    stored = memory()
    await database.memories.add([stored], ["m"])
    assert await database.epochs.read(["m"]) == (1,)
    await database.memories.remove([stored.id], Scope("acme", "artemis"), ["m", "n"])
    assert await database.epochs.read(["m", "n"]) == (2, 1)


async def test_epochs_outlive_the_process(settings: Settings) -> None:
    async with open_database(settings) as database:
        await database.epochs.bump(["a"])
    async with open_database(settings) as database:
        assert await database.epochs.read(["a"]) == (1,)


async def test_sqlite_peeks_at_once_at_what_another_opening_wrote(sqlite_settings: Settings) -> None:
    async with pair(sqlite_settings) as (one, other):
        assert one.epochs.peek(["a"]) == (0,)
        await other.epochs.bump(["a"])
        assert one.epochs.peek(["a"]) == (1,)


async def test_a_hundred_bumps_at_once_are_a_hundred(database: Database) -> None:
    async with anyio.create_task_group() as tasks:
        for _ in range(100):
            tasks.start_soon(database.epochs.bump, ["b", "a"])
    assert await database.epochs.read(["a", "b"]) == (100, 100)


async def test_postgres_knows_epochs_for_a_moment_and_then_asks_again(fresh_postgres: str) -> None:
    moment = 1000.0
    settings = Settings.load({}, database_url=fresh_postgres)
    async with pair(settings) as (one, other):
        epochs = PostgresEpochs(one._connections, clock=lambda: moment)
        assert epochs.peek(["a"]) is None
        assert await epochs.read(["a"]) == (0,)
        await other.epochs.bump(["a"])
        moment += FRESH / 2
        assert epochs.peek(["a"]) == (0,)
        moment += FRESH
        assert epochs.peek(["a"]) is None
        assert await epochs.read(["a"]) == (1,)
        await epochs.bump(["a"])
        assert epochs.peek(["a"]) == (2,)


async def test_postgres_never_goes_back_to_an_answer_older_than_a_bump(fresh_postgres: str) -> None:
    async with open_database(Settings.load({}, database_url=fresh_postgres)) as database:
        epochs = PostgresEpochs(database._connections)
        epochs.learn({"a": 5})
        epochs.learn({"a": 4})
        assert epochs.peek(["a"]) is None
        async with anyio.create_task_group() as tasks:
            for _ in range(20):
                tasks.start_soon(epochs.read, ["a"])
        assert epochs.peek(["a"]) == (5,)
