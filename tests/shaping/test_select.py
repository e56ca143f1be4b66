"""Keeping the fields asked for."""

from __future__ import annotations

import pytest

from tmws_patterns.errors import InvalidInput
from tmws_patterns.shaping import project

ROWS = [{"id": 1, "user": {"name": "Ann", "age": 3}, "x": None}, {"id": 2, "user": {"name": "Bo"}}]


def test_fields_are_kept_in_every_row() -> None:
    assert project(ROWS, ["id"]) == [{"id": 1}, {"id": 2}]


def test_a_dotted_path_reaches_into_objects() -> None:
    assert project(ROWS, ["user.name"]) == [{"user.name": "Ann"}, {"user.name": "Bo"}]


def test_a_field_with_a_dot_in_its_name_is_found_first() -> None:
    assert project({"a.b": 1, "a": {"b": 2}}, ["a.b"]) == {"a.b": 1}


def test_no_fields_keep_everything() -> None:
    assert project(ROWS, []) is ROWS


def test_a_path_through_a_list_keeps_its_rows() -> None:
    assert project({"rows": ROWS, "n": 2}, ["rows.id"]) == {"rows.id": [{"id": 1}, {"id": 2}]}


def test_an_unknown_field_says_which_there_are() -> None:
    with pytest.raises(InvalidInput) as caught:
        project(ROWS, ["nam"])
    assert caught.value.hint == "its fields are: id, user, x"


def test_a_field_of_a_text_is_an_error_that_says_so() -> None:
    with pytest.raises(InvalidInput, match="no field name"):
        project("plain", ["name"])
