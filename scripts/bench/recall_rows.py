"""How well memories are found: ours in both forms, beside plain FTS5, tantivy and agentrecall-db, on the same sets.

A set is memories, questions and which memories answer each. Three are this project's own (tests/data), by writers who
saw nothing of the code: the constants were settled on `memories.jsonl`, with an eye on `memories_held.jsonl`;
`memories_blind.jsonl` was written after them. Public sets are read from a folder where one is given, each of the three
files that BEIR has: NAME_corpus.jsonl.gz, NAME_queries.jsonl.gz, NAME_qrels.tsv.gz; the blind questions are asked among
their texts too. On scifact the constants were settled as well. Measures: the share of questions whose first answer is
right, R@5 (of five, or of all where fewer are right), nDCG@10, and of the questions that nothing answers the share that
get no answer.
"""

from __future__ import annotations

import gzip
import json
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import anyio

from bench.rivals import Fts5, Tantivy
from bench.timing import Report
from tmws_patterns import Settings
from tmws_patterns.call import Principal
from tmws_patterns.encoder import PassageEncoder, is_installed, passage_encoder, static_encoder
from tmws_patterns.memory import MemoryService, Model, open_memory
from tmws_patterns.storage import open_database

_DATA = Path(__file__).parents[2] / "tests" / "data"
_NOW = datetime(2026, 11, 24, 15, tzinfo=UTC)
_SHOWN = 10
_CORPUS = "_corpus.jsonl.gz"
_FEW = 100  # questions of a large set in a quick run

Ask = Callable[["Question"], Awaitable[list[str]]]


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked by whom, and the keys that answer it, best first."""

    text: str
    agent: str
    expected: tuple[str, ...]
    kind: str


@dataclass(frozen=True, slots=True)
class Set:
    """Memories as rows for `store_many`, each with its key, and the questions to them."""

    name: str
    rows: list[dict[str, Any]]
    keys: list[str]
    questions: list[Question]


@dataclass(slots=True)
class Marks:
    """What one system came to on one set."""

    first: list[float] = field(default_factory=list)
    five: list[float] = field(default_factory=list)
    gain: list[float] = field(default_factory=list)
    silent: list[float] = field(default_factory=list)

    def mark(self, question: Question, found: Sequence[str]) -> None:
        """Count one answer."""
        right = set(question.expected)
        if not right:
            self.silent.append(not found)
            return
        self.first.append(bool(found) and found[0] in right)
        self.five.append(len(right & set(found[:5])) / min(5, len(right)))
        ideal = sum(1 / math.log2(place + 2) for place in range(min(_SHOWN, len(right))))
        self.gain.append(sum(1 / math.log2(place + 2) for place, key in enumerate(found) if key in right) / ideal)

    def __str__(self) -> str:
        columns = f"first {_mean(self.first):5.1f}  R@5 {_mean(self.five):5.1f}  nDCG@10 {_mean(self.gain):5.1f}"
        return columns + (f"  nothing said where nothing is known {_mean(self.silent):5.1f}" if self.silent else "")


async def measure(folder: Path, data: Path | None, report: Report, *, quick: bool) -> None:
    """The rows and bars of quality; `data` holds public sets, None for none."""
    for number, one in enumerate(_sets(data, quick=quick)):
        systems: dict[str, Callable[[Set, Path], Any]] = {"plain FTS5": partial(_rival, Fts5), "ours": _ours}
        if Tantivy.is_installed:
            systems["tantivy"] = partial(_rival, Tantivy)
        if find_spec("agentrecall"):
            systems["agentrecall-db"] = _agentrecall
        if is_installed():
            systems["ours, with embeddings"] = _ours_fine
        marks: dict[str, Marks] = {}
        for name, opened in systems.items():
            marks[name] = Marks()
            place = folder / f"{number}-{name.replace(' ', '-')}"
            place.mkdir()
            async with opened(one, place) as ask:
                for question in one.questions:
                    marks[name].mark(question, await ask(question))
            report.row(one.name, name, note=str(marks[name]))
        rivals = max(_mean(marks[name].gain) for name in marks if not name.startswith("ours"))
        for name in (name for name in marks if name.startswith("ours")):
            form = "embeddings" if "embeddings" in name else "core"
            report.bar(f"{one.name}_{form}_above_rivals", _mean(marks[name].gain) - rivals, "points", 0, at_least=True)


def _mean(values: Sequence[float]) -> float:
    return 100 * sum(values) / len(values) if values else 0.0


def _sets(data: Path | None, *, quick: bool) -> Iterable[Set]:
    yield _own("memories", "memory_questions")
    yield _own("memories_held", "memory_questions_held")
    blind = _own("memories_blind", "memory_questions_blind")
    yield blind
    for corpus in sorted(data.glob(f"*{_CORPUS}")) if data else ():
        public = _public(corpus, _FEW if quick else None)
        yield public
        if not quick:
            yield _among(blind, public)


def _own(memories: str, questions: str) -> Set:
    kept = [json.loads(line) for line in (_DATA / f"{memories}.jsonl").read_text("utf-8").splitlines()]
    rows = [
        {
            "content": row["content"],
            "agent_id": row["agent"],
            "tags": row["tags"],
            "importance": row["importance"],
            "access_level": row["access"],
            "shared_with": row.get("shared_with", ()),
            "created_at": _NOW - timedelta(days=row["age_days"]),
        }
        for row in kept
    ]
    asked = [json.loads(line) for line in (_DATA / f"{questions}.jsonl").read_text("utf-8").splitlines()]
    found = [Question(q["question"], q["agent"], tuple(q["expected"]), q["kind"]) for q in asked]
    return Set(memories, rows, [row["key"] for row in kept], found)


def _public(corpus: Path, limit: int | None) -> Set:
    """A set as BEIR lays them out, by the file of its texts; those of its questions and grades lie beside it."""
    name = corpus.name.removesuffix(_CORPUS)

    def lines(file: str) -> list[str]:
        with gzip.open(corpus.with_name(name + file), "rt", encoding="utf-8") as opened:
            return opened.read().splitlines()

    kept = [json.loads(line) for line in lines(_CORPUS)]
    right: dict[str, list[str]] = {}
    for line in lines("_qrels.tsv.gz")[1:]:
        question, key, grade = line.split("\t")
        if int(grade) > 0:
            right.setdefault(question, []).append(key)
    asked = [json.loads(line) for line in lines("_queries.jsonl.gz")]
    found = [Question(q["text"], "reader", tuple(right[_key(q)]), "") for q in asked if _key(q) in right]
    texts = [f"{row['title']}. {row['text']}" if row.get("title") else row["text"] for row in kept]
    rows = [{"content": text, "agent_id": "reader"} for text in texts]
    return Set(name, rows, [_key(row) for row in kept], found[:limit])


def _among(one: Set, others: Set) -> Set:
    """The same questions, where everybody also sees all memories of another set, none of which answers them."""
    rows = [{**row, "agent_id": "others", "access_level": "public"} for row in others.rows]
    keys = [f"{others.name} {key}" for key in others.keys]
    return Set(f"{one.name}_in_{others.name}", one.rows + rows, one.keys + keys, one.questions)


def _key(row: dict[str, Any]) -> str:
    return str(next(value for name, value in row.items() if name.endswith("id")))


@asynccontextmanager
async def _served(one: Set, folder: Path, **fine: Any) -> AsyncIterator[tuple[MemoryService, dict[str, str]]]:
    settings = Settings.load({}, data_dir=folder)
    async with (
        open_database(settings, _NOW.timestamp) as database,
        open_memory(database, Principal(), static_encoder(), _NOW.timestamp, **fine) as memory,
    ):
        ids: list[str] = []
        for start in range(0, len(one.rows), 500):
            ids += await memory.store_many(one.rows[start : start + 500])
        yield memory, dict(zip(ids, one.keys, strict=True))


@asynccontextmanager
async def _ours(one: Set, folder: Path) -> AsyncIterator[Ask]:
    async with _served(one, folder) as (memory, keys):

        async def ask(question: Question) -> list[str]:
            found = await memory.recall(question.text, agent_id=question.agent, limit=_SHOWN)
            return [keys[memory.id] for memory in found]

        yield ask


@asynccontextmanager
async def _ours_fine(one: Set, folder: Path) -> AsyncIterator[Ask]:
    async with _served(one, folder, fine=Model(PassageEncoder.name, passage_encoder)) as (memory, keys):
        await memory.recall("anything")
        while await memory.encoding_backlog():  # noqa: ASYNC110 - it has no event
            await anyio.sleep(0.2)

        async def ask(question: Question) -> list[str]:
            found = await memory.recall(question.text, agent_id=question.agent, limit=_SHOWN)
            return [keys[memory.id] for memory in found]

        yield ask


def _visible(one: Set) -> dict[str, set[str]]:
    """For each asking agent the keys that it may see: the rivals know no access levels, so theirs are filtered."""
    agents = {question.agent for question in one.questions}
    return {
        agent: {
            key
            for key, row in zip(one.keys, one.rows, strict=True)
            if row["agent_id"] == agent or row.get("access_level") == "public" or agent in row.get("shared_with", ())
        }
        for agent in agents
    }


@asynccontextmanager
async def _rival(made: Callable[[], Fts5 | Tantivy], one: Set, folder: Path) -> AsyncIterator[Ask]:
    del folder
    seen, rival = _visible(one), made()
    rival.add(" ".join((row["content"], *row.get("tags", ()))) for row in one.rows)

    async def ask(question: Question) -> list[str]:
        found = [one.keys[number] for number in rival.look(question.text, 200)]
        return [key for key in found if key in seen[question.agent]][:_SHOWN]

    yield ask


@asynccontextmanager
async def _agentrecall(one: Set, folder: Path) -> AsyncIterator[Ask]:
    seen = _visible(one)
    memory = import_module("agentrecall").Memory(str(folder / "agent.db"))
    keys = {}
    for key, row in zip(one.keys, one.rows, strict=True):
        added = memory.add(row["content"], tags=list(row.get("tags", ())))
        keys[getattr(added, "id", added)] = key

    async def ask(question: Question) -> list[str]:
        found = [keys.get(hit.id) for hit in memory.search(question.text, k=200)]
        return [key for key in found if key in seen[question.agent]][:_SHOWN]

    yield ask
    memory.close()
