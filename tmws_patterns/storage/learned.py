"""What routing learned of the patterns, kept so that the next start need not learn it again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import bindparam, delete, select

from tmws_patterns.storage.connections import Connections
from tmws_patterns.storage.schema import learned

_MOST = 8  # kept: the packs of a few projects; more would only grow the file
_LOAD = select(learned.c.payload).where(learned.c.digest == bindparam("digest"))
_NEWEST = select(learned.c.digest).order_by(learned.c.saved_at.desc()).limit(_MOST)
_CLEAR = delete(learned).where(learned.c.digest.not_in(_NEWEST))


class SqlLearnedRows:
    """LearnedRows over either engine; `insert` is the dialect's."""

    def __init__(self, connections: Connections, insert: Callable[..., Any], clock: Callable[[], float]) -> None:
        self._connections = connections
        self._clock = clock
        statement = insert(learned)
        changed = {name: statement.excluded[name] for name in ("saved_at", "payload")}
        self._upsert = statement.on_conflict_do_update(index_elements=["digest"], set_=changed)

    async def load_learned(self, digest: str) -> bytes | None:
        """What was kept under this hash; None for nothing."""
        rows = await self._connections.rows(_LOAD, {"digest": digest})
        return bytes(rows[0].payload) if rows else None

    async def save_learned(self, digest: str, payload: bytes) -> None:
        """Keep it, and let the oldest go."""
        async with self._connections.write() as connection:
            await connection.execute(self._upsert, {"digest": digest, "saved_at": self._clock(), "payload": payload})
            await connection.execute(_CLEAR)
