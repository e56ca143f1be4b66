"""Memories and queries with everything filled in but what a test is about."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, NamedTuple

from tmws_patterns.call import Scope
from tmws_patterns.encoder import static_encoder
from tmws_patterns.memory.index import MemoryIndex
from tmws_patterns.memory.recall import Found, Recall
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


class Asked(NamedTuple):
    """Words, "" for a listing, and conditions."""

    words: tuple[str, ...]
    query: MemoryQuery


def query(*words: str, scope: Scope | None = None, **changes: Any) -> Asked:
    return Asked(words, MemoryQuery(**{"scope": scope or Scope("acme", "artemis"), "now": NOW, **changes}))


async def found(database: Database, asked: Asked) -> list[Found]:
    """What a process finds that has just opened the database: by its words, not by its meaning alone."""
    recall = Recall(database.reads, MemoryIndex(database.index, static_encoder()))
    if not asked.words:
        return await recall.listed(asked.query)
    text = " ".join(asked.words)
    return [one for one in await recall.find(asked.words, text, asked.query) if one.parts["coverage"] > 0]


async def contents(database: Database, asked: Asked) -> list[str]:
    return [one.memory.content for one in await found(database, asked)]


@asynccontextmanager
async def pair(settings: Settings) -> AsyncIterator[tuple[Database, Database]]:
    """Two opened on one database, as two processes would have them."""
    async with open_database(settings) as one, open_database(settings) as other:
        yield one, other
