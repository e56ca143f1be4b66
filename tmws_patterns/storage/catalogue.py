"""The tools of each downstream server, kept between runs."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import select

from tmws_patterns.storage.connections import Connections
from tmws_patterns.storage.schema import catalogue

_LOAD = select(catalogue.c.identity, catalogue.c.tools)


class SqlCatalogueRows:
    """CatalogueRows over either engine; `insert` is the dialect's."""

    def __init__(self, connections: Connections, insert: Callable[..., Any], clock: Callable[[], float]) -> None:
        self._connections = connections
        self._clock = clock
        statement = insert(catalogue)
        changed = {name: statement.excluded[name] for name in ("server", "tools", "saved_at")}
        self._upsert = statement.on_conflict_do_update(index_elements=["identity"], set_=changed)

    async def load_catalogue(self) -> dict[str, list[dict[str, Any]]]:
        """Every kept server's tool definitions, by the hash of its configuration."""
        rows = await self._connections.rows(_LOAD)
        return {row.identity: json.loads(row.tools) for row in rows}

    async def save_catalogue(self, identity: str, server: str, tools: Sequence[Mapping[str, Any]]) -> None:
        """Keep a server's tools in place of those kept before."""
        text = json.dumps([dict(tool) for tool in tools])
        row = {"identity": identity, "server": server, "tools": text, "saved_at": self._clock()}
        async with self._connections.write() as connection:
            await connection.execute(self._upsert, row)
