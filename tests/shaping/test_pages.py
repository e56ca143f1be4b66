"""Pages: nothing lost between them, never over their budget by more than they must."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st
from tables import untabled

from tmws_patterns.shaping import Page, compact, count_tokens, cut
from tmws_patterns.shaping.compaction import folded, tabled
from tmws_patterns.shaping.envelope import envelope, tail_tokens
from tmws_patterns.shaping.halves import cut_halves
from tmws_patterns.shaping.shape import shape

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


def pages(data: Any, budget: int, cut: Callable[..., Page] = cut, **how: bool) -> list[Any]:
    found, position, seen = [], (), set()
    while position is not None:
        assert position not in seen, "a page must go on from where the last one ended"
        seen.add(position)
        page = cut(data, position, budget, **how)
        assert page.tokens == count_tokens(page.body)
        found.append(untabled(orjson.loads(page.body)) if how else orjson.loads(page.body))
        position = page.following
    return found


NAMES = st.lists(st.text("abcxyz", min_size=1, max_size=4), min_size=1, max_size=4, unique=True)
TABLES = NAMES.flatmap(lambda names: st.lists(st.fixed_dictionaries(dict.fromkeys(names, SCALARS)), max_size=12))


@settings(max_examples=150, deadline=None)
@given(st.lists(TABLES | DATA, max_size=3), st.integers(1, 80))
def test_pages_with_tables_hold_everything_exactly_once_too(data: Any, budget: int) -> None:
    joined = [leaf for page in pages(data, budget, tables=True) for leaf in leaves(page)]
    assert joined == leaves(data)


@settings(max_examples=150, deadline=None)
@given(TABLES | DATA, TABLES | DATA, st.integers(1, 80))
def test_pages_of_two_halves_hold_everything_of_each_exactly_once(tool: Any, memory: Any, budget: int) -> None:
    found = pages({"tool": tool, "memory": memory}, budget, cut_halves, tables=True)
    for name, half in (("tool", tool), ("memory", memory)):
        assert [leaf for page in found if name in page for leaf in leaves(page[name])] == leaves(half)


def test_halves_share_a_page_and_what_one_does_not_need_the_other_has() -> None:
    long, short = "line of text\n" * 400, [{"id": i, "note": "hello " * 20} for i in range(40)]
    both = cut_halves({"tool": long, "memory": short}, (), 400)
    page = orjson.loads(both.body)
    shares = [count_tokens(compact(page[name])) for name in ("tool", "memory")]
    assert min(shares) > 150
    assert both.tokens <= 400
    much = orjson.loads(cut_halves({"tool": long, "memory": short[:1]}, (), 400).body)
    assert much["memory"] == short[:1]
    assert count_tokens(compact(much["tool"])) > 300


def test_rows_of_the_same_fields_are_a_table_and_more_of_them_fit_a_page() -> None:
    rows = [{"id": i, "name": f"row {i}", "mail": f"user{i}@example.org", "active": i % 2 == 0} for i in range(200)]
    found = pages(rows, 300, tables=True)
    assert [row for page in found for row in page] == rows
    assert len(found) < 0.7 * len(pages(rows, 300))
    first = cut({"total": 200, "items": rows}, (), 300, tables=True)
    assert orjson.loads(first.body)["items"]["cols"] == ["id", "name", "mail", "active"]
    assert first.tokens <= 300


def test_a_table_is_used_only_where_it_is_shorter_and_cannot_be_mistaken() -> None:
    rows = [{"a long name": i, "another long name": i} for i in range(9)]
    assert tabled(rows) != rows
    for data in ([{"a": 1}], [{"a": 1}, {"a": 2}], [{"a": 1}, {"b": 2}], []):
        assert tabled(data) == data
    for data in ({"cols": ["a"], "rows": rows}, [1, {"x": {"cols": 1, "rows": 2, "z": rows}}]):
        for budget in (None, 60, 5_000):
            assert '"cols":["a long' not in cut(data, (), budget, tables=True).body
    assert tabled({"n": [{"aa": 1, "bb": [{"cc": 1, "dd": 2}] * 3}] * 3})["n"]["rows"][0][1]["cols"] == ["cc", "dd"]


def test_folding_leaves_out_what_is_empty_repeated_or_a_link_beside_a_link() -> None:
    text = "a long text that is said twice " * 5
    row = {
        "url": "https://x.org/1", "issues_url": "https://x.org/1/issues", "none": None, "empty": [], "zero": 0,
        "no": False, "text": text,
    }  # fmt: skip
    short = {"url": "https://x.org/1", "zero": 0, "no": False}
    assert folded([row, row]) == [{**short, "text": text}, {**short, "text": f"{text[:40]}… (as before)"}]


def test_the_shape_of_an_answer_names_fields_types_counts_and_sizes() -> None:
    rows = [{"id": i, "body": "x" * (i * 50), "tags": ["a"]} for i in range(30)]
    assert shape({"items": rows, "total": 30}) == (
        "{items: 30 × {id: number, body: text to 950 characters, tags: to 1 × text}, total: number}"
    )
    assert shape("one\n" * 300) == "text of 1,200 characters in 301 lines"
    assert shape([1, "a", None]) == "3 × number|text"
    wide = {
        f"{i} {'long name ' * 9}": {f"field {j}": {f"x{k}": 1 for k in range(16)} for j in range(16)} for i in range(16)
    }
    assert len(shape(wide)) <= 300


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
