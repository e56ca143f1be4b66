"""Corners that once went wrong: what stays private, what is never repeated, what never fails a call that ran."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest

from tmws_patterns import (
    DatabaseHealthCheck,
    PatternDefinition,
    PatternExecutionEngine,
    TmwsError,
    create_pattern_execution_engine,
)

pytestmark = pytest.mark.anyio

EXTRA = """
memory_patterns:
  - name: keep_looks
    trigger_pattern: ^keep (?P<content>.+) in the ledger
    effect: write
    cache_ttl: 0
    invalidates: ["pattern:look_at"]
    memory: {operation: store, content: "{content}"}
infrastructure_patterns:
  - name: add_up
    trigger_pattern: ^add up
    effect: read
    slots: {first: {type: integer}, second: {type: integer}}
    call: {server: workshop, tool: look, arguments: {key: "{first}-{second}"}}
  - name: put_selected
    trigger_pattern: ^put and show (?P<key>\\w+)
    effect: write
    cache_ttl: 0
    select: [nothing_of_the_kind]
    call: {server: workshop, tool: put, arguments: {key: "{key}"}}
"""


@pytest.fixture
async def engine(workshop: Any) -> PatternExecutionEngine:
    (workshop.folder / "patterns" / "extra.yaml").write_text(EXTRA)
    return await workshop.engine()


async def test_a_tool_without_a_pattern_is_asked_anew_each_time(engine: PatternExecutionEngine) -> None:
    for number in (1, 2):
        found = await engine.execute(pattern="workshop.look", arguments={"key": "a"})
        assert (found.cache_hit, found.result["looked"]) == (False, number)
    for number in (3, 4):
        found = await engine.execute('run tool look on workshop with {"key": "a"}')
        assert found.result["looked"] == number


async def test_the_same_call_from_another_folder_is_another_call(workshop: Any) -> None:
    here = Path.cwd()
    try:
        for number, name in enumerate(("one", "two"), 1):
            (workshop.folder / name).mkdir()
            os.chdir(workshop.folder / name)
            engine = await workshop.engine()
            found = await engine.execute("look at lathe")
            assert (found.cache_hit, found.result["looked"]) == (False, number)
    finally:
        os.chdir(here)


async def test_a_memory_that_expires_is_not_repeated_after_its_end(engine: PatternExecutionEngine) -> None:
    end = datetime.now(UTC) + timedelta(seconds=1)
    await engine.memory.store("the ferry leaves at once", expires_at=end)
    assert len((await engine.execute("recall the ferry")).result) == 1
    with anyio.fail_after(4):
        while (await engine.execute("recall the ferry")).result:
            await anyio.sleep(0.05)
    assert datetime.now(UTC) >= end


async def test_a_write_that_ran_is_never_reported_as_failed_for_its_fields(
    engine: PatternExecutionEngine, workshop: Any
) -> None:
    stored = await engine.execute("remember that the moon is far", select=["nope"])
    assert stored.success
    assert "nope" in stored.metadata["note"]
    assert (await engine.execute("put and show cup")).result == {"put": 1}, "nor for what its author selected"
    asked = await engine.execute("look at cup", select=["nope"])
    assert asked.error.code == "invalid_input", "a read may be asked again"


async def test_a_long_answer_that_cannot_be_kept_is_shown_as_far_as_it_goes(
    engine: PatternExecutionEngine, workshop: Any
) -> None:
    await engine.discover()
    with contextlib.closing(sqlite3.connect(workshop.folder / "data" / "cache.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with anyio.fail_after(8):
            page = await engine.execute(pattern="workshop.shelf", arguments={"rows": 200}, max_tokens=200)
        other.execute("ROLLBACK")
    assert page.success
    assert page.result[0]["row"] == 0
    assert "next_cursor" not in page.metadata
    assert "could not be kept" in page.metadata["note"]


async def test_a_namespace_that_is_no_text_is_refused_and_never_widens(engine: PatternExecutionEngine) -> None:
    await engine.memory.store("oak is hard", namespace="wood")
    assert len((await engine.execute("recall oak")).result) == 1
    for namespace in (["wood"], {"a": 1}, 3, True):
        refused = await engine.execute("recall oak", context={"namespace": namespace})
        assert refused.error.code == "invalid_input"
    assert (await engine.execute("recall oak", context={"agent": 5})).error.code == "invalid_input"


async def test_a_persona_cannot_read_on_in_another_personas_memories(engine: PatternExecutionEngine) -> None:
    for number in range(30):
        await engine.memory.store(f"zebra number {number} has stripes", agent_id="athena")
    page = await engine.execute("recall zebra", context={"agent": "athena", "limit": 30}, max_tokens=60)
    cursor = page.metadata["next_cursor"]
    assert (await engine.execute(cursor=cursor, context={"agent": "artemis"})).error.code == "cursor_expired"
    assert (await engine.execute(cursor=cursor)).error.code == "cursor_expired"
    assert (await engine.execute(cursor=cursor, context={"agent": "athena"})).success


@pytest.mark.parametrize(
    "call",
    [
        {"query": "recall \ud800 x"},
        {"query": "x", "context": {"agent": "a\ud800"}},
        {"query": "calculate 1+1", "select": ["\ud800"]},
        {"pattern": "workshop.look", "arguments": {"key": "a", "wait": 2**70}},
        {"pattern": "look_at", "arguments": {"key": object()}},
        {"pattern": "recall_memory", "query": "y" * 1_000_000},
        {"pattern": "recall_memory", "query": "\0"},
        {"pattern": "p" * 1_000_000},
        {"query": "x", "context": {"blob": "b" * 5_000_000}},
        {"query": "calculate 1+1", "max_tokens": True},
    ],
    ids=lambda call: next(iter(call)),
)
async def test_what_cannot_be_written_down_is_refused_and_kept_nowhere(
    engine: PatternExecutionEngine, call: dict[str, Any]
) -> None:
    refused = await engine.execute(**call)
    assert refused.error.code == "invalid_input"
    assert refused.error.hint
    assert len(refused.error.message) < 1_000
    assert "" in engine.get_stats()["patterns"] or engine.get_stats()["failed_executions"] == 1


async def test_a_pattern_named_like_an_alias_is_reached_by_its_name(engine: PatternExecutionEngine) -> None:
    assert (await engine.execute(pattern="calculate", arguments={"expression": "2+2"})).result == 4
    config = {
        "name": "calculate",
        "pattern_type": "infrastructure",
        "description": "mine",
        "effect": "read",
        "call": {"server": "tmws", "tool": "calculate", "arguments": {"expression": "40+2"}},
    }
    engine.registry.register(PatternDefinition.from_config(config))
    assert (await engine.execute(pattern="calculate")).result == 42


@pytest.mark.parametrize(
    "sentence",
    [
        "save the file report.txt to disk",
        "record a video of the demo",
        "store the results in the bucket",
        "note the time",
    ],
)
async def test_a_sentence_that_asks_for_something_else_is_not_stored(
    engine: PatternExecutionEngine, sentence: str
) -> None:
    assert (await engine.execute(sentence)).pattern_name != "store_memory"
    assert await engine.memory.recent() == []


async def test_one_number_does_not_fill_two_slots(engine: PatternExecutionEngine) -> None:
    asked = await engine.execute("add up 2 and 3")
    assert (asked.error.code, asked.error.details["missing"]) == ("missing_arguments", ["first", "second"])


async def test_explicit_arguments_of_a_tool_arrive_as_they_were_given(workshop: Any) -> None:
    workshop.configure(mortal=workshop.script("mortal"))
    engine = await workshop.engine()
    given = {"uri": "example.com/x", "nothing": None, "number": "7", "flag": "yes"}
    assert (await engine.execute(pattern="mortal.echo", arguments=given)).result["echo"] == given


async def test_what_the_memory_half_makes_stale_is_stale_in_comprehensive_mode_too(
    engine: PatternExecutionEngine,
) -> None:
    await engine.execute("look at lathe")
    assert (await engine.execute("look at lathe")).cache_hit
    await engine.execute("keep look lathe in the ledger", "comprehensive")
    assert not (await engine.execute("look at lathe")).cache_hit


async def test_when_both_halves_fail_the_one_that_ran_is_told_first_and_the_other_too(
    engine: PatternExecutionEngine,
) -> None:
    both = await engine.execute(
        "recall pluto zzz", "comprehensive", pattern="recall_memory", arguments={"limit": 99_999}
    )
    assert both.error.code == "invalid_input"
    assert set(both.error.details["failed"]) == {"tool", "memory"}


async def test_a_server_asked_for_by_name_does_not_wait_for_the_others(workshop: Any) -> None:
    workshop.configure(
        workshop=workshop.script("workshop", str(workshop.folder / "log")), silent=workshop.script("silent")
    )
    engine = await workshop.engine()
    with anyio.fail_after(4):
        assert (await engine.execute(pattern="workshop.look", arguments={"key": "a"})).success


async def test_a_closed_engine_says_so(workshop: Any) -> None:
    engine = await create_pattern_execution_engine(workshop.settings())
    await engine.aclose()
    with pytest.raises(RuntimeError, match="closed"):
        await engine.execute("calculate 1+1")
    with pytest.raises(TmwsError, match="no engine"):
        await DatabaseHealthCheck.get_pool_status()


async def test_an_engine_is_entered_with_or_without_await(workshop: Any) -> None:
    async with create_pattern_execution_engine(workshop.settings()) as engine:
        assert (await engine.execute("calculate 1+1")).result == 2
    async with await create_pattern_execution_engine(workshop.settings()) as engine:
        assert (await engine.execute("calculate 1+1")).result == 2


async def test_everyone_who_waits_for_a_shared_call_hears_its_progress(engine: PatternExecutionEngine) -> None:
    await engine.discover()
    heard: dict[str, list[float]] = {"one": [], "two": []}

    async def ask(name: str) -> None:
        async def progressed(progress: float, total: float | None, message: str | None) -> None:
            heard[name].append(progress)

        call = engine.call(None, pattern="workshop.plane", arguments={"steps": 3}, progress=progressed)
        assert (await engine.answer(call)).result.result == "smooth"

    async with anyio.create_task_group() as group:
        group.start_soon(ask, "one")
        group.start_soon(ask, "two")
    assert heard == {"one": [1, 2, 3], "two": [1, 2, 3]}


async def test_context_never_widens_what_is_written(engine: PatternExecutionEngine) -> None:
    stored = await engine.execute("remember that pluto is tiny", context={"access_level": "public", "agent": "ann"})
    assert stored.success
    assert (await engine.execute("recall pluto", context={"agent": "bob"})).result == []


async def test_a_memory_can_be_shared_by_its_pattern(engine: PatternExecutionEngine) -> None:
    arguments = {"content": "the attic key", "access_level": "shared", "shared_with": ["bob"]}
    assert (await engine.execute(pattern="store_memory", arguments=arguments, context={"agent": "ann"})).success
    assert len((await engine.execute("recall the attic", context={"agent": "bob"})).result) == 1
    assert (await engine.execute("recall the attic", context={"agent": "cy"})).result == []


async def test_the_first_answer_of_a_server_never_seen_before_is_kept_too(engine: PatternExecutionEngine) -> None:
    assert not (await engine.execute("look at lathe")).cache_hit
    assert (await engine.execute("look at lathe")).cache_hit


async def test_a_trigger_catches_words_of_every_alphabet(engine: PatternExecutionEngine) -> None:
    await engine.memory.store("clé sous le tapis", tags=["sécurité"])
    assert len((await engine.execute("find memories tagged sécurité")).result) == 1
