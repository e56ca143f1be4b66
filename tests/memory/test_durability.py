"""Real processes on one SQLite file, killed at any moment, and a disk that is full."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import anyio
import pytest
from sqlalchemy import text

from tmws_patterns.call import Principal
from tmws_patterns.encoder import static_encoder
from tmws_patterns.errors import StoreUnavailable
from tmws_patterns.memory import MemoryService, open_memory
from tmws_patterns.settings import Settings
from tmws_patterns.storage import Database, open_database

pytestmark = pytest.mark.anyio

PROGRAM = Path(__file__).with_name("remembering.py")


def started(folder: Path, name: str, count: int, every: int) -> subprocess.Popen[str]:
    command = [sys.executable, str(PROGRAM), str(folder), name, str(count), str(every)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


async def kept(folder: Path) -> dict[str, str]:
    """All memories of the file by their ids, once the index has found some of them."""
    async with (
        open_database(Settings.load({}, data_dir=folder)) as database,
        open_memory(database, Principal("acme", "reader"), static_encoder()) as memory,
    ):
        found = {one.id: one.content async for portion in memory.exported() for one in portion}
        for content in random.Random(1).sample(sorted(found.values()), min(20, len(found))):
            assert (await memory.recall(content.split()[-1]))[0].content == content
        return found


async def test_four_processes_store_a_thousand_each_on_one_file_and_nothing_is_lost(tmp_path: Path) -> None:
    async with open_database(Settings.load({}, data_dir=tmp_path)):
        pass
    processes = [started(tmp_path, name, 1_000, 20) for name in ("ann", "bob", "cat", "dan")]
    ended = [await anyio.to_thread.run_sync(process.communicate) for process in processes]
    assert [(process.returncode, errors) for process, (_, errors) in zip(processes, ended, strict=True)] == [
        (0, "")
    ] * 4
    acknowledged = dict(line.split(" ", 1) for output, _ in ended for line in output.splitlines())
    assert len(acknowledged) == 4_000
    assert await kept(tmp_path) == acknowledged


@pytest.mark.parametrize("moment", range(3))
async def test_what_was_acknowledged_outlives_sigkill(tmp_path: Path, moment: int) -> None:
    process = started(tmp_path, "ann", 100_000, 50)
    assert process.stdout is not None
    first = await anyio.to_thread.run_sync(process.stdout.readline)
    assert first, process.communicate()
    await anyio.sleep(random.Random(moment).uniform(0.1, 1.0))
    process.kill()
    output, _ = await anyio.to_thread.run_sync(process.communicate)
    lines = (first + output).splitlines(keepends=True)
    acknowledged = dict(line.rstrip("\n").split(" ", 1) for line in lines if line.endswith("\n"))
    found = await kept(tmp_path)
    assert acknowledged.items() <= found.items()
    assert len(found) <= len(acknowledged) + 1  # the one that was stored and not yet told


async def test_a_full_disk_is_told_and_loses_nothing(memory: MemoryService, database: Database) -> None:
    def limited(pages: int) -> str:
        """SQLite's own limit, which fails as a full disk does."""
        return f"PRAGMA max_page_count = {pages}"

    before = await memory.store("stored while there was room")
    await database._connections.transact(lambda c: c.execute(text(limited(80))))

    async def fill() -> None:
        for number in range(100):
            await memory.store(f"n{number} " + "x" * 20_000)

    with pytest.raises(StoreUnavailable, match="full") as caught:
        await fill()
    assert "free some space" in str(caught.value.hint)
    count = await database.memories.count()
    assert (await memory.recall("while there was room"))[0].id == before
    await database._connections.transact(lambda c: c.execute(text(limited(2**30))))
    after = await memory.store("stored with room again")
    assert await database.memories.count() == count + 1
    assert (await memory.recall("room again"))[0].id == after
