"""Leases in the database, for processes that have no Redis in common: a row a name, with who holds it until when."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import bindparam, delete, or_

from tmws_patterns.storage.connections import Connections
from tmws_patterns.storage.schema import leases

_DROP = delete(leases).where(leases.c.name == bindparam("name_"), leases.c.token == bindparam("token_"))


class SqlLeases:
    """LeaseRows over either engine; `insert` is the dialect's.

    Times are the clocks' of the processes: on SQLite one computer's, with PostgreSQL those of several, which a
    lease of a second wants to agree within some tenths.
    """

    def __init__(self, connections: Connections, insert: Callable[..., Any], clock: Callable[[], float]) -> None:
        self._connections = connections
        self._clock = clock
        statement = insert(leases)
        new = statement.excluded
        self._take = statement.on_conflict_do_update(
            index_elements=["name"],
            set_={"token": new.token, "until": new.until},
            where=or_(leases.c.until <= bindparam("now"), leases.c.token == new.token),
        ).returning(leases.c.token)

    async def take(self, name: str, token: str, seconds: float) -> bool:
        """True where the lease is now the token's, for so many seconds; its holder prolongs it so."""
        now = self._clock()
        async with self._connections.write() as connection:
            values = {"name": name, "token": token, "until": now + seconds, "now": now}
            return await connection.scalar(self._take, values) is not None

    async def drop(self, name: str, token: str) -> None:
        """Give the lease back, if it is still the token's."""
        async with self._connections.write() as connection:
            await connection.execute(_DROP, {"name_": name, "token_": token})
