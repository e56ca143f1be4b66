"""What a sentence names as a condition, and what is left of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tmws_patterns.memory.question import IMPORTANT, Question, understand

NOW = datetime(2026, 11, 24, 15, tzinfo=UTC)
AGENTS = ("artemis", "hestia", "Shop")


@pytest.mark.parametrize(
    ("sentence", "rest", "conditions"),
    [
        ("recall what we tagged security", "recall what we", {"tags": ("security",)}),
        ("notes tagged billing and q3 about refunds", "notes about refunds", {"tags": ("billing", "q3")}),
        ("everything with the tag 'perf'", "everything", {"tags": ("perf",)}),
        ("cache notes #redis", "cache notes", {"tags": ("redis",)}),
        ("important decisions about caching", "decisions about caching", {"importance": IMPORTANT}),
        ("memories with importance above 0.9 on login", "memories on login", {"importance": 0.9}),
        ("it is important to rotate keys", "it is important to rotate keys", {}),
        ("what did hestia note about the vault?", "what about the vault?", {"owners": ("hestia",)}),
        ("hestia's notes on tokens", "on tokens", {"owners": ("hestia",)}),
        ("findings by Artemis on indexes", "on indexes", {"owners": ("artemis",)}),
        ("what did shop say about delivery", "what about delivery", {"owners": ("Shop",)}),
        ("the shop opens at nine", "the shop opens at nine", {}),
        ("Artemis, recall the index fix", "recall the index fix", {}),
        ("Athena, recall the index fix", "Athena, recall the index fix", {}),
        ("what did zeus say about thunder", "what did zeus say about thunder", {}),
        ("C# and issue #42", "C# and issue #42", {}),
    ],
)
def test_conditions_are_taken_out_of_the_question(sentence: str, rest: str, conditions: dict[str, object]) -> None:
    assert understand(sentence, NOW, AGENTS) == Question(rest, **conditions)


@pytest.mark.parametrize(
    ("sentence", "since", "until"),
    [
        ("what broke yesterday", NOW.replace(hour=0) - timedelta(days=1), NOW.replace(hour=0)),
        ("what broke in the last 3 days", NOW - timedelta(days=3), None),
        ("what broke in the past two months", NOW - timedelta(days=60), None),
        ("what broke since two months ago", NOW.replace(hour=0) - timedelta(days=60), None),
        ("what broke more than a year ago", None, NOW - timedelta(days=365)),
        ("what broke older than 6 months", None, NOW - timedelta(days=180)),
        ("what broke over 2 weeks ago", None, NOW - timedelta(days=14)),
    ],
)
def test_a_time_is_a_condition(sentence: str, since: datetime | None, until: datetime | None) -> None:
    found = understand(sentence, NOW)
    assert (found.span.since, found.span.until) == (since, until)
    assert found.rest.startswith("what broke")
    assert not any(word in found.rest for word in ("ago", "months", "year", "days"))


@given(st.text(max_size=300))
def test_no_sentence_breaks_the_reading(sentence: str) -> None:
    understand(sentence, NOW, AGENTS)
