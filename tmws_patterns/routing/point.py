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
from tmws_patterns.routing.deeds import follows, is_deed, ordered, wondered, wonders
from tmws_patterns.routing.index import TRIGGER
from tmws_patterns.routing.text import ENDINGS, filler, without_reason, words
from tmws_patterns.targets import Effect, MemoryOperation

_OPTIONS = re.compile(r"(?:please )?git \w+(?:\s\S+)*?\s-{1,2}[A-Za-z]")  # of a command line
_SIDE = 40  # characters before a value in which it is said that it is not meant
_UNMEANT = re.compile(
    r"\b(?:not|do not|don['’]?t|without|discard|forget|ignore|never)(?:\s\w+){0,3}:?\s[\"“'`]?$", re.IGNORECASE
)
_NO_NAME = re.compile(  # of a branch, and no message
    r"please|tomorrow|today|tonight|now|later|here|there|is|usual|always|care|before|soon as\b.*|-.*|\.+"
    r"|an? (?:empty )?message|the same message\b.*",
    re.IGNORECASE,
)
_FILE = re.compile(rf"\S+\.(?:{ENDINGS})", re.IGNORECASE)  # which no branch is called
_QUOTES = frozenset("\"'“`")
_ALSO = {
    "commit": ("commits", "committing"), "create": ("creating", "creates", "make", "making", "start", "cut", "open"),
    "add": ("stage", "staging", "stages", "put"), "checkout": ("switch", "switching", "check", "move", "go", "take"),
}  # fmt: skip
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
    if moods.forbids(query) and (_stores(pattern) or _standing(query, candidate) != moods.ORDERED):
        return f"this says what not to do, and {name} does it"
    return "" if _stores(pattern) else _not_now(query, candidate)


def _not_now(query: str, candidate: Candidate) -> str:
    """The same, of what is not the text of a note."""
    name, verbs = candidate.name, _verbs(candidate.name, candidate.pattern.examples)
    said = _without_values(query, candidate)
    deeds = _deeds(name, candidate.pattern.examples)
    stands = moods.stands(said, deeds)
    reasons = (
        (
            moods.reports(query) or stands == moods.TOLD,
            f"this tells what happened, and {name} would do it",
        ),
        (
            moods.declines(query, verbs)
            or moods.forbids_later(query, verbs)
            or _is_left_out(query, candidate)
            or stands == moods.NEGATED,
            f"this says what not to do, and {name} does it",
        ),
        (
            _gives_no_name(query, candidate),
            f"what stands there is no name, and {name} would take it for one: put it in quotation marks if it is",
        ),
        (
            moods.corrects(query),
            f"this corrects itself, and {name} changes something: say it once more as it is meant",
        ),
        (
            moods.plans(query) or stands == moods.WAITS,
            f"this says when or on what condition, and {name} does it now",
        ),
        (
            moods.orders_more(said, verbs | deeds),
            f"this orders more than what {name} does: ask for one change at a time",
        ),
        (
            candidate.stage != TRIGGER and _OPTIONS.match(query) is not None,
            f"these are options of a command, and {name} takes arguments",
        ),
    )
    return next((why for holds, why in reasons if holds), "")


def _standing(query: str, candidate: Candidate) -> str:
    return moods.stands(_without_values(query, candidate), _deeds(candidate.name, candidate.pattern.examples))


def _without_values(query: str, candidate: Candidate) -> str:
    """What a sentence says besides what it quotes, and what the trigger took for values."""
    said = query
    for value in sorted(candidate.groups.values(), key=len, reverse=True):
        said = said.replace(value, '""', 1) if value else said
    return moods.unquoted(said)


def _is_left_out(query: str, candidate: Candidate) -> bool:
    """True where what the trigger caught is named as what is not meant: "a branch not called x"."""
    places = (query.find(value) for value in candidate.groups.values() if value)
    return any(_UNMEANT.search(query, max(0, at - _SIDE), at) for at in places if at >= 0)


def _gives_no_name(query: str, candidate: Candidate) -> bool:
    """True for words that the trigger took for a name or a message and that are none, unless they are quoted."""
    for name, value in candidate.groups.items():
        quoted = query[max(0, query.find(value) - 1) :][:1] in _QUOTES if value else True
        if not quoted and (_NO_NAME.fullmatch(value) or ("branch" in name and _FILE.fullmatch(value))):
            return True
    return False


@lru_cache(maxsize=20_000)
def _deeds(name: str, examples: tuple[str, ...]) -> frozenset[str]:
    """The verbs among the words of a pattern's name and at the beginning of its examples, and what else they are."""
    said = {*words(name), *filter(is_deed, (word for example in examples for word in words(example[:_SIDE])[:1]))}
    return frozenset(said).union(*(_ALSO.get(word, ()) for word in said)) - {"git", "branch"}


@lru_cache(maxsize=20_000)
def _verbs(name: str, examples: tuple[str, ...]) -> frozenset[str]:
    """What a pattern is said to do: the words of its name, and those that its examples begin with."""
    begun = (words(example[filler(example) :])[:1] for example in examples)
    return frozenset(words(name)).union(*begun) | _ANYTHING


def _stores(pattern: PatternDefinition) -> bool:
    """True where the sentence holds what is to be kept, whatever that says."""
    return pattern.memory is not None and pattern.memory.operation is MemoryOperation.STORE
