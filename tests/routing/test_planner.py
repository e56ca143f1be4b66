"""Plans: arguments from every source, what is missing, what may run, and the key that an answer is kept under."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from tmws_patterns.call import Call, Plan, Principal
from tmws_patterns.errors import InvalidInput, MissingArguments, NoMatch, ServerUnavailable
from tmws_patterns.pattern import ExecutionMode, PatternDefinition, PatternType, ToolDefinition
from tmws_patterns.registry import PatternRegistry
from tmws_patterns.routing import Limits, Planner, Router
from tmws_patterns.targets import Effect

SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer", "default": 1}, "unit": {"enum": ["c", "f"]}},
    "required": ["city"],
}
LIMITS = Limits(ttl=300, timeouts=dict.fromkeys(PatternType, 30.0))


def tool(server: str, name: str, effect: Effect | None = Effect.READ, schema: Any = SCHEMA) -> ToolDefinition:
    return ToolDefinition(server, name, "weather forecast", schema, effect, f"hash of {name}", f"identity of {server}")


def planner(
    *patterns: dict[str, Any], servers: tuple[str, ...] = ("sky",), clock: Callable[[], date] = date.today
) -> Planner:
    registry = PatternRegistry()
    tools = {"sky.forecast": tool("sky", "forecast"), "sky.echo": tool("sky", "echo", schema={"type": "object"})}
    registry.set_tools(tools, {name: f"identity of {name}" for name in servers})
    registry.register_batch([PatternDefinition.from_config(p) for p in patterns])
    return Planner(Router(registry), registry, LIMITS, clock)


FORECAST = {
    "name": "weather",
    "pattern_type": "infrastructure",
    "trigger_pattern": "^weather in (?P<city>[a-z]+)(?: for (?P<days>\\d+) days)?",
    "slots": {"city": {}, "days": {"type": "integer", "default": 3}},
    "call": {"server": "sky", "tool": "forecast", "arguments": {"city": "{city}", "days": "{days}"}},
}


def arguments(plan: Plan) -> dict[str, Any]:
    assert plan.tool is not None
    return dict(plan.tool.arguments)


def test_groups_fill_arguments_and_defaults_the_rest() -> None:
    assert arguments(planner(FORECAST).plan(Call(query="weather in oslo for 5 days"))) == {"city": "oslo", "days": 5}
    assert arguments(planner(FORECAST).plan(Call(query="weather in oslo"))) == {"city": "oslo", "days": 3}


def test_explicit_arguments_win_over_the_sentence_and_the_context() -> None:
    call = Call(query="weather in oslo", pattern="weather", arguments={"city": "rome"}, context={"city": "bonn"})
    assert arguments(planner(FORECAST).plan(call))["city"] == "rome"


def test_the_context_fills_what_the_sentence_leaves_open() -> None:
    call = Call(pattern="weather", context={"city": "bonn", "other": [1]})
    assert arguments(planner(FORECAST).plan(call))["city"] == "bonn"


def test_an_argument_that_only_the_tool_knows_is_passed_on() -> None:
    call = Call(pattern="weather", arguments={"city": "rome", "unit": "C"})
    assert arguments(planner(FORECAST).plan(call)) == {"city": "rome", "days": 3, "unit": "c"}


def test_what_is_missing_is_asked_for_by_name_with_the_schema_and_what_was_understood() -> None:
    with pytest.raises(MissingArguments) as caught:
        planner(FORECAST).plan(Call(pattern="weather", arguments={"days": 2}))
    details = caught.value.details
    assert (details["missing"], details["understood"]) == (["city"], {"days": 2})
    assert details["schema"]["required"] == ["city"]


def test_a_required_argument_that_a_pattern_forgets_is_told_with_the_tools_schema() -> None:
    forgetful = {**FORECAST, "slots": {}, "trigger_pattern": "^weather", "call": {"server": "sky", "tool": "forecast"}}
    with pytest.raises(MissingArguments) as caught:
        planner(forgetful).plan(Call(query="weather"))
    assert caught.value.details["missing"] == ["city"]
    assert caught.value.details["schema"] == SCHEMA


def test_a_value_given_but_not_understood_is_never_replaced_by_its_default() -> None:
    zoned = {**FORECAST, "slots": {"city": {"type": "timezone", "default": "Etc/UTC"}, "days": {"default": 1}}}
    with pytest.raises(MissingArguments, match="blargh"):
        planner(zoned).plan(Call(query="weather in blargh"))


def test_an_explicit_argument_of_the_wrong_kind_or_name_is_refused() -> None:
    with pytest.raises(InvalidInput, match="days"):
        planner(FORECAST).plan(Call(pattern="weather", arguments={"city": "rome", "days": "many"}))
    with pytest.raises(InvalidInput) as caught:
        planner(FORECAST).plan(Call(pattern="weather", arguments={"city": "rome", "colour": "red"}))
    assert "city, days, unit" in caught.value.hint


def test_a_tool_without_a_pattern_takes_its_own_schema() -> None:
    call = Call(pattern="sky.forecast", arguments={"city": "rome"})
    assert arguments(planner().plan(call)) == {"city": "rome", "days": 1}
    anything = Call(pattern="sky.echo", arguments={"x": [1]})
    assert arguments(planner().plan(anything)) == {"x": [1]}


def test_the_only_missing_text_of_a_tool_is_taken_from_quotes() -> None:
    assert arguments(planner().plan(Call(query='forecast "oslo"', pattern="sky.forecast")))["city"] == "oslo"


def test_a_tool_may_be_named_without_its_server_where_only_one_has_it() -> None:
    meta = {
        "name": "meta",
        "pattern_type": "infrastructure",
        "description": "run a tool",
        "slots": {"tool": {}, "server": {"default": ""}, "arguments": {"type": "object", "default": {}}},
        "call": {"server": "{server}", "tool": "{tool}", "arguments": "{arguments}"},
    }
    plan = planner(meta).plan(Call(pattern="meta", arguments={"tool": "forecast", "arguments": {"city": "rome"}}))
    assert (plan.tool.server, plan.tool.tool, dict(plan.tool.arguments)) == ("sky", "forecast", {"city": "rome"})
    with pytest.raises(MissingArguments, match="no known server has it"):
        planner(meta).plan(Call(pattern="meta", arguments={"tool": "dance"}))
    with pytest.raises(NoMatch) as caught:
        planner(meta).plan(Call(pattern="meta", arguments={"tool": "sky.forcast"}))
    assert "forecast" in caught.value.hint


def test_a_server_that_is_not_configured_or_not_known_yet_is_told_apart() -> None:
    elsewhere = {**FORECAST, "call": {"server": "sea", "tool": "tide"}, "slots": {}, "trigger_pattern": "^tide"}
    with pytest.raises(ServerUnavailable, match="configured"):
        planner(elsewhere).plan(Call(query="tide"))
    with pytest.raises(ServerUnavailable) as caught:
        planner(elsewhere, servers=("sky", "sea")).plan(Call(query="tide"))
    assert caught.value.details["unknown_servers"] == ["sea"]
    declared = planner({**elsewhere, "effect": "read"}, servers=("sky", "sea")).plan(Call(query="tide"))
    assert declared.tool.server == "sea", "its author's word suffices"


def key(call: Call, *patterns: dict[str, Any]) -> Any:
    return planner(*patterns).plan(call).key


def test_two_spellings_of_one_call_have_one_key_and_another_tenant_has_another() -> None:
    by_name = Call(pattern="weather", arguments={"city": "oslo", "days": 3})
    turned = Call(pattern="weather", arguments={"days": 3, "city": "oslo"})
    sentence = Call(query="weather in oslo")
    assert key(by_name, FORECAST) == key(turned, FORECAST) == key(sentence, FORECAST)
    other = Call(query="weather in oslo", principal=Principal(tenant="b"))
    assert key(other, FORECAST) != key(sentence, FORECAST)


def test_agents_share_a_tools_answer_and_never_a_memorys() -> None:
    recall = {
        "name": "recall",
        "pattern_type": "memory",
        "trigger_pattern": "^recall",
        "memory": {"operation": "recall", "query": "{query}"},
    }
    ann, bob = Principal(agent="ann"), Principal(agent="bob")
    asked = [key(Call(query="weather in oslo", principal=who), FORECAST) for who in (ann, bob)]
    assert asked[0] == asked[1]
    recalled = [key(Call(query="recall x", principal=who), recall) for who in (ann, bob)]
    assert recalled[0] != recalled[1]
    spaces = [key(Call(query="recall x", context={"namespace": n}), recall) for n in ("a", "b")]
    assert spaces[0] != spaces[1]


def test_a_write_has_no_key() -> None:
    assert key(Call(query="weather in oslo"), {**FORECAST, "effect": "write", "cache_ttl": 0}) is None


def test_another_version_of_a_pattern_has_another_key() -> None:
    changed = {
        **FORECAST,
        "slots": {**FORECAST["slots"], "days": {"type": "integer", "default": 3, "description": "n"}},
    }
    assert key(Call(query="weather in oslo"), changed) != key(Call(query="weather in oslo"), FORECAST)


def test_the_shorter_timeout_and_lifetime_hold_and_the_settings_stand_in() -> None:
    plan = planner(FORECAST).plan(Call(query="weather in oslo"))
    assert (plan.timeout, plan.ttl) == (30, 300)
    quick = planner({**FORECAST, "timeout": 2, "cache_ttl": 0}).plan(Call(query="weather in oslo"))
    assert (quick.timeout, quick.ttl) == (2, 0)


def test_a_half_that_cannot_be_planned_leaves_the_other() -> None:
    hybrid = {
        "name": "both",
        "pattern_type": "hybrid",
        "trigger_pattern": "^both",
        "slots": {"city": {}},
        "call": {"server": "sky", "tool": "forecast", "arguments": {"city": "{city}"}},
        "memory": {"operation": "recent"},
    }
    plan = planner({**hybrid, "slots": {"city": {"default": None}}}).plan(Call(query="both"))
    assert plan.failures["tool"].code == "missing_arguments"
    assert plan.memory is not None
    assert plan.key is None


def test_comprehensive_mode_with_a_named_tool_recalls_beside_it() -> None:
    call = Call(query="oslo", pattern="weather", arguments={"city": "oslo"}, mode=ExecutionMode.COMPREHENSIVE)
    plan = planner(FORECAST).plan(call)
    assert (plan.pattern_type, plan.tool.tool, plan.memory.arguments["query"]) == (
        PatternType.HYBRID,
        "forecast",
        "oslo",
    )


def test_an_answer_of_steps_is_another_one_each_day_since_tomorrow_may_be_said_inside() -> None:
    steps = {
        "name": "outlook",
        "pattern_type": "infrastructure",
        "description": "x",
        "effect": "read",
        "slots": {"day": {}},
        "steps": [{"name": "inner", "pattern": "weather", "arguments": {"city": "{day}"}}],
    }
    keys = {
        planner(FORECAST, steps, clock=lambda day=day: date(2026, 3, day))
        .plan(Call(pattern="outlook", arguments={"day": "tomorrow"}))
        .key
        for day in (1, 1, 2)
    }
    assert len(keys) == 2
