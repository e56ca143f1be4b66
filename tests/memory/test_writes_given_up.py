"""A write that its caller gave up, by asyncio's own cancellation: it ends by itself, whole, and disturbs no other."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from contextlib import suppress
from pathlib import Path

import pytest

from tmws_patterns.memory import MemoryService
from tmws_patterns.storage import Database

pytestmark = pytest.mark.anyio


def contents(path: Path) -> list[tuple[str, int]]:
    """Each memory with how many tags of its are there."""
    connection = sqlite3.connect(path)
    tags = "(SELECT count(*) FROM memory_tags WHERE memory_id = id)"
    try:
        return sorted(connection.execute(f"SELECT content, {tags} FROM memories").fetchall())
    finally:
        connection.close()


async def test_writes_awaited_beside_those_given_up_are_all_kept(memory: MemoryService, tmp_path: Path) -> None:
    chance = random.Random(3)
    stored, cancelled = [], 0
    for number in range(60):
        batch = [{"content": f"batch {number}, {place} " + "w" * 300, "tags": ["t"]} for place in range(60)]
        given_up = asyncio.ensure_future(memory.store_many(batch))
        await asyncio.sleep(chance.random() * 0.012)
        given_up.cancel()
        with suppress(asyncio.CancelledError):  # on a quick machine some are done by then
            await given_up
        cancelled += given_up.cancelled()
        stored.append(await memory.store(f"number {number}", tags=["u"]))
    assert len(set(stored)) == 60
    assert cancelled
    await memory.store("the last")
    found = contents(tmp_path / "data" / "memory.db")
    assert {content for content, _ in found} >= {f"number {number}" for number in range(60)}
    assert all(tags == 1 for content, tags in found if content != "the last")
    of_batches = [content.partition(",")[0] for content, _ in found if content.startswith("batch")]
    assert all(of_batches.count(batch) == 60 for batch in set(of_batches))


async def test_closing_waits_for_a_write_given_up_and_it_is_whole_or_not_there(
    memory: MemoryService, database: Database, tmp_path: Path
) -> None:
    await memory.store("the first")
    other = sqlite3.connect(tmp_path / "data" / "memory.db", isolation_level=None)
    other.execute("CREATE TRIGGER full BEFORE INSERT ON memory_tags BEGIN SELECT RAISE(ABORT, 'full'); END")
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await memory.store("the second", tags=["x"])
    closing = asyncio.ensure_future(database._connections.close())
    await asyncio.sleep(0.1)
    other.execute("COMMIT")
    await closing
    other.close()
    assert contents(tmp_path / "data" / "memory.db") == [("the first", 0)]
