"""How recalled memories are shown on a page."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tmws_patterns.shaping import shown
from tmws_patterns.shaping.passages import LONGEST, passage

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC).timestamp()
FILLER = "The morning was quiet and nothing of note happened to anybody at all. " * 15
LONG = f"{FILLER}The staging database froze when the vacuum ran at noon. {FILLER}"


def row(**changes: object) -> dict[str, object]:
    return {"id": "a1", "content": "short", "created_at": "2026-11-21T10:00:00Z", **changes}


def test_a_short_memory_is_shown_whole_with_its_age() -> None:
    assert shown([row()], "x", "u/", NOW) == [row(age="3 d")]


def test_of_a_long_memory_the_passage_with_the_words_of_the_question_is_shown_and_linked() -> None:
    (found,) = shown([row(content=LONG)], "why did staging freeze during vacuuming?", "tmws://memories/ann/", NOW)
    assert "froze when the vacuum ran" in found["content"]
    assert len(found["content"]) < LONGEST + 10
    assert found["content"].startswith("… ")
    assert found["content"].endswith(" …")
    assert found["whole"] == "tmws://memories/ann/a1"


@pytest.mark.parametrize(
    ("created_at", "age"),
    [
        ("2026-11-24T12:00:00Z", "now"),
        ("2026-11-24T11:58:30Z", "1 min"),
        ("2026-11-24T01:00:00Z", "11 h"),
        ("2026-09-01T00:00:00Z", "2 mo"),
        ("2024-01-01T00:00:00Z", "2 y"),
        ("2027-01-01T00:00:00Z", "now"),
    ],
)
def test_an_age_is_told_in_the_largest_whole_unit(created_at: str, age: str) -> None:
    assert shown([row(created_at=created_at)], "", "", NOW)[0]["age"] == age


@pytest.mark.parametrize("data", [None, {"forgotten": 1}, [1, "x", {"id": 5}], [{"content": "no id"}]])
def test_what_is_no_list_of_memories_stays_as_it_is(data: object) -> None:
    assert shown(data, "x", "u/", NOW) == data


@given(st.text(max_size=3_000), st.text(max_size=100))
def test_a_passage_is_bounded_and_made_of_the_text(content: str, question: str) -> None:
    found = passage(content, question, 200)
    assert len(found) <= max(200, 205)
    if len(content) <= 200:
        assert found == content
