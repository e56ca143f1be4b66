"""How a database comes to its present form: ordered versions, each applied once in its own transaction.

A migration never changes after its release; a new form is a new version. The statements of both
engines stand in `sqlite_versions` and `postgres_versions`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from tmws_patterns.errors import StoreUnavailable
from tmws_patterns.storage.connections import Connections
from tmws_patterns.storage.schema import schema_versions

_LEDGER = """
CREATE TABLE IF NOT EXISTS schema_versions (
    name TEXT NOT NULL, version INTEGER NOT NULL, applied_at DOUBLE PRECISION NOT NULL, PRIMARY KEY (name, version)
)
"""


@dataclass(frozen=True, slots=True)
class Versions:
    """The versions of one group of tables, first version first.

    `name` is the group's in schema_versions. `lock` runs first in each transaction, and makes a
    second process wait until the first has applied a version.
    """

    name: str
    versions: tuple[tuple[str, ...], ...]
    lock: tuple[str, ...] = ()


async def migrate(connections: Connections, wanted: Versions, clock: Callable[[], float]) -> int:
    """Apply what is missing and return the version reached.

    Raises:
        StoreUnavailable: the database is of a newer release, or a statement failed.
    """
    while True:
        async with connections.write() as connection:
            for statement in (*wanted.lock, _LEDGER):
                await connection.exec_driver_sql(statement)
            version = await _version(connection, wanted.name)
            if version == len(wanted.versions):
                return version
            if version > len(wanted.versions):
                raise StoreUnavailable(
                    f"{connections.place}: its tables are of version {version},"
                    f" and this release knows {len(wanted.versions)}",
                    hint="upgrade: pip install --upgrade tmws-patterns; or name another database",
                )
            await _apply(connection, wanted.versions[version])
            row = {"name": wanted.name, "version": version + 1, "applied_at": clock()}
            await connection.execute(schema_versions.insert(), row)


async def _version(connection: AsyncConnection, name: str) -> int:
    found = await connection.scalar(select(func.max(schema_versions.c.version)).where(schema_versions.c.name == name))
    return int(found or 0)


async def _apply(connection: AsyncConnection, statements: Sequence[str]) -> None:
    for statement in statements:
        await connection.exec_driver_sql(statement)
