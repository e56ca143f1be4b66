"""Answers over one page, kept whole until their cursors expire."""

from __future__ import annotations

import json
from collections.abc import Callable
from hashlib import blake2b
from typing import Any

from sqlalchemy import bindparam, delete, func, select

from tmws_patterns.storage.connections import Connections
from tmws_patterns.storage.schema import kept_answers as answers

MAX_BYTES = 64 * 2**20
"""Bytes of all kept answers together: some hundred of the largest that tools return."""

_LOAD = select(answers.c.payload).where(
    answers.c.id == bindparam("id"),
    answers.c.tenant == bindparam("tenant"),
    answers.c.agent_id == bindparam("agent"),
    answers.c.expires_at > bindparam("now"),
)
_PURGE_EXPIRED = delete(answers).where(answers.c.expires_at <= bindparam("now"))

_newest_first = select(
    answers.c.id, func.sum(answers.c.size).over(order_by=(answers.c.kept_at.desc(), answers.c.id)).label("filled")
).subquery()
_PURGE_OLDEST = delete(answers).where(
    answers.c.id.in_(select(_newest_first.c.id).where(_newest_first.c.filled > bindparam("max_bytes")))
)


def answer_id(owner: tuple[str, str], payload: bytes) -> str:
    """The id of an answer: the same for the same owner and bytes, and telling nothing of them."""
    return blake2b(json.dumps(owner).encode() + b"\n" + payload, digest_size=16).hexdigest()


class SqlKeptAnswers:
    """KeptAnswers over either engine; `insert` is the dialect's. Keeps at most `max_bytes`, the newest."""

    def __init__(self, connections: Connections, insert: Callable[..., Any], max_bytes: int = MAX_BYTES) -> None:
        self._connections = connections
        self._max_bytes = max_bytes
        statement = insert(answers)
        changed = {name: statement.excluded[name] for name in ("kept_at", "expires_at")}
        self._upsert = statement.on_conflict_do_update(index_elements=["id"], set_=changed)

    async def keep(self, owner: tuple[str, str], payload: bytes, now: float, ttl: float) -> str:
        """Keep the answer for `ttl` seconds from `now` and return its id; an answer over the bound is not kept."""
        row = {
            "id": answer_id(owner, payload),
            "tenant": owner[0],
            "agent_id": owner[1],
            "kept_at": now,
            "expires_at": now + ttl,
            "size": len(payload),
            "payload": payload,
        }
        async with self._connections.write() as connection:
            await connection.execute(_PURGE_EXPIRED, {"now": now})
            await connection.execute(self._upsert, row)
            await connection.execute(_PURGE_OLDEST, {"max_bytes": self._max_bytes})
        return str(row["id"])

    async def load(self, owner: tuple[str, str], answer_id: str, now: float) -> bytes | None:
        """The answer's bytes; None for an id unknown, expired or of another owner."""
        values = {"id": answer_id, "tenant": owner[0], "agent": owner[1], "now": now}
        rows = await self._connections.rows(_LOAD, values)
        return bytes(rows[0].payload) if rows else None
