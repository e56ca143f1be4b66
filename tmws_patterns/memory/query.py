"""What a sentence asks memory for: its words, without those of the command. Pure.

The words of the command ("recall", "find similar", "what do we know about") and English stop words
are no part of the question; where nothing else was said, they are all there is, and count.
"""

from __future__ import annotations

import re
import unicodedata

MAX_QUERY = 4000
"""Characters of a question that are read: a question, not a document."""

MAX_TERMS = 64
"""Words of a question that are searched."""

_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


STOP_WORDS = _set(
    """
    a about above after again against all also am an and any are as at be because been before being below between
    both but by can could did do does doing don down during each few for from further had has have having he her
    here hers herself him himself his how i if in into is it its itself just me more my myself no nor not now of
    off on once only or other our ours ourselves out over own same she should so some such than that the their
    theirs them themselves then there these they this those through to too under until up us very was we were what
    when where which while who whom whose why will with would you your yours yourself yourselves
    """
)

COMMAND_WORDS = _set(
    """
    recall recalled remember remembered remind reminder memory memories memorised memorized find search show list get
    give tell lookup look retrieve fetch similar similarly like know known about please anything everything something
    thing things related regarding concerning stored saved notes noted past previous previously earlier case cases
    """
)

LISTING_WORDS = COMMAND_WORDS | _set(
    """
    recent recently latest last newest new important importance importantly critical crucial key top high highest
    priority most tagged tag tags label labelled labeled marked timeline history time over since happened happen
    learned learnt first entries entry items item note
    """
)
"""Words of the command where memories are listed by time, tag or importance."""

_STORE_COMMAND = re.compile(
    r"^\s*(?:please\s+)?(?:remember|memori[sz]e|store|save|note|keep in mind)\b"
    r"(?:\s+(?:this|the following))?(?:\s+(?:in|to)\s+memory)?(?:\s+that\b)?[\s:,]*",
    re.IGNORECASE,
)


def words(text: str) -> tuple[str, ...]:
    """The words of a text, NFKC and casefolded, each once, in their order."""
    normal = unicodedata.normalize("NFKC", text[:MAX_QUERY]).casefold().replace("\u2019", "'")
    return tuple(dict.fromkeys(word.removesuffix("'s") for word in _WORD.findall(normal)))


def terms(query: str, command: frozenset[str] = COMMAND_WORDS) -> tuple[str, ...]:
    """The words to search for, without stop words and those of the command; () only for a query without words."""
    found = words(query)
    content = tuple(word for word in found if word not in STOP_WORDS)
    asked = tuple(word for word in content if word not in command)
    return (asked or content or found)[:MAX_TERMS]


def subject_terms(query: str) -> tuple[str, ...]:
    """The words to search for beside conditions; () where nothing but the conditions was said."""
    return tuple(w for w in words(query) if w not in STOP_WORDS and w not in COMMAND_WORDS)[:MAX_TERMS]


def narrowing_terms(query: str) -> tuple[str, ...]:
    """The words that narrow a listing; () where the sentence only asks for the listing ("the last 5 memories")."""
    found = words(query)
    return tuple(w for w in found if not (w in STOP_WORDS or w in LISTING_WORDS or w.isdecimal()))[:MAX_TERMS]


def tag_words(query: str) -> tuple[str, ...]:
    """The tags that a sentence names: its words as they stand, signs inside them kept."""
    parts = (part.strip("\"'`.?!;:#()[]") for part in re.split(r"[\s,]+", query[:MAX_QUERY]))
    tags = (p for p in parts if p and p.casefold() not in STOP_WORDS and p.casefold() not in LISTING_WORDS)
    return tuple(dict.fromkeys(tags))[:MAX_TERMS]


def content_of(sentence: str) -> str:
    """What a sentence such as "remember that X" wants kept: X."""
    return _STORE_COMMAND.sub("", sentence, count=1).strip() or sentence
