from __future__ import annotations

import anyio
import pytest
from cache_parts import Backend, ask, entry

from tmws_patterns.cache import open_cache, write_behind
from tmws_patterns.cache.write_behind import WriteBehind
from tmws_patterns.storage import open_database
from tmws_patterns.tasks import background_tasks

pytestmark = pytest.mark.anyio


class Disk:
    def __init__(self) -> None:
        self.written: list[tuple[str, bytes]] = []
        self.gate = anyio.Event()

    async def write(self, batch) -> None:
        await self.gate.wait()
        self.written += [(name, kept.payload) for name, kept in batch]


async def test_entries_arrive_in_order_and_the_newest_of_a_name_wins(clock) -> None:
    disk = Disk()
    disk.gate.set()
    queue = WriteBehind(disk.write)
    for name, payload in (("a", b"1"), ("b", b"2"), ("a", b"3")):
        queue.put(name, entry(clock, payload))
    async with background_tasks() as tasks:
        tasks.start_soon(queue.run)
        with anyio.fail_after(2):
            await queue.flushed()
    assert disk.written == [("b", b"2"), ("a", b"3")]


async def test_a_full_queue_drops_the_entry_and_never_waits(clock) -> None:
    disk = Disk()
    queue = WriteBehind(disk.write)
    for number in range(write_behind.MAX_ENTRIES + 5):
        queue.put(str(number), entry(clock))
    assert queue.dropped == 5


async def test_a_queue_full_of_bytes_drops_the_entry(clock) -> None:
    queue = WriteBehind(Disk().write)
    half = entry(clock, bytes(write_behind.MAX_BYTES // 2 + 1))
    queue.put("a", half)
    queue.put("b", half)
    assert queue.dropped == 1
    queue.discard("a")
    queue.put("b", half)
    assert queue.dropped == 1


async def test_what_comes_during_a_write_is_written_too(clock) -> None:
    disk = Disk()
    queue = WriteBehind(disk.write)
    async with background_tasks() as tasks:
        tasks.start_soon(queue.run)
        queue.put("a", entry(clock))
        await anyio.wait_all_tasks_blocked()
        queue.put("b", entry(clock))
        disk.gate.set()
        with anyio.fail_after(2):
            await queue.flushed()
    assert [name for name, _ in disk.written] == ["a", "b"]


async def test_an_empty_queue_is_flushed_at_once() -> None:
    with anyio.fail_after(1):
        await WriteBehind(Disk().write).flushed()


async def test_a_queue_that_is_no_longer_written_holds_nobody_up(clock) -> None:
    disk = Disk()
    queue = WriteBehind(disk.write)
    async with background_tasks() as tasks:
        tasks.start_soon(queue.run)
        queue.put("a", entry(clock))
        await anyio.wait_all_tasks_blocked()
    queue.put("b", entry(clock))
    with anyio.fail_after(1):
        await queue.flushed()
    assert disk.written == []
    assert queue.dropped == 1


async def test_what_waits_when_the_cache_closes_is_written_first(settings, clock) -> None:
    async with open_database(settings) as database:
        async with open_cache(settings, database.cache_rows, database.epochs, "test", clock) as cache:
            await ask(cache, Backend(), "q")
        async with open_cache(settings, database.cache_rows, database.epochs, "test", clock) as cache:
            assert (await ask(cache, Backend(), "q")).tier == "database"


async def test_clear_while_a_write_waits_takes_it_back(settings, database, clock) -> None:
    async with open_cache(settings, database.cache_rows, database.epochs, "test", clock) as cache:
        await ask(cache, Backend(), "q")
        await cache.clear()
        assert (await ask(cache, Backend(), "q")).tier is None
