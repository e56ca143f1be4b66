"""What a sentence does instead of asking for something: each mood by itself, and what only looks like it."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tmws_patterns.routing import moods

VERBS = frozenset(("commit", "check", "fetch"))


@pytest.mark.parametrize(
    "sentence",
    [
        "no need to fetch it again, I have read it", "don't check the cache", "there's no need to check it",
        "actually, don't commit it", "from now on do not check anything", "you needn't fetch that",
        "never mind the cache, forget I asked", "I don't need the cache", "we should check it again, not now",
        "no health check needed, thanks", "don't check it because we did this morning. It was fine.",
    ],
)  # fmt: skip
def test_what_is_not_wanted_is_declined(sentence: str) -> None:
    assert moods.declines(sentence, VERBS)


@pytest.mark.parametrize(
    "sentence",
    [
        "don't wait. Check the cache", "don't check the cache, check redis", "don't check more than 5 of them",
        "don't truncate it", "do not follow redirects: fetch it", "don't fetch all but the last",
        "we don't need to see merges in the log; check it", "never mind that, check it", "I don't need to check much",
        "don't forget to check it", "don't you want to check it", "don't check it until I say", "the cache is not warm",
        "I don't need the whole, just check it", "no test needed, check it",
    ],
)  # fmt: skip
def test_what_is_wanted_instead_is_not_declined(sentence: str) -> None:
    assert not moods.declines(sentence, VERBS)


@pytest.mark.parametrize(
    ("sentence", "forbidden"),
    [
        ("looks good, but do not commit it", True), ("it is red: don't commit it", True),
        ("commit it, don't push it", False), ('commit it with "so don\'t commit"', False),
    ],
)  # fmt: skip
def test_a_deed_is_forbidden_behind_something_else_too(sentence: str, forbidden: bool) -> None:
    assert moods.forbids_later(sentence, VERBS) is forbidden


@pytest.mark.parametrize(
    ("sentence", "how"),
    [
        ("commit it", "ordered"), ("could you commit it", "ordered"), ("it is red, commit it", "ordered"),
        ("no need to test, commit it", "ordered"), ("show the last commit", ""), ("nothing of the kind", ""),
        ("let's not commit it", "negated"), ("could you please not commit it", "negated"),
        ("it's forbidden to commit it", "negated"), ("he forgot to commit it", "negated"),
        ("under no circumstances commit it", "negated"), ("commit nothing", "negated"),
        ("Never commit it: rather ask", "negated"), ("Bob will commit it", "told"),
        ("I was about to commit it", "told"),
        ("the docs say commit it", "told"), ("the bot will always commit it", "told"),
        ("commit it if the tests pass", "waits"), ("commit it once CI is green", "waits"),
        ("when the review is done, commit it", "waits"), ("commit it tomorrow", "waits"),
        ("commit it if possible", "ordered"), ("commit it when you can", "ordered"),
    ],
)  # fmt: skip
def test_a_deed_is_ordered_or_only_named(sentence: str, how: str) -> None:
    assert moods.stands(sentence, VERBS) == how


@pytest.mark.parametrize(
    ("sentence", "more"),
    [
        ("commit it and push it", True), ("commit it, then merge it", True), ("commit it. Delete the branch!", True),
        ("commit it and tell me", False), ("commit it", False), ("check it and commit it", False),
        ("commit it so that the push works", False),
    ],
)  # fmt: skip
def test_a_second_change_is_seen(sentence: str, more: bool) -> None:
    assert moods.orders_more(sentence, VERBS) is more


@pytest.mark.parametrize(
    ("sentence", "corrected"),
    [
        ("to demo, er, demo2", True), ("to demo — sorry, demo2", True), ("to demo (actually demo2)", True),
        ("to demo or rather demo2", True), ("to demo oops demo2", True), ("to demo, no demo2", True),
        ("to demo? no", True), ("to demo - no wait, demo2", True), ("to demo... I mean demo2", True),
        ("to demo", False), ('with "sorry, wrong file"', False), ("it is broken, make that test pass", False),
        ("fix spelling, correction of names", False), ("to the actually used branch", False), ("no", False),
        ("the number, north of it", False), ("OK, actually, make the branch called x", False),
        ("to demo, sorry for the rush", False), ('with "a". Wait, make it "b"', True), ('with "a". Cancel that', True),
        ('with "a" - no', True),
    ],
)  # fmt: skip
def test_what_is_taken_back_is_seen(sentence: str, corrected: bool) -> None:
    assert moods.corrects(sentence) is corrected


@pytest.mark.parametrize(
    ("sentence", "planned"),
    [
        ("Tomorrow after lunch I'll make it myself", True), ("we're going to make it next week", True),
        ("I plan to make it later", True), ("I'll need it tomorrow", False), ('I will call it "later"', False),
        ("I'll be away tomorrow, so make it", False), ("make it later than noon", False),
    ],
)  # fmt: skip
def test_what_somebody_will_do_is_a_plan(sentence: str, planned: bool) -> None:
    assert moods.plans(sentence) is planned


@pytest.mark.parametrize(
    ("sentence", "told"),
    [
        ("Yesterday we looked at it and it was fine", True), ("I already looked at it this morning", True),
        ("The health check went through half an hour ago.", True), ("Bob's check failed last night", True),
        ("the commits Bob has been making last week", False), ("the decision we were discussing last week", False),
        ("the branch x was checked out", False),
        ("The changes I have been working on this morning", False), ("the check that failed an hour ago", False),
        ("I just want to see it", False), ("The check failed an hour ago, what is wrong?", False),
        ("Yesterday we made changes, show them", False),
    ],
)  # fmt: skip
def test_what_has_happened_asks_for_nothing(sentence: str, told: bool) -> None:
    assert moods.happened(sentence) is told


@pytest.mark.parametrize(
    ("sentence", "told"),
    [
        ("already staged README and the changelog, so that part's done", True), ("just merged it", True),
        ("the branch x was checked out", True),
        ("We switched to the develop branch yesterday and it went fine", True), ("we needed to merge it", False),
        ("I made the changes, so commit them", False), ("merge it, it is done already", False),
    ],
)  # fmt: skip
def test_a_report_of_what_was_done_is_no_order(sentence: str, told: bool) -> None:
    assert moods.reports(sentence) is told


@given(st.text(max_size=300))
def test_any_text_has_its_moods_told(text: str) -> None:
    for told in (moods.asks, moods.requests, moods.wants_to_know, moods.reports, moods.happened, moods.plans):
        assert told(text) in (True, False)
    assert moods.declines(text, VERBS) in (True, False)
    assert moods.corrects(text) in (True, False)


@pytest.mark.parametrize("piece", ["“", '"', "'a ", "`", "don't ", "i'll ", ", er, ", "not now ", "so don't a", "the "])
def test_a_long_text_takes_no_longer_than_it_is_long(piece: str) -> None:
    text = piece * 30_000
    started = time.thread_time()
    moods.declines(text, VERBS)
    moods.forbids_later(text, VERBS)
    for told in (moods.forbids, moods.reports, moods.happened, moods.plans, moods.corrects):
        told(text)
    assert time.thread_time() - started < 0.2
