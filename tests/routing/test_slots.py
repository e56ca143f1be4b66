"""Values for slots, and places with their time zones."""

from __future__ import annotations

import contextlib
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tmws_patterns.pattern import Slot
from tmws_patterns.routing.understanding.places import zone_of
from tmws_patterns.routing.understanding.slots import NotUnderstood, coerce, slot_of


@pytest.mark.parametrize(
    ("place", "zone"),
    [
        ("Tokyo", "Asia/Tokyo"),
        ("tokyo", "Asia/Tokyo"),
        ("Boston", "America/New_York"),
        ("Mumbai", "Asia/Kolkata"),
        ("Bombay", "Asia/Kolkata"),
        ("Kyoto", "Asia/Tokyo"),
        ("São Paulo", "America/Sao_Paulo"),
        ("sao paulo", "America/Sao_Paulo"),
        ("the city of Boston", "America/New_York"),
        ("Paris, France", "Europe/Paris"),
        ("Germany", "Europe/Berlin"),
        ("India", "Asia/Kolkata"),
        ("New York City", "America/New_York"),
        ("Europe/London", "Europe/London"),
        ("europe/london", "Europe/London"),
        ("UTC", "Etc/UTC"),
        ("PST", "America/Los_Angeles"),
        ("UTC+2", "Etc/GMT-2"),
        ("GMT-5", "Etc/GMT+5"),
    ],
)
def test_a_place_has_a_zone(place: str, zone: str) -> None:
    assert zone_of(place) == zone
    assert ZoneInfo(zone)


@pytest.mark.parametrize("place", ["Blarghville", "", "the moon", "UTC+15", "UTC+0", "GMT+", "?"])
def test_what_is_no_place_has_none(place: str) -> None:
    assert zone_of(place) is None


@pytest.mark.parametrize(
    ("kind", "value", "meant"),
    [
        ("integer", "12", 12),
        ("integer", 12.0, 12),
        ("integer", "-3", -3),
        ("number", "0.5", 0.5),
        ("number", "1e3", 1000.0),
        ("boolean", "yes", True),
        ("boolean", False, False),
        ("boolean", "OFF", False),
        ("time", "3 pm", "15:00"),
        ("time", "12 am", "00:00"),
        ("time", "9:05 PM", "21:05"),
        ("time", "14:30", "14:30"),
        ("time", "noon", "12:00"),
        ("time", "Midnight", "00:00"),
        ("url", "https://example.com/a?b=c", "https://example.com/a?b=c"),
        ("url", "example.com/x", "https://example.com/x"),
        ("time", "14:30:15", "14:30:15"),
        ("date", "2026-03-05", "2026-03-05"),
        ("date", "March 5, 2026", "2026-03-05"),
        ("date", "5.3.2026", "2026-03-05"),
        ("datetime", "2026-03-05 14:30", "2026-03-05T14:30:00"),
        ("datetime", "2026-03-05", "2026-03-05T00:00:00"),
        ("datetime", "5 March 2026 at 3 pm", "2026-03-05T15:00:00"),
        ("duration", "20 minutes", "20 minutes"),
        ("duration", "PT20M", "PT20M"),
        ("email", " ann@example.org ", "ann@example.org"),
        ("array", "a, b and c", ["a", "b", "c"]),
        ("array", '["a", 1]', ["a", 1]),
        ("array", ("a",), ["a"]),
        ("object", '{"a": 1}', {"a": 1}),
        ("string", 5, 5),
        ("integer", None, None),
    ],
)
def test_a_value_is_read_as_its_slots_type(kind: Any, value: Any, meant: Any) -> None:
    assert coerce("x", Slot(type=kind), value) == meant


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("integer", "many"),
        ("integer", 1.5),
        ("integer", True),
        ("number", "NaN and so on"),
        ("integer", "inf"),
        ("integer", "1e999"),
        ("boolean", "perhaps"),
        ("time", "25:00"),
        ("time", "14:75"),
        ("time", "soon"),
        ("url", "not a url"),
        ("object", "[1]"),
        ("object", "{"),
        ("timezone", "Blarghville"),
        ("date", "2026-02-30"),
        ("date", "03/05/2026"),
        ("date", "tomorrow"),
        ("datetime", "3 pm"),
        ("duration", "20 kilometers"),
        ("duration", "20"),
        ("email", "ann at example"),
    ],
)
def test_a_value_of_another_kind_is_not_understood_and_says_what_is_wanted(kind: Any, value: Any) -> None:
    with pytest.raises(NotUnderstood, match="x: "):
        coerce("x", Slot(type=kind), value)


@pytest.mark.parametrize(
    ("kind", "words", "meant"),
    [
        ("date", "tomorrow", "2026-03-03"),
        ("date", "next Friday", "2026-03-06"),
        ("date", "next Monday", "2026-03-09"),
        ("date", "last Monday", "2026-02-23"),
        ("date", "Monday", "2026-03-02"),
        ("date", "in two weeks", "2026-03-16"),
        ("date", "in a month", "2026-04-02"),
        ("date", "3 years ago", "2023-03-02"),
        ("date", "March 1", "2027-03-01"),
        ("date", "29 February", "2028-02-29"),
        ("datetime", "tomorrow at 3 pm", "2026-03-03T15:00:00"),
        ("datetime", "3 pm UTC tomorrow", "2026-03-03T15:00:00Z"),
    ],
)
def test_words_that_lean_on_today_are_dates_where_today_is_known(kind: Any, words: str, meant: str) -> None:
    assert coerce("x", Slot(type=kind), words, date(2026, 3, 2)) == meant


def test_a_choice_is_taken_whatever_its_case_and_another_names_the_choices() -> None:
    slot = Slot(enum=("local", "remote"))
    assert coerce("x", slot, " REMOTE ") == "remote"
    with pytest.raises(NotUnderstood, match="none of local, remote"):
        coerce("x", slot, "elsewhere")


@pytest.mark.parametrize(
    ("schema", "kind"),
    [
        ({"type": "integer"}, "integer"),
        ({"type": ["null", "number"]}, "number"),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, "string"),
        ({"anyOf": [{"type": "string"}, {"type": "integer"}]}, "string"),
        ({"type": "string", "format": "uri"}, "url"),
        ({"$ref": "#/definitions/x"}, "string"),
        ({}, "string"),
    ],
)
def test_a_schema_asks_for_a_slot(schema: dict[str, Any], kind: str) -> None:
    assert slot_of(schema).type == kind


def test_a_schemas_default_and_choices_are_the_slots() -> None:
    slot = slot_of({"type": "string", "enum": ["a", "b"], "default": "b"})
    assert (slot.enum, slot.default, slot.required) == (("a", "b"), "b", False)


@given(
    st.sampled_from(
        [
            "integer",
            "number",
            "boolean",
            "time",
            "date",
            "datetime",
            "duration",
            "email",
            "url",
            "array",
            "object",
            "timezone",
        ]
    ),
    st.text(),
)
def test_no_text_makes_reading_it_fail_in_another_way(kind: Any, text: str) -> None:
    with contextlib.suppress(NotUnderstood):
        coerce("x", Slot(type=kind), text, date(2026, 3, 2))
