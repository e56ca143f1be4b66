"""Memories as they are read: scope first, then what the query asks for.

Statements are built once for each shape of query and kept; the values are bound when they run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import BigInteger, BindParameter, ColumnElement, Select, and_, bindparam, exists, func, or_, select

from tmws_patterns.ports import Memory, MemoryQuery
from tmws_patterns.storage.connections import Connections, Reads
from tmws_patterns.storage.memory_rows import memory_of
from tmws_patterns.storage.schema import memories as m
from tmws_patterns.storage.schema import memory_shares, memory_tags, microseconds_of
from tmws_patterns.storage.words import tag_key

_LITTLE = 10  # memories that are read without leaving the event loop: as many as a recall shows by itself
_AT_ONCE = 1_000  # numbers bound to one statement


@dataclass(frozen=True, slots=True)
class Shape:
    """Which filters a query has, and in which order its rows come."""

    namespace: bool
    tags: bool
    min_importance: bool
    since: bool
    until: bool
    agents: bool
    ids: bool
    order: str


class SqlMemoryReads:
    """MemoryReads over one engine."""

    def __init__(self, connections: Connections, quick: Reads) -> None:
        """Read over `connections`, and what every recall needs by the `quick` way."""
        self._connections = connections
        self._quick = quick

    async def listed(self, query: MemoryQuery) -> list[Memory]:
        """See MemoryReads."""
        shape = _shape_of(query)
        rows = await self._connections.rows(_listing(shape), {**_values_of(query), "limit": query.limit})
        return [memory_of(row) for row in rows]

    async def numbers(self, query: MemoryQuery, limit: int) -> list[int]:
        """See MemoryReads."""
        rows = await self._connections.rows(_numbers(_shape_of(query)), {**_values_of(query), "limit": limit})
        return [number for (number,) in rows]

    async def fetch(self, numbers: Sequence[int], query: MemoryQuery) -> dict[int, Memory]:
        """See MemoryReads."""
        statement, values = _fetching(_shape_of(query)), _values_of(query)
        found: dict[int, Memory] = {}
        for start in range(0, len(numbers), _AT_ONCE):
            wanted = {**values, "numbers": list(numbers[start : start + _AT_ONCE])}
            rows = await self._quick.rows(statement, wanted, little=len(numbers) <= _LITTLE)
            found |= {row[0]: memory_of(row) for row in rows}
        return found

    async def after(self, number: int, query: MemoryQuery) -> list[tuple[int, Memory]]:
        """See MemoryReads."""
        values = {**_values_of(query), "after": number, "limit": query.limit}
        rows = await self._connections.rows(_next(_shape_of(query)), values)
        return [(row.number, memory_of(row)) for row in rows]


def _shape_of(query: MemoryQuery) -> Shape:
    return Shape(
        namespace=query.scope.namespace is not None,
        tags=bool(query.tags),
        min_importance=query.min_importance is not None,
        since=query.since is not None,
        until=query.until is not None,
        agents=bool(query.agents),
        ids=bool(query.ids),
        order=query.order,
    )


def _values_of(query: MemoryQuery) -> dict[str, Any]:
    """What a statement of the query's shape takes, all but limits and numbers."""
    tags = sorted({tag_key(tag) for tag in query.tags})
    wanted = {
        "namespace": query.scope.namespace,
        "tags": tags or None,
        "min_importance": query.min_importance,
        "since": query.since and microseconds_of(query.since),
        "until": query.until and microseconds_of(query.until),
        "agents": list(query.agents) or None,
        "ids": list(query.ids) or None,
    }
    return {
        "tenant": query.scope.tenant,
        "agent": query.scope.agent,
        "teams": sorted(query.scope.teams),
        "now": microseconds_of(query.now),
        **({"tag_count": len(tags)} if tags else {}),
        **{name: value for name, value in wanted.items() if value is not None},
    }


def in_sight(tenant: ColumnElement[str] = m.c.tenant) -> ColumnElement[bool]:
    """The scope: what one agent may see, and nothing that has expired.

    `tenant` may be an expression that no index is used for, where few rows are known by their numbers: SQLite would
    go through all of a tenant's.
    """
    agent: BindParameter[str] = bindparam("agent")
    shared = exists().where(memory_shares.c.memory_id == m.c.id, memory_shares.c.agent_id == agent)
    return and_(
        tenant == bindparam("tenant"),
        or_(
            m.c.agent_id == agent,
            m.c.access_level == "public",
            and_(m.c.access_level == "team", m.c.team.in_(bindparam("teams", expanding=True))),
            and_(m.c.access_level == "shared", shared),
        ),
        or_(m.c.expires_at.is_(None), m.c.expires_at > bindparam("now", type_=BigInteger)),
    )


def _wanted(shape: Shape, *, numbered: bool = False) -> list[ColumnElement[bool]]:
    """The conditions; `numbered` where few memories are known by their numbers."""
    tags = memory_tags.c.tag.in_(bindparam("tags", expanding=True))
    if numbered:  # else all rows of the tags would be gone through for a few memories
        held = select(func.count()).where(memory_tags.c.memory_id == m.c.id, tags).scalar_subquery()
        tagged: ColumnElement[bool] = held == bindparam("tag_count")
    else:
        by_tags = select(memory_tags.c.memory_id).where(tags).group_by(memory_tags.c.memory_id)
        tagged = m.c.id.in_(by_tags.having(func.count() == bindparam("tag_count")))
    filters = (
        (shape.namespace, m.c.namespace == bindparam("namespace")),
        (shape.tags, tagged),
        (shape.min_importance, m.c.importance >= bindparam("min_importance")),
        (shape.since, m.c.created_at >= bindparam("since", type_=BigInteger)),
        (shape.until, m.c.created_at < bindparam("until", type_=BigInteger)),
        (shape.agents, m.c.agent_id.in_(bindparam("agents", expanding=True))),
        (shape.ids, m.c.id.in_(bindparam("ids", expanding=True))),
    )
    return [condition for wanted, condition in filters if wanted]


@cache
def _listing(shape: Shape) -> Select[Any]:
    """Memories in sight by time or importance."""
    first = [m.c.importance.desc()] if shape.order == "importance" else []
    found = select(m).where(in_sight(), *_wanted(shape))
    return found.order_by(*first, m.c.created_at.desc(), m.c.number.desc()).limit(bindparam("limit"))


@cache
def _numbers(shape: Shape) -> Select[Any]:
    return select(m.c.number).where(in_sight(), *_wanted(shape)).limit(bindparam("limit"))


@cache
def _fetching(shape: Shape) -> Select[Any]:
    known = m.c.number.in_(bindparam("numbers", expanding=True))
    return select(m).where(known, in_sight(m.c.tenant.concat("")), *_wanted(shape, numbered=True))


@cache
def _next(shape: Shape) -> Select[Any]:
    later = select(m).where(m.c.number > bindparam("after"), in_sight(), *_wanted(shape))
    return later.order_by(m.c.number).limit(bindparam("limit"))
