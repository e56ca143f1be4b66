"""Keeping what was asked for: fields, expressions, parts of texts."""

from __future__ import annotations

from typing import Any

import pytest

from tmws_patterns.errors import InvalidInput
from tmws_patterns.regex import compiled
from tmws_patterns.selection import check_select, parts
from tmws_patterns.shaping import chosen, project

ROWS = [{"id": 1, "user": {"name": "Ann", "age": 3}, "x": None}, {"id": 2, "user": {"name": "Bo"}}]
LOG = "start\nok one\nERROR disk\nok two\nok three\nok four\nerror net\nend\n"
BOOK = """# Title

Some words.

## First
text
```
# no heading
```
Second
------
more
"""


def test_fields_are_kept_in_every_row() -> None:
    assert project(ROWS, ["id"]) == [{"id": 1}, {"id": 2}]


def test_a_dotted_path_reaches_into_objects() -> None:
    assert project(ROWS, ["user.name"]) == [{"user.name": "Ann"}, {"user.name": "Bo"}]


def test_a_field_with_a_dot_in_its_name_is_found_first() -> None:
    assert project({"a.b": 1, "a": {"b": 2}}, ["a.b"]) == {"a.b": 1}


def test_no_fields_keep_everything() -> None:
    assert project(ROWS, []) is ROWS
    assert chosen(ROWS, []) is ROWS


def test_a_path_through_a_list_keeps_its_rows() -> None:
    assert project({"rows": ROWS, "n": 2}, ["rows.id"]) == {"rows.id": [{"id": 1}, {"id": 2}]}


def test_an_unknown_field_says_which_there_are() -> None:
    with pytest.raises(InvalidInput) as caught:
        project(ROWS, ["nam"])
    assert caught.value.hint == "its fields are: id, user, x"


def test_a_field_of_a_text_is_an_error_that_says_what_a_text_has() -> None:
    with pytest.raises(InvalidInput, match="no field name") as caught:
        project("plain", ["name"])
    assert "lines:10-40" in caught.value.hint


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("a, b.c", ("a", "b.c")),
        ("[*].{a: a, b: b}", ("[*].{a: a, b: b}",)),
        (["a", " b "], ("a", "b")),
        (None, ()),
        ("", ()),
    ],
)
def test_a_string_is_fields_or_one_expression(said: Any, expected: tuple[str, ...]) -> None:
    assert parts(said) == expected


@pytest.mark.parametrize(
    ("select", "expected"),
    [
        ("[?id > `1`].user.name", ["Bo"]),
        ("[*].{n: user.name, i: id}", [{"n": "Ann", "i": 1}, {"n": "Bo", "i": 2}]),
        ("length(@)", 2),
        ("[?id > `5`]", []),
        ("head:1", [ROWS[0]]),
        ("tail:1", [ROWS[1]]),
        ("tail:0", []),
        ("outline", "2 × {id: number, user: {name: text, age: number}, x: null}"),
    ],
)
def test_an_expression_takes_what_it_says_of_rows(select: str, expected: Any) -> None:
    assert chosen(ROWS, [select]) == expected


@pytest.mark.parametrize(
    ("select", "expected"),
    [
        ("head:2", "start\nok one\n"),
        ("tail:2", "error net\nend\n"),
        ("lines:2-3", "ok one\nERROR disk\n"),
        ("lines:7-", "error net\nend\n"),
        ("lines:3", "ERROR disk\n"),
        ("lines:/error/", "7: error net"),
        ("lines:/error/i", "3: ERROR disk\n7: error net"),
        ("lines:/error/i+1", "2- ok one\n3: ERROR disk\n4- ok two\n--\n6- ok four\n7: error net\n8- end"),
        ("lines:/^ok t/", "4: ok two\n5: ok three"),
        ("find(@, 'ok (\\w+)')[0]", "one"),
        ("length(lines(@))", 8),
        ("unique(find(@, '^\\w|o'))", ["s", "o"]),
        ("split(@, 'ERROR')[1] | lines(@)[0]", " disk"),
    ],
)
def test_a_part_of_a_text_is_asked_for_by_lines_or_by_what_stands_in_them(select: str, expected: Any) -> None:
    assert chosen(LOG, [select]) == expected


def test_head_and_tail_without_a_number_are_twenty_lines() -> None:
    text = "".join(f"{i}\n" for i in range(100))
    assert chosen(text, ["head"]).split() == [str(i) for i in range(20)]
    assert chosen(text, ["tail"]).split() == [str(i) for i in range(80, 100)]


def test_an_outline_names_headings_with_their_lines() -> None:
    assert chosen(BOOK, ["outline"]) == "1: # Title\n5: ## First\n10: Second"
    page = "<html><title>T &amp; x</title>\n<h1>A <b>bold</b> one</h1><p>x</p>\n<h3>\ndeep</h3></html>"
    assert chosen(page, ["outline"]) == "1: T & x\n2: # A bold one\n3: ### deep"
    code = "import os\n\nclass A:\n    def b(self):\n        pass\n\nasync def c():\n    pass\n"
    assert chosen(code, ["outline"]) == "3: class A:\n4:     def b(self):\n7: async def c():"
    assert chosen("one\ntwo\n\nthree\n", ["outline"]) == "1: one\n4: three"


def test_steps_of_a_selection_follow_one_another() -> None:
    answer = {"path": "a.log", "content": LOG, "size": 9}
    assert chosen(answer, ["content", "lines:/disk/"]) == "3: ERROR disk"
    assert chosen(answer, ["lines:/disk/"]) == "3: ERROR disk", "its only text needs no name"
    assert chosen(answer, ["size", "path"]) == {"size": 9, "path": "a.log"}
    assert chosen(["a", "b"], ["lines:2"]) == "b"


def test_a_field_named_like_a_form_is_the_field() -> None:
    assert chosen({"head": 1, "x": 2}, ["head"]) == {"head": 1}
    assert chosen({"outline": 1}, ["outline"]) == {"outline": 1}


def test_a_text_that_could_be_two_is_asked_for() -> None:
    with pytest.raises(InvalidInput, match="which text") as caught:
        chosen({"a": LOG, "b": LOG}, ["head:1"])
    assert "a, b" in caught.value.hint


@pytest.mark.parametrize(
    ("select", "reason"),
    [
        ("lines:/(?=a)/", "RE2"),
        ("lines:x", "names no part"),
        ("lines:99", "no lines 99"),
        ("lines:3-2", "no lines 3 to 2"),
        ("lines:0", "no lines 0"),
        ("lines:/zebra/", "no line of 8 matches"),
        ("a[", "no JMESPath"),
        ("nix(@)", "no function 'nix'"),
        ("length(`1`)", "does not fit"),
        ("[*].a", "finds nothing"),
        ("[" * 900, "no JMESPath"),
        ("a" * 2_001 + "[0]", "2,004 characters"),
        ("[@,@]" + " | [@,@]" * 20, "multiply"),
    ],
)
def test_what_cannot_be_selected_says_why(select: str, reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason) as caught:
        chosen(LOG, [select])
    assert caught.value.hint


@pytest.mark.parametrize("select", ["lines:/(?=a)/", "lines:x", "a[", "nix(@)"])
def test_what_fits_no_answer_is_refused_before_the_call(select: str) -> None:
    with pytest.raises(InvalidInput):
        check_select([select])
    check_select(["a.b", "lines:/x/", "tail:3", "[0]"])


@pytest.mark.parametrize(
    ("regex", "text", "found"),
    [
        (r"[[:alpha:]\d]+", "ab1", "ab1"),
        (r"[]\d]x", "5x", "5x"),
        (r"[^\d]", "4x", "x"),
        (r"\w+", "Æsir", "Æsir"),
        (r"\[\d", "[3", "[3"),
    ],
)
def test_kinds_of_characters_mean_every_alphabet_in_and_outside_of_classes(regex: str, text: str, found: str) -> None:
    assert compiled(regex).search(text).group() == found


def test_lines_around_many_hits_are_each_shown_once() -> None:
    text = "x\n" * 5_000
    assert chosen(text, ["lines:/x/+999"]).count("\n") == 4_999
