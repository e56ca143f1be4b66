"""What memories mean by a sentence model: one vector each, kept apart, since it comes later than the memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Select, and_, bindparam, func, select

from tmws_patterns.storage.connections import Connections, Reads
from tmws_patterns.storage.schema import memories as m
from tmws_patterns.storage.schema import memory_vectors as v

_KEPT = select(v.c.number, v.c.vector).where(
    v.c.number.in_(bindparam("numbers", expanding=True)), v.c.encoder == bindparam("encoder")
)
_LACKING = m.outerjoin(v, and_(v.c.number == m.c.number, v.c.encoder == bindparam("encoder")))
_WAITING = (
    select(m.c.number, m.c.content, m.c.summary)
    .select_from(_LACKING)
    .where(v.c.number.is_(None))
    .limit(bindparam("limit"))
)
_AFTER = _WAITING.where(m.c.number > bindparam("than")).order_by(m.c.number)
_BEFORE = _WAITING.where(m.c.number < bindparam("than")).order_by(m.c.number.desc())
_LAST = select(func.max(m.c.number))
_COUNT = select(func.count()).select_from(_LACKING).where(v.c.number.is_(None))
_NUMBERS = select(m.c.number).where(m.c.number.in_(bindparam("numbers", expanding=True)))


class SqlVectorRows:
    """VectorRows over one engine; `insert` is the dialect's."""

    def __init__(self, connections: Connections, quick: Reads, insert: Callable[..., Any]) -> None:
        self._connections = connections
        self._quick = quick
        row = insert(v)
        changed = {"encoder": row.excluded.encoder, "vector": row.excluded.vector}
        self._upsert = row.on_conflict_do_update(index_elements=["number"], set_=changed)

    async def vectors(self, numbers: Sequence[int], encoder: str) -> dict[int, bytes]:
        """See VectorRows."""
        rows = await self._quick.rows(_KEPT, {"numbers": list(numbers), "encoder": encoder})
        return {number: bytes(vector) for number, vector in rows}

    async def last(self) -> int:
        """See VectorRows."""
        ((number,),) = await self._connections.rows(_LAST)
        return int(number or 0)

    async def unencoded_after(self, number: int, encoder: str, limit: int) -> list[tuple[int, str]]:
        """See VectorRows."""
        return await self._waiting(_AFTER, number, encoder, limit)

    async def unencoded_before(self, number: int, encoder: str, limit: int) -> list[tuple[int, str]]:
        """See VectorRows."""
        return await self._waiting(_BEFORE, number, encoder, limit)

    async def _waiting(self, statement: Select[Any], than: int, encoder: str, limit: int) -> list[tuple[int, str]]:
        rows = await self._connections.rows(statement, {"encoder": encoder, "than": than, "limit": limit})
        return [(number, f"{content}\n{summary}".strip()) for number, content, summary in map(tuple, rows)]

    async def unencoded_count(self, encoder: str) -> int:
        """See VectorRows."""
        ((count,),) = await self._connections.rows(_COUNT, {"encoder": encoder})
        return int(count)

    async def keep_vectors(self, vectors: Mapping[int, bytes], encoder: str) -> None:
        """See VectorRows."""
        async with self._connections.write() as connection:
            there = await connection.scalars(_NUMBERS, {"numbers": list(vectors)})
            rows = [{"number": n, "encoder": encoder, "vector": vectors[n]} for n in there]
            if rows:
                await connection.execute(self._upsert, rows)
