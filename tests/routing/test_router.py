"""The decision: modes, bands of effects, abstention, and hostile sentences."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from known import learned

from tmws_patterns import ExecutionMode, PatternDefinition, PatternType, Settings
from tmws_patterns.encoder import static_encoder
from tmws_patterns.errors import InvalidInput
from tmws_patterns.loader import load_packs
from tmws_patterns.pattern import ToolDefinition
from tmws_patterns.registry import PatternRegistry
from tmws_patterns.routing import Bands, Router, confused
from tmws_patterns.routing.router import toss_up
from tmws_patterns.routing.triggers import TriggerIndex
from tmws_patterns.targets import Effect

pytestmark = pytest.mark.anyio

SHIPPED = load_packs(Settings.load({}).pattern_path)


def tool(server: str, name: str, about: str, effect: Effect | None) -> ToolDefinition:
    return ToolDefinition(server, name, about, {"type": "object", "properties": {}}, effect, f"h{name}", server)


@pytest.fixture(scope="module")
def registry() -> PatternRegistry:
    found = PatternRegistry(SHIPPED)
    tools = [
        tool("disk", "wipe_disk", "Erase the whole disk", Effect.DESTRUCTIVE),
        tool("disk", "disk_usage", "Show how much disk space is used", Effect.READ),
        tool("disk", "mystery_disk_thing", "Does something with disk sectors", None),
    ]
    found.set_tools({f"disk.{t.name}": t for t in tools}, {"disk": "id"})
    return found


@pytest.fixture(scope="module")
def router(registry: PatternRegistry) -> Router:
    return Router(registry)


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("recall security patterns", "recall_memory"),
        ("check database health", "health_check"),
        ("optimize database queries", "contextual_recommendation"),
        ("find similar cases", "semantic_search"),
        ("remember that X", "store_memory"),
        ("what time is it in Tokyo", "current_time"),
        ("HEALTH_CHECK", "health_check"),
        ("show how much disk space is used", "disk.disk_usage"),
    ],
)
async def test_the_sentences_of_old_reach_a_fitting_pattern(router: Router, query: str, name: str) -> None:
    decision = await router.route(query)
    assert decision.error is None
    assert decision.pattern_name == name
    assert decision.reasoning


@pytest.fixture(scope="module")
def taught() -> PatternRegistry:
    return learned(PatternRegistry(SHIPPED))


@pytest.mark.parametrize("pattern", SHIPPED.patterns, ids=lambda p: p.name)
def test_a_shipped_pattern_has_five_examples_and_each_resolves_to_it(
    taught: PatternRegistry, pattern: PatternDefinition
) -> None:
    assert len(pattern.examples) >= 5
    needed = 0.8 if pattern.declared_effect is Effect.WRITE else 0.5
    for example in pattern.examples:
        best = taught.index.candidates(example)[0]
        assert (best.name, best.confidence >= needed) == (pattern.name, True), example
    for example in pattern.negative_examples:
        found = taught.index.candidates(example)
        assert not found or found[0].name != pattern.name or found[0].confidence < needed, example


def test_four_in_five_shipped_examples_are_found_by_the_others_alone() -> None:
    lessons = PatternRegistry(SHIPPED).index.lessons
    astray = confused(lessons, static_encoder())
    examples = sum(len(p.examples) for p in SHIPPED.patterns)
    assert len(astray) < examples / 5, "words and meaning alone, without any trigger"


@pytest.mark.parametrize(
    "query", ["order me a pizza", "what's the weather in Paris", "paint my fence green", "hello", "xyzzy plugh"]
)
async def test_nothing_fitting_is_no_match_without_a_candidate(taught: PatternRegistry, query: str) -> None:
    decision = await Router(taught).route(query)
    assert decision.pattern_name is None
    assert decision.error.code == "no_match"
    assert decision.error.details["candidates"] == []
    assert decision.error.hint


async def test_a_near_miss_gets_candidates_with_how_to_call_them_and_no_guess(taught: PatternRegistry) -> None:
    decision = await Router(taught, Bands(read=0.99, write=0.99)).route("which of the branches are there on the remote")
    assert decision.error.code == "no_match"
    best = decision.error.details["candidates"][0]
    assert best["pattern"] == "git_branches"
    assert "branch_type?: local|remote|all" in best["call"]
    assert 0.3 <= best["confidence"] < 0.99


async def test_words_that_nothing_matched_are_told(taught: PatternRegistry) -> None:
    decision = await Router(taught).route("defrobnicate the quuxes in the repository")
    assert decision.error.details["unmatched"] == ["defrobnicate", "quuxes"]


async def test_two_equally_likely_patterns_are_ambiguous() -> None:
    registry = PatternRegistry()
    for name in ("alpha", "beta"):
        config = {
            "name": name,
            "pattern_type": "memory",
            "examples": ["polish the brass lamp"],
            "memory": {"operation": "recent"},
        }
        registry.register(PatternDefinition.from_config(config))
    decision = await Router(registry).route("polish the brass lamp")
    assert decision.error.code == "ambiguous"
    assert {c["pattern"] for c in decision.error.details["candidates"]} == {"alpha", "beta"}


@pytest.mark.parametrize(
    ("first", "second", "tossed"),
    [
        (0.97, 0.93, False),
        (0.97, 0.96, True),
        (0.6, 0.52, True),
        (0.6, 0.4, False),
        (0.5, 0.5, True),
        (1.0, 0.9, False),
    ],
)
def test_which_of_two_is_meant_is_told_by_their_odds(first: float, second: float, *, tossed: bool) -> None:
    assert toss_up(first, second) is tossed


async def test_a_declared_write_needs_more_confidence_than_a_read() -> None:
    for effect, found in (("read", "p"), ("write", None)):
        registry = PatternRegistry()
        config = {
            "name": "p",
            "pattern_type": "infrastructure",
            "examples": ["polish the old brass lamp gently"],
            "call": {"server": "s", "tool": "t"},
            "effect": effect,
        }
        registry.register(PatternDefinition.from_config(config))
        decision = await Router(registry).route("polish the old brass lamp tomorrow")
        assert 0.5 <= decision.confidence < 0.8
        assert decision.pattern_name == found


async def test_priority_decides_between_triggers_then_the_longer_match() -> None:
    registry = PatternRegistry()
    for name, trigger, priority in (("low", "deploy the app", 0), ("high", "deploy", 5), ("longer", "deploy the", 5)):
        config = {
            "name": name,
            "pattern_type": "memory",
            "trigger_pattern": trigger,
            "priority": priority,
            "memory": {"operation": "recent"},
        }
        registry.register(PatternDefinition.from_config(config))
    found = [c.name for c in registry.index.candidates("deploy the app")]
    assert found == ["longer", "high", "low"]


async def test_negative_examples_keep_a_sentence_away(router: Router) -> None:
    decision = await router.route("health insurance")
    assert decision.pattern_name != "health_check"


async def test_fast_takes_only_infrastructure(router: Router) -> None:
    decision = await router.route("recall security patterns", "fast")
    assert decision.error.code == "no_match"
    assert (await router.route("check database health", "fast")).pattern_type is PatternType.INFRASTRUCTURE


async def test_comprehensive_is_always_hybrid(router: Router) -> None:
    for query in ("check database health", "recall security patterns", "order me a pizza"):
        assert (await router.route(query, "hybrid")).pattern_type is PatternType.HYBRID


async def test_comprehensive_never_chooses_a_tool_that_may_write(router: Router) -> None:
    for query in ("wipe disk erase the whole disk", "mystery disk thing of disk sectors"):
        choice = router.decide(query, ExecutionMode.COMPREHENSIVE)
        assert choice.tool is None or router._patterns.effect(choice.tool.pattern) is Effect.READ
        assert choice.tool is None or not choice.tool.name.startswith("disk.") or choice.tool.name == "disk.disk_usage"


async def test_an_unknown_mode_names_the_modes(router: Router) -> None:
    with pytest.raises(InvalidInput) as caught:
        await router.route("x", "turbo")
    assert "balanced" in caught.value.hint


@pytest.mark.parametrize("query", ["", "   ", "a\0b", "x" * 1_000_000])
async def test_a_sentence_that_cannot_be_one_is_refused_with_what_to_do(router: Router, query: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        await router.route(query)
    assert caught.value.hint


@settings(max_examples=200, deadline=None)
@given(st.text(min_size=1, max_size=200))
def test_no_sentence_raises_anything_but_invalid_input(query: str) -> None:
    try:
        Router(_SHARED).decide(query, ExecutionMode.BALANCED)
    except InvalidInput:
        assert not query.strip() or "\0" in query


_SHARED = learned(PatternRegistry(SHIPPED))


@pytest.mark.parametrize(
    ("sentence", "caught"),
    [
        ("go to release/2.4.", "release/2.4"),
        ("go to release/2.4", "release/2.4"),
        ("go to 'docs'", "docs"),
        ("go to the end.", "the end."),
        ("go to ..", ".."),
        ("go to v1.8.0?", "v1.8.0"),
    ],
)
def test_a_group_catches_a_word_without_the_full_stop_behind_it(sentence: str, caught: str) -> None:
    (match,) = TriggerIndex([r"^go to (?P<where>.+)$"]).match(sentence)
    assert match.groups == {"where": caught}


def test_a_trigger_of_nested_repeats_is_matched_in_linear_time() -> None:
    registry = PatternRegistry()
    config = {"name": "evil", "pattern_type": "memory", "trigger_pattern": "(a+)+$", "memory": {"operation": "recent"}}
    registry.register(PatternDefinition.from_config(config))
    started = time.process_time()
    registry.index.candidates("a" * 19_000 + "!b")
    assert time.process_time() - started < 1  # a backtracking engine needs more than the age of the universe


async def test_a_decision_is_made_anew_when_the_registry_changes() -> None:
    registry = PatternRegistry()
    router = Router(registry)
    assert (await router.route("zap it")).pattern_name is None
    config = {"name": "zap", "pattern_type": "memory", "trigger_pattern": "^zap", "memory": {"operation": "recent"}}
    registry.register(PatternDefinition.from_config(config))
    assert (await router.route("zap it")).pattern_name == "zap"


async def test_statistics_give_the_distribution_in_percent(registry: PatternRegistry) -> None:
    router = Router(registry)
    for query in ("check database health", "is the cache healthy", "recall x", "optimize x"):
        await router.route(query)
    stats = router.get_stats()
    assert stats["total_routes"] == 4
    assert stats["routes_by_type"] == {"infrastructure": 2, "memory": 1, "hybrid": 1}
    assert stats["route_distribution"] == {"infrastructure": 50.0, "memory": 25.0, "hybrid": 25.0}


async def test_other_alphabets_pass_through_triggers_unharmed() -> None:
    registry = PatternRegistry()
    config = {
        "name": "jikan",
        "pattern_type": "memory",
        "trigger_pattern": "(?P<query>.+)の時間",
        "memory": {"operation": "recall", "query": "{query}"},
    }
    registry.register(PatternDefinition.from_config(config))
    assert dict((await Router(registry).route("東京の時間")).arguments) == {"query": "東京"}


@given(
    st.lists(
        st.sampled_from("password proxy invoice email product dentist milk school train photo".split()), min_size=1
    )
)
def test_what_stands_behind_a_trigger_never_leads_away_from_it(subject: list[str]) -> None:
    for start, name in (
        ("recall", "recall_memory"),
        ("remember that", "store_memory"),
        ("optimize", "contextual_recommendation"),
    ):
        best = _SHARED.index.candidates(f"{start} {' '.join(subject[:6])}")[0]
        assert (best.name, best.confidence >= 0.8) == (name, True)


async def test_a_note_reaches_its_pattern_parted_from_what_is_said_about_it(taught: PatternRegistry) -> None:
    decision = await Router(taught).route("Make a note, tagged infra and redis: we move in March")
    assert decision.pattern_name == "store_memory"
    assert decision.arguments["content"] == "we move in March"
    assert decision.arguments["tags"] == ["infra", "redis"]


@pytest.mark.parametrize(
    "said", ["width 640 and height 480", "width: 640, height: 480", '{"width": 640, "height": 480}']
)
async def test_an_object_is_filled_however_it_is_said(taught: PatternRegistry, said: str) -> None:
    decision = await Router(taught).route(f"call the tool resize_image on the media server with {said}")
    assert decision.pattern_name == "execute_mcp_tool"
    assert decision.arguments["arguments"] == {"width": 640, "height": 480}


async def test_alternatives_are_what_the_band_of_candidates_lets_through(taught: PatternRegistry) -> None:
    asked = "what do we know about caching and how did it change"
    many = await Router(taught, Bands(read=0.01, candidate=0.0)).route(asked)
    few = await Router(taught, Bands(read=0.01, candidate=0.99)).route(asked)
    assert (len(many.alternative_routes), few.alternative_routes) == (3, ())


def test_words_that_only_an_excluded_sentence_holds_are_unmatched() -> None:
    found = PatternRegistry()
    shape = {"pattern_type": "memory", "memory": {"operation": "recent"}, "examples": ["show the newest notes"]}
    found.register_batch([PatternDefinition.from_config({"name": "n", **shape, "negative_examples": ["bake a pizza"]})])
    assert found.index.unmatched("show the pizza") == ["pizza"]
