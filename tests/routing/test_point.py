"""What a sentence forbids, asks about or reports is not done; what it orders is, however politely."""

from __future__ import annotations

import time

import pytest
from known import learned

from tmws_patterns import ExecutionMode
from tmws_patterns.pattern import PatternDefinition, PatternType
from tmws_patterns.registry import PatternRegistry
from tmws_patterns.routing import Router
from tmws_patterns.routing.point import beside_the_point
from tmws_patterns.targets import Effect, MemoryOperation, MemoryTarget, ToolTarget

CALL = ToolTarget(server="none", tool="none")
HEALTH = r"\b(?:health|check)\b"
BRANCH = r"\b(?:create|created|creating) (?:a )?branch (?:called )?(?P<name>\S+)"


@pytest.fixture(scope="module")
def router() -> Router:
    kinds = {"trigger_pattern": BRANCH, "examples": ("create a branch called docs",)}
    makes = PatternDefinition("branching", PatternType.INFRASTRUCTURE, call=CALL, effect=Effect.WRITE, **kinds)
    drops = PatternDefinition(
        "dropping", PatternType.INFRASTRUCTURE, call=CALL, effect=Effect.DESTRUCTIVE, trigger_pattern=r"\bdrop table\b"
    )
    keeps = PatternDefinition(
        "keeping",
        PatternType.MEMORY,
        memory=MemoryTarget(operation=MemoryOperation.STORE, content="{content}"),
        trigger_pattern=r"^(?:remember|don't forget)(?: that|,)? (?P<content>.+)",
        effect=Effect.WRITE,
    )
    asked = ("check the cache", "show the health", "the health check, please")
    looks = PatternDefinition(
        "looking", PatternType.INFRASTRUCTURE, call=CALL, effect=Effect.READ, trigger_pattern=HEALTH, examples=asked
    )
    registry = PatternRegistry()
    registry.register_batch([makes, drops, keeps, looks])
    return Router(learned(registry))


@pytest.mark.parametrize(
    ("sentence", "why"),
    [
        ("never create a branch called x", "this says what not to do, and branching does it"),
        ("please don't create a branch called x", "this says what not to do, and branching does it"),
        ("should we create a branch called x", "this is a question, and branching changes something"),
        ("what happens if I create a branch called x", "this is a question, and branching changes something"),
        ("creating a branch called x?", "this is a question, and branching changes something"),
        ("I created a branch called x yesterday", "this tells what happened, and branching would do it"),
        ("I created a branch called x, it works", "this tells what happened, and branching would do it"),
        ("created a branch called x an hour ago", "this tells what happened, and branching would do it"),
        ("The build is red, so don't create a branch called x", "this says what not to do, and branching does it"),
        ("Since we froze, nobody may create a branch called x", "this says what not to do, and branching does it"),
        ("We froze, so they did not create a branch called x", "this says what not to do, and branching does it"),
        ("I cannot create a branch called x", "this tells what happened, and branching would do it"),
        ("To keep it small, never create a branch called x", "this says what not to do, and branching does it"),
        ("As we ship today, should we create a branch called x", "this is a question, and branching changes something"),
        ("Since it was green, she created a branch called x", "this tells what happened, and branching would do it"),
        ("remember, did we create it?", "this is a question, and keeping changes something"),
        (
            "Tomorrow after lunch I'll create a branch called x myself",
            "this says when or on what condition, and branching does it now",
        ),
        (
            "We're going to create a branch called x later",
            "this says when or on what condition, and branching does it now",
        ),
        (
            "create a branch called please",
            "what stands there is no name, and branching would take it for one: put it in quotation marks if it is",
        ),
        ("let's not create a branch called x", "this says what not to do, and branching does it"),
        ("Bob will create a branch called x", "this tells what happened, and branching would do it"),
        (
            "create a branch called x if the tests pass",
            "this says when or on what condition, and branching does it now",
        ),
        (
            "create a branch called x and push it",
            "this orders more than what branching does: ask for one change at a time",
        ),
        (
            "create a branch called x, er, y",
            "this corrects itself, and branching changes something: say it once more as it is meant",
        ),
    ],
)
def test_what_is_no_order_changes_nothing(router: Router, sentence: str, why: str) -> None:
    error = router.decide(sentence, ExecutionMode.BALANCED).decision.error
    assert error is not None
    assert (error.code, error.message) == ("no_match", why)
    assert error.details["candidates"], "what it may have meant is told"


@pytest.mark.parametrize(
    "sentence",
    [
        "never mind, no need to check the database any more",
        "No need to check the page again, I've already read it.",
        "From here on, please don't check anything I tell you.",
        "there's no need to check it",
        "you don't have to check the cache",
        "please never mind the health check, forget I asked",
        "The health of the database was looked at without errors half an hour ago.",
        "Yesterday's check went through already",
        "Yesterday we have checked the health and it was fine.",
        "I already looked at the health this morning.",
        "Next week we should check the cache again, not now",
        "Tomorrow I'm going to check how the cache is",
    ],
)
def test_what_is_not_wanted_or_has_happened_is_not_looked_up(router: Router, sentence: str) -> None:
    error = router.decide(sentence, ExecutionMode.BALANCED).decision.error
    assert error is not None
    assert error.message == "this says what is not wanted, has happened or is planned, and looking would look now"


@pytest.mark.parametrize(
    ("sentence", "name"),
    [
        ("create a branch called x", "branching"),
        ("could you create a branch called x?", "branching"),
        ("is it possible to create a branch called x?", "branching"),
        ("how about creating a branch called x?", "branching"),
        ("don't worry, create a branch called x", "branching"),
        ("don't publish it, just create a branch called x", "branching"),
        ("I committed the changes, now create a branch called x", "branching"),
        ("I couldn't find the branch, please create a branch called x", "branching"),
        ("The release is near, so create a branch called x", "branching"),
        ("don't check everything, just the cache", "looking"),
        ("do not hesitate to check the cache", "looking"),
        ("don't you want to check the cache", "looking"),
        ("the check that was made an hour ago", "looking"),
        ("The check failed an hour ago, what is wrong?", "looking"),
        ("no need to wait. Please check the cache", "looking"),
        ("never mind the tests, show me the health", "looking"),
        ("check the cache, no wait, the database", "looking"),
        ("remember that Bob, I mean Rob, is on call", "keeping"),
        ("remember that tomorrow I'll rest, not now", "keeping"),
        ("I'll be away tomorrow, so create a branch called x", "branching"),
        ('I will create a branch called "later"', "branching"),
        ("I just want to check the cache", "looking"),
        ("The cache is not yet warm, check it", "looking"),
        ("I'm going to travel tomorrow, show the health", "looking"),
        ('create a branch called "x, no wait"', "branching"),
        ("remember that I created a branch", "keeping"),
        ("don't forget that the branch was created by Bob", "keeping"),
        ("can you remember that? drop table is what broke it", "dropping"),
        ("why drop table users", "dropping"),
    ],
)
def test_what_is_ordered_or_runs_by_a_call_alone_is_not_held_back(router: Router, sentence: str, name: str) -> None:
    decision = router.decide(sentence, ExecutionMode.BALANCED).decision
    assert (decision.error, decision.pattern_name) == (None, name)


@pytest.mark.parametrize("piece", ["“", '"', "'a ", "`", "don't ", "i'll ", ", er, ", "not now ", "never mind the "])
def test_a_long_sentence_is_judged_in_no_time(router: Router, piece: str) -> None:
    (candidate, *_) = router.decide("create a branch called x", ExecutionMode.BALANCED).decision.candidates
    sentence = "create a branch called x " + piece * 30_000
    started = time.thread_time()
    beside_the_point(sentence, candidate, Effect.WRITE)
    beside_the_point(sentence, candidate, Effect.READ)
    assert time.thread_time() - started < 0.2
