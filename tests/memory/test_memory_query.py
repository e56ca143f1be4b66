"""Which words of a sentence are searched."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tmws_patterns.memory import query


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("recall security patterns", ("security", "patterns")),
        ("What do we know about database optimisation?", ("database", "optimisation")),
        ("Please remember: find similar cases to the Redis outage", ("redis", "outage")),
        ("show me Bob\u2019s notes on what's broken", ("bob", "broken")),
        ("Größe CAFÉ \uff46\uff55\uff4c\uff4c 42", ("grösse", "café", "full", "42")),
        ("recall recall index index", ("index",)),
        ("日本語 テスト", ("日本語", "テスト")),
        ("snake_name 50% off", ("snake", "name", "50")),
        ("recall", ("recall",)),
        ("find similar cases", ("find", "similar", "cases")),
        ("to be or not to be", ("to", "be", "or", "not")),
        ("?! \0", ()),
        ("", ()),
    ],
)
def test_the_words_of_the_question_are_searched_without_those_of_the_command(
    sentence: str, expected: tuple[str, ...]
) -> None:
    assert query.terms(sentence) == expected


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("show my last 5 memories", ()),
        ("what are the most important things?", ()),
        ("important architecture decisions", ("architecture", "decisions")),
        ("recent notes about caching", ("caching",)),
    ],
)
def test_a_listing_is_narrowed_only_by_words_of_its_subject(sentence: str, expected: tuple[str, ...]) -> None:
    assert query.narrowing_terms(sentence) == expected


def test_tags_in_a_sentence_keep_their_signs() -> None:
    assert query.tag_words("memories tagged Security, 50%_off and 'a-b'.") == ("Security", "50%_off", "a-b")


@pytest.mark.parametrize(
    ("sentence", "content"),
    [
        ("remember that the sky is blue", "the sky is blue"),
        ("Please remember: buy milk", "buy milk"),
        ("note that X", "X"),
        ("save this to memory: X", "X"),
        ("store the plan", "the plan"),
        ("notebooks are heavy", "notebooks are heavy"),
        ("remember", "remember"),
    ],
)
def test_what_a_sentence_wants_kept_is_what_follows_the_command(sentence: str, content: str) -> None:
    assert query.content_of(sentence) == content


@given(st.text(max_size=300))
def test_any_text_has_terms_if_it_has_words(text: str) -> None:
    assert bool(query.terms(text)) == bool(query.words(text))
    query.tag_words(text)
    query.content_of(text)


def test_a_megabyte_is_read_only_as_far_as_a_question_goes() -> None:
    assert len(query.terms(" ".join(f"w{n}" for n in range(200_000)))) == query.MAX_TERMS
    assert query.terms("(a+)+$" * 200_000) == ("a",)
