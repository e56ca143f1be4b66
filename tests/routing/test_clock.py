"""Times of day as people say them."""

from __future__ import annotations

from datetime import date

import pytest

from tmws_patterns.routing.understanding.clock import time_of
from tmws_patterns.routing.understanding.spans import find_spans


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ("14:30", "14:30"), ("3 pm", "15:00"), ("12:30 am", "00:30"), ("noon", "12:00"), ("midnight UTC", "00:00Z"),
        ("half past six in the evening", "18:30"), ("quarter to nine am", "08:45"), ("a quarter past 3", "03:15"),
        ("ten past seven pm", "19:10"), ("twenty to one pm", "12:40"), ("ten minutes to four", "03:50"),
        ("2100 hours", "21:00"), ("7 in the morning", "07:00"), ("11 at night", "23:00"), ("1 at night", "01:00"),
        ("7 o'clock", "07:00"), ("nine p.m.", "21:00"), ("5.30 pm", "17:30"), ("14:30:10Z", "14:30:10Z"),
    ],
)  # fmt: skip
def test_a_time_is_read_alone_and_in_a_sentence(said: str, wanted: str) -> None:
    heard = find_spans(f"it is {said} in Boston", date(2026, 1, 1))

    assert time_of(said) == wanted
    assert [(s.value, s.text) for s in heard.spans if s.kind == "time"] == [(wanted, said)]


@pytest.mark.parametrize("said", ["25:00", "13 pm", "18.45 pm", "7", "half past 25", "2560 hours"])
def test_what_no_clock_shows_is_no_time(said: str) -> None:
    assert time_of(said) is None


@pytest.mark.parametrize(
    "sentence", ["from five to 12 items", "ten to twelve files", "version 5.30 of it", "between 10 to 12"]
)
def test_a_range_is_no_time(sentence: str) -> None:
    assert [s for s in find_spans(sentence, date(2026, 1, 1)).spans if s.kind == "time"] == []
