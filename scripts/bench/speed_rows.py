"""How long a decision takes: among routes, triggers and tools, on sentences never heard before.

Beside it, in the same rounds, TMWS's way with triggers: one `re` after the other. Load is the time from
patterns to a first decision, learning the time of a worker thread.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import product
from statistics import median

from bench.timing import Report, percentile, settled_heap
from tmws_patterns import PatternDefinition
from tmws_patterns.encoder import static_encoder
from tmws_patterns.pattern import PatternType
from tmws_patterns.routing import Learned, PatternIndex, study
from tmws_patterns.targets import Effect, ToolTarget

_VERBS = """deploy restart rename archive export import validate compress encrypt inspect schedule cancel approve reject
    publish translate annotate merge split clone migrate monitor sign convert render upload download resize index
    notify bill audit balance measure draw paint quote trace collect repair""".split()
_NOUNS = """invoice container dataset report contract picture playlist ticket warehouse shipment customer campaign
    recipe lesson vehicle sensor notebook mailbox calendar firewall certificate backup podcast survey budget voucher
    museum garden stadium harbour orchestra laboratory bridge engine passport tunnel printer canvas statue
    ladder""".split()
_PLACES = "Lyon Oslo Quito Perth Lagos Turin Osaka".split()
_FRAMES = (
    "could somebody {v} the {n} in {p}", "{v} my {n}", "i need to {v} a {n} today", "{n}: {v} it please",
    "we should {v} every {n} of last week", "is it possible to {v} this {n}", "help me {v} the {n} by Friday",
    "{v} the newest {n} for us", "what happens if i {v} the {n}", "let's {v} a {n} in {p}",
)  # fmt: skip
_ROUNDS = 5


def measure(report: Report, calls: int) -> None:
    """Rows by size, and the bars of the sizes that have one."""
    for size in (10, 150, 1_000, 10_000):
        _routes(report, size, calls)
    for size in (10, 100, 1_000, 10_000):
        _triggers(report, size, calls)
    _catalogue(report, 7_000, calls)


def _timed(work: Callable[[str], object], sentences: Sequence[str]) -> tuple[float, float, float]:
    """(p50, p99, most) in microseconds: medians of the rounds; each sentence is asked once."""
    rounds = []
    share = len(sentences) // _ROUNDS
    for start in range(0, share * _ROUNDS, share):
        with settled_heap():
            spans = []
            for sentence in sentences[start : start + share]:
                began = time.perf_counter_ns()
                work(sentence)
                spans.append((time.perf_counter_ns() - began) / 1e3)
        rounds.append(spans)
    return (
        median(percentile(r, 50) for r in rounds),
        median(percentile(r, 99) for r in rounds),
        median(map(max, rounds)),
    )


def _routes(report: Report, size: int, calls: int) -> None:
    """Patterns with ten examples and no trigger: the learned stage decides."""
    patterns = [_pattern(i, trigger=False) for i in range(size)]
    began = time.perf_counter()
    index = PatternIndex(patterns)
    loaded = time.perf_counter() - began
    began = time.perf_counter()
    lessons = index.lessons
    index = index.knowing(Learned(study(lessons, static_encoder()), known=lessons.taught))
    learned = time.perf_counter() - began
    p50, p99, most = _timed(index.candidates, list(_sentences(calls)))
    report.row(
        "speed",
        f"{size:,} routes: p50 {p50:.0f} us, p99 {p99:.0f} us, most {most / 1000:.2f} ms"
        f"; loaded in {loaded * 1000:.0f} ms, learned in {learned * 1000:.0f} ms",
    )
    if size == 150:
        report.bar("routes_150_p50", p50, "us", 100)
        report.bar("routes_150_p99", p99, "us", 250)
        report.bar("learned_150", learned, "s", 0.5)
    report.bar(f"routes_{size}_most", most / 1000, "ms", 5)


def _triggers(report: Report, size: int, calls: int) -> None:
    """Patterns with a trigger and no example, by re2 together and by `re` one after the other."""
    patterns = [_pattern(i, trigger=True) for i in range(size)]
    index = PatternIndex(patterns)
    single = [re.compile(p.trigger_pattern, re.IGNORECASE) for p in patterns]
    asked = list(_sentences(calls))
    few = asked[: max(50, calls // size)]
    p50, p99, most = _timed(index.settled, asked)
    slow50, slow99, _ = _timed(lambda sentence: [one.search(sentence) for one in single], few)
    report.row(
        "speed",
        f"{size:,} triggers: p50 {p50:.0f} us, p99 {p99:.0f} us; one by one with re {slow50:.0f} and {slow99:.0f} us",
    )
    if size == 10_000:
        report.bar("triggers_10000_p50", p50, "us", 50)
        report.bar("triggers_10000_p99", p99, "us", 300)
        report.bar("triggers_10000_most", most / 1000, "ms", 5)


def _catalogue(report: Report, size: int, calls: int) -> None:
    """Tools without a pattern."""
    patterns = [_tool(i) for i in range(size)]
    index = PatternIndex(patterns)
    lessons = index.lessons
    index = index.knowing(Learned(study(lessons, static_encoder()), known=lessons.taught))
    p50, p99, most = _timed(index.candidates, list(_sentences(calls)))
    report.row("speed", f"{size:,} tools: p50 {p50:.0f} us, p99 {p99:.0f} us, most {most / 1000:.2f} ms")
    report.bar("tools_7000_p50", p50, "us", 400)
    report.bar("tools_7000_p99", p99, "us", 1_000)
    report.bar("tools_7000_most", most / 1000, "ms", 5)


def _subject(number: int) -> tuple[str, str, str]:
    pair, place = number % (len(_VERBS) * len(_NOUNS)), number // (len(_VERBS) * len(_NOUNS))
    return _VERBS[pair % len(_VERBS)], _NOUNS[pair // len(_VERBS)], _PLACES[place % len(_PLACES)]


def _pattern(number: int, *, trigger: bool) -> PatternDefinition:
    verb, noun, place = _subject(number)
    said = tuple(frame.format(v=verb, n=noun, p=place) for frame in _FRAMES)
    return PatternDefinition(
        f"{verb}_{noun}_{place}",
        PatternType.INFRASTRUCTURE,
        description=f"{verb} one {noun} in {place}",
        trigger_pattern=rf"^(?:please )?{verb} (?:the |our )?{noun} in {place} (?P<id>\d+)" if trigger else "",
        examples=() if trigger else said,
        call=ToolTarget(server="none", tool=str(number)),
        effect=Effect.READ,
    )


def _tool(number: int) -> PatternDefinition:
    verb, noun, place = _subject(number)
    return PatternDefinition(
        f"{place.lower()}.{verb}_{noun}",
        PatternType.INFRASTRUCTURE,
        description=f"{verb.title()} one {noun} that belongs to the office in {place}, by its number, and tell who",
        call=ToolTarget(server=place, tool=str(number)),
        definition_hash=str(number),
    )


def _sentences(count: int) -> Iterator[str]:
    """Different sentences about the subjects, and as many about nothing of the kind."""
    made = product(range(10**6), _FRAMES)
    for i in range(count):
        number, frame = next(made)
        verb, noun, place = _subject(number * 7)
        if i % 4 == 3:
            yield f"who won the match number {i} and by how many goals did they win it"
        else:
            yield f"{frame.format(v=verb, n=noun, p=place)} number {i}"
