"""Hits of each tier, beside cashews; and the hit ratio of local memory, beside libCacheSim and LRU.

Both rivals are measured where they are installed: `pip install cashews libcachesim`.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, closing, contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import aiosqlite
import anyio
import numpy as np
from redis.asyncio import Redis

from bench.parts import Workplace
from bench.timing import Report, Times, Work, settled_heap, timed, turn_by_turn
from tmws_patterns import Settings
from tmws_patterns.cache import TieredCache, open_cache
from tmws_patterns.cache.keys import digest
from tmws_patterns.cache.local import LocalTier
from tmws_patterns.ports import Entry, Loaded
from tmws_patterns.storage import open_database

_PAYLOAD = b"x" * 1024
_KEPT = 200  # answers that are asked for again and again
_CALLERS = 50
_KEYS, _ASKED, _HELD = 10_000, 100_000, 500  # of a trace, and what the cache may hold of it
# The bars as multiples of the least that the same library took on the machine that they come from: 150 us where one GET
# took 72 and 600 us for 50 callers there, 100 us where aiosqlite took 37 for a row by its key. They mean the same on a
# slower machine.
_TO_LIBRARY = {"redis": 150 / 72, "database": 100 / 37}
_CROWD_TO_LIBRARY = 600 / 72
_TO_DATA_VERSION = 20 / 4.4  # the same of a whole repeat: 20 us where SQLite's data_version took 4.4
_TAGS = ("pattern:x", "server:y")


async def measure(place: Workplace, report: Report, effort: float) -> None:
    """All rows of this module; `effort` 1 is the usual number of calls."""
    await _execute(place, report, effort)
    await _local(place, report, effort)
    await _lower(place, report, effort)
    _ratios(report)


async def _load() -> Loaded:
    return Loaded(_PAYLOAD, keep=True)


async def _execute(place: Workplace, report: Report, effort: float) -> None:
    """The whole way of a repeated sentence to a page of 1 KB: one memory of 800 bytes with all that is told of it."""
    async with place.engine("hits") as engine:
        await engine.memory.store_many([{"content": "harbour " + " ".join(["word"] * 158)}])
        await engine.learned()
        sentence = "recall the harbour"
        for _ in range(2):
            result = await engine.execute(sentence)
        if not result.cache_hit or not result.result:
            raise RuntimeError(f"a repeat was no hit: {result}")
        with _watching(place.folder / "watched.db") as look:
            works: dict[str, Work] = {"execute": lambda _: engine.execute(sentence), "data_version": look}
            times, least = (await turn_by_turn(works, rounds=7, calls=int(3000 * effort))).values()
    report.row("hits", "execute, local hit, a page of 1 KB", times)
    report.row("hits", "beside it: SQLite's data_version, its own way to see another process's write", least)
    report.bar("execute_local_to_data_version", times.p50 / least.p50, "times", _TO_DATA_VERSION)
    report.bar("execute_local_p50", times.p50 * 1000, "us", 20)
    report.bar("execute_local_p99", times.p99 * 1000, "us", 100)


@contextmanager
def _watching(path: Path) -> Iterator[Work]:
    """A look at the data_version of an empty database, the least that SQLite takes to tell that nobody has written."""
    with closing(sqlite3.connect(path, isolation_level=None)) as watch:
        watch.execute("PRAGMA journal_mode = WAL")
        watch.execute("CREATE TABLE watched (value)")
        ask = watch.cursor().execute

        async def look(_: int) -> None:
            ask("PRAGMA data_version").fetchone()

        yield look


@asynccontextmanager
async def _cache(folder: Path, *, rows: bool = False, **settings: Any) -> AsyncIterator[TieredCache]:
    found = Settings.load({}, data_dir=folder, **settings)
    async with (
        open_database(found) as database,
        open_cache(found, database.cache_rows if rows else None, database.epochs, "bench") as cache,
    ):
        while found.redis_url and not cache.get_stats()["redis_available"]:  # noqa: ASYNC110 - it has no event
            await anyio.sleep(0.01)
        yield cache


async def _local(place: Workplace, report: Report, effort: float) -> None:
    async with _cache(place.folder / "local") as cache:
        works: dict[str, Work] = {
            "get_or_load, local hit": lambda _: cache.get_or_load(("k",), _load, ttl=3600, tags=_TAGS)
        }
        if find_spec("cashews"):
            beside = import_module("cashews").Cache()
            beside.setup("mem://")
            await beside.set("k", _PAYLOAD, expire=3600)
            works["beside it: cashews, memory"] = lambda _: beside.get("k")
        for name, times in (await turn_by_turn(works, rounds=7, calls=int(3000 * effort))).items():
            report.row("hits", name, times)


async def _lower(place: Workplace, report: Report, effort: float) -> None:
    """Redis and the database, with nothing in local memory: the tier alone, which has the bars, and the whole way."""
    bars = {"redis": (150, 600), "database": (100, None)}
    for name, (alone, together) in bars.items():
        url = place.redis_url if name == "redis" else ""
        more = {"cache_local_ttl": 0, "redis_url": url, "redis_timeout": 1.0}
        async with _cache(place.folder / name, rows=name == "database", **more) as cache:
            for number in range(_KEPT):
                await cache.get_or_load((number,), _load, ttl=3600, tags=_TAGS)
            await asyncio.sleep(0.5)  # the writes wait for a moment of rest
            look, ask = _looks(cache, name)
            works: dict[str, Work] = {f"{name}, 1 caller: the tier alone": look, f"{name}, 1 caller: get_or_load": ask}
            async with _beside(name, place) as beside:
                found = await turn_by_turn(works | beside, rounds=7, calls=int(800 * effort))
            for what, times in found.items():
                report.row("hits", what, times)
            tier, _, least = (times.p50 for times in found.values())
            report.bar(f"{name}_p50", tier * 1000, "us", alone)
            report.bar(f"{name}_p50_to_its_library", tier / least, "times", _TO_LIBRARY[name])
            if together:
                crowd = await _crowd(look, effort)
                report.row("hits", f"{name}, {_CALLERS} callers: the tier alone", crowd)
                report.row("hits", f"{name}, {_CALLERS} callers: get_or_load", await _crowd(ask, effort))
                report.bar(f"{name}_{_CALLERS}_p50", crowd.p50 * 1000, "us", together)
                report.bar(f"{name}_{_CALLERS}_p50_to_its_library", crowd.p50 / least, "times", _CROWD_TO_LIBRARY)
    if find_spec("cashews"):
        await _cashews(place, report, effort)


def _looks(cache: TieredCache, name: str) -> tuple[Work, Work]:
    """A look into the only lower tier of a cache, and the whole way to it."""
    (tier,) = cache._lower  # noqa: SLF001 - the tier alone is what is measured
    digests = [digest((number,)) for number in range(_KEPT)]

    async def look(number: int) -> None:
        if await tier.get(digests[number % _KEPT]) is None:
            raise RuntimeError("the tier lost an entry")

    async def ask(number: int) -> None:
        found = await cache.get_or_load((number % _KEPT,), _load, ttl=3600, tags=_TAGS)
        if found.tier != name:
            raise RuntimeError(f"meant to measure {name}, and measured {found.tier}")

    return look, ask


@asynccontextmanager
async def _beside(name: str, place: Workplace) -> AsyncIterator[dict[str, Work]]:
    """The least that the same look costs with the same library."""
    if name == "redis":
        async with Redis.from_url(place.redis_url, protocol=2) as redis:
            await redis.set("beside", _PAYLOAD)
            yield {"beside it: redis-py, GET": lambda _: redis.get("beside")}
        return
    async with aiosqlite.connect(place.folder / "beside.db", isolation_level=None) as connection:
        await connection.execute("CREATE TABLE kept (digest TEXT PRIMARY KEY, payload BLOB)")
        await connection.execute("INSERT INTO kept VALUES ('k', ?)", (_PAYLOAD,))
        statement = "SELECT payload FROM kept WHERE digest = 'k'"
        yield {"beside it: aiosqlite, one row": lambda _: connection.execute_fetchall(statement)}


async def _cashews(place: Workplace, report: Report, effort: float) -> None:
    beside = import_module("cashews").Cache()
    beside.setup(place.redis_url, client_side=False)
    for number in range(_KEPT):
        await beside.set(f"k{number}", _PAYLOAD, expire=3600)

    async def ask(number: int) -> None:
        if await beside.get(f"k{number % _KEPT}") is None:
            raise RuntimeError("cashews lost an entry")

    report.row("hits", "beside it: cashews, redis, 1 caller", await timed(ask, rounds=5, calls=int(400 * effort)))
    report.row("hits", f"beside it: cashews, redis, {_CALLERS} callers", await _crowd(ask, effort))
    await beside.close()


async def _crowd(ask: Work, effort: float) -> Times:
    """Callers side by side, each with the next call as soon as it has its answer."""
    rounds: list[list[float]] = []
    for turn in range(5):
        spans: list[float] = []

        async def caller(first: int, spans: list[float] = spans) -> None:
            for number in range(first, first + int(40 * effort)):
                began = time.perf_counter_ns()
                await ask(number)
                spans.append((time.perf_counter_ns() - began) / 1e6)

        with settled_heap():
            async with asyncio.TaskGroup() as tasks:
                for number in range(_CALLERS):
                    tasks.create_task(caller(number * 7 + turn))
        rounds.append(spans)
    return Times.of(rounds)


def _ratios(report: Report) -> None:
    """Hits in percent of each trace."""
    traces = {f"Zipf {skew}": _zipf(skew, _ASKED, seed=1) for skew in (0.8, 0.9, 1.0, 1.1)}
    traces["Zipf 1.0 with scans"] = _with_scans(_zipf(1.0, _ASKED, seed=2))
    moving = [_zipf(1.0, _ASKED // 10, seed) + seed * _KEYS // 4 for seed in range(10)]
    traces["Zipf 1.0, the popular ones shifting"] = np.concatenate(moving)
    gaps: list[float] = []
    for name, trace in traces.items():
        ours, lru = _by_us(trace), _by_lru(trace)
        said = f"{name}: S3-FIFO {ours:.1f}%, LRU {lru:.1f}%"
        if find_spec("libcachesim"):
            theirs = _by_libcachesim(trace)
            gaps.append(theirs - ours)
            said += f", libCacheSim's S3-FIFO {theirs:.1f}%"
        report.row("hit ratio", said)
    if gaps:
        report.bar("hit_ratio_below_libcachesim", max(gaps), "points", 1)
    else:
        report.row("hit ratio", "libcachesim is not installed: its bar is left out")


def _zipf(skew: float, asked: int, seed: int) -> Any:
    shares = 1 / np.arange(1, _KEYS + 1) ** skew
    return np.random.default_rng(seed).choice(_KEYS, size=asked, p=shares / shares.sum())


def _with_scans(trace: Sequence[int]) -> Any:
    """Every 2,000 requests, 600 keys that nobody asks for again."""
    found: list[int] = []
    for place, key in enumerate(trace):
        found.append(int(key))
        if place % 2_000 == 0:
            found += range(_KEYS + 600 * place, _KEYS + 600 * place + 600)
    return np.array(found)


def _by_us(trace: Sequence[int]) -> float:
    tier, entry, hits = LocalTier(_HELD, 2**40, 1e9, lambda: 0.0), Entry(b"x", 0.0, 1e9), 0
    for key in map(str, trace):
        if tier.peek(key) is None:
            tier.add(key, entry)
        else:
            hits += 1
    return 100 * hits / len(trace)


def _by_lru(trace: Sequence[int]) -> float:
    held: OrderedDict[int, None] = OrderedDict()
    hits = 0
    for key in trace:
        if key in held:
            hits += 1
            held.move_to_end(key)
        else:
            held[key] = None
            if len(held) > _HELD:
                held.popitem(last=False)
    return 100 * hits / len(trace)


def _by_libcachesim(trace: Sequence[int]) -> float:
    library = import_module("libcachesim")
    cache, request = library.S3FIFO(_HELD), library.Request()
    request.obj_size = 1
    hits = 0
    for key in trace:
        request.obj_id = int(key)
        hits += cache.get(request)
    return 100 * hits / len(trace)
