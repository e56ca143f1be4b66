"""What Epochs promise, on both engines; across processes in test_processes.py."""

from __future__ import annotations

import anyio
import pytest
from real_parts import run_sql
from sqlalchemy import text
from storage_rows import memory, pair

from tmws_patterns.call import Scope
from tmws_patterns.ports import Epochs
from tmws_patterns.settings import Settings
from tmws_patterns.storage import Database, open_database, postgres_epochs
from tmws_patterns.storage.postgres import open_server
from tmws_patterns.storage.postgres_epochs import FRESH, PostgresEpochs

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


async def known(epochs: Epochs, tags: list[str], expected: tuple[int, ...]) -> None:
    """Return once a peek knows the epochs."""
    while epochs.peek(tags) != expected:
        await anyio.sleep(0.001)


async def test_postgres_tells_every_process_what_was_raised_without_being_asked(fresh_postgres: str) -> None:
    settings = Settings.load({}, database_url=fresh_postgres)
    stands_still = 1000.0
    async with pair(settings) as (one, other), anyio.create_task_group() as tasks:
        epochs = PostgresEpochs(one._connections, clock=lambda: stands_still)  # what was read stays fresh
        _, connect = open_server(settings)
        tasks.start_soon(epochs.listen, connect)
        await epochs.read(["a"])
        with anyio.fail_after(5):
            while epochs.peek(["a"]) == (0,):  # until it listens, nobody tells it of what went before
                await other.epochs.bump(["a"])
                await anyio.sleep(0.01)
        await other.memories.add([memory()], ["m"])
        with anyio.fail_after(5):
            await known(epochs, ["m"], (1,))
        tasks.cancel_scope.cancel()


async def test_postgres_listens_again_after_its_connection_was_ended(
    fresh_postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_epochs, "RETRY", 0.05)
    settings = Settings.load({}, database_url=fresh_postgres)
    listeners = "FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND datname = current_database()"
    async with open_database(settings) as database:
        with anyio.fail_after(5):
            while not (first := await database._connections.rows(text(f"SELECT pid {listeners}"))):
                await anyio.sleep(0.01)
            await run_sql(fresh_postgres, f"SELECT pg_terminate_backend(pid) {listeners}")
            while (now := await database._connections.rows(text(f"SELECT pid {listeners}"))) in ([], first):
                await anyio.sleep(0.01)
        assert len(now) == 1


async def test_postgres_finds_out_by_reading_what_nobody_told_it(fresh_postgres: str) -> None:
    async with open_database(Settings.load({}, database_url=fresh_postgres)) as database:
        await database.epochs.read(["a"])
        await run_sql(fresh_postgres, "INSERT INTO tmws_patterns.tag_epochs VALUES ('a', 7)")
        with anyio.fail_after(5):
            await known(database.epochs, ["a"], (7,))


async def test_what_strangers_send_on_the_channel_changes_nothing(
    fresh_postgres: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_database(Settings.load({}, database_url=fresh_postgres)) as database:
        with anyio.fail_after(5):
            while "none of ours" not in caplog.text:
                for told in ("", "no json", "[1]", '{"a": "x"}'):
                    await run_sql(fresh_postgres, f"SELECT pg_notify('{postgres_epochs.CHANNEL}', '{told}')")
                await anyio.sleep(0.01)
        assert await database.epochs.read(["a"]) == (0,)
