"""How well sentences reach their pattern with their arguments: the 400 sentences of tests/data, or others like them.

Planned by a real engine over the shipped patterns and servers, run nowhere.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.timing import Report
from tmws_patterns import PatternExecutionEngine, Settings, create_pattern_execution_engine
from tmws_patterns.encoder import is_installed
from tmws_patterns.errors import TmwsError

SENTENCES = Path(__file__).parent.parent.parent / "tests" / "data" / "routing_sentences.jsonl"
SECOND = SENTENCES.with_stem("routing_sentences_second")  # by another writer, never looked at
FREE = frozenset({"query", "topic", "content"})  # they take what is left of the sentence: scored where asked for


@dataclass(slots=True)
class Score:
    """Counts, and what went wrong with each sentence."""

    calls: int = 0
    sentences: int = 0
    right_pattern: int = 0
    right_arguments: int = 0
    wrongly_dispatched: int = 0
    faults: list[str] = field(default_factory=list)

    def percents(self) -> dict[str, float]:
        """right_pattern and right_arguments of all calls, wrongly_dispatched of all sentences."""
        return {
            "right_pattern_percent": round(100 * self.right_pattern / self.calls, 1),
            "right_arguments_percent": round(100 * self.right_arguments / self.calls, 1),
            "wrongly_dispatched_percent": round(100 * self.wrongly_dispatched / self.sentences, 1),
        }


@dataclass(frozen=True, slots=True)
class Outcome:
    """Where a sentence led: the pattern, whether it would run, and the arguments with what filled each."""

    pattern: str | None
    runs: bool
    arguments: Mapping[str, Any]
    said: Mapping[str, Any]
    why: str = ""


def load(path: Path = SENTENCES, half: str | None = None) -> list[dict[str, Any]]:
    """The sentences of a file, of one half if given; its first line is about them."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()[1:]]
    return [row for row in rows if half in (None, row["half"])]


async def outcome(engine: PatternExecutionEngine, text: str) -> Outcome:
    """What the engine would do with a sentence."""
    try:
        plan = await engine.plan(engine.call(text))
    except TmwsError as exc:
        decision = exc.decision
        details = exc.details
        offered = details.get("pattern") if exc.info.code in ("confirmation_required", "missing_arguments") else None
        values = dict(decision.arguments) if decision else {}
        values |= details.get("arguments") or details.get("understood") or {}
        name = offered or (decision.pattern_name if decision else None)
        known = engine.registry.index.named(name) if name else None
        defaults = {n: slot.default for n, slot in known.slots.items()} if known else {}
        said = {n: v for n, v in values.items() if v != defaults.get(n)}
        return Outcome(name, False, values, said, exc.info.code)
    values = dict(plan.decision.arguments)
    said = {n: v for n, v in values.items() if plan.filled.get(n) not in ("default", "context")}
    return Outcome(plan.decision.pattern_name, True, values, said)


async def score(engine: PatternExecutionEngine, rows: Iterable[Mapping[str, Any]]) -> Score:
    """All sentences, one after the other."""
    found = Score()
    for row in rows:
        got = await outcome(engine, row["text"])
        found.sentences += 1
        if row["kind"] != "call":
            if got.runs:
                found.wrongly_dispatched += 1
                found.faults.append(f"RAN {got.pattern}: {row['text']!r}")
            continue
        found.calls += 1
        reached = got.pattern in row["patterns"]
        wanted = row["arguments"] if got.pattern == row["patterns"][0] else {}
        fits = all(got.arguments.get(n) == v for n, v in wanted.items())
        extra = {n: v for n, v in got.said.items() if n not in wanted and n not in FREE and v not in (None, "", [], {})}
        if got.pattern != row["patterns"][0]:
            extra = {}
        found.right_pattern += reached
        found.right_arguments += reached and fits and not extra
        if got.runs and not reached:
            found.wrongly_dispatched += 1
        if not (reached and fits and not extra):
            label = "ARGUMENTS" if reached else "RAN" if got.runs else "MISSED"
            found.faults.append(
                f"{label} {got.pattern} {got.why} {dict(got.said)}: {row['text']!r} wants {row['patterns']} {wanted}"
            )
    return found


async def measure(folder: Path, report: Report) -> None:
    """A row for each half, without and with the sentence model, and the bars of the half that was never tuned on."""
    os.chdir(Path(__file__).parent.parent.parent)
    for label, embeddings in (("core", False), ("embeddings", True)):
        if embeddings and not is_installed():
            continue
        settings = Settings.load(data_dir=folder / label, route_embeddings=embeddings)
        async with await create_pattern_execution_engine(settings) as engine:
            await engine.discover(["git", "time", "fetch"])
            await engine.learned()
            sets = {"tuning": load(half="tuning"), "held": load(half="held"), "second": load(SECOND)}
            for name, rows in sets.items():
                found = (await score(engine, rows)).percents()
                told = ", ".join(f"{what.removesuffix('_percent')} {value}%" for what, value in found.items())
                report.row("sentences", f"{name}, {label}: {told}")
                if name == "held":
                    right, arguments, wrong = found.values()
                    report.bar(f"sentences_{label}_right_pattern", right, "%", 95, at_least=True)
                    report.bar(f"sentences_{label}_right_arguments", arguments, "%", 90, at_least=True)
                    report.bar(f"sentences_{label}_wrongly_dispatched", wrong, "%", 1)
