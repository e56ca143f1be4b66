"""How well routes and tools are found, beside TMWS's way and semantic-router's method in the same run.

TMWS's way: a route's keywords are the words of its examples, the share of the sentence's words that are among
them decides. semantic-router's method: the five nearest utterances by MiniLM vote for their routes with their
cosine, averaged a route.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np

from bench.datasets import Catalogue, Intents, catalogue, intents, rows
from bench.timing import Report
from tmws_patterns import PatternDefinition
from tmws_patterns.encoder import is_installed, sentence_encoder, static_encoder
from tmws_patterns.pattern import PatternType
from tmws_patterns.routing import Encoder, Learned, PatternIndex, study
from tmws_patterns.routing.router import toss_up
from tmws_patterns.routing.text import STOP_WORDS, words
from tmws_patterns.targets import Effect, ToolTarget

Judge = Callable[[str], tuple[str, float]]
_BARS = {  # set: (accuracy core, fine), at 10 examples
    "clinc150": (87.0, 91.5), "banking77": (83.0, 86.0),
}  # fmt: skip
_TOOL_BARS = {"metatool": (45.0, 56.0), "apizoo": (45.0, 51.0)}


class Remembering:
    """An encoder that does each sentence once: the same sentences are asked for every seed."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._kept: dict[str, Any] = {}
        self.width, self.name = encoder.width, encoder.name
        self.knows = encoder.knows

    def encode(self, text: str) -> Any:
        return self.encode_all([text])[0]

    def encode_all(self, texts: Sequence[str]) -> Any:
        new = [text for text in dict.fromkeys(texts) if text not in self._kept]
        self._kept.update(zip(new, self._encoder.encode_all(new), strict=True))
        return np.stack([self._kept[text] for text in texts]) if texts else np.zeros((0, self.width), np.float32)


def measure(folders: list[Path], report: Report, *, seeds: int, questions: int) -> None:
    """Rows for each set that is there, and the bars of those: `questions` at most asked of each catalogue."""
    core = static_encoder()
    fine = Remembering(sentence_encoder()) if is_installed() else None
    for name in _BARS:
        if not (found := rows(folders, name)):
            report.row("quality", f"{name}: not in the folders given, left out")
            continue
        for examples in (5, 10):
            sets = [intents(found, examples, seed) for seed in range(seeds)]
            _intents(name, examples, sets, core, fine, report)
        _toss_ups(name, sets[0], core, report)
    for name in _TOOL_BARS:
        if (tools := catalogue(folders, name, questions)) is None:
            report.row("quality", f"{name}: not in the folders given, left out")
        else:
            _tools(name, tools, core, fine, report)


def _intents(
    name: str, examples: int, sets: list[Intents], core: Encoder, fine: Encoder | None, report: Report
) -> None:
    ways: dict[str, Callable[[Intents], Judge]] = {
        "keywords, as TMWS": _keywords,
        "core": lambda found: _ours(found, core, None),
    }
    if fine is not None:
        ways["semantic-router's method, MiniLM"] = lambda found: _nearest(found, fine)
        ways["with embeddings"] = lambda found: _ours(found, core, fine)
    for way, make in ways.items():
        scores = [_judged(found, make(found)) for found in sets]
        right, refused, error = (mean(s[i] for s in scores) for i in range(3))
        strange = f", strangers refused at 5% loss {refused:.1f}%" if sets[0].strangers else ""
        report.row("quality", f"{name}, {examples} examples, {way}: {right:.1f}% right{strange}, ECE {error:.1f}%")
        place = {"core": 0, "with embeddings": 1}.get(way)
        if examples != 10 or place is None:
            continue
        label = f"{name}_{'core' if place == 0 else 'embeddings'}"
        report.bar(f"{label}_accuracy", right, "%", _BARS[name][place], at_least=True)
        if sets[0].strangers:
            report.bar(f"{label}_strangers_refused", refused, "%", (70.0, 82.0)[place], at_least=True)
            report.bar(f"{label}_calibration_error", error, "%", 3.0)


def _judged(found: Intents, judge: Judge) -> tuple[float, float, float]:
    """Percent right, percent of strangers below what 95% of the others reach, calibration error in percent."""
    answers = [(route == truth, sure) for text, truth in found.asked for route, sure in [judge(text)]]
    strange = np.array([judge(text)[1] for text in found.strangers])
    right, sure = np.array([a for a, _ in answers]), np.array([s for _, s in answers])
    refused = float((strange < np.quantile(sure, 0.05)).mean()) if len(strange) else 0.0
    everything = np.r_[sure, strange], np.r_[right, np.zeros(len(strange), bool)]
    return 100 * float(right.mean()), 100 * refused, 100 * _calibration_error(*everything)


def _calibration_error(sure: Any, right: Any, bins: int = 15) -> float:
    """Expected calibration error over bins of equal width (Guo et al., 2017)."""
    places = np.minimum((sure * bins).astype(int), bins - 1)
    return sum(
        float((places == b).mean()) * abs(float(sure[places == b].mean()) - float(right[places == b].mean()))
        for b in set(places.tolist())
    )


def _ours(found: Intents, core: Encoder, fine: Encoder | None) -> Judge:
    index, routes = _index(found, core, fine)

    def judge(text: str) -> tuple[str, float]:
        best = index.candidates(text)
        return (routes[best[0].name], best[0].confidence) if best else ("", 0.0)

    return judge


def _index(found: Intents, core: Encoder, fine: Encoder | None) -> tuple[PatternIndex, dict[str, str]]:
    """The examples as patterns, all learned, and each pattern's route."""
    examples = defaultdict(list)
    for route, text in found.examples:
        examples[route].append(text)
    routes = {_safe(route): route for route in examples}
    index = PatternIndex(_pattern(name, examples[route]) for name, route in routes.items())
    lessons = index.lessons
    learned = Learned(study(lessons, core), study(lessons, fine) if fine else None, lessons.taught)
    return index.knowing(learned), routes


def _toss_ups(name: str, found: Intents, core: Encoder, report: Report) -> None:
    """How often the first of two is right by which the router is torn, at three heights of its confidence."""
    index, routes = _index(found, core, None)
    for least, most in ((0.5, 0.8), (0.8, 0.9), (0.9, 1.0)):
        rights: dict[bool, list[bool]] = {True: [], False: []}
        for text, truth in found.asked:
            best = index.candidates(text)[:2]
            if len(best) == 2 and least <= best[0].confidence < most:
                torn = toss_up(best[0].confidence, best[1].confidence)
                rights[torn].append(routes[best[0].name] == truth)
        said = {torn: f"{100 * mean(right or [0]):.0f}% of {len(right)}" for torn, right in rights.items()}
        report.row(
            "quality", f"{name}, core, at {least:g} to {most:g}: right in {said[True]} toss-ups, {said[False]} others"
        )


def _safe(route: str) -> str:
    """A route as a pattern may be named: one of BANKING77's ends with a question mark."""
    return "".join(c if c.isalnum() or c in "_.-" else "_" for c in route)


def _pattern(name: str, examples: Sequence[str]) -> PatternDefinition:
    call = ToolTarget(server="none", tool="none")
    return PatternDefinition(name, PatternType.INFRASTRUCTURE, examples=tuple(examples), call=call, effect=Effect.READ)


def _keywords(found: Intents) -> Judge:
    keywords = defaultdict(set)
    for route, text in found.examples:
        keywords[route] |= {w for w in words(text) if w not in STOP_WORDS}

    def judge(text: str) -> tuple[str, float]:
        said = [w for w in words(text) if w not in STOP_WORDS] or [""]
        return max(((r, sum(w in k for w in said) / len(said)) for r, k in keywords.items()), key=lambda s: s[1])

    return judge


def _nearest(found: Intents, encoder: Encoder) -> Judge:
    routes = [route for route, _ in found.examples]
    rows_ = encoder.encode_all([text for _, text in found.examples])

    def judge(text: str) -> tuple[str, float]:
        likeness = rows_ @ encoder.encode(text)
        votes = defaultdict(list)
        for place in np.argpartition(-likeness, 5)[:5]:
            votes[routes[place]].append(float(likeness[place]))
        return max(((route, mean(said)) for route, said in votes.items()), key=lambda s: s[1])

    return judge


def _tools(name: str, found: Catalogue, core: Encoder, fine: Encoder | None, report: Report) -> None:
    titles = _titles(found)
    patterns = [
        PatternDefinition(
            title,
            PatternType.INFRASTRUCTURE,
            description=f"{tool['description']} {tool.get('long', '')[:300]}",
            call=ToolTarget(server=str(i), tool=tool["name"]),
            definition_hash=str(i),
        )
        for i, (title, tool) in enumerate(zip(titles, found.tools, strict=True))
    ]
    parameters = {title: tuple(t.get("args", ())) for title, t in zip(titles, found.tools, strict=True)}
    ids = {title: str(tool["id"]) for title, tool in zip(titles, found.tools, strict=True)}
    index = PatternIndex(patterns, parameters)
    lessons = index.lessons
    for place, (way, second) in enumerate({"core": None, "with embeddings": fine}.items()):
        if place and fine is None:
            continue
        known = index.knowing(Learned(study(lessons, core), study(lessons, second) if second else None, lessons.taught))
        hits: Counter[int] = Counter()
        for text, relevant in found.asked:
            best = [ids[c.name] for c in known.candidates(text, 5)[:5]]
            hits[1] += bool(best) and best[0] in relevant
            hits[5] += not relevant.isdisjoint(best)
        first, five = (100 * hits[n] / len(found.asked) for n in (1, 5))
        report.row("quality", f"{name}, {len(patterns):,} tools, {way}: R@1 {first:.1f}%, R@5 {five:.1f}%")
        label = "core" if place == 0 else "embeddings"
        report.bar(f"{name}_{label}_r1", first, "%", _TOOL_BARS[name][place], at_least=True)


def _titles(found: Catalogue) -> list[str]:
    """A name of its own for each tool: the tool's, with a number where several have it."""
    seen: Counter[str] = Counter()
    titles = []
    for tool in found.tools:
        seen[tool["name"]] += 1
        titles.append(tool["name"] if seen[tool["name"]] == 1 else f"{tool['name']} {seen[tool['name']]}")
    return titles
