"""Routing of sentences never heard before, among 10, 100 and 1,000 patterns."""

from __future__ import annotations

import time
from collections.abc import Awaitable

from bench.parts import Workplace
from bench.timing import Report, turn_by_turn
from tmws_patterns import ExecutionMode, PatternDefinition, PatternExecutionEngine

_SIZES = (10, 100, 1000)
_VERBS = """deploy restart rename archive export import validate compress encrypt inspect schedule cancel approve reject
    publish translate annotate merge split clone migrate monitor sign convert render upload download resize index tag
    notify bill""".split()
_NOUNS = """invoice container dataset report contract picture playlist ticket warehouse shipment customer campaign
    recipe lesson vehicle sensor notebook mailbox calendar firewall certificate backup podcast survey budget voucher
    museum garden stadium harbour orchestra laboratory""".split()


async def measure(place: Workplace, report: Report, effort: float) -> None:
    """Rows for each number of patterns. Five more are the built-in server's tools, which every engine has."""
    nothing = place.folder / "no_patterns"
    nothing.mkdir()
    (nothing / "none.yaml").write_text("infrastructure_patterns: []")
    for size in _SIZES:
        async with place.engine(f"routing{size}", TMWS_PATTERN_CONFIG=str(nothing)) as engine:
            await _routed(engine, report, size, int(200 * effort))


async def _routed(engine: PatternExecutionEngine, report: Report, size: int, calls: int) -> None:
    engine.registry.register_batch([_pattern(number) for number in range(size)])
    began = time.perf_counter()
    engine.router.decide("nothing of the kind", ExecutionMode.BALANCED)
    arranged = (time.perf_counter() - began) * 1000

    async def route(sentence: str, expected: str | None) -> None:
        decided = engine.router.decide(sentence, ExecutionMode.BALANCED).decision.pattern_name
        if decided != expected:
            raise RuntimeError(f"{sentence!r} went to {decided}, not to {expected}")

    def by_trigger(number: int) -> Awaitable[None]:
        verb, noun = _subject(number % size)
        return route(f"{verb} our {noun} {number}", f"{verb}_{noun}")

    def by_words(number: int) -> Awaitable[None]:
        verb, noun = _subject(number % size)
        return route(_spelled(f"could somebody {verb} the newest {noun} for us", number // size), f"{verb}_{noun}")

    def in_vain(number: int) -> Awaitable[None]:
        return route(f"who won the match of {number} and by how many goals", None)

    works = {"by a trigger": by_trigger, "by words": by_words, "nothing fits": in_vain}
    for kind, times in (await turn_by_turn(works, rounds=5, calls=calls)).items():
        note = f"arranged in {arranged:.1f} ms after a change" if kind == "by a trigger" else ""
        report.row("routing", f"among {size:,} patterns, {kind}", times, note)


def _subject(pattern: int) -> tuple[str, str]:
    return _VERBS[pattern % len(_VERBS)], _NOUNS[pattern // len(_VERBS)]


def _spelled(sentence: str, way: int) -> str:
    """The same words in another spelling for each of 256 ways, the bits of which are words in capitals."""
    return " ".join(w.upper() if way >> place & 1 else w for place, w in enumerate(sentence.split()))


def _pattern(number: int) -> PatternDefinition:
    verb, noun = _subject(number)
    return PatternDefinition.from_config(
        {
            "name": f"{verb}_{noun}",
            "pattern_type": "infrastructure",
            "description": f"{verb.title()} one {noun} by its number",
            "trigger_pattern": rf"^(?:please )?{verb} (?:the |our )?{noun} (?P<id>\d+)$",
            "examples": [
                f"{verb} the {noun} 42",
                f"I want to {verb} a {noun}",
                f"could somebody {verb} the newest {noun}",
                f"{noun} needs someone to {verb} it",
                f"{verb} every {noun} of last week",
            ],
            "effect": "read",
            "call": {"server": "echo", "tool": "echo", "arguments": {"text": "{id}"}},
        }
    )
