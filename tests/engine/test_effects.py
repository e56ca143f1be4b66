"""What a call may do: who decides, what a sentence may run, what needs its exact name, what nobody may run."""

from __future__ import annotations

from typing import Any

import pytest

from tmws_patterns import PatternExecutionEngine

pytestmark = pytest.mark.anyio


async def test_a_sentence_runs_a_declared_write_and_each_time_anew(
    engine: PatternExecutionEngine, workshop: Any
) -> None:
    for count in (1, 2):
        done = await engine.execute("put down hammer")
        assert (done.result["put"], done.cache_hit) == (count, False)


@pytest.mark.parametrize("tool", ["smash", "meddle"])
async def test_a_sentence_never_runs_what_destroys_or_what_nobody_declared(
    engine: PatternExecutionEngine, workshop: Any, tool: str
) -> None:
    await engine.discover()
    asked = await engine.execute(f'run tool {tool} on workshop with {{"key": "vase"}}')
    assert asked.error.code == "confirmation_required"
    assert asked.error.details["pattern"] == f"workshop.{tool}"
    assert asked.error.details["arguments"] == {"key": "vase"}
    assert workshop.calls(tool) == 0
    named = await engine.execute(pattern=f"workshop.{tool}", arguments={"key": "vase"})
    assert named.success
    assert workshop.calls(tool) == 1


async def test_a_write_makes_reads_of_its_server_stale(engine: PatternExecutionEngine, workshop: Any) -> None:
    await engine.execute("look at drill")
    assert (await engine.execute("look at drill")).cache_hit
    await engine.execute("put down drill")
    fresh = await engine.execute("look at drill")
    assert (fresh.cache_hit, fresh.result["looked"]) == (False, 2)


async def test_servers_json_declares_effects_and_denies_tools(workshop: Any) -> None:
    rights = {"effects": {"meddle": "read", "look": "destructive"}, "deny": ["smash"]}
    workshop.configure(workshop=workshop.script("workshop", str(workshop.folder / "log"), tmws=rights))
    engine = await workshop.engine()
    await engine.discover()
    assert (await engine.execute('run tool meddle on workshop with {"key": "a"}')).success
    assert (await engine.execute("look at drill")).error.code == "confirmation_required"
    denied = await engine.execute(pattern="workshop.smash", arguments={"key": "a"})
    assert denied.error.code == "forbidden"
    assert workshop.calls("smash") == 0


async def test_a_distrusted_servers_own_hints_do_not_count(workshop: Any) -> None:
    workshop.configure(workshop=workshop.script("workshop", str(workshop.folder / "log"), tmws={"trust": False}))
    engine = await workshop.engine()
    await engine.discover()
    assert (await engine.execute("look at drill")).error.code == "confirmation_required"


async def test_a_read_that_is_not_to_be_cached_is_computed_anew(engine: PatternExecutionEngine) -> None:
    await engine.execute("look at drill")
    fresh = await engine.execute("look at drill", use_cache=False)
    assert (fresh.cache_hit, fresh.result["looked"]) == (False, 2)


async def test_an_error_is_never_kept(engine: PatternExecutionEngine, workshop: Any) -> None:
    for count in (1, 2):
        broken = await engine.execute("break it")
        assert broken.error.code == "tool_error"
        assert "lathe is broken" in broken.error.message
        assert workshop.calls("break_down") == count


async def test_a_tool_answers_by_its_own_name_with_arguments_checked(engine: PatternExecutionEngine) -> None:
    rows = await engine.execute(pattern="workshop.shelf", arguments={"rows": 2})
    assert [row["row"] for row in rows.result] == [0, 1]
    missing = await engine.execute(pattern="workshop.shelf")
    assert (missing.error.code, missing.error.details["missing"]) == ("missing_arguments", ["rows"])
    assert missing.error.details["schema"]["properties"]["rows"]["type"] == "integer"
    wrong = await engine.execute(pattern="workshop.shelf", arguments={"rows": "many"})
    assert wrong.error.code == "tool_error", "its own server checks what is said outright"
    assert "rows" in wrong.error.message
    unknown = await engine.execute(pattern="workshop.shelf", arguments={"rows": 1, "colour": "red"})
    assert "colour" in unknown.error.message
    assert "rows" in unknown.error.hint


async def test_an_unknown_pattern_names_the_nearest(engine: PatternExecutionEngine) -> None:
    unknown = await engine.execute(pattern="recal_memory")
    assert unknown.error.code == "no_match"
    assert "recall_memory" in unknown.error.hint


async def test_servers_that_could_not_be_reached_are_named_in_the_answer(workshop: Any) -> None:
    workshop.configure(gone={"command": "/no/such/program"}, workshop=workshop.script("workshop", "log"))
    engine = await workshop.engine()
    answer = await engine.execute("fold the paper crane")
    assert answer.error.code == "no_match"
    assert answer.error.details["unknown_servers"] == ["gone"]


async def test_a_server_that_is_not_configured_is_unavailable_with_what_to_do(engine: PatternExecutionEngine) -> None:
    answer = await engine.execute("run the command ls")
    assert answer.error.code == "server_unavailable"
    assert "servers.json" in answer.error.hint


async def test_a_named_tool_in_comprehensive_mode_has_memory_beside_it(
    engine: PatternExecutionEngine,
) -> None:
    stored = await engine.execute("remember that the drill is blunt")
    both = await engine.execute("drill", "comprehensive", pattern="look_at", arguments={"key": "drill"})
    assert both.result["tool"]["key"] == "drill"
    assert [row["id"] for row in both.result["memory"]] == [stored.result["id"]]
    alone = await engine.execute(execution_mode="comprehensive", pattern="look_at", arguments={"key": "drill"})
    assert alone.result["tool"]["key"] == "drill"
    assert [row["id"] for row in alone.result["memory"]] == [stored.result["id"]], "recalled by its arguments"


async def test_explicit_arguments_of_a_hybrid_reach_the_half_that_takes_them(engine: PatternExecutionEngine) -> None:
    for number in range(3):
        await engine.memory.store(f"the drill has bit {number}")
    found = await engine.execute(pattern="look_and_recall", arguments={"key": "drill", "limit": 2, "wait": 0})
    assert found.result["tool"]["looked"] == 1
    assert len(found.result["memory"]) == 2
