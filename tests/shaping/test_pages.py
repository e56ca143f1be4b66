"""Pages: nothing lost between them, never over their budget by more than they must."""

from __future__ import annotations

from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from tmws_patterns.shaping import compact, count_tokens, cut
from tmws_patterns.shaping.envelope import envelope, tail_tokens

SCALARS = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(st.characters(codec="utf-8"), max_size=60)
DATA = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.text("abcxyz", max_size=4), inner, max_size=6),
    max_leaves=25,
)


def leaves(data: Any) -> list[Any]:
    """Every scalar in order; texts as their characters, so that a text cut in two reads the same."""
    if isinstance(data, dict):
        return [leaf for value in data.values() for leaf in leaves(value)]
    if isinstance(data, list):
        return [leaf for value in data for leaf in leaves(value)]
    return list(data) if isinstance(data, str) else [data]


def pages(data: Any, budget: int) -> list[Any]:
    found, position, seen = [], (), set()
    while position is not None:
        assert position not in seen, "a page must go on from where the last one ended"
        seen.add(position)
        page = cut(data, position, budget)
        assert page.tokens == count_tokens(page.body)
        found.append(orjson.loads(page.body))
        position = page.following
    return found


@settings(max_examples=150, deadline=None)
@given(DATA, st.integers(1, 60))
def test_pages_read_in_order_hold_everything_exactly_once(data: Any, budget: int) -> None:
    joined = [leaf for page in pages(data, budget) for leaf in leaves(page)]
    assert joined == leaves(data)


def test_rows_are_never_cut_where_whole_rows_fit_a_page() -> None:
    rows = [{"id": i, "name": f"row number {i}"} for i in range(300)]
    found = pages(rows, 200)
    assert [row for page in found for row in page] == rows
    assert all(count_tokens(compact(page)) <= 200 for page in found)
    assert len(found) < 30


def test_a_long_text_is_cut_at_the_end_of_a_line_and_joins_to_itself() -> None:
    text = "\n".join(f"line {i} says something of its own" for i in range(500))
    found = pages(text, 100)
    assert "".join(found) == text
    assert all(page.endswith("\n") for page in found[:-1])
    assert all(count_tokens(compact(page)) <= 100 for page in found)


def test_a_text_inside_an_object_goes_on_under_the_same_name() -> None:
    found = pages({"title": "t", "body": "word " * 2000}, 300)
    assert "".join(page.get("body", "") for page in found) == "word " * 2000
    assert found[0]["title"] == "t"


def test_an_answer_that_fits_is_one_page() -> None:
    page = cut({"a": 1}, (), 100)
    assert (page.body, page.following) == ('{"a":1}', None)


def test_no_limit_gives_all_the_rest_from_a_position() -> None:
    first = cut(list(range(1000)), (), 50)
    assert first.following is not None
    rest = cut(list(range(1000)), first.following, None)
    assert orjson.loads(first.body) + orjson.loads(rest.body) == list(range(1000))


@settings(max_examples=100, deadline=None)
@given(DATA, st.booleans())
def test_the_price_in_an_envelope_is_the_price_of_its_text(data: Any, success: bool) -> None:
    body = compact(data)

    def facts(used: int) -> dict[str, Any]:
        return {"success": success, "tokens_used": used, "metadata": {"saved": 100 - used}}

    text, used = envelope(facts, body, tail_tokens(body))
    assert used == count_tokens(text)
    read = orjson.loads(text)
    assert read["tokens_used"] == used
    assert read["result"] == data


def test_counting_a_hostile_text_is_linear_and_counting_matches_known_values() -> None:
    assert count_tokens("hello world") == 2
    assert count_tokens("") == 0
    assert count_tokens("a" * 200_000) > 0
