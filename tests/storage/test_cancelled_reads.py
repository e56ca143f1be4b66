"""Readers that are cancelled, singly and in storms, and databases that close over what is under way."""

from __future__ import annotations

import asyncio
import gc
import sqlite3
import threading
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path

import anyio
import pytest
from storage_rows import memory, query

from tmws_patterns.errors import StoreUnavailable
from tmws_patterns.ports import Entry
from tmws_patterns.settings import Settings
from tmws_patterns.storage import Database, open_database
from tmws_patterns.storage.cache_rows import FETCH
from tmws_patterns.storage.direct_reads import DirectReads

pytestmark = pytest.mark.anyio

Read = Callable[[Database], Awaitable[object]]

READS: dict[str, Read] = {
    "count": lambda database: database.memories.count(),
    "search": lambda database: database.reads.listed(query().query),
    "epochs": lambda database: database.epochs.read(["a"]),
    "cache": lambda database: database.cache_rows.fetch("d", 0),
    "answer": lambda database: database.answers.load(("a", "b"), "id", 0),
    "write": lambda database: database.epochs.bump(["a"]),
}


async def cancel_many(database: Database, read: Read, count: int = 60) -> None:
    """Start readers and cancel each after another number of turns of the loop."""

    async def give_up(turns: int) -> None:
        with anyio.CancelScope() as scope:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(read, database)
                for _ in range(turns):
                    await asyncio.sleep(0)
                scope.cancel()

    async with anyio.create_task_group() as tasks:
        for number in range(count):
            tasks.start_soon(give_up, number % 30)


@pytest.mark.parametrize("read", READS.values(), ids=READS)
async def test_a_storm_of_cancelled_calls_destroys_no_task_and_loses_no_connection(
    settings: Settings, read: Read, caplog: pytest.LogCaptureFixture
) -> None:
    asyncio.get_running_loop().set_debug(True)
    async with open_database(settings.model_copy(update={"db_max_connections": 4})) as database:
        await database.memories.add([memory()], [])
        await cancel_many(database, read)
        gc.collect()
        assert await database.memories.count() == 1
        await cancel_many(database, read)
    gc.collect()
    asyncio.get_running_loop().set_debug(False)
    assert database.get_pool_status()["checked_out"] == 0
    wrong = [record.getMessage() for record in caplog.records if record.levelname in {"WARNING", "ERROR"}]
    assert [message for message in wrong if "took" not in message] == []  # asyncio tells of slow callbacks


async def test_closing_waits_for_a_read_whose_caller_has_gone(sqlite_settings: Settings) -> None:
    threads = threading.active_count()
    async with open_database(sqlite_settings) as database:
        with anyio.move_on_after(0):
            await database.memories.count()
        with anyio.CancelScope() as scope:
            scope.cancel()
            await database.memories.count()
        assert database._connections._under_way
    assert not database._connections._under_way
    with anyio.fail_after(5):
        while threading.active_count() > threads + 1:  # anyio's worker; the others end a moment after they are told
            await anyio.sleep(0.01)


async def test_a_deadline_ends_the_wait_for_a_read_that_goes_on(settings: Settings) -> None:
    async with open_database(settings.model_copy(update={"db_max_connections": 1})) as database:
        async with database._connections.reader.connect():
            with anyio.move_on_after(0.05) as scope:
                await database.memories.count()
            assert scope.cancelled_caught
        assert await database.memories.count() == 0


async def test_the_cache_is_not_read_after_it_was_closed(sqlite_settings: Settings) -> None:
    async with open_database(sqlite_settings) as database:
        pass
    with pytest.raises(StoreUnavailable, match=r"cache\.db: the database has been closed"):
        await database.cache_rows.fetch("d", 0)


async def test_a_cancelled_caller_still_closes_the_cache_s_reader(sqlite_settings: Settings) -> None:
    with anyio.CancelScope() as scope:
        async with open_database(sqlite_settings) as database:
            scope.cancel()
    assert database.cache_rows._reads._connection._connection is None  # type: ignore[attr-defined]
    assert sorted(p.name for p in sqlite_settings.data_dir.iterdir()) == ["cache.db", "memory.db"]


async def test_a_cache_that_is_being_made_by_another_is_an_outage_within_a_moment(tmp_path: Path) -> None:
    path = tmp_path / "cache.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        reads = await DirectReads.open(path)
        try:
            assert reads.at_once(FETCH, {"digest": "d", "now": 0}) is None
            with anyio.fail_after(2), pytest.raises(StoreUnavailable, match="locked"):
                await reads.rows(FETCH, {"digest": "d", "now": 0})
        finally:
            await reads.close()


async def test_a_row_that_nobody_of_us_wrote_is_a_miss_or_an_outage(sqlite_settings: Settings) -> None:
    async with open_database(sqlite_settings) as database:
        for digest in ("text", "json"):
            await database.cache_rows.upsert([(digest, Entry(b"x", 1, 2e9))])
        with closing(sqlite3.connect(sqlite_settings.data_dir / "cache.db", isolation_level=None)) as other:
            other.execute("UPDATE cache_entries SET epochs = CAST(X'ff' AS TEXT) WHERE digest = 'text'")
            other.execute("UPDATE cache_entries SET epochs = 'no json' WHERE digest = 'json'")
        with pytest.raises(StoreUnavailable, match="decode"):
            database.cache_rows.peek("text", 0)
        assert database.cache_rows.peek("json", 0) == (None,)
        assert await database.cache_rows.fetch("json", 0) is None


async def test_reading_at_once_tells_of_an_outage(tmp_path: Path) -> None:
    path = tmp_path / "cache.db"
    reads = await DirectReads.open(path)
    with pytest.raises(StoreUnavailable, match="no such table"):
        reads.at_once(FETCH, {"digest": "d", "now": 0})
    await reads.close()
    with pytest.raises(StoreUnavailable, match="closed"):
        reads.at_once(FETCH, {"digest": "d", "now": 0})


async def test_a_reader_of_the_cache_does_not_wait_for_a_writer(sqlite_settings: Settings) -> None:
    async with open_database(sqlite_settings) as database:
        with closing(sqlite3.connect(sqlite_settings.data_dir / "cache.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with anyio.fail_after(2):
                assert await database.cache_rows.fetch("d", 0) is None
            other.execute("ROLLBACK")


async def test_a_batch_of_no_rows_writes_nothing(database: Database) -> None:
    await database.cache_rows.upsert([])
    assert await database.cache_rows.purge(0, 10) == 0


async def test_two_batches_in_opposite_order_do_not_block_each_other(settings: Settings) -> None:
    rows = [(f"{number:03}", Entry(b"payload", 1, 2e9)) for number in range(300)]
    async with open_database(settings) as one, open_database(settings) as other, anyio.create_task_group() as tasks:
        for _ in range(5):
            tasks.start_soon(one.cache_rows.upsert, rows)
            tasks.start_soon(other.cache_rows.upsert, rows[::-1])
