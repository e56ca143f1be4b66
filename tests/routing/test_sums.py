"""Sums as sentences say them, and parts of sums, which are none."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tmws_patterns.routing.understanding.sums import in_signs, sums, with_signs


@pytest.mark.parametrize(
    ("sentence", "value"),
    [
        ("sum of 12, 45, 78 and 3", "12 + 45 + 78 + 3"),
        ("the square root of 1764", "sqrt(1764)"),
        ("work out sqrt(2)^3 for me", "sqrt(2)^3"),
        ("what is sqrt(1764)", "sqrt(1764)"),
        ("18% of 245", "18 / 100 * 245"),
        ("twelve times nineteen", "12 * 19"),
        ("three hundred sixty divided by 8 please", "360 / 8"),
        ("7 times six", "7 * 6"),
        ("ninety people split evenly among 7 tables", "90 / 7"),
        ("36 laptops at 1249 euros apiece", "36 * 1249"),
        ("subtract 250 from 940 and divide the result by 5", "(940 - 250) / 5"),
        ("12 + 3, then multiply it by two", "(12 + 3) * 2"),
        ("seven plus nine, all of that times four", "(7 + 9) * 4"),
        ("how much is 99.95 x 12 minus 100", "99.95 * 12 - 100"),
        ("divide 98304 by 64, then subtract 12", "(98304 / 64) - 12"),
        ("divide 90 by 6, then add 12 and multiply it by 2", "((90 / 6) + 12) * 2"),
        ("4 squares times 30", "4 * 30"),
        ("what is four hundred twenty thousand over seven", "420000 / 7"),
        ("one hundred twenty thousand split evenly among 4", "120000 / 4"),
        ("2 + 3 and multiply that by one hundred thousand", "(2 + 3) * 100000"),
        ("seven plus nine times four", "7 + 9 * 4"),
        ("calculate 12 x 3 + two", "12 * 3 + 2"),
        ("what is 2 times 3 plus four", "2 * 3 + 4"),
        ("2 + 3, multiply it by 2 and divide that by 4", "((2 + 3) * 2) / 4"),
        ("what is 12 * 3 over lunch", "12 * 3"),
    ],
)
def test_a_sum_is_read_as_it_is_said(sentence: str, value: str) -> None:
    assert value in [one.value for one in sums(sentence)]


@pytest.mark.parametrize(
    "sentence",
    [
        "0.93 squared times 4000", "12 + 3 cubed and minus two", "take 12 percent of 40 * 3",
        "double 4 + 4 times seven", "what is minus five plus ten", "what is 1 000 plus two", "2 dozen split among 3",
        "sqrt of 16 plus two",
        "200 minus ten percent", "7 plus seven percent", "2 + 2 and multiply that by 10%", "seven plus nine squared",
        "divide 100 by 4 and subtract 1, then double it", "subtract 3 from 10 and square it",
        "the average of 3 + 4 and 5",
        "3 tickets at 12 each and 2 at 8 each", "120 split evenly between 4 people plus tip", "what is 3 over 4 of 8",
        "36 laptops at 1249 apiece plus 50", "calculate 5 x plus 2", "half of 4 + 4", "nothing of the kind", "",
    ],
)  # fmt: skip
def test_a_part_of_a_sum_is_no_sum(sentence: str) -> None:
    assert sums(sentence) == []


def test_a_sum_stands_where_it_is_said() -> None:
    (one,) = sums("work out seven plus 9 please")
    assert (one.value, one.start, one.end) == ("7 + 9", 9, 21)
    assert with_signs("144 divided by twelve") == "144 / 12"
    assert in_signs("17.5% of 2340") == "17.5 / 100 * 2340"
    assert in_signs("sqrt(2) of 5 percent") == "sqrt(2) of 5 percent"


@given(st.text(alphabet="12 +-*/()x.,%plustimesnine", max_size=80))
def test_any_text_has_sums_or_none(text: str) -> None:
    assert all(text[one.start : one.end].strip() and one.value for one in sums(text))


@pytest.mark.parametrize(
    "piece", ["1 + ", "one plus ", "(", "1,", "12 x ", "`", "a = b ", "9 at ", "minus ", "sum 1, "]
)
def test_a_long_text_takes_no_longer_than_it_is_long(piece: str) -> None:
    text = (piece * 2_000)[:2_000] + " + 1"  # values are looked for in so many characters
    started = time.thread_time()
    sums(text)
    assert time.thread_time() - started < 0.1
