"""`engine.execute` in this process: hits of each tier, misses, recall, hybrid, and the hit rate on a Zipf trace."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import aiosqlite
from mcp import Client
from redis.asyncio import Redis

from bench.parts import MEMORIES, Workplace, question, remember
from bench.timing import Report, Times, Work, timed, turn_by_turn
from tmws_patterns import ExecutionResult, PatternExecutionEngine
from tmws_patterns.dispatch import builtin_server

_CITIES = "Berlin Paris Madrid Cairo Mumbai Seoul Sydney Toronto Chicago Lima".split()
_KEPT = 200  # answers that are asked for again and again where a lower tier is measured
_PURE = 0.95  # the least part of the calls that the tier under measurement must have answered
_KEYS, _CALLS, _SEED = 1_000, 10_000, 7  # of the Zipf trace
_GROUP = "execute"


async def measure(place: Workplace, report: Report, effort: float) -> None:
    """All rows of this module; `effort` 1 is the usual number of calls."""
    async with place.engine("main") as engine:
        await remember(engine)
        await _local_hits(engine, report, effort)
        await _misses(engine, report, effort)
        await _recall(engine, place, report, effort)
        await _hybrid(engine, place, report, effort)
    await _redis_hits(place, report, effort)
    await _database_hits(place, report, effort)
    await _zipf(place, report)


def conversion(number: int) -> str:
    """A sentence for mcp-server-time, another one for each of 14,400 numbers."""
    hour, minute = divmod(number % 1440, 60)
    return f"convert {hour:02d}:{minute:02d} from Tokyo to {_CITIES[number // 1440 % len(_CITIES)]}"


class Tiers:
    """Executes calls and counts the tiers that answered them. A failed call ends the run."""

    def __init__(self, engine: PatternExecutionEngine) -> None:
        self._engine = engine
        self.seen: Counter[str] = Counter()

    async def execute(self, query: str | None = None, mode: str | None = None, **more: Any) -> ExecutionResult:
        result = await self._engine.execute(query, mode, **more)
        if not result.success or "failed" in result.metadata:
            raise RuntimeError(f"{query or more} failed: {result}")
        self.seen[result.metadata.get("cache_tier", "miss")] += 1
        return result

    def expect(self, tier: str) -> None:
        """Raise where too many calls were answered by something else than what the row says."""
        if self.seen[tier] < _PURE * self.seen.total():
            raise RuntimeError(f"meant to measure {tier}, and measured {dict(self.seen)}")


async def _local_hits(engine: PatternExecutionEngine, report: Report, effort: float) -> None:
    sentences = {
        "local hit, an answer of mcp-server-time": conversion(0),
        "local hit, a number": "calculate 12 * (3 + 4)",
        "local hit, ten memories": f"recall {question(0)}",
    }
    for sentence in sentences.values():
        await Tiers(engine).execute(sentence)
    tiers = Tiers(engine)
    works: dict[str, Work] = {
        name: lambda _, sentence=sentence: tiers.execute(sentence) for name, sentence in sentences.items()
    }
    found = await turn_by_turn(works, rounds=7, calls=int(2000 * effort))
    tiers.expect("local")
    for name, times in found.items():
        report.row(_GROUP, name, times)
    hit = found["local hit, an answer of mcp-server-time"]
    report.bar("local_hit_p50", hit.p50 * 1000, "us", 50)
    report.bar("local_tier_p95", max(times.p95 for times in found.values()), "ms", 1)


async def _misses(engine: PatternExecutionEngine, report: Report, effort: float) -> None:
    tiers = Tiers(engine)
    async with Client(builtin_server({})) as client:
        works: dict[str, Work] = {
            "miss, in-memory server": lambda n: tiers.execute(f"calculate {n} + 1"),
            "the same without cache": lambda n: tiers.execute(f"calculate {n} + 2", use_cache=False),
            "beside it: the SDK client, in memory": lambda n: client.call_tool("calculate", {"expression": f"{n} + 3"}),
        }
        for name, times in (await turn_by_turn(works, rounds=5, calls=int(200 * effort))).items():
            report.row(_GROUP, name, times)
    infrastructure = await timed(lambda n: tiers.execute(conversion(n + 1)), rounds=5, calls=int(200 * effort))
    tiers.expect("miss")
    report.row(_GROUP, "miss, mcp-server-time over stdio", infrastructure)
    report.bar("infrastructure_p95", infrastructure.p95, "ms", 50)


async def _recall(engine: PatternExecutionEngine, place: Workplace, report: Report, effort: float) -> None:
    tiers = Tiers(engine)
    async with _opened(_file(place, "main", "memory")) as words:
        statement = "SELECT rowid FROM memory_words WHERE memory_words MATCH ? ORDER BY rank LIMIT 10"
        works: dict[str, Work] = {
            f"recall over {MEMORIES:,} rows": lambda n: tiers.execute(f"recall {question(n)}", use_cache=False),
            "beside it: FTS5 by aiosqlite": lambda n: words.execute_fetchall(
                statement, (question(n).replace(" ", " OR "),)
            ),
        }
        found = await turn_by_turn(works, rounds=5, calls=int(150 * effort))
    for name, times in found.items():
        report.row(_GROUP, name, times)
    report.bar("memory_p95", next(iter(found.values())).p95, "ms", 100)


async def _hybrid(engine: PatternExecutionEngine, place: Workplace, report: Report, effort: float) -> None:
    """Three tools beside a recall: one that waits, one that computes on every core, one quicker than the recall."""
    tiers, repository = Tiers(engine), {"repo_path": str(place.repository)}
    waiting: dict[str, Work] = {
        "hybrid, a tool of 25 ms beside recall": lambda n: tiers.execute(f"look up {question(n)}", use_cache=False),
        "its tool half alone": lambda n: tiers.execute(
            pattern="echo.look_up", arguments={"text": question(n)}, use_cache=False
        ),
        "its memory half alone": _recalling(tiers),
    }
    computing: dict[str, Work] = {
        "hybrid, git_log beside recall": lambda n: tiers.execute(
            question(n), pattern="analyze_codebase", arguments=repository, use_cache=False
        ),
        "its tool half alone": lambda _: tiers.execute(pattern="git_log", arguments=repository, use_cache=False),
        "its memory half alone": _recalling(tiers),
    }
    quick: dict[str, Work] = {
        "comprehensive, echo beside recall": lambda n: tiers.execute(
            f"echo {question(n)}", "comprehensive", use_cache=False
        ),
        "its tool half alone": lambda n: tiers.execute(f"echo {question(n)}", "fast", use_cache=False),
        "its memory half alone": _recalling(tiers, "echo "),
    }
    whole, ratio = await _halves(waiting, report, int(30 * effort))
    others = [(await _halves(works, report, int(30 * effort)))[0] for works in (computing, quick)]
    report.bar("hybrid_p95", max(times.p95 for times in (whole, *others)), "ms", 200)
    report.bar("hybrid_over_slower_half_p50", ratio, "times", 1.1)


def _recalling(tiers: Tiers, before: str = "") -> Work:
    return lambda n: tiers.execute(pattern="recall_memory", arguments={"query": before + question(n)}, use_cache=False)


async def _halves(works: dict[str, Work], report: Report, calls: int) -> tuple[Times, float]:
    """The times of the whole, which comes first, and its p50 over that of the slower half."""
    found = await turn_by_turn(works, rounds=5, calls=calls)
    whole, *halves = found.values()
    ratio = whole.p50 / max(half.p50 for half in halves)
    for name, times in found.items():
        report.row(_GROUP, name, times, f"{ratio:.2f} times its slower half" if times is whole else "")
    return whole, ratio


async def _redis_hits(place: Workplace, report: Report, effort: float) -> None:
    variables = {"TMWS_REDIS_URL": place.redis_url, "TMWS_CACHE_LOCAL_TTL": "0"}
    async with place.engine("redis", **variables) as engine, Redis.from_url(place.redis_url) as redis:
        tiers = await _filled(engine, "redis")
        await redis.set("bench", b"x" * 300)
        works: dict[str, Work] = {
            "Redis hit": lambda n: tiers.execute(conversion(n % _KEPT)),
            "beside it: GET by redis-py": lambda _: redis.get("bench"),
        }
        found = await turn_by_turn(works, rounds=5, calls=int(_KEPT * effort))
        await redis.delete("bench")
    tiers.expect("redis")
    for name, times in found.items():
        report.row(_GROUP, name, times)
    report.bar("redis_tier_p95", found["Redis hit"].p95, "ms", 5)


async def _database_hits(place: Workplace, report: Report, effort: float) -> None:
    async with place.engine("database", TMWS_CACHE_LOCAL_TTL="0") as engine:
        tiers = await _filled(engine, "database")
        async with _opened(_file(place, "database", "cache")) as rows:
            digests = [digest for (digest,) in await rows.execute_fetchall("SELECT digest FROM cache_entries")]
            statement = "SELECT payload FROM cache_entries WHERE digest = ?"
            works: dict[str, Work] = {
                "database hit": lambda n: tiers.execute(conversion(n % _KEPT)),
                "beside it: SELECT by aiosqlite": lambda n: rows.execute_fetchall(
                    statement, (digests[n % len(digests)],)
                ),
            }
            found = await turn_by_turn(works, rounds=5, calls=int(_KEPT * effort))
    tiers.expect("database")
    for name, times in found.items():
        report.row(_GROUP, name, times)
    report.bar("database_tier_p95", found["database hit"].p95, "ms", 100)


async def _filled(engine: PatternExecutionEngine, tier: str) -> Tiers:
    """Once all the answers asked for come from that tier: they get there behind the calls."""
    async with asyncio.timeout(30):
        while True:
            tiers = Tiers(engine)
            for number in range(_KEPT):
                await tiers.execute(conversion(number))
            if tiers.seen[tier] == _KEPT:
                return Tiers(engine)


async def _zipf(place: Workplace, report: Report) -> None:
    keys = Random(_SEED).choices(range(_KEYS), [1 / (rank + 1) for rank in range(_KEYS)], k=_CALLS)
    async with place.engine("zipf") as engine:
        tiers = Tiers(engine)
        for key in keys:
            await tiers.execute(f"calculate {key} * 7")
        rate = 100 * (1 - tiers.seen["miss"] / _CALLS)
        told = engine.get_stats()["cache_hit_rate"]
    trace = f"Zipf 1.0 over {_KEYS:,} calculations, {_CALLS:,} calls, Random({_SEED})"
    note = ", ".join(f"{tier} {n:,}" for tier, n in tiers.seen.most_common())
    report.row("hit rate", f"{trace}: {rate:.1f}%", None, f"{note}; {len(set(keys))} keys came; stats say {told:.1f}%")
    report.bar("hit_rate_zipf", rate, "%", 85, at_least=True)


@asynccontextmanager
async def _opened(path: Path) -> AsyncIterator[aiosqlite.Connection]:
    async with aiosqlite.connect(f"file:{path}?mode=ro", uri=True) as connection:
        yield connection


def _file(place: Workplace, name: str, kind: str) -> Path:
    """A database file of an engine."""
    return place.folder / "data" / name / f"{kind}.db"
