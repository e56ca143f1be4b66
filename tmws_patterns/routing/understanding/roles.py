"""What the words before a value say of it: from where, to where, in which place, one of several."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import replace

from tmws_patterns.routing.text import STOP_WORDS
from tmws_patterns.routing.understanding.places import zone_of
from tmws_patterns.routing.understanding.spans import Heard, Span
from tmws_patterns.routing.understanding.units import UNITS
from tmws_patterns.routing.understanding.wanted import Wanted

_BEFORE = re.compile(r"([A-Za-z]{1,20})\W?\s?(?:(?:the|a|an|my|airport|city)\s)?$")
_FROM = frozenset("from starting departing leaving between since after source".split())
_TO = frozenset("to into until till through before towards toward as".split())
_INTO = frozenset(("in", "many", "much"))  # "20 EUR in USD", "how many pounds are"
_LOWER = re.compile(
    r"(?<!\w)(?:in|at|near|around|for|from|to|between|and|of|city|timezone)\s(?:the\scity\sof\s)?([a-z][\w'\-]{1,30}(?:\s[a-z][\w'\-]{1,30}){0,2})"
)
_NO_PLACES = frozenset(
    "general nice most time date march may spring best imperial day center centre police bug bar bank sale mobile bath "
    "reading order me you us it".split()
)
_SHORTEST = 4  # letters of a place that is known without a capital
_WORD = re.compile(r"(?<![\w.])[^\W\d_]{2,20}(?!\w)")
_REACH = 12  # characters between the two ends of a pair that belong together
_BASED = re.compile(r"\b(?:based on|starting (?:at|from)|on top of|off)\s(?:the\s)?(?:branch\s)?['\"]?$", re.IGNORECASE)
_BOUND = re.compile(r"\b(?:no|not|or) (?:(?P<to>later than|after)|(?P<from>earlier than|before))\s$", re.IGNORECASE)
_NEAR = 8  # spans to either side among which a pair's other end is looked for
_JOINT = re.compile(r"\s?,?\s?(?:and|or|,)\s")


def preposition(span: Span, heard: Heard) -> str:
    """The word before a value, articles left out, folded; "" for none."""
    match = _BEFORE.search(heard.plain[max(0, span.start - 40) : span.start])
    return match.group(1).lower() if match else ""


def role_of(span: Span, heard: Heard) -> str:
    """Which end of a pair a value is, "from" or "to"; "" that is neither. Several properties ask it of one value."""
    key = (span.kind, span.start, span.end)
    if (known := heard.roles.get(key)) is None:
        bound = _BOUND.search(heard.plain, max(0, span.start - 24), span.start)
        known = heard.roles[key] = _role(span, heard) if bound is None else bound.lastgroup or ""
    return known


def _role(span: Span, heard: Heard) -> str:
    word = preposition(span, heard)
    if word in _FROM or _BASED.search(heard.plain, max(0, span.start - 24), span.start):
        return "from"
    if word in _TO or (word in _INTO and span.kind in ("currency", "unit")):
        return "to"
    at = bisect_left(heard.spans, span.start, key=lambda s: s.start)
    near = heard.spans[max(0, at - _NEAR) : at + _NEAR]
    before = next((s for s in reversed(near) if s.kind == span.kind and s.start < span.start), None)
    if word == "and" and before is not None and preposition(before, heard) == "between":
        return "to"
    if span.kind in ("currency", "unit") and any(
        s.kind == "number" and s.start <= span.start <= (s.whole or s.end) for s in near
    ):
        return "from"
    if before_clock(span, heard, near):
        return "from"
    after = next((s for s in near if s.kind == span.kind and s.start > span.start), None)
    close = after is not None and after.start - span.end <= _REACH and preposition(after, heard) in _TO
    return "from" if close and span.kind not in ("number", "worded") and word not in ("in", "on", "at") else ""


def before_clock(span: Span, heard: Heard, near: Sequence[Span]) -> bool:
    """True for the place that a time of day is told in: "6 pm Lisbon time", "6 pm in Lisbon"."""
    if span.kind not in ("name", "code", "pair"):
        return False
    told = heard.plain[span.end : span.end + 5].lower() == " time"
    joints = (" ", " in ") if told else (" in ",)
    return any(s.kind == "time" and heard.plain[s.end : span.start].lower() in joints for s in near)


def in_a_list(span: Span, heard: Heard) -> bool:
    """True where another value of its kind stands beside it, joined by "and" or a comma."""
    for other in heard.spans:
        if other is not span and other.kind == span.kind:
            first, second = (other, span) if other.start < span.start else (span, other)
            if _JOINT.fullmatch(heard.plain[first.end : second.start]):
                return True
    return False


def with_known_places(heard: Heard, wanted: Sequence[Wanted]) -> Heard:
    """The sentence with the places in it that are known, also those without a capital, where a place is wanted."""
    if not any(w.kind in ("place", "timezone") or w.words & {"origin", "destination"} for w in wanted):
        return heard
    spans = [
        replace(s, noun="place")
        if s.kind == "name"
        and not heard.text[: s.start].strip()
        and zone_of(s.value)
        and s.value.casefold() not in _NO_PLACES
        else s
        for s in heard.spans
    ]
    covered = _covered(spans, len(heard.plain))
    from_, size = 0, len(heard.plain)
    while from_ < size and (match := _LOWER.search(heard.plain, from_)) is not None:
        from_ = match.start(1)
        said = match.group(1).split()
        for count in range(len(said), 0, -1):
            name = " ".join(said[:count])
            end = match.start(1) + len(name)
            if 1 not in covered[match.start(1) : end] and _is_place(said[:count]) and zone_of(name) is not None:
                spans.append(Span("name", name, match.start(1), end, name, noun="place"))
                covered[match.start(1) : end] = b"\x01" * (end - match.start(1))
                break
    return Heard(heard.text, heard.plain, sorted(spans, key=lambda s: (s.start, -s.end)))


def with_units(heard: Heard, wanted: Sequence[Wanted]) -> Heard:
    """The sentence with the units that stand without a number, where a unit is wanted."""
    if not any(w.kind == "unit" for w in wanted):
        return heard
    spans = list(heard.spans)
    covered = _covered((s for s in spans if s.kind != "number"), len(heard.plain))
    for match in _WORD.finditer(heard.plain):
        known = match.group().casefold() in UNITS and len(match.group()) > 1
        if known and not covered[match.start()]:
            spans.append(Span("unit", match.group(), match.start(), match.end(), match.group()))
    return Heard(heard.text, heard.plain, sorted(spans, key=lambda s: (s.start, -s.end)))


def _covered(spans: Iterable[Span], size: int) -> bytearray:
    """One byte a character of the sentence, 1 where a span stands: asked for each word, so that no search pays off."""
    covered = bytearray(size)
    for span in spans:
        covered[span.start : span.end] = b"\x01" * (min(size, span.end) - span.start)
    return covered


def _is_place(said: list[str]) -> bool:
    name = " ".join(said)
    return (
        said[0] not in STOP_WORDS and said[-1] not in STOP_WORDS and name not in _NO_PLACES
        and len(name) >= _SHORTEST
    )  # fmt: skip
