"""The statements that read memories: scope first, then what the query asks for.

Built once for each shape of query and kept; the values are bound when they run.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Select,
    and_,
    bindparam,
    cast,
    exists,
    func,
    literal,
    literal_column,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import REGCONFIG

from tmws_patterns.ports import MemoryQuery
from tmws_patterns.storage.schema import Moment, memory_shares, memory_tags, postgres_memories, sqlite_words
from tmws_patterns.storage.schema import memories as m
from tmws_patterns.storage.words import tag_key


@dataclass(frozen=True, slots=True)
class Shape:
    """Which filters a query has, and in which order its rows come ("" for by rank)."""

    namespace: bool
    tags: bool
    min_importance: bool
    since: bool
    until: bool
    order: str


@dataclass(frozen=True, slots=True)
class WordIndex:
    """How one engine searches words.

    `expression` makes the match of a query's terms, "" where they hold no word. `ranked` is a select
    of (number, score) over memories joined with the index; a higher score is better.
    """

    expression: Callable[[tuple[str, ...]], str]
    ranked: Callable[[], Select[Any]]


def sqlite_ranked() -> Select[Any]:
    """Matches in FTS5; its bm25 is the smaller the better."""
    joined = m.join(sqlite_words, sqlite_words.c.rowid == m.c.number)
    match = literal_column("memory_words").op("MATCH")(bindparam("match"))
    return select(m.c.number, (-sqlite_words.c.rank).label("score")).select_from(joined).where(match)


def postgres_ranked() -> Select[Any]:
    """Matches by tsvector. ts_rank, unlike ts_rank_cd, prefers two words of an OR over one word twice."""
    vector = literal_column("memories.words", postgres_memories.c.words.type)
    query = func.to_tsquery(cast(literal_column("'memory_words'"), REGCONFIG), bindparam("match"))
    divided_by_length = (
        1  # 1 + the logarithm of the length, https://www.postgresql.org/docs/current/textsearch-controls.html
    )
    rank = func.ts_rank(vector, query, divided_by_length).label("score")
    return select(m.c.number, rank).select_from(m).where(vector.op("@@")(query))


def shape_of(query: MemoryQuery) -> Shape:
    """The shape of a query."""
    return Shape(
        namespace=query.scope.namespace is not None,
        tags=bool(query.tags),
        min_importance=query.min_importance is not None,
        since=query.since is not None,
        until=query.until is not None,
        order="" if query.terms else query.order,
    )


def values_of(query: MemoryQuery) -> dict[str, Any]:
    """What a statement of the query's shape takes, all but the words to match."""
    tags = sorted({tag_key(tag) for tag in query.tags})
    wanted = {
        "namespace": query.scope.namespace,
        "tags": tags or None,
        "min_importance": query.min_importance,
        "since": query.since,
        "until": query.until,
    }
    return {
        "tenant": query.scope.tenant,
        "agent": query.scope.agent,
        "teams": sorted(query.scope.teams),
        "now": query.now,
        "limit": query.limit,
        **({"tag_count": len(tags)} if tags else {}),
        **{name: value for name, value in wanted.items() if value is not None},
    }


def in_sight() -> ColumnElement[bool]:
    """The scope: what one agent may see, and nothing that has expired."""
    agent: BindParameter[str] = bindparam("agent")
    shared = exists().where(memory_shares.c.memory_id == m.c.id, memory_shares.c.agent_id == agent)
    return and_(
        m.c.tenant == bindparam("tenant"),
        or_(
            m.c.agent_id == agent,
            m.c.access_level == "public",
            and_(m.c.access_level == "team", m.c.team.in_(bindparam("teams", expanding=True))),
            and_(m.c.access_level == "shared", shared),
        ),
        or_(m.c.expires_at.is_(None), m.c.expires_at > bindparam("now", type_=Moment)),
    )


def _wanted(shape: Shape) -> list[ColumnElement[bool]]:
    tagged = (
        select(memory_tags.c.memory_id)
        .where(memory_tags.c.tag.in_(bindparam("tags", expanding=True)))
        .group_by(memory_tags.c.memory_id)
        .having(func.count() == bindparam("tag_count"))
    )
    filters = (
        (shape.namespace, m.c.namespace == bindparam("namespace")),
        (shape.tags, m.c.id.in_(tagged)),
        (shape.min_importance, m.c.importance >= bindparam("min_importance")),
        (shape.since, m.c.created_at >= bindparam("since", type_=Moment)),
        (shape.until, m.c.created_at < bindparam("until", type_=Moment)),
    )
    return [condition for wanted, condition in filters if wanted]


@cache
def unranked_statement(shape: Shape) -> Select[Any]:
    """Memories in sight by time or importance, with a score of 1."""
    first = [m.c.importance.desc()] if shape.order == "importance" else []
    return (
        select(m, literal(1.0).label("score"))
        .where(in_sight(), *_wanted(shape))
        .order_by(*first, m.c.created_at.desc(), m.c.number.desc())
        .limit(bindparam("limit"))
    )


@cache
def ranked_statement(shape: Shape, index: WordIndex) -> Select[Any]:
    """Memories in sight that match, best first. Contents are read only of those within the limit."""
    hits = index.ranked().where(in_sight(), *_wanted(shape))
    best = hits.order_by(literal_column("score").desc(), m.c.number.desc()).limit(bindparam("limit")).subquery()
    found = select(m, best.c.score).join(best, best.c.number == m.c.number)
    return found.order_by(best.c.score.desc(), m.c.number.desc())
