"""The index of words as it is kept: heads of segments, and their lists by chunks.

The chunks of a segment have the keys id * SPREAD and following. What a process holds of a segment stays right
until the segment has gone: ids are never used twice.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson
from sqlalchemy import BigInteger, Select, Text, bindparam, cast, column, delete, func, insert, select
from sqlalchemy.dialects.postgresql import JSON

from tmws_patterns.ports import IndexSegment, IndexState, Unindexed
from tmws_patterns.storage.connections import Connections, Reads, Transaction
from tmws_patterns.storage.memory_rows import take_numbers
from tmws_patterns.storage.schema import counters, index_chunks, index_segments
from tmws_patterns.storage.schema import memories as m

_LITTLE = 128  # chunks (512 kB) that are read without leaving the event loop: more are worth a thread
_FEW = 8  # new memories that are read without leaving it: mostly there are one or two
SPREAD = 2**20  # more than the chunks of any segment

_VERSION = select(counters.c.value).order_by(counters.c.name)
_SEGMENTS = select(index_segments.c.id, index_segments.c.first, index_segments.c.last).order_by(index_segments.c.first)
_WORDS = select(
    m.c.number,
    m.c.tenant,
    m.c.agent_id,
    m.c.namespace,
    m.c.access_level,
    m.c.team,
    m.c.shared_with,
    m.c.content,
    m.c.summary,
    m.c.tags,
)
_RECENT = _WORDS.where(m.c.number > bindparam("after")).order_by(m.c.number).limit(bindparam("limit"))
_BETWEEN = (
    _WORDS.where(m.c.number >= bindparam("first"), m.c.number <= bindparam("last"))
    .order_by(m.c.number)
    .limit(bindparam("limit"))
)
_NUMBERS = select(m.c.number).where(m.c.number >= bindparam("first"), m.c.number <= bindparam("last"))
_EXISTING = select(m.c.number).where(m.c.number.in_(bindparam("numbers", expanding=True)))
_AT_ONCE = 1_000  # numbers bound to one statement
_REPLACED = delete(index_segments).where(index_segments.c.id.in_(bindparam("ids", expanding=True)))
_OVERLAPPING = select(func.count()).where(
    index_segments.c.first <= bindparam("to"), index_segments.c.last >= bindparam("from")
)
_CUT = delete(index_chunks).where(index_chunks.c.key.between(bindparam("from"), bindparam("to")))
_SEGMENT, _CHUNKS = insert(index_segments), insert(index_chunks)
_HEAD = select(index_segments.c.head).where(index_segments.c.id == bindparam("id"))


class _OvertakenError(Exception):
    """Another process has changed the same segments: nothing is written."""


class SqlIndexRows:
    """IndexRows over one engine; `chunks_of` selects (key, data) of its bound :ranges.

    `stamp` is a quicker way to see that something has changed, where there is one.
    """

    def __init__(
        self, connections: Connections, reads: Reads, chunks_of: Select[Any], stamp: Callable[[], object] | None
    ) -> None:
        self._stamp = stamp
        self._connections = connections
        self._reads = reads
        self._chunks_of = chunks_of

    async def version(self) -> object:
        """See IndexRows."""
        if self._stamp is not None:
            return self._stamp()
        return tuple(value for (value,) in await self._reads.rows(_VERSION))

    async def state(self, after: int, limit: int) -> IndexState:
        """See IndexRows."""
        # in this order: a segment that is written between the two only covers what is read twice
        segments = await self._reads.rows(_SEGMENTS, little=True)
        after = max([after, *(last for _, _, last in segments)])
        recent = await self._reads.rows(_RECENT, {"after": after, "limit": min(limit, _FEW)}, little=True)
        if len(recent) == _FEW < limit:
            recent = await self._reads.rows(_RECENT, {"after": after, "limit": limit})
        return IndexState(tuple(IndexSegment(*row) for row in segments), [_unindexed(row) for row in recent])

    async def head(self, segment: int) -> bytes | None:
        """See IndexRows."""
        found = await self._reads.rows(_HEAD, {"id": segment})
        return bytes(found[0][0]) if found else None

    async def chunks(self, ranges: Sequence[tuple[int, int, int]]) -> dict[tuple[int, int], bytes]:
        """See IndexRows."""
        keys = [(segment * SPREAD + first, segment * SPREAD + last) for segment, first, last in ranges]
        little = sum(last - first + 1 for _, first, last in ranges) <= _LITTLE
        rows = await self._reads.rows(self._chunks_of, {"ranges": orjson.dumps(keys).decode()}, little=little)
        return {divmod(key, SPREAD): data for key, data in rows}

    async def between(self, first: int, last: int, limit: int) -> list[Unindexed]:
        """See IndexRows."""
        rows = await self._connections.rows(_BETWEEN, {"first": first, "last": last, "limit": limit})
        return [_unindexed(row) for row in rows]

    async def numbers(self, first: int, last: int) -> list[int]:
        """See IndexRows."""
        rows = await self._connections.rows(_NUMBERS, {"first": first, "last": last})
        return [number for (number,) in rows]

    async def existing(self, numbers: Sequence[int]) -> set[int]:
        """See IndexRows."""
        found: set[int] = set()
        for start in range(0, len(numbers), _AT_ONCE):
            wanted = {"numbers": list(numbers[start : start + _AT_ONCE])}
            found |= {number for (number,) in await self._reads.rows(_EXISTING, wanted)}
        return found

    async def put(
        self, replaced: Sequence[int], first: int, last: int, docs: int, head: bytes, chunks: Mapping[int, bytes]
    ) -> bool:
        """See IndexRows."""

        def work(connection: Transaction) -> None:
            number = take_numbers(connection, "segments", 1)  # whoever is second waits here
            gone = connection.execute(_REPLACED, {"ids": list(replaced)})
            if gone.rowcount != len(replaced) or connection.scalar(_OVERLAPPING, {"from": first, "to": last}):
                raise _OvertakenError
            for segment in replaced:
                connection.execute(_CUT, {"from": segment * SPREAD, "to": (segment + 1) * SPREAD - 1})
            row = {"id": number, "first": first, "last": last, "docs": docs, "head": head}
            connection.execute(_SEGMENT, row)
            rows = [{"key": number * SPREAD + place, "data": chunk} for place, chunk in chunks.items()]
            if rows:
                connection.execute(_CHUNKS, rows)

        try:
            await self._connections.transact(work)
        except _OvertakenError:
            return False
        return True

    async def clear(self) -> None:
        """See IndexRows."""
        async with self._connections.write() as connection:
            await connection.execute(delete(index_segments))
            await connection.execute(delete(index_chunks))


def sqlite_chunks() -> Select[Any]:
    """Chunks of the bound :ranges, a JSON list of [first key, last key]."""
    wanted = func.json_each(bindparam("ranges")).table_valued("value")
    first, last = (func.json_extract(wanted.c.value, f"$[{end}]") for end in (0, 1))
    return select(index_chunks).select_from(wanted).join(index_chunks, index_chunks.c.key.between(first, last))


def postgres_chunks() -> Select[Any]:
    """The same of PostgreSQL."""
    ranges = cast(bindparam("ranges", type_=Text), JSON)
    wanted = func.json_array_elements(ranges).table_valued(column("value", JSON))
    first, last = (cast(wanted.c.value[end].astext, BigInteger) for end in (0, 1))
    return select(index_chunks).select_from(wanted).join(index_chunks, index_chunks.c.key.between(first, last))


def _unindexed(row: Sequence[Any]) -> Unindexed:
    number, tenant, agent, namespace, access, team, shared_with, content, summary, tags = row
    text = "\n".join((content, summary, *json.loads(tags)))
    return Unindexed(number, (tenant, agent, namespace, access, team, tuple(json.loads(shared_with))), text)
