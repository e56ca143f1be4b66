"""What memories mean by a sentence model: one vector each, kept apart, since it comes later than the memory."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar

from sqlalchemy import BindParameter, Select, Table, and_, bindparam, func, select

from tmws_patterns.errors import StoreUnavailable
from tmws_patterns.quantized import distances, signs
from tmws_patterns.storage.connections import Connections, Reads
from tmws_patterns.storage.schema import memories as m
from tmws_patterns.storage.schema import memory_vectors as v

_LOG = logging.getLogger(__name__)

_AT_ONCE = 1_000  # numbers of one statement
_PORTION = 1_024  # vectors read at once: of more the garbage collector makes pauses

T = TypeVar("T")

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
    spanned: Select[Any]
    """Numbers, and vectors or their signs, of the bound :encoder from :first to :last, the first :limit of them."""

    async def distances(self, asked: bytes, numbers: Sequence[int], encoder: str) -> dict[int, float]:
        """See VectorRows, of those that are kept in this form. Raises StoreUnavailable."""
        ...

    def kept(self, vector: bytes) -> Any:
        """A vector as `upsert` takes it."""
        ...

    def signs(self, read: Sequence[Any], width: int) -> tuple[list[int], bytes]:
        """The numbers of what `spanned` gives, and the signs of these, as far as they are of this width."""
        ...


class ByteTable:
    """Vectors as bytes, whose distances are reckoned here; `insert` is the dialect's."""

    name = "bytes"
    table = v

    def __init__(self, quick: Reads, insert: Callable[..., Any]) -> None:
        self._quick = quick
        self.upsert = upsert(insert, v)
        self.spanned = spanned(v, v.c.vector)

    async def distances(self, asked: bytes, numbers: Sequence[int], encoder: str) -> dict[int, float]:
        """See VectorTable."""
        found = await self._quick.rows(_KEPT, {"numbers": list(numbers), "encoder": encoder})
        rows = [(number, vector) for number, vector in found if len(vector) == len(asked)]
        far = distances([vector for _, vector in rows], asked)
        return {number: distance for (number, _), distance in zip(rows, far, strict=True)}

    def kept(self, vector: bytes) -> bytes:
        """See VectorTable."""
        return vector

    def signs(self, read: Sequence[Any], width: int) -> tuple[list[int], bytes]:
        """See VectorTable."""
        rows = [(number, vector) for number, vector in read if len(vector) == width]
        return [number for number, _ in rows], signs([vector for _, vector in rows])


def upsert(insert: Callable[..., Any], table: Table) -> Any:
    """A vector of a memory, in the place of its earlier one."""
    row = insert(table)
    changed = {"encoder": row.excluded.encoder, "vector": row.excluded.vector}
    return row.on_conflict_do_update(index_elements=["number"], set_=changed)


def spanned(table: Table, told: Any) -> Select[Any]:
    """See VectorTable; `told` is the vector, or its signs."""
    row = table.c
    span = row.number.between(bindparam("first"), bindparam("last"))
    return select(row.number, told).where(span, row.encoder == _ENCODER).order_by(row.number).limit(bindparam("limit"))


class _Forms(NamedTuple):
    """The tables in use, new vectors going into the first, and what is asked of all: which memories have no vector."""

    tables: tuple[VectorTable, ...]
    lacking: Select[Any]
    after: Select[Any]
    before: Select[Any]

    @classmethod
    def of(cls, tables: Sequence[VectorTable]) -> _Forms:
        joined: Any = m
        for one in tables:
            row = one.table.c
            joined = joined.outerjoin(one.table, and_(row.number == m.c.number, row.encoder == _ENCODER))
        lacks = and_(*(one.table.c.number.is_(None) for one in tables))
        waiting = select(m.c.number, m.c.content, m.c.summary).select_from(joined).where(lacks)
        waiting = waiting.limit(bindparam("limit"))
        return cls(
            tuple(tables),
            select(func.count()).select_from(joined).where(lacks),
            waiting.where(m.c.number > bindparam("than")).order_by(m.c.number),
            waiting.where(m.c.number < bindparam("than")).order_by(m.c.number.desc()),
        )


class SqlVectorRows:
    """VectorRows over one engine. Vectors are looked for in all of the tables, the last of which is always there.

    Where another is gone or not permitted any more, it is left alone from then on.
    """

    def __init__(self, connections: Connections, tables: Sequence[VectorTable]) -> None:
        self._connections = connections
        self._forms = _Forms.of(tables)

    @property
    def kept_as(self) -> str:
        """The form of new vectors."""
        return self._forms.tables[0].name

    async def distances(self, asked: bytes, numbers: Sequence[int], encoder: str) -> dict[int, float]:
        """See VectorRows."""

        async def work(forms: _Forms) -> dict[int, float]:
            found: dict[int, float] = {}
            for table in forms.tables:
                left = [number for number in numbers if number not in found]
                for start in range(0, len(left), _AT_ONCE):
                    found |= await table.distances(asked, left[start : start + _AT_ONCE], encoder)
            return found

        return await self._tried(work)

    async def signs(self, first: int, last: int, encoder: str, width: int) -> tuple[list[int], bytes]:
        """See VectorRows."""

        async def work(forms: _Forms) -> tuple[list[int], bytes]:
            numbers: list[int] = []
            found: list[bytes] = []
            for table in forms.tables:
                start = first
                while start <= last:
                    values = {"first": start, "last": last, "encoder": encoder, "limit": _PORTION}
                    rows = await self._connections.rows(table.spanned, values)
                    some, told = table.signs(rows, width)
                    numbers += some
                    found.append(told)
                    start = rows[-1][0] + 1 if len(rows) == _PORTION else last + 1
            return numbers, b"".join(found)

        return await self._tried(work)

    async def last(self) -> int:
        """See VectorRows."""
        ((number,),) = await self._connections.rows(_LAST)
        return int(number or 0)

    async def unencoded_after(self, number: int, encoder: str, limit: int) -> list[tuple[int, str]]:
        """See VectorRows."""
        values = {"encoder": encoder, "than": number, "limit": limit}
        return await self._tried(lambda forms: self._waiting(forms.after, values))

    async def unencoded_before(self, number: int, encoder: str, limit: int) -> list[tuple[int, str]]:
        """See VectorRows."""
        values = {"encoder": encoder, "than": number, "limit": limit}
        return await self._tried(lambda forms: self._waiting(forms.before, values))

    async def _waiting(self, statement: Select[Any], values: Mapping[str, Any]) -> list[tuple[int, str]]:
        rows = await self._connections.rows(statement, values)
        return [(number, f"{content}\n{summary}".strip()) for number, content, summary in map(tuple, rows)]

    async def unencoded_count(self, encoder: str) -> int:
        """See VectorRows."""
        ((count,),) = await self._tried(lambda forms: self._connections.rows(forms.lacking, {"encoder": encoder}))
        return int(count)

    async def keep_vectors(self, vectors: Mapping[int, bytes], encoder: str) -> None:
        """See VectorRows."""

        async def work(forms: _Forms) -> None:
            table = forms.tables[0]
            async with self._connections.write() as connection:
                there = await connection.scalars(_THERE, {"numbers": list(vectors)})
                rows = [{"number": n, "encoder": encoder, "vector": table.kept(vectors[n])} for n in there]
                if rows:
                    await connection.execute(table.upsert, rows)

        await self._tried(work)

    async def _tried(self, work: Callable[[_Forms], Awaitable[T]]) -> T:
        """The work on all tables, or on the last one alone where another is missing."""
        forms = self._forms
        try:
            return await work(forms)
        except StoreUnavailable as exc:
            if len(forms.tables) == 1 or not _tells_missing(exc):
                raise
            self._forms = _Forms.of(forms.tables[-1:])
            _LOG.warning("%s is left alone, vectors are kept as %s: %s", forms.tables[0].name, self.kept_as, exc)
            return await work(self._forms)


def _tells_missing(exc: StoreUnavailable) -> bool:
    """True where a table, a type or a right to them is missing (SQLSTATE's class 42), and not where it is an outage."""
    cause = exc.__cause__
    return str(getattr(getattr(cause, "orig", cause), "sqlstate", "")).startswith("42")
