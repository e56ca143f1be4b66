"""From the fields of a reading operation to the query that storage answers, and its rows in order. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from tmws_patterns.call import Scope
from tmws_patterns.errors import InvalidInput
from tmws_patterns.memory import checks, query, times
from tmws_patterns.memory.recalled import RecalledMemory
from tmws_patterns.pattern import MemoryOperation
from tmws_patterns.ports import MemoryQuery

DEFAULT_LIMIT = 10

IMPORTANT = 0.7
"""The least importance that counts as important where the caller names none; 0.5 is what a memory gets by itself."""

_LISTINGS = (MemoryOperation.RECENT, MemoryOperation.BY_IMPORTANCE)


def memory_query(operation: MemoryOperation, fields: Mapping[str, Any], scope: Scope, now: datetime) -> MemoryQuery:
    """What to ask storage. `fields` are those of a pattern's MemoryTarget; any may be missing or None.

    Raises:
        InvalidInput: a field cannot be used, or the operation needs one that is missing.
    """
    limit = fields.get("limit")
    importance = fields.get("importance")
    if operation is MemoryOperation.BY_IMPORTANCE and importance is None:
        importance = IMPORTANT
    terms, tags, span = _subject(operation, fields, now)
    return MemoryQuery(
        scope=scope,
        now=now,
        terms=terms,
        tags=tags,
        min_importance=None if importance is None else checks.clean_importance(importance),
        since=times.parse_since(fields.get("since"), now) or span.since,
        until=times.parse_until(fields.get("until"), now) or span.until,
        order="importance" if operation is MemoryOperation.BY_IMPORTANCE else "recent",
        limit=checks.clean_limit(DEFAULT_LIMIT if limit is None else limit),
    )


def _subject(
    operation: MemoryOperation, fields: Mapping[str, Any], now: datetime
) -> tuple[tuple[str, ...], tuple[str, ...], times.Span]:
    """The words, the tags and the time that the sentence and the tags name, as the operation reads them."""
    sentence = fields.get("query")
    if not isinstance(sentence, str | None):
        raise InvalidInput(f"query is {type(sentence).__name__}, not text", hint="say what to recall in words")
    sentence = (sentence or "")[: query.MAX_QUERY]
    tags = checks.clean_names(fields.get("tags"), "tags")
    match operation:
        case MemoryOperation.BY_TAG:
            tags = tags or checks.clean_names(query.tag_words(sentence), "tags")
            if not tags:
                raise InvalidInput("no tag was named", hint='give tags, such as tags=["security"]')
            return (), tags, times.Span()
        case MemoryOperation.OVER_TIME:
            span, rest = times.find_span(sentence, now)
            return query.narrowing_terms(rest), tags, span
        case MemoryOperation.RECENT | MemoryOperation.BY_IMPORTANCE:
            return query.narrowing_terms(sentence), tags, times.Span()
        case _:
            terms = query.terms(sentence)
            if operation is MemoryOperation.SIMILAR and not terms:
                raise InvalidInput("nothing to compare with", hint="describe the case in words")
            return terms, tags, times.Span()


def widened(operation: MemoryOperation, asked: MemoryQuery) -> int:
    """How many rows to fetch: where words pick and something else orders, all that the words find."""
    return checks.MAX_LIMIT if operation in _LISTINGS and asked.terms else asked.limit


def in_order(operation: MemoryOperation, asked: MemoryQuery, found: Sequence[RecalledMemory]) -> list[RecalledMemory]:
    """The memories in the operation's order: over time oldest first, listings by theirs, the rest best first."""
    if operation is MemoryOperation.OVER_TIME:
        return sorted(found, key=lambda memory: memory.created_at)
    if operation in _LISTINGS and asked.terms:
        newest = sorted(found, key=lambda memory: memory.created_at, reverse=True)
        by_importance = operation is MemoryOperation.BY_IMPORTANCE
        ordered = sorted(newest, key=lambda memory: -memory.importance) if by_importance else newest
        return ordered[: asked.limit]
    return list(found)
