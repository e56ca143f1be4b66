"""The same words again: the answer of the last time, and never one that no longer holds."""

from __future__ import annotations

from typing import Any

import pytest

from tmws_patterns import ExecutionResult, PatternDefinition, PatternExecutionEngine

pytestmark = pytest.mark.anyio

ASKED = "recall oak"


async def ask(engine: PatternExecutionEngine, query: str = ASKED, **more: Any) -> ExecutionResult:
    found = await engine.execute(query, **more)
    assert found.success, found.error
    return found


async def repeated(engine: PatternExecutionEngine, query: str = ASKED, **more: Any) -> ExecutionResult:
    """The answer of the fourth time, which comes the short way; the first loads and the second finds."""
    for _ in range(4):
        found = await ask(engine, query, **more)
    assert engine._repeats.get(engine.call(query, **more).said, engine.registry.version) is not None
    assert found.metadata["cache_tier"] == "local"
    return found


def lasting(found: ExecutionResult) -> dict[str, Any]:
    """What two hits have in common: all but the times."""
    kept = {name: value for name, value in found.metadata.items() if name != "cache"}
    cache = {name: value for name, value in found.metadata["cache"].items() if name not in ("age", "left")}
    return {
        "name": found.pattern_name,
        "result": found.result,
        "tokens": found.tokens_used,
        "hit": found.cache_hit,
        "metadata": kept,
        "cache": cache,
    }


@pytest.fixture
async def remembering(engine: PatternExecutionEngine) -> PatternExecutionEngine:
    await engine.learned()
    await ask(engine, "remember that oak is hard")
    return engine


async def test_a_repeat_says_all_that_the_first_hit_said(remembering) -> None:
    await ask(remembering)
    hit = await ask(remembering)
    again = await repeated(remembering)
    assert lasting(again) == lasting(hit)
    assert again.metadata["cache"]["age"] >= hit.metadata["cache"]["age"]
    assert 0 < again.metadata["cache"]["left"] <= hit.metadata["cache"]["left"]
    assert 0 < again.execution_time_ms < 1_000


async def test_nobody_can_change_what_the_next_one_gets(remembering) -> None:
    await ask(remembering)
    for _ in range(3):
        changed = await ask(remembering)
        changed.result.clear()
        changed.metadata["cache"]["tags"].append("mine")
        changed.metadata.clear()
    found = lasting(await ask(remembering))
    assert found["result"][0]["content"] == "oak is hard"
    assert found["cache"]["tags"]
    assert "mine" not in found["cache"]["tags"]
    assert found["metadata"]["pattern_type"] == "memory"


async def test_each_repeat_is_counted_everywhere_once(remembering) -> None:
    name = (await repeated(remembering)).pattern_name
    before = remembering.get_stats()
    for _ in range(5):
        await ask(remembering)
    after = remembering.get_stats()
    assert after["total_executions"] - before["total_executions"] == 5
    assert after["cache_hits"] - before["cache_hits"] == 5
    assert after["cache_stats"]["local_hits"] - before["cache_stats"]["local_hits"] == 5
    assert after["router_stats"]["total_routes"] - before["router_stats"]["total_routes"] == 5
    assert after["patterns"][name]["executions"] - before["patterns"][name]["executions"] == 5


async def test_a_write_of_any_process_is_seen_by_the_next_repeat(remembering, workshop) -> None:
    await repeated(remembering)
    await ask(remembering, "remember that oak is heavy")
    assert len((await ask(remembering)).result) == 2
    await repeated(remembering)
    other = await workshop.engine()
    await other.memory.store("oak is brown")
    assert len((await ask(remembering)).result) == 3


async def test_a_pattern_registered_meanwhile_takes_the_sentence(remembering) -> None:
    await repeated(remembering)
    call = {"server": "tmws", "tool": "calculate", "arguments": {"expression": "2 + 2"}}
    mine = {"name": "mine", "pattern_type": "infrastructure", "trigger_pattern": "^recall oak$", "priority": 100}
    remembering.registry.register(PatternDefinition.from_config({**mine, "call": call}))
    found = await ask(remembering)
    assert (found.pattern_name, found.result) == ("mine", 4)


async def test_what_is_never_cached_is_computed_each_time(engine, workshop) -> None:
    await engine.discover()
    for _ in range(4):
        assert not (await ask(engine, "glance at plane")).cache_hit
    for _ in range(4):
        assert not (await ask(engine, "look at vice", use_cache=False)).cache_hit
    assert workshop.calls("look") == 8


async def test_other_agents_selections_and_limits_get_answers_of_their_own(remembering) -> None:
    await repeated(remembering)
    assert (await repeated(remembering, context={"agent": "bob"})).result == []
    assert (await repeated(remembering, select="content")).result == [{"content": "oak is hard"}]
    assert (await repeated(remembering)).result[0]["id"]
    short = await repeated(remembering, max_tokens=5_000)
    assert short.result[0]["content"] == "oak is hard"


async def test_over_mcp_a_repeat_costs_and_shows_what_the_hit_did(remembering) -> None:
    answers = [
        await remembering.answer(remembering.call(ASKED, enveloped=True, principal=remembering.principal))
        for _ in range(4)
    ]
    second, last = answers[1], answers[-1]
    assert lasting(last.result)["result"] == lasting(second.result)["result"]
    assert abs(last.result.tokens_used - second.result.tokens_used) <= 4  # the times have more or fewer digits
    assert '"cache_tier":"local"' in last.text
    assert last.structured is not None
    assert last.structured["tokens_used"] == last.result.tokens_used


async def test_what_leans_on_today_is_planned_each_time(workshop) -> None:
    engine = await workshop.engine()
    await engine.discover()
    await engine.learned()
    for _ in range(4):
        found = await ask(engine, "agenda for tomorrow")
    assert found.cache_hit
    assert engine._repeats.get(engine.call("agenda for tomorrow").said, engine.registry.version) is None


async def test_a_closed_engine_repeats_nothing(remembering) -> None:
    await repeated(remembering)
    await remembering.aclose()
    with pytest.raises(RuntimeError, match="closed"):
        await remembering.execute(ASKED)


async def test_a_page_with_a_cursor_is_not_kept_here(remembering) -> None:
    await remembering.memory.store_many([{"content": f"oak {number} " + "word " * 300} for number in range(9)])
    for _ in range(4):
        found = await ask(remembering, max_tokens=200)
    assert "next_cursor" in found.metadata
    said = remembering.call(ASKED, max_tokens=200).said
    assert remembering._repeats.get(said, remembering.registry.version) is None


async def test_nobody_can_change_what_a_hybrid_answer_tells_the_next_one(workshop) -> None:
    engine = await workshop.engine()
    await engine.discover()
    for _ in range(4):
        found = await ask(engine, "study plane")
        assert found.metadata["sources"] == {"tool": "workshop.look", "memory": "recall"}
        found.metadata["sources"]["tool"] = "mine"


async def test_a_short_page_of_a_long_answer_holds_nothing_long(remembering) -> None:
    await remembering.memory.store("elm " + "word " * 3_000)
    for _ in range(4):
        assert (await ask(remembering, "recall elm", select="id")).result[0]["id"]
    assert not any(len(repeat.cached.payload) > 8_192 for repeat in remembering._repeats._known.values())


async def test_few_answers_are_kept_and_no_long_one(remembering) -> None:
    await remembering.memory.store("elm " + "word " * 3_000)
    for _ in range(4):
        await ask(remembering, "recall elm")
    assert remembering._repeats.get(remembering.call("recall elm").said, remembering.registry.version) is None
    for number in range(300):
        for _ in range(3):
            await ask(remembering, f"recall oak {number}")
    assert 0 < len(remembering._repeats._known) <= 256
