"""A pattern that only tells something does not answer what orders a deed."""

from __future__ import annotations

import pytest
from known import learned

from tmws_patterns import ExecutionMode
from tmws_patterns.pattern import Effect, PatternDefinition, PatternType, ToolTarget
from tmws_patterns.registry import PatternRegistry
from tmws_patterns.routing import Bands, Router
from tmws_patterns.routing.deeds import only_tells, ordered


@pytest.mark.parametrize(
    ("sentence", "deed"),
    [("please push my commits", "push"), ("could you restart the cache", "restart"), ("Prune what is gone", "prune")],
)
def test_the_verb_of_an_order_is_found_behind_what_is_polite(sentence: str, deed: str) -> None:
    assert ordered(sentence) == deed


@pytest.mark.parametrize("sentence", ["show what I pushed", "did the restart work", "", "which updates are there"])
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


def test_a_pattern_that_does_such_deeds_is_not_held_back() -> None:
    assert only_tells("releases", ("show the newest releases",))
    assert not only_tells("releases", ("publish the newest releases",))
    assert not only_tells("text.translate_text", ())
