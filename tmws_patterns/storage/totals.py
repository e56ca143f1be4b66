"""Counters for all time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import select

from tmws_patterns.storage.connections import Connections
from tmws_patterns.storage.schema import totals


class SqlTotals:
    """Totals over either engine; `insert` is the dialect's."""

    def __init__(self, connections: Connections, insert: Callable[..., Any]) -> None:
        self._connections = connections
        statement = insert(totals)
        added = {"value": totals.c.value + statement.excluded.value}
        self._add = statement.on_conflict_do_update(index_elements=["name"], set_=added)

    async def add_totals(self, deltas: Mapping[str, float]) -> None:
        """Add each number to the counter of its name, all or none."""
        if not deltas:
            return
        # sorted, so that two writers lock the rows in the same order
        rows = [{"name": name, "value": float(deltas[name])} for name in sorted(deltas)]
        async with self._connections.write() as connection:
            await connection.execute(self._add, rows)

    async def read_totals(self) -> dict[str, float]:
        """Every counter by its name."""
        rows = await self._connections.rows(select(totals.c.name, totals.c.value))
        return {row.name: row.value for row in rows}
