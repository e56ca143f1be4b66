"""The database tier's rows."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any

from sqlalchemy import Executable, bindparam, case, delete, func, select

from tmws_patterns.ports import Entry
from tmws_patterns.storage.connections import Connections, Reads
from tmws_patterns.storage.leases import SqlLeases
from tmws_patterns.storage.schema import cache_entries as entries

AT_ONCE = 65_536  # bytes of a payload that is read on the event loop: larger ones are worth a thread
_FACTS = (entries.c.stored_at, entries.c.expires_at, entries.c.epochs, entries.c.cost)
_WANTED = (entries.c.digest == bindparam("digest"), entries.c.expires_at > bindparam("now"))
FETCH = select(entries.c.payload, *_FACTS).where(*_WANTED)
FETCH_SMALL = select(case((func.length(entries.c.payload) <= AT_ONCE, entries.c.payload)), *_FACTS).where(*_WANTED)
_PURGE_EXPIRED = delete(entries).where(entries.c.expires_at <= bindparam("now"))
_PURGE_OLDEST = delete(entries).where(
    entries.c.digest.in_(
        select(entries.c.digest)
        .order_by(entries.c.stored_at.desc(), entries.c.digest)
        .offset(bindparam("max_rows"))
        .scalar_subquery()
    )
)


class SqlCacheRows:
    """CacheRows over either engine: `insert` is the dialect's, `reads` a quick way to read.

    `at_once` is the way to read without waiting, if there is one.
    """

    def __init__(
        self,
        connections: Connections,
        insert: Callable[..., Any],
        clock: Callable[[], float],
        reads: Reads,
        at_once: Callable[[Executable, Mapping[str, Any]], Sequence[Any] | None] | None = None,
    ) -> None:
        self._connections = connections
        self.leases = SqlLeases(connections, insert, clock)
        self._reads = reads
        self._at_once = at_once
        statement = insert(entries)
        names = ("stored_at", "expires_at", "epochs", "payload", "cost")
        changed = {name: statement.excluded[name] for name in names}
        self._upsert = statement.on_conflict_do_update(index_elements=["digest"], set_=changed)

    def peek(self, digest: str, now: float) -> tuple[Entry | None] | None:
        """What `fetch` would find, in a tuple; None where the row is large, the file is locked, or on PostgreSQL."""
        if self._at_once is None:
            return None
        rows = self._at_once(FETCH_SMALL, {"digest": digest, "now": now})
        if not rows:
            return None if rows is None else (None,)
        return None if rows[0][0] is None else (_entry(*rows[0]),)

    async def fetch(self, digest: str, now: float) -> Entry | None:
        """The entry, unless it is missing or expired at `now` (seconds since 1970)."""
        rows = await self._reads.rows(FETCH, {"digest": digest, "now": now})
        return _entry(*rows[0]) if rows else None

    async def upsert(self, rows: Sequence[tuple[str, Entry]]) -> None:
        """Keep these entries, in place of older ones of their digests, in one transaction."""
        values = [
            {
                "digest": digest,
                "stored_at": entry.stored_at,
                "expires_at": entry.expires_at,
                "epochs": json.dumps(entry.epochs),
                "payload": entry.payload,
                "cost": entry.cost,
            }
            for digest, entry in sorted(rows, key=itemgetter(0))  # two writers lock the rows in the same order
        ]
        if not values:
            return
        async with self._connections.write() as connection:
            await connection.execute(self._upsert, values)

    async def purge(self, now: float, max_rows: int) -> int:
        """Delete the expired rows, then the oldest above `max_rows`; returns how many went."""
        async with self._connections.write() as connection:
            expired = await connection.execute(_PURGE_EXPIRED, {"now": now})
            oldest = await connection.execute(_PURGE_OLDEST, {"max_rows": max_rows})
        return expired.rowcount + oldest.rowcount

    async def clear(self) -> None:
        """Delete every row."""
        async with self._connections.write() as connection:
            await connection.execute(delete(entries))


def _entry(payload: Any, stored_at: float, expires_at: float, epochs: str, cost: float) -> Entry | None:
    """The entry of a row; None for one that `upsert` did not write."""
    try:
        return Entry(bytes(payload), stored_at, expires_at, _pairs(epochs), cost)
    except (ValueError, TypeError):
        return None


@lru_cache(maxsize=1024)  # of many entries they are the same
def _pairs(epochs: str) -> tuple[tuple[str, int], ...]:
    return tuple((str(tag), int(epoch)) for tag, epoch in json.loads(epochs))
