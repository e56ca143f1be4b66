"""One load for several processes, over each tier that they can have in common; with processes that are killed."""

from __future__ import annotations

import contextlib
import json
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import AsyncExitStack, closing
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from cache_parts import Backend, ask, cache_of

from tmws_patterns.cache import TieredCache
from tmws_patterns.cache.lease import LEASE, turn
from tmws_patterns.errors import ServerUnavailable
from tmws_patterns.ports import Loaded
from tmws_patterns.settings import Settings
from tmws_patterns.storage import open_database

pytestmark = pytest.mark.anyio
SCRIPT = Path(__file__).with_name("loading_process.py")


@pytest.fixture(params=["sqlite", "postgresql", "redis"])
def common(request: pytest.FixtureRequest, settings: Settings) -> dict[str, Any]:
    """The settings of processes that have one tier in common."""
    found: dict[str, Any] = {"data_dir": str(settings.data_dir), "redis_timeout": 2.0}
    if request.param == "postgresql":
        found["database_url"] = request.getfixturevalue("own_postgres")
    if request.param == "redis":
        found["redis_url"] = request.getfixturevalue("valkey_url")
    return found


@pytest.fixture
def start(common, tmp_path, unique) -> Callable[..., subprocess.Popen[str]]:
    def started(*, callers: int, takes: float) -> subprocess.Popen[str]:
        told = {
            "settings": common,
            "store": unique,
            "key": unique,
            "callers": callers,
            "file": str(tmp_path / "loads"),
            "takes": takes,
        }
        command = [sys.executable, str(SCRIPT), json.dumps(told)]
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    return started


def loads(tmp_path: Path) -> list[str]:
    file = tmp_path / "loads"
    return file.read_text(encoding="utf-8").split() if file.exists() else []


def begin(processes: list[subprocess.Popen[str]]) -> None:
    """Wait until all are ready, and let them go together."""
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()


def answers(process: subprocess.Popen[str]) -> list[str]:
    out, _ = process.communicate(timeout=60)
    return json.loads(out.splitlines()[-1])


def test_four_processes_with_fifty_callers_each_make_one_load(start, tmp_path) -> None:
    processes = [start(callers=50, takes=0.3) for _ in range(4)]
    begin(processes)
    found = [answers(process) for process in processes]
    assert [len(of_one) for of_one in found] == [50] * 4
    assert len(loads(tmp_path)) == 1
    assert {answer for of_one in found for answer in of_one} == set(loads(tmp_path))


def test_the_lease_of_a_killed_process_passes_on(start, tmp_path) -> None:
    first, *others = [start(callers=1, takes=60), start(callers=5, takes=0.1), start(callers=5, takes=0.1)]
    begin([first])
    deadline = time.monotonic() + 30
    while not loads(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.01)
    begin(others)
    first.send_signal(signal.SIGKILL)
    first.communicate(timeout=10)
    found = {answer for process in others for answer in answers(process)}
    assert len(loads(tmp_path)) == 2
    assert found == {loads(tmp_path)[1]}


class Board:
    """A tier's leases in memory, whose clock is the event loop's."""

    def __init__(self) -> None:
        self.held: dict[str, tuple[str, float]] = {}
        self.answers = True
        self.renewals = 0

    async def lease(self, name: str, token: str, seconds: float) -> Any:
        await anyio.lowlevel.checkpoint()
        if not self.answers:
            return None
        holder, until = self.held.get(name, ("", 0.0))
        if until > anyio.current_time() and holder != token:
            return "waived" if holder == "-" else False
        self.held[name] = (token, anyio.current_time() + seconds)
        await anyio.lowlevel.checkpoint()
        return True

    async def renew(self, name: str, token: str, seconds: float) -> bool:
        self.renewals += 1
        return self.held.get(name, ("",))[0] == token

    async def waive(self, name: str, token: str, seconds: float) -> None:
        self.held[name] = ("-", anyio.current_time() + seconds)

    async def release(self, name: str, token: str) -> None:
        if self.held.get(name, ("",))[0] == token:
            del self.held[name]

    async def publish(self, digest: str, entry: Any) -> None:
        self.held[f"entry {digest}"] = (entry, 0.0)


async def nothing() -> None:
    return None


async def test_a_lease_is_renewed_while_its_holder_loads_and_given_back_after() -> None:
    board = Board()
    async with turn([board], "n", nothing) as mine:
        assert mine.answer is None
        await anyio.sleep(LEASE * 1.2)
        assert board.renewals >= 2
        assert "n" in board.held
    assert "n" not in board.held


async def test_after_a_load_in_vain_nobody_waits_for_the_next() -> None:
    board = Board()
    with pytest.raises(ServerUnavailable):
        async with turn([board], "n", nothing):
            raise ServerUnavailable("gone")
    assert board.held["n"][0] == "-"
    async with turn([board], "n", nothing) as one, turn([board], "n", nothing) as other:
        assert one.answer is other.answer is None


async def test_who_is_cancelled_leaves_no_lease() -> None:
    for steps in range(1, 5):
        board = Board()

        async def ask(board: Board = board) -> None:
            async with turn([board], "n", nothing):
                await anyio.sleep(60)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ask)
            for _ in range(steps):
                await anyio.lowlevel.checkpoint()
            tasks.cancel_scope.cancel()
        assert "n" not in board.held


async def test_a_lease_that_was_lost_publishes_nothing() -> None:
    board = Board()
    async with turn([board], "n", nothing) as mine:
        board.held["n"] = ("another", anyio.current_time() + 60)
        await anyio.sleep(LEASE / 2)
        await mine.publish("d", "late")
    assert board.held == {"n": board.held["n"]}


async def test_a_tier_that_does_not_answer_is_passed_over() -> None:
    silent, board = Board(), Board()
    silent.answers = False
    async with turn([silent, board], "n", nothing):
        assert "n" in board.held
    async with turn([silent], "n", nothing) as mine:
        assert mine.answer is None


async def test_a_load_that_fails_gives_its_lease_back(settings, database, clock) -> None:
    backend = Backend()
    backend.error = ServerUnavailable("gone")
    async with cache_of(settings, database, clock) as cache:
        for _ in range(2):
            with pytest.raises(ServerUnavailable), anyio.fail_after(LEASE / 2):
                await cache.get_or_load(("q",), backend, ttl=60, tags=(), shared=True)
        backend.error = None
        with anyio.fail_after(LEASE / 2):
            assert (await cache.get_or_load(("q",), backend, ttl=60, tags=(), shared=True)).payload == b"answer"


@pytest.mark.parametrize("keep", [True, False])
async def test_processes_whose_loads_come_to_nothing_load_side_by_side(settings, database, clock, keep) -> None:
    ended: list[float] = []

    async def load() -> Loaded:
        await anyio.sleep(0.3)
        if keep:
            raise ServerUnavailable("gone")
        return Loaded(b"half an answer", keep=False)

    async with AsyncExitStack() as stack:
        caches = [await stack.enter_async_context(cache_of(settings, database, clock)) for _ in range(4)]
        began = anyio.current_time()

        async def ask(cache: TieredCache) -> None:
            with contextlib.suppress(ServerUnavailable):
                await cache.get_or_load(("q",), load, ttl=60, tags=(), shared=True)
            ended.append(anyio.current_time() - began)

        async with anyio.create_task_group() as tasks:
            for cache in caches:
                tasks.start_soon(ask, cache)
    assert max(ended) < 2 * 0.3 + 0.5


async def test_a_locked_database_holds_nobody_up(settings, database, clock) -> None:
    backend = Backend()
    async with cache_of(settings, database, clock) as cache:
        with closing(sqlite3.connect(settings.data_dir / "cache.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with anyio.fail_after(2):
                found = await cache.get_or_load(("q",), backend, ttl=60, tags=(), shared=True)
            other.execute("ROLLBACK")
        assert found.payload == b"answer"


async def test_leases_that_are_over_are_cleared_away(settings, clock) -> None:
    async with open_database(settings, clock) as database:
        leases = database.cache_rows.leases
        assert await leases.take("one", "me", 1) is True
        assert await leases.take("one", "you", 1) is False
        assert await leases.prolong("one", "me", 1)
        assert not await leases.prolong("one", "you", 1)
        await leases.waive("one", "me", 1)
        assert await leases.take("one", "you", 1) == "waived"
        clock.now += 2
        assert await leases.take("two", "me", 1) is True
        with closing(sqlite3.connect(settings.data_dir / "cache.db")) as file:
            assert [name for (name,) in file.execute("SELECT name FROM leases")] == ["two"]


async def test_a_quick_load_takes_no_lease_again(settings, database, clock) -> None:
    backend = Backend()
    async with cache_of(settings, database, clock) as cache:
        await cache.get_or_load(("a",), backend, ttl=60, tags=("server:x",), shared=True)
        before = database.cache_rows.leases
        taken: list[str] = []

        class Counted:
            async def take(self, name: str, token: str, seconds: float) -> bool:
                taken.append(name)
                return await before.take(name, token, seconds)

            drop, waive, prolong = before.drop, before.waive, before.prolong

        database.cache_rows.leases = Counted()
        await cache.get_or_load(("b",), backend, ttl=60, tags=("server:x",), shared=True)
        assert taken == []
        await cache.get_or_load(("b",), backend, ttl=60, tags=("server:new",), shared=True)
        assert len(taken) == 1
        assert (await ask(cache, backend, "b")).payload == b"answer"
