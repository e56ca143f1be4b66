"""Patterns that are a graph of calls and recalls: one call, one answer, nothing of what lies between."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import anyio
import pytest

from tmws_patterns import ExecutionResult, PatternDefinition, PatternExecutionEngine
from tmws_patterns.errors import InvalidInput
from tmws_patterns.targets import Effect

pytestmark = pytest.mark.anyio


@pytest.fixture
async def engine(workshop) -> PatternExecutionEngine:
    found = await workshop.engine()
    await found.discover()
    return found


def step(name: str, tool: str = "look", **more: Any) -> dict[str, Any]:
    """A step that calls the workshop; arguments of the tool stand in `given`."""
    given = more.pop("given", {"key": name})
    return {"name": name, "call": {"server": "workshop", "tool": tool, "arguments": given}, **more}


def graph(*steps: dict[str, Any], kind: str = "infrastructure", name: str = "graph", **more: Any) -> PatternDefinition:
    config = {"name": name, "pattern_type": kind, "description": "a graph", "effect": "read", "steps": list(steps)}
    return PatternDefinition.from_config({**config, **more})


async def run(engine: PatternExecutionEngine, pattern: PatternDefinition, **arguments: Any) -> ExecutionResult:
    engine.registry.register(pattern)
    with anyio.fail_after(20):
        return await engine.execute(pattern=pattern.name, arguments=arguments)


async def test_what_a_step_gives_fills_the_next_and_only_the_answer_is_returned(engine, workshop) -> None:
    found = await run(
        engine,
        graph(
            step("rows", "shelf", given={"rows": "{count}"}),
            step("one", given={"key": "${{ rows[1].label }} of ${{ length(rows) }}", "wait": 0}),
            slots={"count": {"type": "integer"}},
            returns={"seen": "one.key", "asked": "count"},
        ),
        count=3,
    )
    assert found.success, found.error
    assert found.result == {"seen": "label of row number 1 of 3", "asked": 3}
    assert workshop.calls("look") == 1


async def test_an_expression_alone_keeps_its_type_and_names_in_braces_are_slots(engine) -> None:
    found = await run(
        engine,
        graph(
            step("rows", "shelf", given={"rows": "${{ length(words) }}"}),
            slots={"words": {"type": "array"}},
            returns="rows[*].row",
        ),
        words=["a", "b"],
    )
    assert found.result == [0, 1]


async def test_without_returns_the_last_steps_are_the_answer(engine) -> None:
    first, second, third = (step(name, given={"key": name, "wait": 0}) for name in ("first", "second", "third"))
    alone = await run(engine, graph(first, {**second, "needs": ["first"]}, name="alone"))
    assert alone.result["key"] == "second"
    both = await run(engine, graph(first, {**second, "needs": ["first"]}, {**third, "needs": ["first"]}, name="both"))
    assert set(both.result) == {"second", "third"}


async def test_steps_that_do_not_need_one_another_run_side_by_side(engine, workshop) -> None:
    await run(engine, graph(step("warm", given={"key": "warm", "wait": 0}), name="warm"))
    waits = [step(f"s{i}", given={"key": f"s{i}", "wait": 0.5}) for i in range(6)]
    last = step("last", given={"key": "last", "wait": 0}, needs=[f"s{i}" for i in range(6)])
    began = time.monotonic()
    found = await run(engine, graph(*waits, last, name="wide"))
    assert found.result["key"] == "last"
    assert time.monotonic() - began < 2, "one after the other they take three seconds"
    assert (workshop.folder / "log").read_text().splitlines()[-1] == "look last"


async def test_foreach_runs_a_step_for_each_and_gives_items_with_results(engine, workshop) -> None:
    found = await run(
        engine,
        graph(
            step("rows", "shelf", given={"rows": 3}),
            step("each", foreach="rows[*].label", given={"key": "${{ item }}", "wait": 0}, select="key"),
            returns="each[*].{label: item, seen: result.key}",
        ),
    )
    labels = [f"label of row number {i}" for i in range(3)]
    assert found.result == [{"label": label, "seen": label} for label in labels]
    assert workshop.calls("look") == 3


async def test_one_item_that_fails_stands_in_its_place_and_the_rest_is_there(engine) -> None:
    found = await run(
        engine,
        graph(
            step("each", "shelf", foreach="counts", given={"rows": "${{ item }}"}, select="[*].row"),
            slots={"counts": {"type": "array"}},
        ),
        counts=[1, "no number", 2],
    )
    good, bad, last = found.result["result"]
    assert found.result["failed"]["each"]["message"].startswith("1 of 3 failed")
    assert found.metadata["failed"] == ["each"]
    assert (good["result"], last["result"]) == ([0], [0, 1])
    assert bad["item"] == "no number"
    assert bad["error"]["code"] == "tool_error"
    all_bad = await run(
        engine,
        graph(
            step("each", "shelf", foreach="counts", given={"rows": "${{ item }}"}),
            name="all_bad",
            slots={"counts": {"type": "array"}},
        ),
        counts=["x", "y"],
    )
    assert all_bad.error.code == "tool_error"


async def test_foreach_over_too_much_or_no_list_says_so(engine) -> None:
    pattern = graph(step("each", foreach="things", given={"key": "${{ item }}"}), slots={"things": {"type": "array"}})
    many = await run(engine, pattern, things=list(range(101)))
    assert "101 times" in many.error.message
    assert "[:100]" in many.error.hint
    none = await run(engine, graph(step("each", foreach="'text'", given={"key": "${{ item }}"}), name="none"))
    assert "no list" in none.error.message
    empty = await run(engine, pattern, things=[])
    assert empty.result == []


async def test_when_leaves_a_step_out_and_what_needs_it_sees_nothing(engine, workshop) -> None:
    pattern = graph(
        step("rows", "shelf", given={"rows": "{count}"}),
        step("many", when="length(rows) > `2`", given={"key": "many", "wait": 0}),
        step("after", given={"key": "${{ many.key || 'few' }}", "wait": 0}),
        slots={"count": {"type": "integer"}},
        returns="after.key",
        cache_ttl=0,
    )
    assert (await run(engine, pattern, count=1)).result == "few"
    assert workshop.calls("look") == 1
    assert (await run(engine, pattern, count=3)).result == "many"


async def test_a_failed_step_fails_what_needs_it_and_keeps_the_rest(engine, workshop) -> None:
    found = await run(
        engine,
        graph(
            step("broken", "break_down", given={}),
            step("next", given={"key": "${{ broken }}"}),
            step("apart", given={"key": "apart", "wait": 0}),
            returns={"apart": "apart.key", "next": "next"},
        ),
    )
    assert found.success
    assert found.result["apart"] == "apart"
    assert found.result["next"] is None
    failed = found.result["failed"]
    assert failed["broken"]["message"] == "workshop.break_down failed: the lathe is broken" or failed["broken"]["code"]
    assert "broken failed" in failed["next"]["message"]
    assert found.metadata["failed"] == ["broken", "next"]
    assert workshop.calls("look") == 1
    again = await run(engine, engine.registry.index.named("graph"))
    assert not again.cache_hit, "an answer of which a step failed is not kept"


async def test_an_answer_of_which_an_item_failed_is_not_kept_even_where_it_does_not_show(engine) -> None:
    pattern = graph(
        step("each", "shelf", foreach="counts", given={"rows": "${{ item }}"}),
        slots={"counts": {"type": "array"}},
        returns="length(each[?result])",
        cache_ttl=60,
    )
    for _ in range(2):
        found = await run(engine, pattern, counts=[1, "x", 2])
        assert not found.cache_hit
        assert found.result["result"] == 2
        assert found.metadata["failed"] == ["each"]


async def test_where_every_step_failed_the_call_fails_and_names_them_all(engine) -> None:
    found = await run(engine, graph(step("a", "break_down", given={}), step("b", given={"key": "${{ a }}"})))
    assert found.error.code == "tool_error"
    assert set(found.error.details["failed"]) == {"a", "b"}


async def test_all_steps_have_one_deadline_and_what_ended_before_is_kept(engine) -> None:
    await run(engine, graph(step("warm", given={"key": "warm", "wait": 0}), name="warm"))
    began = time.monotonic()
    found = await run(
        engine,
        graph(step("quick", given={"key": "q", "wait": 0}), step("slow", "doze", given={}), timeout=1.0),
    )
    assert time.monotonic() - began < 3
    assert found.result["quick"]["key"] == "q"
    assert found.result["failed"]["slow"]["code"] == "timeout"


async def test_a_step_may_have_a_shorter_deadline_of_its_own(engine) -> None:
    await run(engine, graph(step("warm", given={"key": "warm", "wait": 0}), name="warm"))
    found = await run(
        engine,
        graph(step("slow", "doze", given={}, timeout=0.3), step("other", given={"key": "o", "wait": 0.6}), timeout=60),
    )
    assert found.result["other"]["key"] == "o"
    assert found.result["failed"]["slow"]["code"] == "timeout"


async def test_memory_and_tools_are_steps_of_one_graph(engine) -> None:
    await engine.memory.store("We chose Postgres for billing because of row locks", tags=["decision"])
    found = await run(
        engine,
        graph(
            {"name": "old", "memory": {"operation": "recall", "query": "{topic}", "limit": 3}},
            step("now", given={"key": "${{ old[0].content }}", "wait": 0}),
            kind="hybrid",
            slots={"topic": {}},
            returns={"decided": "old[*].content", "now": "now.key"},
        ),
        topic="billing database",
    )
    assert found.result["decided"] == ["We chose Postgres for billing because of row locks"]
    assert found.result["now"] == found.result["decided"][0]
    assert found.metadata["pattern_type"] == "hybrid"


async def test_an_answer_of_steps_is_kept_and_goes_stale_with_what_it_is_made_of(engine, workshop) -> None:
    await engine.memory.store("the lathe is in the cellar")
    pattern = graph(
        {"name": "old", "memory": {"operation": "recall", "query": "lathe"}},
        step("now", given={"key": "lathe", "wait": 0}),
        kind="hybrid",
        returns={"old": "old[*].content", "looked": "now.looked"},
        cache_ttl=60,
    )
    first = await run(engine, pattern)
    second = await engine.execute(pattern="graph")
    assert second.cache_hit
    assert second.result == first.result
    await engine.memory.store("the lathe was moved to the attic")
    third = await engine.execute(pattern="graph")
    assert not third.cache_hit
    assert len(third.result["old"]) == 2
    await engine.execute(pattern="put_down", arguments={"key": "lathe"})
    assert not (await engine.execute(pattern="graph")).cache_hit, "a write to the server"
    other = await engine.execute(pattern="graph", context={"agent": "hera"})
    assert other.result["old"] == [], "another persona's memories are not served"


async def test_a_write_in_a_step_makes_stale_what_its_pattern_says(engine) -> None:
    writes = PatternDefinition.from_config(
        {
            "name": "put_away",
            "pattern_type": "infrastructure",
            "description": "x",
            "effect": "write",
            "invalidates": ["pattern:notes_of"],
            "call": {"server": "workshop", "tool": "put", "arguments": {"key": "{key}"}},
        }
    )
    notes = graph({"name": "notes", "memory": {"operation": "recent"}}, kind="memory", name="notes_of", cache_ttl=60)
    engine.registry.register(writes)
    await run(engine, notes)
    assert (await engine.execute(pattern="notes_of")).cache_hit
    outer = graph(
        {"name": "away", "pattern": "put_away", "arguments": {"key": "saw"}}, name="outer", effect="write", cache_ttl=0
    )
    assert (await run(engine, outer)).success
    assert not (await engine.execute(pattern="notes_of")).cache_hit


async def test_a_step_may_be_another_pattern(engine) -> None:
    found = await run(
        engine,
        graph(
            {"name": "seen", "pattern": "look_at", "arguments": {"key": "{key}"}},
            {"name": "rows", "pattern": "workshop.shelf", "arguments": {"rows": 2}},
            slots={"key": {}},
            returns={"key": "seen.key", "rows": "length(rows)"},
        ),
        key="vice",
    )
    assert found.result == {"key": "vice", "rows": 2}
    missing = await run(engine, graph({"name": "x", "pattern": "no_such"}, name="missing"))
    assert missing.error.code == "no_match"


async def test_another_pattern_brings_its_failures_its_selection_and_its_time_with_it(engine) -> None:
    inner = graph(step("bad", "break_down", given={}), step("good", given={"key": "g", "wait": 0}), name="inner")
    engine.registry.register(inner)
    outer = graph({"name": "n", "pattern": "inner"}, name="outer", returns="n.good.key", cache_ttl=60)
    for _ in range(2):
        found = await run(engine, outer)
        assert not found.cache_hit
        assert (found.result["result"], found.metadata["failed"]) == ("g", ["n"])
    narrow = {
        "name": "narrow",
        "pattern_type": "infrastructure",
        "description": "x",
        "effect": "read",
        "select": "label",
        "call": {"server": "workshop", "tool": "shelf", "arguments": {"rows": 2}},
    }
    engine.registry.register(PatternDefinition.from_config(narrow))
    assert (await run(engine, graph({"name": "n", "pattern": "narrow"}, name="of_narrow"))).result == [
        {"label": "label of row number 0"},
        {"label": "label of row number 1"},
    ]
    never = graph({"name": "n", "pattern": "glance_at", "arguments": {"key": "k"}}, name="never")
    assert not any([(await run(engine, never)).cache_hit for _ in range(2)]), "cache_ttl 0 holds inside, too"


async def test_memories_that_expire_take_the_answer_of_an_outer_pattern_with_them(engine) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=30)
    await engine.memory.store("the lathe runs until noon", expires_at=soon)
    engine.registry.register(
        graph({"name": "n", "pattern": "recall_memory", "arguments": {"query": "lathe"}}, kind="hybrid", cache_ttl=600)
    )
    await engine.execute(pattern="graph")
    kept = (await engine.execute(pattern="graph")).metadata
    assert kept["cache_tier"] == "local"
    assert kept["cache"]["left"] <= 30


async def test_what_fills_slots_of_the_outer_call_does_not_reach_into_other_patterns(engine) -> None:
    pattern = graph({"name": "n", "pattern": "look_at"}, cache_ttl=60)
    engine.registry.register(pattern)
    found = await engine.execute(pattern="graph", context={"key": "a"})
    assert found.error.code == "missing_arguments", "the key must be given in the step"


async def test_a_server_named_by_a_slot_is_the_one_whose_writes_make_stale(engine) -> None:
    pattern = graph(
        {"name": "a", "call": {"server": "{server}", "tool": "look", "arguments": {"key": "k", "wait": 0}}},
        slots={"server": {}},
        cache_ttl=60,
    )
    await run(engine, pattern, server="workshop")
    assert (await engine.execute(pattern="graph", arguments={"server": "workshop"})).cache_hit
    await engine.execute(pattern="put_down", arguments={"key": "k"})
    assert not (await engine.execute(pattern="graph", arguments={"server": "workshop"})).cache_hit


async def test_values_that_differ_in_space_alone_are_other_answers(engine) -> None:
    pattern = graph(
        step("a", given={"key": "a b", "wait": 0}), slots={"sep": {}}, returns="split(a.key, sep)", cache_ttl=60
    )
    assert (await run(engine, pattern, sep="a")).result == ["", " b"]
    assert (await engine.execute(pattern="graph", arguments={"sep": "a "})).result == ["", "b"]


async def test_a_sentence_never_forgets_by_a_step_whatever_is_declared(engine) -> None:
    kept = await engine.memory.store("keep me")
    forget = {"name": "f", "memory": {"operation": "forget", "ids": ["{key}"]}}
    more: dict[str, Any] = {"kind": "memory", "slots": {"key": {}}, "trigger_pattern": "^wipe (?P<key>.+)"}
    for effect in ("read", "write"):
        with pytest.raises(InvalidInput, match="forget is a destructive"):
            graph(forget, effect=effect, **more)
    engine.registry.register(graph(forget, effect="destructive", name="wipe", **more))
    engine.registry.register_batch(
        [
            graph(
                {"name": "n", "pattern": "wipe", "arguments": {"key": "{key}"}},
                effect="destructive",
                name="twice",
                **more,
            )
        ]
    )
    assert (await engine.execute(f"wipe {kept}")).error.code == "confirmation_required"
    by_hand = replace(engine.registry.index.named("wipe"), effect=Effect.READ)
    engine.registry.register(by_hand)
    assert (await engine.execute(f"wipe {kept}")).error.code == "confirmation_required", "whatever was built by hand"
    engine.registry.register(graph(forget, effect="destructive", name="wipe", **more))
    with pytest.raises(InvalidInput, match="runs wipe, a destructive"):
        engine.registry.register(graph({"name": "n", "pattern": "wipe"}, effect="read", name="sly", kind="memory"))
    assert await engine.memory.get(kept) is not None


async def test_a_tool_chosen_by_a_slot_may_do_no_more_than_the_pattern_declares(engine, workshop) -> None:
    pattern = graph(
        {"name": "a", "call": {"server": "workshop", "tool": "{tool}", "arguments": {"key": "vase"}}},
        slots={"tool": {}},
        trigger_pattern="^do (?P<tool>\\w+) please",
    )
    engine.registry.register(pattern)
    assert (await engine.execute("do look please")).success
    assert (await engine.execute("do smash please")).error.code == "confirmation_required"
    assert workshop.calls("smash") == 0


async def test_an_alias_hides_no_memory_from_mode_fast(engine) -> None:
    decoy = graph(step("a"), name="decoy", aliases=["recall_memory"])
    engine.registry.register(decoy)
    with pytest.raises(InvalidInput, match="uses memory"):
        engine.registry.register(graph({"name": "n", "pattern": "recall_memory"}, name="sly"))


async def test_a_tool_or_server_that_an_expression_does_not_name_fails_its_item_alone(engine) -> None:
    each = {
        "name": "s",
        "foreach": "tools",
        "call": {"server": "workshop", "tool": "${{ item }}", "arguments": "{given}"},
    }
    pattern = graph(each, slots={"tools": {"type": "array"}, "given": {"type": "object"}})
    found = await run(engine, pattern, tools=["look", None, "look"], given={"key": "k", "wait": 0})
    first, bad, last = found.result["result"]
    assert first["result"]["key"] == last["result"]["key"] == "k"
    assert bad["error"]["code"] == "invalid_input"


async def test_a_deadline_leaves_the_items_that_ended(engine) -> None:
    await run(engine, graph(step("warm", given={"key": "warm", "wait": 0}), name="warm"))
    pattern = graph(
        step("each", foreach="waits", given={"key": "k", "wait": "${{ item }}"}),
        slots={"waits": {"type": "array"}},
        timeout=1.5,
    )
    found = await run(engine, pattern, waits=[0, 0, 30])
    *quick, slow = found.result["result"]
    assert all(one["result"]["key"] == "k" for one in quick)
    assert slow["error"]["code"] == "timeout"


async def test_a_step_that_is_left_out_needs_no_server_and_0_is_no_reason_to_leave_it_out(engine) -> None:
    away = {"name": "away", "call": {"server": "nowhere", "tool": "x"}, "when": "`false`"}
    found = await run(engine, graph(away, step("here", given={"key": "here", "wait": 0})))
    assert "failed" not in found.metadata
    zero = graph(
        step("a", when="count", given={"key": "ran", "wait": 0}), name="zero", slots={"count": {"type": "integer"}}
    )
    assert (await run(engine, zero, count=0)).result["key"] == "ran"
    none = graph(step("bad", "break_down", given={}), step("out", when="`false`"), name="none")
    assert (await run(engine, none)).error.code == "tool_error", "all that ran failed"


async def test_a_name_behind_an_at_sign_is_waited_for(engine) -> None:
    second = step("b", given={"key": "${{ @.a.key }}", "wait": 0})
    found = await run(engine, graph(step("a", given={"key": "first", "wait": 0.1}), second, returns="b.key"))
    assert found.result == "first"


async def test_a_listener_that_is_gone_does_not_end_the_steps(engine, workshop) -> None:
    async def gone(done: float, total: float | None, message: str | None) -> None:
        raise ConnectionError(done, total, message)

    pattern = graph(step("a", "put", given={"key": "a"}), step("b", "put", needs=["a"]), effect="write")
    engine.registry.register(pattern)
    answer = await engine.answer(engine.call(None, pattern="graph", progress=gone))
    assert answer.result.success
    assert workshop.calls("put") == 2


async def test_a_tool_of_a_server_never_seen_is_found_when_a_step_names_it(workshop) -> None:
    engine = await workshop.engine()
    found = await run(engine, graph({"name": "n", "pattern": "workshop.shelf", "arguments": {"rows": 1}}))
    assert found.success, found.error


async def test_a_nested_tool_that_turned_destructive_is_not_run_by_a_sentence(workshop, tmp_path) -> None:
    (tmp_path / "hints").write_text(json.dumps({"readOnlyHint": True}))
    workshop.configure(turn=workshop.script("turncoat", str(tmp_path)))
    engine = await workshop.engine()
    await engine.discover()
    await engine.aclose()
    (tmp_path / "hints").write_text(json.dumps({"readOnlyHint": False, "destructiveHint": True}))
    later = await workshop.engine()
    nested = {
        "name": "nested",
        "pattern_type": "infrastructure",
        "trigger_pattern": "^nested wiping",
        "steps": [{"name": "n", "pattern": "turn.wipe"}],
    }
    later.registry.register(PatternDefinition.from_config(nested))
    assert (await later.execute("nested wiping")).error.code == "confirmation_required"
    assert not (tmp_path / "log").exists()
    assert (await later.execute(pattern="nested")).success


async def test_a_sentence_never_runs_steps_that_destroy_and_an_explicit_call_does(engine, workshop) -> None:
    pattern = PatternDefinition.from_config(
        {
            "name": "tidy_up",
            "pattern_type": "infrastructure",
            "trigger_pattern": "^tidy up (?P<key>\\w+)",
            "steps": [step("seen", given={"key": "{key}", "wait": 0}), step("gone", "smash", given={"key": "{key}"})],
        }
    )
    engine.registry.register(pattern)
    asked = await engine.execute("tidy up bench")
    assert asked.error.code == "confirmation_required"
    assert asked.error.details["arguments"] == {"key": "bench"}
    assert workshop.calls("smash") == 0
    done = await engine.execute(pattern="tidy_up", arguments={"key": "bench"})
    assert done.success, done.error
    assert workshop.calls("smash") == 1
    again = await engine.execute(pattern="tidy_up", arguments={"key": "bench"})
    assert not again.cache_hit
    assert workshop.calls("smash") == 2


async def test_the_effect_of_steps_is_the_worst_of_them(engine) -> None:
    def effect_of(*steps: dict[str, Any], kind: str = "infrastructure") -> Any:
        pattern = PatternDefinition.from_config(
            {"name": "effect", "pattern_type": kind, "description": "x", "steps": list(steps)}
        )
        return engine.registry.effect(pattern)

    assert effect_of(step("a")) == "read"
    assert effect_of(step("a"), step("b", "put")) == "write"
    assert effect_of(step("a"), step("b", "smash")) == "destructive"
    assert effect_of(step("a"), step("b", "meddle")) is None
    assert effect_of(step("a"), {"name": "b", "pattern": "put_down"}) == "write"
    assert effect_of({"name": "b", "memory": {"operation": "store", "content": "x"}}, kind="memory") == "write"


async def test_steps_that_write_for_each_do_so_one_after_the_other_and_never_twice(engine, workshop) -> None:
    pattern = graph(
        step("each", "lay", foreach="keys", given={"key": "${{ item }}"}),
        slots={"keys": {"type": "array"}},
        effect="write",
    )
    found = await run(engine, pattern, keys=["a", "b", "c"])
    assert [one["result"] for one in found.result] == ["a", "b", "c"]
    done = (workshop.folder / "log").read_text().splitlines()
    assert done == [f"lay {key} {when}" for key in "abc" for when in ("begins", "ends")]


async def test_a_server_that_is_not_there_fails_its_step_alone(engine) -> None:
    away = {"name": "away", "call": {"server": "nowhere", "tool": "x"}}
    found = await run(engine, graph(away, step("here", given={"key": "here", "wait": 0})))
    assert found.result["here"]["key"] == "here"
    assert found.result["failed"]["away"]["code"] == "server_unavailable"


async def test_mode_fast_runs_steps_that_are_tools_and_no_others(engine) -> None:
    tools = graph(step("a", given={"key": "a", "wait": 0}), name="tools", trigger_pattern="^run the tools$")
    mixed = graph(
        {"name": "old", "memory": {"operation": "recent"}}, step("a"), name="mixed", kind="hybrid",
        trigger_pattern="^run the mix$",
    )  # fmt: skip
    engine.registry.register_batch([tools, mixed])
    assert (await engine.execute("run the tools", "fast")).result["key"] == "a"
    assert (await engine.execute("run the mix", "fast")).error.code == "no_match"
    assert (await engine.execute("run the mix", "comprehensive")).pattern_name == "mixed"
    assert (await engine.execute("run the tools", "comprehensive")).pattern_name == "tools"


async def test_a_large_answer_of_steps_comes_in_pages_that_run_nothing_again(engine, workshop) -> None:
    pattern = graph(
        step("each", "shelf", foreach="[`60`, `60`]", given={"rows": "${{ item }}"}),
        step("seen", given={"key": "once", "wait": 0}),
        returns="each[].result[]",
    )
    engine.registry.register(pattern)
    page = await engine.execute(pattern="graph", max_tokens=300)
    rows = list(page.result)
    while cursor := page.metadata.get("next_cursor"):
        page = await engine.execute(cursor=cursor, max_tokens=300)
        rows += page.result
    assert len(rows) == 120
    assert workshop.calls("look") == 1


async def test_progress_tells_which_step_ended(engine) -> None:
    told: list[tuple[float, float | None, str | None]] = []

    async def progress(done: float, total: float | None, message: str | None) -> None:
        told.append((done, total, message))

    pattern = graph(step("a", given={"key": "a", "wait": 0}), step("b", given={"key": "${{ a.key }}", "wait": 0}))
    engine.registry.register(pattern)
    await engine.answer(engine.call(None, pattern="graph", progress=progress))
    assert told == [(1, 2, "a"), (2, 2, "b")]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"steps": [step("a"), step("a")]}, "'a' is taken"),
        ({"steps": [step("item")]}, "'item' is taken"),
        ({"steps": [step("a", needs=["z"])]}, "'z', which is no step"),
        ({"steps": [step("a", needs=["b"]), step("b", given={"key": "${{ a }}"})]}, "a circle: a -> b -> a"),
        ({"steps": [step("a", when="x[")]}, "no JMESPath"),
        ({"steps": [step("a", given={"key": "${{ nix(a) }}"})]}, "no function"),
        ({"steps": [{"name": "a"}]}, "one of `call`, `memory` and `pattern`"),
        ({"steps": [step("a", arguments={"x": 1})]}, "go with `pattern`"),
        ({"steps": [step("a")], "slots": {"a": {}}}, "a step and a slot"),
        ({"steps": [step("a")], "returns": "a["}, "returns"),
        ({"steps": [step("a")], "call": {"server": "x", "tool": "y"}}, "beside them"),
        ({"returns": "a", "call": {"server": "x", "tool": "y"}}, "goes with `steps`"),
        ({"steps": [{"name": "a", "memory": {"operation": "recent"}}]}, "hybrid_patterns"),
        ({"steps": [step("a")], "returns": "typo.key"}, "'typo' in an expression"),
        ({"steps": [step("a")], "returns": {"failed": "a"}}, "`failed` in `returns`"),
        ({"steps": [step("a", given={"key": "${{ item }}"})]}, "`item` is known only"),
        ({"steps": [step("a", given={"key": "${{ a"})]}, "not closed"),
        ({"steps": [step("a", given={"key": "${{ keys(@) }}"})]}, "takes everything"),
        ({"steps": [step("a", select="[?")]}, "select"),
        ({"steps": [step("a")], "select": "nix(@)"}, "select: there is no function"),
        ({"steps": [{"name": "a", "call": {"server": "${{ b }}", "tool": "x"}}]}, "server of a call"),
        ({"steps": [step(f"s{i}") for i in range(51)]}, "more than 50"),
    ],
)
def test_what_cannot_run_is_refused_when_it_is_loaded(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason):
        PatternDefinition.from_config({"name": "wrong", "pattern_type": "infrastructure", "description": "x", **change})


async def test_patterns_that_run_one_another_in_a_circle_are_refused(engine, workshop) -> None:
    def runs(name: str, other: str, **more: Any) -> PatternDefinition:
        return graph({"name": "next", "pattern": other}, name=name, **more)

    with pytest.raises(InvalidInput, match="circle"):
        engine.registry.register_batch([runs("one", "two"), runs("two", "three"), runs("three", "one")])
    with pytest.raises(InvalidInput, match="circle"):
        engine.registry.register(runs("self", "mirror", aliases=["mirror"]))
    engine.registry.register(runs("one", "two"))
    with pytest.raises(InvalidInput, match="circle"):
        engine.registry.register(runs("two", "one"))
    with pytest.raises(InvalidInput, match="uses memory"):
        engine.registry.register(runs("sly", "recall_memory"))
