"""Memory that does not answer costs its own deadline, and the other half or the other steps nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import asyncpg
import pytest

from tmws_patterns import PatternDefinition, PatternExecutionEngine

pytestmark = pytest.mark.anyio

LOOK = {"server": "workshop", "tool": "look", "arguments": {"key": "here", "wait": 0}}


@asynccontextmanager
async def unanswering(url: str) -> AsyncIterator[None]:
    """Nobody reads a memory meanwhile."""
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction():
            await connection.execute("LOCK TABLE tmws_patterns.memories IN ACCESS EXCLUSIVE MODE")
            yield
    finally:
        await connection.close()


@pytest.fixture
async def engine(workshop, fresh_postgres: str) -> PatternExecutionEngine:
    found = await workshop.engine(database_url=fresh_postgres, pattern_memory_timeout=0.5, pattern_hybrid_timeout=20)
    await found.discover()
    await found.memory.store("the harbour is closed")
    return found


async def test_the_tool_half_comes_without_the_memory_half(engine, fresh_postgres: str) -> None:
    async with unanswering(fresh_postgres):
        with anyio.fail_after(15):  # before the deadline of the whole
            found = await engine.execute("study harbour")
    assert found.result["tool"]["key"] == "harbour"
    assert found.result["failed"]["memory"]["code"] == "timeout"


@pytest.mark.parametrize("own", [None, 0.6])
async def test_the_other_steps_go_on_without_the_recall(engine, fresh_postgres: str, own: float | None) -> None:
    recall = {"name": "known", "memory": {"operation": "recall", "query": "harbour"}, "timeout": own}
    steps = [recall, {"name": "here", "call": LOOK}]
    config = {"name": "both", "pattern_type": "hybrid", "description": "both", "effect": "read", "steps": steps}
    engine.registry.register(PatternDefinition.from_config(config))
    async with unanswering(fresh_postgres):
        with anyio.fail_after(15):  # before the deadline of the whole
            found = await engine.execute(pattern="both")
    assert found.result["here"]["key"] == "here"
    assert found.result["failed"]["known"]["code"] == "timeout"
