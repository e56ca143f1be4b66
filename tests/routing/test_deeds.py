"""A pattern that only tells something does not answer what orders a deed."""

from __future__ import annotations

import pytest
from known import learned

from tmws_patterns import ExecutionMode
from tmws_patterns.pattern import PatternDefinition, PatternType
from tmws_patterns.registry import PatternRegistry
from tmws_patterns.routing import Bands, Router
from tmws_patterns.routing.deeds import follows, is_deed, ordered, wondered, wonders
from tmws_patterns.targets import Effect, ToolTarget


@pytest.mark.parametrize(
    ("sentence", "deed"),
    [
        ("please push my commits", "push"),
        ("could you restart the cache", "restart"),
        ("Prune what is gone", "prune"),
        ("It failed. Could you restart it?", "restart"),
        ("Push it. Thanks!", "push"),
        ("back up the database", "backup"),
        ("Let me know as soon as it changes", "watch"),
        ("send the log to Ravi", "send"),
        ("Register one more server", "register"),
        ("The failed server ought to be restarted.", "restart"),
        ("the notes on billing should be updated", "update"),
        ("Push the commit that should be reverted", "push"),
        ("Restart the server, it must be wedged", "restart"),
        ("the old table should really be dropped", "drop"),
        ("that page must be updated", "update"),
        ("deploy the release", "deploy"),
        ("build the timeline server", "build"),
    ],
)
def test_the_verb_of_an_order_is_found_behind_what_is_polite(sentence: str, deed: str) -> None:
    assert ordered(sentence) == deed


@pytest.mark.parametrize(
    "sentence",
    [
        "show what I pushed",
        "did the restart work",
        "",
        "which updates are there",
        "Upload stalls at 99 percent - any similar memories?",
        "Deploy failed again. What did we decide about it?",
        "send me the log of today",
        "back from lunch, show me the log",
        "let me know whether it changed",
        "We clean up before the summer, could you list all branches",
        "Deploy broke, so list the newest commits",
        "Release freeze starts at noon in Berlin",
        "Draw together what we know",
        "Build a timeline of our notes",
        "What should be updated next",
        "show which of them should be dropped",
        "should the server be restarted?",
        "recall the notes on keys that must be rotated",
        "the notes on keys that must be updated",
        "Keep in mind: tokens must be deleted every 90 days",
    ],
)
def test_a_question_orders_nothing(sentence: str) -> None:
    assert ordered(sentence) == ""


def pattern(name: str, *examples: str) -> PatternDefinition:
    call = ToolTarget(server="none", tool="none")
    return PatternDefinition(name, PatternType.INFRASTRUCTURE, examples=examples, call=call, effect=Effect.READ)


def test_a_pattern_that_only_tells_does_not_follow_an_order() -> None:
    tells = pattern("releases", "show the newest releases", "which releases are there", "list all releases of it")
    other = pattern("weather", "how warm is it today", "will it rain tomorrow", "forecast for the weekend")
    found = PatternRegistry()
    found.register_batch([tells, other])
    router = Router(learned(found), Bands(read=0.05))

    asked = router.decide("which newest releases are there", ExecutionMode.BALANCED).decision
    refused = router.decide("publish the newest releases that are there", ExecutionMode.BALANCED).decision
    assert (asked.pattern_name, asked.error) == ("releases", None)
    assert refused.error is not None
    assert refused.error.code == "no_match"
    assert refused.error.message == "this orders a change (publish), and releases only tells something"


def makes_branches(registry: PatternRegistry) -> Router:
    call = ToolTarget(server="none", tool="none")
    said = ("create the branch docs", "open a new branch", "record the branch", "make a branch for the docs")
    config = {"trigger_pattern": r"^record my thoughts\b", "examples": said, "effect": Effect.WRITE}
    makes = PatternDefinition("branching", PatternType.INFRASTRUCTURE, call=call, **config)
    registry.register_batch([makes, pattern("weather", "how warm is it today", "will it rain tomorrow")])
    return Router(learned(registry), Bands(read=0.05, write=0.05))


def test_a_pattern_that_changes_something_follows_no_other_order() -> None:
    router = makes_branches(PatternRegistry())
    assert router.decide("create the branch notes", ExecutionMode.BALANCED).decision.error is None
    refused = router.decide("delete the branch docs", ExecutionMode.BALANCED).decision.error
    assert refused is not None
    assert refused.message == "this orders a change (delete), and branching makes another"


def test_an_order_is_no_slip_of_the_finger_of_another() -> None:
    router = makes_branches(PatternRegistry())
    assert is_deed("reword")
    assert router.decide("recorf my thoughts", ExecutionMode.BALANCED).decision.error is None
    assert router.decide("reword my thoughts", ExecutionMode.BALANCED).decision.error is not None


def test_a_pattern_that_does_the_very_deed_is_not_held_back() -> None:
    assert not follows("releases", ("show the newest releases", "hide old releases"), "publish")
    assert follows("releases", ("publish the newest releases",), "publish")
    assert follows("publish_release", (), "publish")
    assert follows("text.translate_text", (), "convert")


@pytest.mark.parametrize(
    ("sentence", "kind"),
    [
        ("What is a connection pool?", "what_is_a"),
        ("what's the difference between git add -u and git add -A?", "difference"),
        ("how do I configure a server in my editor", "how_to"),
        ("so, how does semantic search work under the hood?", "how_works"),
        ("what does HEAD~2 stand for", "meaning"),
        ("Who invented the branch?", "who"),
        ("what is the state of the pool", ""),
        ("how many branches are there", ""),
        ("who changed this file", ""),
    ],
)
def test_a_question_about_the_world_is_told_from_one_about_what_is_here(sentence: str, kind: str) -> None:
    assert wondered(sentence) == kind


@pytest.mark.parametrize("reason", ["", "We are curious, so "])
def test_a_pattern_answers_only_the_questions_about_the_world_that_its_examples_ask(reason: str) -> None:
    assert wonders(("what is a branch", "how do I rebase", "list them")) == {"what_is_a", "how_to"}
    tells = pattern("branches", "show all branches of the repository", "list the branches", "which branches are there")
    explains = pattern("glossary", "what is a repository", "what is a commit", "explain what a rebase is")
    for one, error in ((tells, "no_match"), (explains, None)):
        registry = PatternRegistry()
        registry.register_batch([one, pattern("weather", "how warm is it today", "will it rain tomorrow")])
        router = Router(learned(registry), Bands(read=0.05))
        decision = router.decide(f"{reason}what is a branch of the repository", ExecutionMode.BALANCED).decision
        assert (decision.error.code if decision.error else None) == error
        assert error is None or decision.error.message == (
            "this is a general question, and branches tells of what is here"
        )


def test_a_trigger_that_begins_behind_the_verb_was_not_written_for_the_order() -> None:
    call = ToolTarget(server="none", tool="none")
    config = {"trigger_pattern": r"\bnewest releases\b", "examples": ("newest releases",)}
    tells = PatternDefinition("releases", PatternType.INFRASTRUCTURE, call=call, effect=Effect.READ, **config)
    registry = PatternRegistry()
    registry.register_batch([tells, pattern("weather", "how warm is it today", "will it rain tomorrow")])
    router = Router(learned(registry))

    assert router.decide("show me the newest releases", ExecutionMode.BALANCED).decision.error is None
    refused = router.decide("publish the newest releases", ExecutionMode.BALANCED).decision.error
    assert refused is not None
    assert refused.code == "no_match"
