"""Values for slots, and places with their time zones."""

from __future__ import annotations

import contextlib
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tmws_patterns.pattern import Slot
from tmws_patterns.routing.places import zone_of
from tmws_patterns.routing.slots import NotUnderstood, coerce, find, find_quoted, slot_of


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
    ],
)
def test_a_value_of_another_kind_is_not_understood_and_says_what_is_wanted(kind: Any, value: Any) -> None:
    with pytest.raises(NotUnderstood, match="x: "):
        coerce("x", Slot(type=kind), value)


def test_a_choice_is_taken_whatever_its_case_and_another_names_the_choices() -> None:
    slot = Slot(enum=("local", "remote"))
    assert coerce("x", slot, " REMOTE ") == "remote"
    with pytest.raises(NotUnderstood, match="none of local, remote"):
        coerce("x", slot, "elsewhere")


@pytest.mark.parametrize(
    ("slot", "sentence", "found"),
    [
        (Slot(type="url"), "read https://example.com/a.html, please", "https://example.com/a.html"),
        (Slot(type="integer"), "the last 5 of them", 5),
        (Slot(type="number"), "above 0.75 only", 0.75),
        (Slot(type="time"), "at 3 pm sharp", "15:00"),
        (Slot(type="path"), "look into ./src/app please", "./src/app"),
        (Slot(enum=("database", "cache")), "is the Cache well", "cache"),
        (Slot(enum=("database", "cache")), "is all well", None),
        (Slot(), "anything at all", None),
        (Slot(type="integer"), "version 1.2.3", None),
    ],
)
def test_a_value_is_found_in_a_sentence_where_its_form_gives_it_away(slot: Slot, sentence: str, found: Any) -> None:
    assert find(slot, sentence) == found


def test_everything_in_quotes_is_found() -> None:
    assert find_quoted("say \"hello there\" and 'bye' or `ok`") == ["hello there", "bye", "ok"]


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


@given(st.sampled_from(["integer", "number", "boolean", "time", "url", "array", "object", "timezone"]), st.text())
def test_no_text_makes_reading_it_fail_in_another_way(kind: Any, text: str) -> None:
    with contextlib.suppress(NotUnderstood):
        coerce("x", Slot(type=kind), text)
