"""The registry: what takes part, from when, and what it counts."""

from __future__ import annotations

import pytest

from tmws_patterns import PatternDefinition, PatternType
from tmws_patterns.errors import InvalidInput
from tmws_patterns.pattern import ToolDefinition
from tmws_patterns.registry import PatternRegistry
from tmws_patterns.targets import Effect


def memory_pattern(name: str, trigger: str, **fields: object) -> PatternDefinition:
    config = {"name": name, "pattern_type": "memory", "trigger_pattern": trigger, "memory": {"operation": "recent"}}
    return PatternDefinition.from_config({**config, **fields})


def tool(name: str, effect: Effect | None = Effect.READ) -> ToolDefinition:
    return ToolDefinition("srv", name, f"does {name}", {"type": "object"}, effect, "hash", "identity")


def test_a_registered_pattern_takes_part_from_the_next_call() -> None:
    registry = PatternRegistry()
    assert registry.find_matching_pattern("ping me") is None
    registry.register(memory_pattern("ping", "^ping"))
    assert registry.find_matching_pattern("ping me").name == "ping"


def test_registering_a_name_again_replaces_it() -> None:
    registry = PatternRegistry()
    registry.register_batch([memory_pattern("a", "^one"), memory_pattern("a", "^two")])
    assert registry.find_matching_pattern("one") is None
    assert registry.find_matching_pattern("two").name == "a"


def test_a_batch_with_one_bad_trigger_registers_nothing() -> None:
    registry = PatternRegistry()
    with pytest.raises(InvalidInput, match="lookahead"):
        registry.register_batch([memory_pattern("good", "^x"), memory_pattern("bad", "(?!x)")])
    assert registry.patterns == ()


def test_the_type_filter_passes_over_other_types() -> None:
    registry = PatternRegistry()
    registry.register(memory_pattern("m", "^status"))
    assert registry.find_matching_pattern("status", PatternType.INFRASTRUCTURE) is None
    assert registry.find_matching_pattern("status", "memory").name == "m"


def test_statistics_count_patterns_and_remembered_matches() -> None:
    registry = PatternRegistry()
    registry.register(memory_pattern("m", "^x"))
    for _ in range(4):
        registry.find_matching_pattern("x")
    stats = registry.get_stats()
    assert stats["total_patterns"] == 1
    assert stats["patterns_by_type"] == {"infrastructure": 0, "memory": 1, "hybrid": 0}
    assert (stats["cache_hits"], stats["cache_misses"], stats["cache_hit_rate"], stats["cache_size"]) == (3, 1, 75.0, 1)


def test_every_tool_is_a_pattern_by_itself_and_carries_its_definitions_hash() -> None:
    registry = PatternRegistry()
    registry.set_tools({"srv.echo": tool("echo")}, {"srv": "identity"})
    pattern = registry.index.named("srv.echo")
    assert pattern.is_tool
    assert pattern.definition_hash == "hash"
    assert registry.effect(pattern) is Effect.READ


def test_a_tool_yields_to_a_declared_pattern_of_its_name() -> None:
    registry = PatternRegistry()
    registry.register(memory_pattern("srv.echo", "^x"))
    registry.set_tools({"srv.echo": tool("echo")}, {"srv": "identity"})
    assert [p.name for p in registry.patterns] == ["srv.echo"]
    assert not registry.patterns[0].is_tool


def test_a_tool_whose_definition_drifts_is_another_version_of_its_pattern() -> None:
    registry = PatternRegistry()
    registry.set_tools({"srv.echo": tool("echo")}, {"srv": "identity"})
    before = registry.index.named("srv.echo").version
    drifted = ToolDefinition("srv", "echo", "does more", {"type": "object"}, None, "other", "identity")
    registry.set_tools({"srv.echo": drifted}, {"srv": "identity"})
    assert registry.index.named("srv.echo").version != before


def test_from_config_names_each_wrong_field() -> None:
    with pytest.raises(InvalidInput) as caught:
        PatternDefinition.from_config({"name": "x", "pattern_type": "memory", "memory": {"operation": "fly"}, "a": 1})
    assert {path for path, _ in caught.value.details["fields"]} == {"memory.operation", "a"}


@pytest.mark.parametrize("kind", ["infrastructure", "memory", "hybrid"])
def test_a_patterns_parts_must_fit_its_type(kind: str) -> None:
    with pytest.raises(InvalidInput, match="holds"):
        PatternDefinition.from_config({"name": "x", "pattern_type": kind})
