"""From the fields of a reading operation to what is looked for, and what was found in order. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from tmws_patterns.call import Scope
from tmws_patterns.errors import InvalidInput
from tmws_patterns.memory import checks, query, times
from tmws_patterns.memory.question import IMPORTANT, Question, understand
from tmws_patterns.memory.recalled import RecalledMemory
from tmws_patterns.ports import MemoryQuery
from tmws_patterns.targets import MemoryOperation

DEFAULT_LIMIT = 10

_LISTINGS = (MemoryOperation.RECENT, MemoryOperation.BY_IMPORTANCE)


def memory_query(
    operation: MemoryOperation, fields: Mapping[str, Any], scope: Scope, now: datetime, agents: Collection[str] = ()
) -> tuple[tuple[str, ...], str, MemoryQuery]:
    """The words to look for, the sentence without its conditions, and these.

    `fields` are those of a pattern's MemoryTarget; any may be None.

    `agents` are the owners that the sentence may name.

    Raises:
        InvalidInput: a field cannot be used, or the operation needs one that is missing.
    """
    limit, importance = fields.get("limit"), fields.get("importance")
    words, asked = _subject(operation, fields, now, agents)
    least = asked.importance if importance is None else checks.clean_importance(importance)
    if operation is MemoryOperation.BY_IMPORTANCE and least is None:
        least = IMPORTANT
    return (
        words,
        asked.rest,
        MemoryQuery(
            scope=scope,
            now=now,
            tags=tuple(dict.fromkeys((*checks.clean_names(fields.get("tags"), "tags"), *asked.tags))),
            min_importance=least,
            since=times.parse_since(fields.get("since"), now) or asked.span.since,
            until=times.parse_until(fields.get("until"), now) or asked.span.until,
            agents=asked.owners,
            order="importance" if operation is MemoryOperation.BY_IMPORTANCE else "recent",
            limit=checks.clean_limit(DEFAULT_LIMIT if limit is None else limit),
        ),
    )


def _subject(
    operation: MemoryOperation, fields: Mapping[str, Any], now: datetime, agents: Collection[str]
) -> tuple[tuple[str, ...], Question]:
    """The words and the conditions that the sentence names, as the operation reads it."""
    sentence = fields.get("query")
    if not isinstance(sentence, str | None):
        raise InvalidInput(f"query is {type(sentence).__name__}, not text", hint="say what to recall in words")
    sentence = (sentence or "")[: query.MAX_QUERY]
    if operation is MemoryOperation.BY_TAG:
        tags = () if fields.get("tags") else checks.clean_names(query.tag_words(sentence), "tags")
        if not tags and not checks.clean_names(fields.get("tags"), "tags"):
            raise InvalidInput("no tag was named", hint='give tags, such as tags=["security"]')
        return (), Question("", tags=tags)
    if operation is MemoryOperation.SIMILAR:  # a case is described, and nothing in it is a condition
        words = query.terms(sentence)
        if not words:
            raise InvalidInput("nothing to compare with", hint="describe the case in words")
        return words, Question(sentence)
    asked = understand(sentence, now, agents)
    if operation is MemoryOperation.RECALL:
        conditions = asked != Question(asked.rest)
        return query.subject_terms(asked.rest) if conditions else query.terms(asked.rest), asked
    return query.narrowing_terms(asked.rest), asked


def widened(operation: MemoryOperation, words: Sequence[str], asked: MemoryQuery) -> int:
    """How many to look for: where words pick and something else orders, all that the words find."""
    return checks.MAX_LIMIT if operation in _LISTINGS and words else asked.limit


def in_order(
    operation: MemoryOperation, words: Sequence[str], asked: MemoryQuery, found: Sequence[RecalledMemory]
) -> list[RecalledMemory]:
    """The memories in the operation's order: over time oldest first, listings by theirs, the rest best first."""
    if operation is MemoryOperation.OVER_TIME:
        return sorted(found, key=lambda memory: memory.created_at)
    if operation in _LISTINGS and words:
        newest = sorted(found, key=lambda memory: memory.created_at, reverse=True)
        by_importance = operation is MemoryOperation.BY_IMPORTANCE
        ordered = sorted(newest, key=lambda memory: -memory.importance) if by_importance else newest
        return ordered[: asked.limit]
    return list(found)
