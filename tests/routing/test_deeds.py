"""A pattern that only tells something does not answer what orders a deed."""

from __future__ import annotations

import pytest
from known import learned

from tmws_patterns.pattern import Effect, PatternDefinition, PatternType, ToolTarget
from tmws_patterns.registry import PatternRegistry
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


def test_an_order_is_believed_less_of_a_pattern_that_only_tells() -> None:
    def pattern(name: str, *examples: str) -> PatternDefinition:
        call = ToolTarget(server="none", tool="none")
        return PatternDefinition(name, PatternType.INFRASTRUCTURE, examples=examples, call=call, effect=Effect.READ)

    tells = pattern("releases", "show the newest releases", "which releases are there", "list all releases of it")
    other = pattern("weather", "how warm is it today", "will it rain tomorrow", "forecast for the weekend")
    found = PatternRegistry()
    found.register_batch([tells, other])
    index = learned(found).index

    assert only_tells(tells.examples)
    assert not only_tells(("publish the newest releases",))
    asked = {c.name: c.confidence for c in index.candidates("which newest releases are there")}
    ordered_ = {c.name: c.confidence for c in index.candidates("publish the newest releases that are there")}
    assert ordered_["releases"] < 0.6 * asked["releases"]
