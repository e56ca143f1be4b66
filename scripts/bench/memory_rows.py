"""How quickly memories are stored and found among many, on SQLite and on PostgreSQL, beside plain FTS5 and tantivy."""

from __future__ import annotations

import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import anyio
import numpy as np

from bench import pgvector_rows
from bench.rivals import Fts5, Tantivy
from bench.timing import Report, Times, percentile, turn_by_turn
from tmws_patterns import Settings
from tmws_patterns.call import Principal
from tmws_patterns.encoder import PassageEncoder, is_installed, passage_encoder, static_encoder
from tmws_patterns.encoder.static import vocabulary
from tmws_patterns.memory import MemoryService, Model, open_memory
from tmws_patterns.quantized import quantized
from tmws_patterns.storage import Database, open_database

_LENGTH, _ASKED, _LONG = 30, 5, 40  # words of a memory, of a question, and of a case that similar ones are sought for
_WORDS = 30_000
_AT_ONCE = 1_000  # memories of one transaction
_ONE_IN = 20  # memories are in the namespace that is asked
_BARS = {100_000: (3, 15), 1_000_000: (10, 30)}  # milliseconds, p50 and p99, unscoped
# What FTS5 took on the machine that the bars come from; as shares of it they mean the same on a slower machine, and for
# harder questions.
_FTS5_THERE = {100_000: (12, 53), 1_000_000: (137, 662)}
_ADDED = 10  # milliseconds at most that the sentence model adds, encoding the question among them
_FTS5, _FINE = "beside it: FTS5, all", "recall, all, with embeddings"


@dataclass(frozen=True, slots=True)
class Texts:
    """Random texts whose words are as unequal as those of a language (Zipf's law)."""

    words: np.ndarray[Any, Any]
    shares: np.ndarray[Any, Any]
    draw: np.random.Generator

    @classmethod
    def of(cls, seed: int) -> Texts:
        """The same texts for the same seed."""
        pieces = [word for word in vocabulary().words() if word.isalpha() and len(word) > 2]
        found = np.array(Random(1).sample(pieces, min(_WORDS, len(pieces))))
        shares = 1 / (np.arange(len(found)) + 2.7)
        return cls(found, shares / shares.sum(), np.random.default_rng(seed))

    def some(self, count: int, length: int) -> list[str]:
        """So many texts of so many words."""
        drawn = self.draw.choice(len(self.words), size=(count, length), p=self.shares)
        return [" ".join(row) for row in self.words[drawn]]


@asynccontextmanager
async def _memory(folder: Path, url: str = "") -> AsyncIterator[tuple[Database, MemoryService]]:
    settings = Settings.load({}, data_dir=folder, database_url=url)
    async with open_database(settings) as database, _service(database) as memory:
        yield database, memory


def _service(database: Database, fine: Model | None = None) -> AbstractAsyncContextManager[MemoryService]:
    return open_memory(database, Principal("bench", "owner"), static_encoder(), fine=fine)


async def measure(folder: Path, sizes: Sequence[int], urls: dict[str, str], report: Report, effort: float) -> None:
    """All rows; `urls` names the database of each engine, "" for SQLite."""
    await _writes(folder / "writes", report, effort)
    for engine, url in urls.items():
        for size in sizes:
            await _reads(folder / f"{engine}-{size}", engine, url, size, report, effort)


async def _writes(folder: Path, report: Report, effort: float) -> None:
    texts = Texts.of(2)
    async with _memory(folder) as (_, memory):
        single: list[float] = []
        for content in texts.some(int(300 * effort) + 20, _LENGTH):
            began = time.perf_counter()
            await memory.store(content)
            single.append((time.perf_counter() - began) * 1000)
        batch = [{"content": content} for content in texts.some(int(20_000 * effort), _LENGTH)]
        began = time.perf_counter()
        for start in range(0, len(batch), _AT_ONCE):
            await memory.store_many(batch[start : start + _AT_ONCE])
        rate = len(batch) / (time.perf_counter() - began)
    report.row("writes, sqlite", "store, one by one", Times(*(percentile(single, p) for p in (50, 95, 99))))
    report.row("writes, sqlite", f"store_many, {_AT_ONCE:,} at once", note=f"{rate:,.0f} a second")
    report.bar("stores_singly", 1000 / (sum(single) / len(single)), "a second", 200, at_least=True)
    report.bar("stores_in_batches", rate, "a second", 2000, at_least=True)


async def _reads(folder: Path, engine: str, url: str, size: int, report: Report, effort: float) -> None:
    texts = Texts.of(3)
    rivals: dict[str, Fts5 | Tantivy] = {}
    if engine == "sqlite":
        rivals = {_FTS5: Fts5(), **({"beside it: tantivy, all": Tantivy()} if Tantivy.is_installed else {})}
    group = f"{engine}, {size:,}"
    async with _memory(folder, url) as (_, memory):
        began, stored = time.perf_counter(), 0
        while stored < size:
            contents = texts.some(min(_AT_ONCE * 5, size - stored), _LENGTH)
            rows = [
                {"content": content, "agent_id": "guest", "namespace": "own" if n % _ONE_IN == 0 else "default"}
                for n, content in enumerate(contents)
            ]
            await memory.store_many(rows)
            for rival in rivals.values():
                rival.add(contents)
            stored += len(contents)
        storing = time.perf_counter() - began
        began = time.perf_counter()
        await memory.rebuild_index()
        indexing = time.perf_counter() - began
    async with AsyncExitStack() as stack:
        database, memory = await stack.enter_async_context(_memory(folder, url))
        questions, long = texts.some(400, _ASKED), texts.some(400, _LONG)
        works: dict[str, Any] = {
            "recall, all": lambda n: memory.recall(questions[n % 400], agent_id="guest"),
            "recall, all, by 40 words": lambda n: memory.recall(long[n % 400], agent_id="guest"),
            "recall, one namespace's": lambda n: memory.recall(questions[n % 400], agent_id="guest", namespace="own"),
        }
        if is_installed():
            await _encode(database)
            second = await stack.enter_async_context(_service(database, Model(PassageEncoder.name, passage_encoder)))
            works[_FINE] = lambda n: second.recall(questions[n % 400], agent_id="guest")
        for name, rival in rivals.items():
            works[name] = partial(_ask, rival, questions)
        found = await turn_by_turn(works, rounds=5, calls=max(20, int(100 * effort)))
    for what, times in found.items():
        report.row(group, what, times)
    used = await anyio.run_process([sys.executable, str(Path(__file__).with_name("resident.py")), str(folder), url])
    note = (
        f"stored in {storing:.0f} s, index made in {indexing:.0f} s; {_megabytes(folder)} MB of files;"
        f" a process that answers takes {int(used.stdout)} MB"
    )
    report.row(group, "cost", note=note)
    if _FINE in found:
        added = found[_FINE].p50 - found["recall, all"].p50
        report.bar(f"{engine}_{size}_added_by_embeddings", added, "ms", _ADDED)
    if url:
        await pgvector_rows.measure(url, size, report, effort)
    if size in _BARS:
        _hold(f"{engine}_{size}", size, found["recall, all"], found.get(_FTS5), report)


async def _encode(database: Database) -> None:
    """Give each memory a vector, as the sentence model would in an hour: a random one, as it takes as long to find."""
    draw, rows, width = np.random.default_rng(5), database.vectors, passage_encoder().width
    last = 0
    while waiting := await rows.unencoded_after(last, PassageEncoder.name, 10 * _AT_ONCE):
        vectors = draw.normal(size=(len(waiting), width))
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        kept = {number: row.tobytes() for (number, _), row in zip(waiting, quantized(vectors), strict=True)}
        await rows.keep_vectors(kept, PassageEncoder.name)
        last = max(kept)


def _hold(name: str, size: int, ours: Times, plain: Times | None, report: Report) -> None:
    """The bars of a size, in milliseconds and, beside FTS5, as shares of its times."""
    measured = (("p50", ours.p50, plain and plain.p50), ("p99", ours.p99, plain and plain.p99))
    for (which, value, rival), bar, theirs in zip(measured, _BARS[size], _FTS5_THERE[size], strict=True):
        report.bar(f"{name}_{which}", value, "ms", bar)
        if rival:
            report.bar(f"{name}_{which}_to_fts5", value / rival, "times", bar / theirs)


def _megabytes(folder: Path) -> int:
    """Of SQLite's files; 0 for PostgreSQL."""
    return sum(file.stat().st_size for file in folder.glob("memory.db*")) // 2**20


async def _ask(rival: Fts5 | Tantivy, questions: Sequence[str], number: int) -> None:
    rival.look(questions[number % len(questions)], 10)
