"""Routing of sentences never heard before, among 10, 100 and 1,000 patterns."""

from __future__ import annotations

import time
from pathlib import Path

from bench.parts import Workplace
from bench.timing import Report, timed

from tmws_patterns import ExecutionMode, PatternDefinition

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
    for size in _SIZES:
        times, built = await _routed(place, nothing, size, int(1000 * effort))
        note = f"arranged in {built:.1f} ms after a change"
        report.row("routing", f"among {size:,} patterns", times, note)


async def _routed(place: Workplace, folder: Path, size: int, calls: int) -> tuple:
    async with place.engine(f"routing{size}", TMWS_PATTERN_CONFIG=str(folder)) as engine:
        engine.registry.register_batch([_pattern(number) for number in range(size)])
        began = time.perf_counter()
        engine.router.decide("nothing of the kind", ExecutionMode.BALANCED)
        built = (time.perf_counter() - began) * 1000

        async def route(number: int) -> None:
            engine.router.decide(_sentence(number, size), ExecutionMode.BALANCED)

        return await timed(route, rounds=5, calls=calls), built


def _pattern(number: int) -> PatternDefinition:
    verb, noun = _VERBS[number % len(_VERBS)], _NOUNS[number // len(_VERBS)]
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


def _sentence(number: int, size: int) -> str:
    """Never the same twice: of five, two fit a trigger, two fit by their words, and one fits nothing."""
    pattern = number % size
    verb, noun = _VERBS[pattern % len(_VERBS)], _NOUNS[pattern // len(_VERBS)]
    match number % 5:
        case 0 | 1:
            return f"{verb} our {noun} {number}"
        case 2 | 3:
            return f"somebody has to {verb} a {noun} before {number}"
        case _:
            return f"who won the match of {number} and by how many goals"
