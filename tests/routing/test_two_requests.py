"""A sentence that asks memory for one thing and a tool for another, and what must not be taken for one."""

from __future__ import annotations

import time

import pytest

from tmws_patterns import PatternType, Settings
from tmws_patterns.loader import load_packs
from tmws_patterns.registry import PatternRegistry
from tmws_patterns.routing import Router
from tmws_patterns.routing.router import clauses
from tmws_patterns.routing.spelling import Speller

pytestmark = pytest.mark.anyio

ROUTER = Router(PatternRegistry(load_packs(Settings.load({}).pattern_path)))


@pytest.mark.parametrize(
    ("query", "tool", "memory"),
    [
        ("recall the cache policy and check cache health", "health_check", "recall_memory"),
        ("show recent memories; show unstaged changes", "git_diff", "recent_memories"),
        ("what is 15% of 80, and then recall the discount rules", "quick_calculation", "recall_memory"),
    ],
)
async def test_both_are_asked_each_for_its_own_part(query: str, tool: str, memory: str) -> None:
    choice = ROUTER.decide(query, "balanced")  # type: ignore[arg-type]
    assert choice.decision.pattern_type is PatternType.HYBRID
    assert choice.tool is not None
    assert choice.memory is not None
    assert (choice.tool.name, choice.memory.name) == (tool, memory)
    assert choice.memory.part
    assert choice.memory.part in query
    assert choice.memory.part != query
    assert (await ROUTER.route(query)).pattern_name in (tool, memory)


@pytest.mark.parametrize(
    "query",
    [
        "recall why billing uses Postgres and Redis",
        "git status and show unstaged changes",  # both ask tools
        "remember that we check the cache and show the health",  # a write
        "recall what Anna said and did",
    ],
)
async def test_one_request_with_an_and_in_it_stays_one(query: str) -> None:
    assert ROUTER.decide(query, "balanced").decision.pattern_type is not PatternType.HYBRID  # type: ignore[arg-type]


def test_a_sentence_is_parted_only_where_a_second_request_begins() -> None:
    assert clauses("recall the plan and show me the log") == ("recall the plan", "show me the log")
    assert clauses("salt and pepper") is None
    assert clauses("a b and show c and show d") is None


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("shwo the brnach", "show the branch"),
        ("list teh branchs", "list teh branch"),
        ("read src/brnach.py and brnach-1", "read src/brnach.py and brnach-1"),
        ("the horse", "the horse"),
    ],
)
def test_one_slip_of_the_finger_is_set_right_and_nothing_else(written: str, meant: str) -> None:
    speller = Speller(["show the branch", "list everything"])
    assert speller.corrected(written, {"horse", "list", "read"}.__contains__) == meant


def test_a_slip_that_an_example_holds_is_set_right_where_the_word_stands_beside_it() -> None:
    speller = Speller([*["compare the designs"] * 6, "comapre the plan", "gitt stash"])
    english = {"compare", "design", "designs"}.__contains__
    assert speller.corrected("comapre the designs", english) == "compare the designs"
    assert speller.corrected("gitt", english) == "gitt"


@pytest.mark.parametrize("blank", [" ", "\n", "\t", "; ", ", "])
def test_a_sentence_of_blanks_is_parted_in_no_time(blank: str) -> None:
    started = time.thread_time()
    clauses("show " + blank * 19_000 + "x")
    assert time.thread_time() - started < 0.05
