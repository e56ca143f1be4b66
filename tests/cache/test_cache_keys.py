from __future__ import annotations

import datetime as dt
import enum
import re
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tmws_patterns.cache.keys import digest
from tmws_patterns.errors import InvalidInput

text = st.text(st.characters(exclude_categories=["Cs"]))
numbers = st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
json = st.recursive(
    st.none() | st.booleans() | numbers | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=8,
)


@given(st.tuples(json, json))
def test_a_digest_is_32_hexadecimal_characters(key) -> None:
    assert re.fullmatch("[0-9a-f]{32}", digest(key))


@given(st.dictionaries(text, json, max_size=5))
def test_the_order_of_keys_does_not_matter(arguments) -> None:
    assert digest((arguments,)) == digest((dict(reversed(arguments.items())),))


@given(st.lists(text, max_size=4), st.lists(text, max_size=4))
def test_two_tuples_of_words_meet_only_if_they_are_equal(one, other) -> None:
    assert (digest(tuple(one)) == digest(tuple(other))) == (one == other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("a", "bc"), ("ab", "c")),
        (("a,b",), ("a", "b")),
        (("tenant", "artemis", "q"), ("tenant", "hera", "q")),
        ((1,), ("1",)),
        ((1,), (1.0,)),
        ((1,), (True,)),
        ((None,), ("null",)),
        ((("a",), "b"), ("a", ("b",))),
        (({"a": 1},), (("a", 1),)),
    ],
)
def test_different_keys_have_different_digests(one, other) -> None:
    assert digest(one) != digest(other)


class Flavour(enum.StrEnum):
    PLAIN = "plain"


def test_an_enum_of_strings_is_its_string() -> None:
    assert digest((Flavour.PLAIN,)) == digest(("plain",))


@pytest.mark.parametrize(
    "part",
    [
        frozenset("a"),
        {1: "a"},
        dt.datetime(2026, 11, 23, tzinfo=dt.UTC),
        object(),
        float("nan"),
        [{"deep": (float("inf"), None)}],
        2**64,
        "\ud800",
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_has_no_canonical_encoding_is_refused(part) -> None:
    with pytest.raises(InvalidInput, match="cache key"):
        digest(("a", part))


def test_a_uuid_may_stand_beside_its_string() -> None:
    value = uuid.uuid4()
    assert digest((value,)) == digest((str(value),))
