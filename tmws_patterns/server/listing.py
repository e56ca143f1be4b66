"""list_patterns: what there is and how to call it, one line each, or whole schemas."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tmws_patterns.errors import InvalidInput
from tmws_patterns.executor import PatternExecutionEngine
from tmws_patterns.pattern import PatternDefinition, PatternType
from tmws_patterns.registry import PatternRegistry
from tmws_patterns.routing import check_query, schema_of, signature, summary
from tmws_patterns.shaping import compact, count_tokens
from tmws_patterns.targets import Effect

_FOUND, _LISTED = 5, 20  # patterns of one answer, with a query and without
_MOST = 100
_PAGE = 300  # tokens of an answer to a query, where nobody says how many patterns are wanted
_EXAMPLES = 5  # of a pattern's sentences that are shown: more of them teach routing, not a reader
_LONGEST_CURSOR = 9  # digits of a place in a list


async def list_patterns(
    engine: PatternExecutionEngine,
    query: str | None = None,
    pattern_type: PatternType | None = None,
    server: str | None = None,
    detail: bool = False,
    limit: int | None = None,
    cursor: str | None = None,
) -> dict[str, Any]:
    """A page of patterns, the best for the query first, else in the order of their files.

    Servers never seen yet are connected first where what is known holds no match, or where one of
    them is asked for.

    Raises:
        InvalidInput: the cursor is none of ours.
    """
    if query:
        check_query(query)
        await engine.prepare(query)
    found = _matching(engine.registry, query, pattern_type, server)
    unknown: list[str] = []
    if (server and not engine.registry.tools_of(server)) or not found or _is_vague(engine.registry, query):
        unknown = await engine.discover([server] if server else None)
        found = _matching(engine.registry, query, pattern_type, server)
    start = _start(cursor)
    count = min(limit or (_FOUND if query else _LISTED), _MOST)
    entries = [_entry(engine.registry, p, detail) for p in found[start : start + count]]
    if query and limit is None and not detail:
        entries = _affordable(entries)
    count = len(entries) or count
    page: dict[str, Any] = {"patterns": entries, "total": len(found)}
    if start + count < len(found):
        page["next_cursor"] = str(start + count)
    if unknown:
        page["unknown_servers"] = unknown
    return page


def describe(registry: PatternRegistry, pattern: PatternDefinition) -> dict[str, Any]:
    """Everything a caller may want to know of one pattern."""
    schema = registry.schema(pattern)
    found = {
        "pattern": pattern.name,
        "call": signature(pattern, schema),
        "pattern_type": str(pattern.pattern_type),
        "effect": str(registry.effect(pattern) or "undeclared"),
        "description": pattern.description,
        "arguments": schema_of(pattern, schema),
        "examples": list(pattern.examples[:_EXAMPLES]),
        "aliases": list(pattern.aliases),
        "personas": list(pattern.personas),
        "cache_ttl": pattern.cache_ttl,
        "cost_tokens": pattern.cost_tokens,
        "metadata": dict(pattern.metadata),
    }
    return {name: value for name, value in found.items() if value not in (None, [], {}, "")}


def _entry(registry: PatternRegistry, pattern: PatternDefinition, detail: bool) -> dict[str, Any]:
    if detail:
        return describe(registry, pattern)
    entry = {"call": signature(pattern, registry.schema(pattern)), "about": summary(pattern)}
    effect = registry.effect(pattern)
    return entry if effect is Effect.READ else {**entry, "effect": str(effect or "undeclared")}


def _affordable(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The first entries that fit a short answer, and always one."""
    left = _PAGE - count_tokens(compact({"patterns": [], "total": _MOST, "next_cursor": str(_MOST)}))
    for i, entry in enumerate(entries):
        left -= count_tokens(f"{compact(entry)},")
        if left < 0:
            return entries[: max(1, i)]
    return entries


def _matching(
    registry: PatternRegistry, query: str | None, pattern_type: PatternType | None, server: str | None
) -> Sequence[PatternDefinition]:
    everything = [c.pattern for c in registry.index.candidates(query, _MOST)] if query else registry.patterns
    return [p for p in everything if pattern_type in (None, p.pattern_type) and server in (None, *p.servers)]


def _is_vague(registry: PatternRegistry, query: str | None) -> bool:
    """True where nothing known fits a query well."""
    return query is not None and registry.find_matching_pattern(query) is None


def _start(cursor: str | None) -> int:
    if cursor is None:
        return 0
    if not cursor.isascii() or not cursor.isdigit() or len(cursor) > _LONGEST_CURSOR:
        raise InvalidInput("this is no cursor of list_patterns", hint="pass next_cursor as it was given")
    return int(cursor)
