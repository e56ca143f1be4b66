"""What a sentence asks memory for: conditions, and the words that are left. Pure.

A time, a tag, an importance and an owner that the sentence names are conditions that a memory has to meet; the words
of the command and of the conditions are no part of the question.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

from tmws_patterns.memory import times

IMPORTANT = 0.7
"""The least importance that counts as important where the caller names none; 0.5 is what a memory gets by itself."""

_THINGS = (
    r"(?:memor(?:y|ies)|notes?|decisions?|findings?|facts?|lessons?|insights?|things?|entries|items|results?|"
    r"incidents?|learnings?|observations?|records?)"
)
_TAGS = (
    re.compile(
        r"\b(?:that (?:is|are) )?(?:tagged|labell?ed)(?: (?:with|as))?:? (?P<tags>[\"'#]?[\w\-./]+[\"']?"
        r"(?:(?:, | and | & )[\"'#]?[\w\-./]+[\"']?)*)",
        re.IGNORECASE,
    ),
    re.compile(
        r"\b(?:with|under|having) (?:the |a )?(?:tag|label)s?:? (?P<tags>[\"'#]?[\w\-./]+[\"']?)", re.IGNORECASE
    ),
    re.compile(r"\btag:(?P<tags>[\w\-./]+)", re.IGNORECASE),
    re.compile(r"(?<!\w)#(?P<tags>[^\W\d][\w\-]*)"),
)
_IMPORTANCE = (
    re.compile(
        r"\b(?:(?:with|of|an?) )*importance (?:of )?(?:at least|over|above|from|>=?|≥) ?"
        r"(?P<least>0?\.\d+|[01](?:\.\d+)?)",
        re.IGNORECASE,
    ),
    re.compile(rf"\b(?:the )?(?:most )?(?:very )?important (?={_THINGS}\b)", re.IGNORECASE),
    re.compile(r"\b(?:of |with )?high(?:est)?[ -](?:importance|priority)\b", re.IGNORECASE),
)
_ADDRESSED = re.compile(r"^\s*(?:hey |hi |ok |as )?(?P<name>[\w\-]+)\s*[,:]\s+", re.IGNORECASE)
_SAID = (
    r"(?:not(?:e|ed)|sa(?:y|id)|wr(?:i|o)te|written|store[d]?|f(?:i|ou)nd|record(?:ed)?|log(?:ged)?|remember(?:ed)?|"
    r"learn(?:ed|t)?|report(?:ed)?|decide[d]?|conclude[d]?|observe[d]?|sav(?:e|ed)|know)"
)


@dataclass(frozen=True, slots=True)
class Question:
    """The conditions that a sentence names, and what is left of it. None and () are no such condition."""

    rest: str
    span: times.Span = field(default_factory=times.Span)
    tags: tuple[str, ...] = ()
    importance: float | None = None
    owners: tuple[str, ...] = ()


def understand(sentence: str, now: datetime, agents: Collection[str] = ()) -> Question:
    """Read a sentence; `agents` are the names that may be an owner's or the one that is spoken to."""
    known = {agent.casefold(): agent for agent in agents}
    rest = _unaddressed(sentence, known)
    rest, tags = _tags(rest)
    rest, importance = _importance(rest)
    rest, owners = _owners(rest, known)
    span, rest = times.find_span(rest, now)
    return Question(" ".join(rest.split()), span, tags, importance, owners)


def _unaddressed(sentence: str, known: dict[str, str]) -> str:
    """Without the name of who is spoken to ("Artemis, recall ...")."""
    match = _ADDRESSED.match(sentence)
    return sentence[match.end() :] if match and match["name"].casefold() in known else sentence


def _tags(sentence: str) -> tuple[str, tuple[str, ...]]:
    found: list[str] = []
    for form in _TAGS:
        for match in form.finditer(sentence):
            found += re.split(r", | and | & ", match["tags"])
        sentence = form.sub(" ", sentence)
    return sentence, tuple(dict.fromkeys(tag.strip("\"'#.") for tag in found if tag.strip("\"'#.")))


def _importance(sentence: str) -> tuple[str, float | None]:
    for form in _IMPORTANCE:
        if match := form.search(sentence):
            least = match.groupdict().get("least")
            return sentence[: match.start()] + " " + sentence[match.end() :], float(least) if least else IMPORTANT
    return sentence, None


def _owners(sentence: str, known: dict[str, str]) -> tuple[str, tuple[str, ...]]:
    """Who is named as the one that remembered it."""
    if not known:
        return sentence, ()
    name = "|".join(re.escape(agent) for agent in sorted(known, key=len, reverse=True))
    forms = (
        rf"\b(?:did|has|have|had) (?P<name>{name}) (?:ever )?{_SAID}\b",
        rf"\b(?P<name>{name})(?:'s|\u2019s) (?:own )?{_THINGS}\b",
        rf"\b{_THINGS} (?:of|by|from) (?P<name>{name})\b",
        rf"\b(?:written|stored|noted|recorded|saved|reported|remembered|found|logged) by (?P<name>{name})\b",
        rf"\b(?:according to|as told by) (?P<name>{name})\b",
        rf"\b(?P<name>{name}) (?:has |had )?(?:noted|said|wrote|stored|recorded|logged|remembered|reported|saved)\b",
    )
    for form in forms:
        if match := re.search(form, sentence, re.IGNORECASE):
            rest = sentence[: match.start()] + " " + sentence[match.end() :]
            return rest, (known[match["name"].casefold()],)
    return sentence, ()
