"""What memories mean by a sentence model: one vector each, kept apart, since it comes later than the memory."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from sqlalchemy import BindParameter, Select, Table, and_, bindparam, func, select

from tmws_patterns.errors import StoreUnavailable
from tmws_patterns.quantized import distances
from tmws_patterns.storage.connections import Connections, Reads
from tmws_patterns.storage.schema import memories as m
from tmws_patterns.storage.schema import memory_vectors as v

_LOG = logging.getLogger(__name__)

_NUMBERS: BindParameter[Any] = bindparam("numbers", expanding=True)
_ENCODER: BindParameter[Any] = bindparam("encoder")
_KEPT = select(v.c.number, v.c.vector).where(v.c.number.in_(_NUMBERS), v.c.encoder == _ENCODER)
_LAST = select(func.max(m.c.number))
_THERE = select(m.c.number).where(m.c.number.in_(_NUMBERS))


class VectorTable(Protocol):
    """One form in which vectors are kept. `table` has the columns number and encoder; `name` is for people."""

    name: str
    table: Table
    upsert: Any

    async def distances(self, asked: bytes, numbers: Sequence[int], encoder: str) -> dict[int, float]:
        """See VectorRows, of those that are kept in this form. Raises StoreUnavailable."""
        ...

    def kept(self, vector: bytes) -> Any:
        """A vector as `upsert` takes it."""
        ...


class ByteTable:
    """Vectors as bytes, whose distances are reckoned here; `insert` is the dialect's."""

    name = "bytes"
    table = v

    def __init__(self, quick: Reads, insert: Callable[..., Any]) -> None:
        self._quick = quick
        self.upsert = upsert(insert, v)

    async def distances(self, asked: bytes, numbers: Sequence[int], encoder: str) -> dict[int, float]:
        """See VectorTable."""
        rows = await self._quick.rows(_KEPT, {"numbers": list(numbers), "encoder": encoder})
        far = distances([vector for _, vector in rows], asked)
        return {number: distance for (number, _), distance in zip(rows, far, strict=True)}

    def kept(self, vector: bytes) -> bytes:
        """See VectorTable."""
        return vector


def upsert(insert: Callable[..., Any], table: Table) -> Any:
    """A vector of a memory, in the place of its earlier one."""
    row = insert(table)
    changed = {"encoder": row.excluded.encoder, "vector": row.excluded.vector}
    return row.on_conflict_do_update(index_elements=["number"], set_=changed)


class SqlVectorRows:
    """VectorRows over one engine. New vectors are kept in the first of the tables, and looked for in all."""

    def __init__(self, connections: Connections, tables: Sequence[VectorTable]) -> None:
        self._connections = connections
        self._tables = tables
        joined, lacks = _lacking([one.table for one in tables])
        self._count = select(func.count()).select_from(joined).where(lacks)
        waiting = select(m.c.number, m.c.content, m.c.summary).select_from(joined).where(lacks)
        waiting = waiting.limit(bindparam("limit"))
        self._after = waiting.where(m.c.number > bindparam("than")).order_by(m.c.number)
        self._before = waiting.where(m.c.number < bindparam("than")).order_by(m.c.number.desc())

    @property
    def kept_as(self) -> str:
        """The form of new vectors."""
        return self._tables[0].name

    async def distances(self, asked: bytes, numbers: Sequence[int], encoder: str) -> dict[int, float]:
        """See VectorRows."""
        found: dict[int, float] = {}
        for table in self._tables:
            left = [number for number in numbers if number not in found]
            if not left:
                break
            try:
                found |= await table.distances(asked, left, encoder)
            except StoreUnavailable as exc:
                if table is self._tables[-1]:  # always there, so that this is an outage
                    raise
                _LOG.warning("vectors kept as %s cannot be read: %s", table.name, exc)
        return found

    async def last(self) -> int:
        """See VectorRows."""
        ((number,),) = await self._connections.rows(_LAST)
        return int(number or 0)

    async def unencoded_after(self, number: int, encoder: str, limit: int) -> list[tuple[int, str]]:
        """See VectorRows."""
        return await self._waiting(self._after, number, encoder, limit)

    async def unencoded_before(self, number: int, encoder: str, limit: int) -> list[tuple[int, str]]:
        """See VectorRows."""
        return await self._waiting(self._before, number, encoder, limit)

    async def _waiting(self, statement: Select[Any], than: int, encoder: str, limit: int) -> list[tuple[int, str]]:
        rows = await self._connections.rows(statement, {"encoder": encoder, "than": than, "limit": limit})
        return [(number, f"{content}\n{summary}".strip()) for number, content, summary in map(tuple, rows)]

    async def unencoded_count(self, encoder: str) -> int:
        """See VectorRows."""
        ((count,),) = await self._connections.rows(self._count, {"encoder": encoder})
        return int(count)

    async def keep_vectors(self, vectors: Mapping[int, bytes], encoder: str) -> None:
        """See VectorRows."""
        table = self._tables[0]
        async with self._connections.write() as connection:
            there = await connection.scalars(_THERE, {"numbers": list(vectors)})
            rows = [{"number": n, "encoder": encoder, "vector": table.kept(vectors[n])} for n in there]
            if rows:
                await connection.execute(table.upsert, rows)


def _lacking(tables: Sequence[Table]) -> tuple[Any, Any]:
    """Memories beside their vectors by the bound encoder, and the condition that there is none."""
    joined: Any = m
    for table in tables:
        joined = joined.outerjoin(table, and_(table.c.number == m.c.number, table.c.encoder == _ENCODER))
    return joined, and_(*(table.c.number.is_(None) for table in tables))
