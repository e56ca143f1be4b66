"""The memories of all agents, over either engine."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Insert, Row, bindparam, cast, delete, func, insert, literal_column, select
from sqlalchemy.dialects.postgresql import REGCONFIG

from tmws_patterns.call import Scope
from tmws_patterns.ports import Memory, MemoryQuery
from tmws_patterns.storage.connections import Connections
from tmws_patterns.storage.epochs import EpochLedger
from tmws_patterns.storage.memory_search import (
    WordIndex,
    postgres_ranked,
    ranked_statement,
    shape_of,
    sqlite_ranked,
    unranked_statement,
    values_of,
)
from tmws_patterns.storage.schema import Moment, memories, memory_shares, memory_tags, postgres_memories
from tmws_patterns.storage.words import plain_words, postgres_match, sqlite_match, tag_key

SQLITE_WORDS = WordIndex(sqlite_match, sqlite_ranked)
POSTGRES_WORDS = WordIndex(postgres_match, postgres_ranked)

_COLUMNS = tuple(column.name for column in memories.c if column.name != "number")
_VALUES: dict[str, Any] = {name: bindparam(name) for name in _COLUMNS}
SQLITE_INSERT = insert(memories).values(**_VALUES)
POSTGRES_INSERT = insert(postgres_memories).values(
    **_VALUES, words=func.to_tsvector(cast(literal_column("'memory_words'"), REGCONFIG), bindparam("plain_words"))
)

_EXPIRED = delete(memories).where(memories.c.expires_at <= bindparam("now", type_=Moment))
_OWNED = delete(memories).where(
    memories.c.id.in_(bindparam("ids", expanding=True)),
    memories.c.tenant == bindparam("tenant"),
    memories.c.agent_id == bindparam("agent"),
)
_OWNED_IN_NAMESPACE = _OWNED.where(memories.c.namespace == bindparam("namespace"))
_COUNT = select(func.count()).select_from(memories)


class SqlMemoryRows:
    """MemoryRows over one engine: its way to insert a row and its index of words."""

    def __init__(
        self,
        connections: Connections,
        epochs: EpochLedger,
        clock: Callable[[], float],
        insert_row: Insert,
        words: WordIndex,
    ) -> None:
        self._connections = connections
        self._epochs = epochs
        self._clock = clock
        self._insert = insert_row
        self._words = words

    async def add(self, memories: Sequence[Memory], bump: Iterable[str]) -> None:
        """Store all of the memories or none, and delete what has expired by now."""
        inserts = (
            (self._insert, [self._row(memory) for memory in memories]),
            (memory_tags.insert(), [row for memory in memories for row in _tag_rows(memory)]),
            (memory_shares.insert(), [row for memory in memories for row in _share_rows(memory)]),
        )
        now = datetime.fromtimestamp(self._clock(), UTC)
        async with self._connections.write() as connection:
            raised = await self._epochs.bump_within(connection, bump)
            await connection.execute(_EXPIRED, {"now": now})
            for statement, rows in inserts:
                if rows:
                    await connection.execute(statement, rows)
        self._epochs.learn(raised)

    async def search(self, query: MemoryQuery) -> list[tuple[Memory, float]]:
        """Visible memories, best first. A score is the rank divided by the best rank of the answer."""
        shape, values = shape_of(query), values_of(query)
        if query.terms:
            values["match"] = self._words.expression(query.terms)
            if not values["match"]:
                return []
            statement = ranked_statement(shape, self._words)
        else:
            statement = unranked_statement(shape)
        rows = await self._connections.rows(statement, values)
        best = max((row.score for row in rows), default=1.0)
        return [(_memory(row), max(0.0, row.score / best) if best > 0 else 1.0) for row in rows]

    async def remove(self, ids: Sequence[str], scope: Scope, bump: Iterable[str]) -> int:
        """Delete those of `ids` that the scope's agent owns; returns how many."""
        values: dict[str, Any] = {"ids": list(ids), "tenant": scope.tenant, "agent": scope.agent}
        statement = _OWNED
        if scope.namespace is not None:
            statement, values["namespace"] = _OWNED_IN_NAMESPACE, scope.namespace
        async with self._connections.write() as connection:
            raised = await self._epochs.bump_within(connection, bump)
            removed = await connection.execute(statement, values)
        self._epochs.learn(raised)
        return removed.rowcount

    async def count(self) -> int:
        """How many memories there are, of all agents."""
        ((count,),) = await self._connections.rows(_COUNT)
        return int(count)

    def _row(self, memory: Memory) -> Mapping[str, Any]:
        row = {name: getattr(memory, name) for name in _COLUMNS}
        row["tags"] = json.dumps(memory.tags, ensure_ascii=False)
        row["shared_with"] = json.dumps(memory.shared_with, ensure_ascii=False)
        if self._insert is POSTGRES_INSERT:
            row["plain_words"] = plain_words(" ".join((memory.content, *memory.tags)))
        return row


def _tag_rows(memory: Memory) -> list[dict[str, str]]:
    return [{"memory_id": memory.id, "tag": tag} for tag in sorted({tag_key(tag) for tag in memory.tags})]


def _share_rows(memory: Memory) -> list[dict[str, str]]:
    return [{"memory_id": memory.id, "agent_id": agent} for agent in sorted(set(memory.shared_with))]


def _memory(row: Row[Any]) -> Memory:
    values = {name: getattr(row, name) for name in _COLUMNS}
    lists = {name: tuple(json.loads(values[name])) for name in ("tags", "shared_with")}
    return Memory(**{**values, **lists})
