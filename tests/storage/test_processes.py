"""Several processes on one database: real ones, each running `worker.py`."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest
from sqlalchemy import text
from storage_rows import contents, query

from tmws_patterns.settings import Settings
from tmws_patterns.storage import open_database

pytestmark = pytest.mark.anyio

WORKER = Path(__file__).with_name("worker.py")


class Workers:
    """Processes on one database, all waited for at the end."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.started: list[subprocess.Popen[str]] = []

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, str(WORKER), str(self._settings.data_dir), self._settings.database_url, *arguments]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.started.append(process)
        return process

    def finish(self) -> list[str]:
        """The output of each, which must have ended well."""
        found = [process.communicate(timeout=25)[0] for process in self.started]
        assert [process.returncode for process in self.started] == [0] * len(found)
        return found


@pytest.fixture
def workers(settings: Settings) -> Iterator[Workers]:
    made = Workers(settings)
    yield made
    for process in made.started:
        process.kill()
        process.communicate()


async def test_four_processes_start_write_and_read_one_empty_database_together(
    workers: Workers, settings: Settings
) -> None:
    for number in range(4):
        workers.start("write", f"worker{number}", "25")
    found = await anyio.to_thread.run_sync(workers.finish)
    assert [line.split()[1] for line in found] == ["25"] * 4
    assert len({line.split()[0] for line in found}) == 1  # one store id: the migration ran once
    async with open_database(settings) as database:
        assert await database.memories.count() == 100
        assert await database.epochs.read(["memory:acme"]) == (100,)
        assert await database.totals.read_totals() == {"calls": 100}
        assert len(await contents(database, query("worker2", limit=100))) == 25
        versions = await database._connections.rows(text("SELECT name, version FROM schema_versions ORDER BY name"))
        expected = [*([] if settings.database_url == "" else ["cache"] * 3), "memory", "memory"]
        assert [row.name for row in versions] == expected


async def test_a_write_of_another_process_is_seen_by_the_next_peek_or_read(
    workers: Workers, settings: Settings
) -> None:
    async with open_database(settings) as database:
        other = workers.start("bump", "memory:acme")
        assert other.stdin is not None
        assert other.stdout is not None
        for expected in range(1, 6):
            other.stdin.write("go\n")
            other.stdin.flush()
            assert await anyio.to_thread.run_sync(other.stdout.readline) == "bumped\n"
            if database.engine_name == "sqlite":
                assert database.epochs.peek(["memory:acme"]) == (expected,)
            else:
                with anyio.fail_after(0.2):  # 50 ms known, and time to ask
                    while await database.epochs.read(["memory:acme"]) != (expected,):
                        await anyio.lowlevel.checkpoint()
        await anyio.to_thread.run_sync(workers.finish)


async def test_a_writer_killed_in_its_transaction_blocks_nobody_and_leaves_nothing(
    workers: Workers, settings: Settings
) -> None:
    other = workers.start("hang")
    assert other.stdout is not None
    assert await anyio.to_thread.run_sync(other.stdout.readline) == "hanging\n"
    other.kill()
    other.wait()
    async with open_database(settings) as database:
        with anyio.fail_after(5):
            await database.epochs.bump(["after"])
        assert await database.epochs.read(["after", "hanging"]) == (1, 0)
