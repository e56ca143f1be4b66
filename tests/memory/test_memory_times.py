"""Times as people say them, at noon of Monday 2026-11-23."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tmws_patterns.errors import InvalidInput
from tmws_patterns.memory.times import Span, find_span, parse_since, parse_until

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def at(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc,arg-type]


SPANS = [
    ("today", at(2026, 11, 23), at(2026, 11, 24)),
    ("yesterday", at(2026, 11, 22), at(2026, 11, 23)),
    ("this week", at(2026, 11, 23), at(2026, 11, 30)),
    ("last week", at(2026, 11, 16), at(2026, 11, 23)),
    ("last month", at(2026, 10, 1), at(2026, 11, 1)),
    ("this year", at(2026, 1, 1), at(2027, 1, 1)),
    ("last year", at(2025, 1, 1), at(2026, 1, 1)),
    ("last hour", at(2026, 11, 23, 11), at(2026, 11, 23, 12)),
    ("in the last hour", at(2026, 11, 23, 11), None),
    ("over the last week", at(2026, 11, 16, 12), None),
    ("the previous week", at(2026, 11, 16), at(2026, 11, 23)),
    ("past week", at(2026, 11, 16, 12), None),
    ("last 3 days", at(2026, 11, 20, 12), None),
    ("over the past two hours", at(2026, 11, 23, 10), None),
    ("last couple of weeks", at(2026, 11, 9, 12), None),
    ("3 days ago", at(2026, 11, 20), at(2026, 11, 21)),
    ("an hour ago", at(2026, 11, 23, 11), at(2026, 11, 23, 12)),
    ("in October", at(2026, 10, 1), at(2026, 11, 1)),
    ("in december", at(2025, 12, 1), at(2026, 1, 1)),
    ("in Dec 2024", at(2024, 12, 1), at(2025, 1, 1)),
    ("May 2026", at(2026, 5, 1), at(2026, 6, 1)),
    ("since March", at(2026, 3, 1), None),
    ("after March", at(2026, 4, 1), None),
    ("before March", None, at(2026, 3, 1)),
    ("until March", None, at(2026, 4, 1)),
    ("from March until June", at(2026, 3, 1), at(2026, 7, 1)),
    ("since 2026-01-05", at(2026, 1, 5), None),
    ("2026-01-05", at(2026, 1, 5), at(2026, 1, 6)),
    ("since 2026-01-05T10:30:00+02:00", at(2026, 1, 5, 8, 30), None),
    ("since 2026-01-05T10:30Z", at(2026, 1, 5, 10, 30), None),
    ("in 2025", at(2025, 1, 1), at(2026, 1, 1)),
]


@pytest.mark.parametrize(("phrase", "since", "until"), SPANS, ids=[phrase for phrase, _, _ in SPANS])
def test_a_phrase_means_its_span_alone_and_inside_a_sentence(
    phrase: str, since: datetime | None, until: datetime | None
) -> None:
    assert find_span(phrase, NOW) == (Span(since, until), "")
    assert find_span(f"decisions on caching {phrase}", NOW) == (Span(since, until), "decisions on caching")


@pytest.mark.parametrize(
    "sentence",
    ["the march release may slip", "2024 budget", "error 1999-x", "last 9999 years", "2026-13-45", "day one"],
)
def test_words_that_only_look_like_times_are_left_in_place(sentence: str) -> None:
    assert find_span(sentence, NOW) == (Span(), sentence)


def test_since_is_the_beginning_and_until_the_end_of_what_is_named() -> None:
    assert parse_since("last week", NOW) == at(2026, 11, 16)
    assert parse_until("last week", NOW) == at(2026, 11, 23)
    assert parse_since("March", NOW) == at(2026, 3, 1)
    assert parse_until("2026-01-05", NOW) == at(2026, 1, 6)
    assert parse_until(date(2026, 1, 5), NOW) == at(2026, 1, 6)
    assert parse_until("last 3 days", NOW) == NOW
    assert parse_since("2025", NOW) == at(2025, 1, 1)
    assert parse_since(None, NOW) is parse_until("", NOW) is None


def test_times_of_other_zones_become_utc_and_naive_ones_are_taken_as_utc() -> None:
    east = datetime(2026, 1, 5, 10, tzinfo=timezone(timedelta(hours=2)))
    assert parse_since(east, NOW) == parse_until(east, NOW) == at(2026, 1, 5, 8)
    assert parse_since(datetime(2026, 1, 5, 10), NOW) == at(2026, 1, 5, 10)  # noqa: DTZ001


@pytest.mark.parametrize("value", ["the other day", "2026-02-30", "week", 5, "\0", "last week of caching", "x" * 10**6])
def test_a_phrase_that_is_not_understood_is_refused_with_the_forms_that_are(value: object) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_since(value, NOW)
    assert "last 3 days" in caught.value.hint
    assert len(caught.value.message) < 200


@given(st.text(alphabet="0123456789- lastdyofmrchinuewk:tz", max_size=60))
def test_any_text_is_read_without_an_error(text: str) -> None:
    span, _ = find_span(text, NOW)
    assert span.since is None or span.since.tzinfo is UTC
