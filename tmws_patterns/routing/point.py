"""Why a candidate does not answer a sentence that its words resemble.

Words alone do not tell "commit this" from "never commit this", "should I commit this?" and "he committed this", nor an
order from a question about what is here. What writes is held to more than what reads: a wrong answer is read and
forgotten, a wrong write stays.
"""

from __future__ import annotations

import re
from functools import lru_cache

from tmws_patterns.call import Candidate
from tmws_patterns.pattern import PatternDefinition
from tmws_patterns.routing import moods
from tmws_patterns.routing.deeds import follows, ordered, wondered, wonders
from tmws_patterns.routing.index import TRIGGER
from tmws_patterns.routing.text import filler, without_reason, words
from tmws_patterns.targets import Effect, MemoryOperation

_OPTIONS = re.compile(r"(?:please )?git \w+(?:\s\S+)*?\s-{1,2}[A-Za-z]")  # of a command line
_ANYTHING = frozenset("do bother run start call execute".split())  # what any pattern may be said to do


def beside_the_point(query: str, candidate: Candidate, effect: Effect | None) -> str:
    """Why a pattern with this effect does not answer the sentence, or what is left without a reason; "" where it may.

    A trigger that catches the words in question was written for such a sentence, as far as it only reads.
    """
    why, asked = _beside(query, candidate, effect), without_reason(query)
    if why or asked == query:
        return why
    return _beside(asked, candidate._replace(start=max(0, candidate.start - query.find(asked))), effect)


def _beside(query: str, candidate: Candidate, effect: Effect | None) -> str:
    pattern, name = candidate.pattern, candidate.name
    if effect not in (Effect.READ, Effect.WRITE):
        return ""  # it runs by an explicit call alone, whatever the sentence says
    reads, caught = effect is Effect.READ, candidate.stage == TRIGGER
    if deed := ordered(query):
        said = caught and candidate.start <= max(0, query.casefold().find(deed))
        if not said and not follows(name, pattern.examples, deed):
            return f"this orders a change ({deed}), and {name} {'only tells something' if reads else 'makes another'}"
    if not reads:
        return _not_ordered(query, candidate)
    if moods.declines(query, _verbs(name, pattern.examples)) or moods.happened(query) or moods.plans(query):
        return f"this says what is not wanted, has happened or is planned, and {name} would look now"
    kind = "" if pattern.is_tool else wondered(query)
    if kind and not (caught and candidate.start == 0) and kind not in wonders(pattern.examples):
        return f"this is a general question, and {name} tells of what is here"
    return ""


def _not_ordered(query: str, candidate: Candidate) -> str:
    """Why a sentence does not order what a pattern changes: it forbids it, plans it, asks about it, or tells of it."""
    pattern, name = candidate.pattern, candidate.name
    if moods.asks(query) or (not _stores(pattern) and moods.wants_to_know(query)):
        return f"this is a question, and {name} changes something"
    if moods.forbids(query):
        return f"this says what not to do, and {name} does it"
    return "" if _stores(pattern) else _not_now(query, candidate)


def _not_now(query: str, candidate: Candidate) -> str:
    """The same, of what is not the text of a note."""
    name = candidate.name
    verbs = _verbs(name, candidate.pattern.examples)
    if moods.declines(query, verbs) or moods.forbids_later(query, verbs):
        return f"this says what not to do, and {name} does it"
    if moods.plans(query):
        return f"this says what is planned, and {name} does it now"
    if moods.corrects(query):
        return f"this corrects itself, and {name} changes something: say it once more as it is meant"
    if moods.reports(query):
        return f"this tells what happened, and {name} would do it"
    if candidate.stage != TRIGGER and _OPTIONS.match(query):
        return f"these are options of a command, and {name} takes arguments"
    return ""


@lru_cache(maxsize=20_000)
def _verbs(name: str, examples: tuple[str, ...]) -> frozenset[str]:
    """What a pattern is said to do: the words of its name, and those that its examples begin with."""
    begun = (words(example[filler(example) :])[:1] for example in examples)
    return frozenset(words(name)).union(*begun) | _ANYTHING


def _stores(pattern: PatternDefinition) -> bool:
    """True where the sentence holds what is to be kept, whatever that says."""
    return pattern.memory is not None and pattern.memory.operation is MemoryOperation.STORE
