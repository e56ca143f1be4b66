"""Leases in the database, for processes that have no Redis in common: a row a name, with who holds it until when."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from sqlalchemy import bindparam, delete, or_, select, update

from tmws_patterns.storage.connections import Connections
from tmws_patterns.storage.schema import leases

WAIVED = "-"
"""In the place of a token: the last holder came to nothing."""

_OWN = (leases.c.name == bindparam("name_"), leases.c.token == bindparam("token_"))
_HOLDER = select(leases.c.token).where(leases.c.name == bindparam("name_"))
_PROLONG = update(leases).where(*_OWN).values(until=bindparam("until_"))
_WAIVE = update(leases).where(*_OWN).values(token=WAIVED, until=bindparam("until_"))
_DROP = delete(leases).where(*_OWN)
_OVER = delete(leases).where(leases.c.until <= bindparam("now"))


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

    async def take(self, name: str, token: str, seconds: float) -> bool | Literal["waived"]:
        """True where the lease is now the token's, for so many seconds."""
        async with self._connections.write() as connection:
            now = self._clock()  # not before the lock is had, which may take a while
            await connection.execute(_OVER, {"now": now})
            values = {"name": name, "token": token, "until": now + seconds, "now": now}
            if await connection.scalar(self._take, values) is not None:
                return True
            return "waived" if await connection.scalar(_HOLDER, {"name_": name}) == WAIVED else False

    async def prolong(self, name: str, token: str, seconds: float) -> bool:
        """False where the lease is the token's no more."""
        return await self._change(_PROLONG, name, token, seconds)

    async def waive(self, name: str, token: str, seconds: float) -> None:
        """Say for so many seconds that the holder came to nothing."""
        await self._change(_WAIVE, name, token, seconds)

    async def drop(self, name: str, token: str) -> None:
        """Give the lease back, if it is still the token's."""
        async with self._connections.write() as connection:
            await connection.execute(_DROP, {"name_": name, "token_": token})

    async def _change(self, statement: Any, name: str, token: str, seconds: float) -> bool:
        async with self._connections.write() as connection:
            values = {"name_": name, "token_": token, "until_": self._clock() + seconds}
            return (await connection.execute(statement, values)).rowcount > 0
