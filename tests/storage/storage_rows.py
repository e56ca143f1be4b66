"""Memories and queries with everything filled in but what a test is about."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import asyncpg

from tmws_patterns.call import Scope
from tmws_patterns.ports import Memory, MemoryQuery
from tmws_patterns.settings import Settings
from tmws_patterns.storage import Database, open_database

NOW = datetime(2026, 11, 23, 12, 0, 0, 123456, tzinfo=UTC)


def memory(content: str = "the database was slow", **changes: Any) -> Memory:
    fields: dict[str, Any] = {
        "id": uuid.uuid4().hex,
        "content": content,
        "tenant": "acme",
        "agent_id": "artemis",
        "namespace": "default",
        "access_level": "private",
        "tags": (),
        "importance": 0.5,
        "created_at": NOW,
        "updated_at": NOW,
    }
    return Memory(**{**fields, **changes})


def query(*terms: str, scope: Scope | None = None, **changes: Any) -> MemoryQuery:
    return MemoryQuery(**{"scope": scope or Scope("acme", "artemis"), "now": NOW, "terms": terms, **changes})


async def contents(database: Database, asked: MemoryQuery) -> list[str]:
    return [found.content for found, _ in await database.memories.search(asked)]


@asynccontextmanager
async def pair(settings: Settings) -> AsyncIterator[tuple[Database, Database]]:
    """Two opened on one database, as two processes would have them."""
    async with open_database(settings) as one, open_database(settings) as other:
        yield one, other


async def run_sql(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
