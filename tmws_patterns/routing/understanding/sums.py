"""Sums as a sentence says them: "144 divided by 12" is 144 / 12, "seven plus nine, all of that times four" (7 + 9) * 4.

What is only a part of a sum is none: a wrong result is worse than a question.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from tmws_patterns.routing.understanding.numerals import NUMERAL, value_of

_SIGNS = {
    "plus": "+", "minus": "-", "times": "*", "multiplied by": "*", "x": "*", "divided by": "/", "over": "/", "mod": "%",
    "to the power of": "**",
}  # fmt: skip
_DONE = {"divide": "/", "multiply": "*", "add": "+", "subtract": "-", "deduct": "-", "take away": "-"}
_SIGN = rf"(?:{'|'.join(_SIGNS)})"
_SAID = re.compile(rf"\s+({_SIGN})\s+", re.IGNORECASE)
_FUNCTION = r"(?:sqrt|abs|exp|log|log2|log10|ln|sin|cos|tan|floor|ceil|round)\("
_TERM = rf"(?:{_FUNCTION})?" + r"[(\-]{0,3}\d(?:[\d,]{0,17}\d)?(?:\.\d{1,15})?\)?"
_AMOUNT = rf"(?:{NUMERAL}|{_TERM})"
_START, _END = r"(?<![\w.,/:\-])", r"(?![\w/])"
_ANY = re.compile(  # without one of these there is no sum, and nothing has to be looked for
    r"\d\)?\s?[-+*/^%×÷]|\b(?:plus|minus|times|multipl\w+|divided?|over|mod|power|split|shared|apiece|each|piece|per|percent"
    r"|squared?|cubed|root|add|sum|total|subtract|take)\b|\d\sx\s|\bx\s\d|(?:sqrt|abs|exp|log|ln|sin|cos|tan|floor|ceil|round)\(",
    re.IGNORECASE,
)
_SIGNED = re.compile(
    rf"{_START}{_AMOUNT}(?:\s?(?:\*\*|[+*/^%×÷]|\s-\s?|(?<=\d)-)\s?{_AMOUNT}|\s{_SIGN}\s{_AMOUNT}){{1,40}}(?![\w:/\-])",
    re.IGNORECASE,
)
_FORMS = tuple(
    (re.compile(form, re.IGNORECASE), meant)
    for form, meant in (
        (rf"{_START}(?P<a>{_TERM})\s?(?:%|percent) of (?P<b>{_TERM}){_END}", "{a} / 100 * {b}"),
        (
            rf"{_START}(?P<a>\d[\d.,]{{0,17}}) (?!(?:squared|cubed|percent|plus|minus|divided|over|dozen|hundred)\b)"
            r"[a-z]{2,15} (?:times|multiplied by) (?P<b>\d[\d.,]{0,17}\d)",
            "{a} * {b}",
        ),
        (rf"(?<![\w.])(?P<a>{_FUNCTION}\d[\d.,]{{0,20}}\))", "{a}"),
        (rf"\b(?:the )?(?:square )?root of (?P<a>{_TERM})", "sqrt({a})"),
        (rf"{_START}(?P<a>{_TERM}) squared\b", "{a} ** 2"),
        (rf"\b(?:the )?square of (?P<a>{_TERM})", "{a} ** 2"),
        (rf"{_START}(?P<a>{_TERM}) cubed\b", "{a} ** 3"),
        (
            rf"{_START}(?P<a>{_AMOUNT}) (?:(?!dozen|hundred|thousand|million)[a-z]{{2,15}} )?(?:split|shared|divided)"
            rf"(?: up)?(?: evenly| equally)? (?:among|amongst|between) (?:the )?(?P<b>{_AMOUNT}){_END}",
            "{a} / {b}",
        ),
        (
            rf"{_START}(?P<a>{_AMOUNT}) (?:[a-z]{{2,20}} ){{1,2}}(?:at|for|costing) (?P<b>{_AMOUNT})"
            r" (?:[a-z]{2,15} )?(?:apiece|each|a piece|per (?:unit|piece|head|person))\b",
            "{a} * {b}",
        ),
        (rf"\bdivide (?P<a>{_TERM}) by (?P<b>{_TERM})", "{a} / {b}"),
        (rf"\bmultiply (?P<a>{_TERM}) (?:by|with) (?P<b>{_TERM})", "{a} * {b}"),
        (rf"\b(?:subtract|take) (?P<b>{_TERM}) (?:from|off) (?P<a>{_TERM})", "{a} - {b}"),
    )
)
_LISTED = re.compile(rf"\b(?:add|sum|total)(?: up| of)? ({_TERM}(?:, {_TERM}){{0,20}},? and {_TERM})", re.IGNORECASE)
_THEN = re.compile(  # what is to be done with a sum besides
    rf",?(?: and)?(?: then)? (?:(?P<sign>divide|multiply) (?:the (?:result|total|sum|difference|product)|that|it|this)"
    rf" by|all(?: of)? (?:that|this|it),? (?P<all>{_SIGN})|(?P<more>add|subtract|deduct|take away))"
    rf" (?P<by>{_AMOUNT}){_END}",
    re.IGNORECASE,
)
_WORDED = re.compile(rf"(?<!\w){NUMERAL}(?!\w)", re.IGNORECASE)
_SIDE = 24  # characters before a sum in which it may go on
_BEFORE = re.compile(
    r"(?:\d|\b(?:hundred|thousand|million|dozen|minus|negative|percent|root|sqrt|point|plus|times|over|double|triple"
    r"|twice|half|halve)(?: of)?"
    r"|(?<=\S)\s?[-−+*/^×÷%])\s*$",
    re.IGNORECASE,
)
_BEHIND = re.compile(
    r"\s*(?:[%+*/^×÷!]|-\s?\d|(?:percent|hundred|thousand|million|dozen|squared|cubed|plus|minus|times|multiplied|divided|mod"
    rf"|to the power)\b|(?:over|x|less|of)\s{_AMOUNT})",
    re.IGNORECASE,
)
_MORE = re.compile(  # of a sum that nobody here understands as a whole
    r"\b(?:plus|minus|times|multiplied|divided by|multiply|divide|add|subtract|deduct|squared|cubed) (?:[a-z]+ ){0,3}"
    rf"(?:\d|{NUMERAL}\b)|(?:\d|\b{NUMERAL}) (?:percent|squared|cubed|times|plus|minus|divided by)\b"
    r"|\b(?:doubles?|triple|halve|square|round(?:ed)? (?:up|down|off)|remainder|average|mean|twice|plus|less)\b",
    re.IGNORECASE,
)
_SHARED = re.compile(r"\b(?:each|apiece|a piece|per|split|shared|among|amongst|between)\b", re.IGNORECASE)


class Sum(NamedTuple):
    """A sum in digits and signs, and where the sentence says it (characters)."""

    value: str
    start: int
    end: int


def sums(text: str) -> list[Sum]:
    """The sums of a sentence in their order; none where one of them goes on in a way that is not understood."""
    if _ANY.search(text) is None:
        return []
    found = sorted((_continued(one, text) for one in _said(text)), key=lambda one: (one.start, -one.end))
    whole = [one for one in found if not any(o is not one and o.start <= one.start and one.end <= o.end for o in found)]
    if any(one.end > other.start for one, other in pairwise(whole)):
        return []  # they share a number
    cut = any(
        _BEFORE.search(text, max(0, one.start - _SIDE), one.start) or _BEHIND.match(text, one.end) for one in whole
    )
    left = _left(text, whole)
    counts = any(_SHARED.search(text, one.start, one.end) for one in whole) and re.search(r"\d", left) is not None
    return [] if cut or counts or _MORE.search(left) else found


def in_signs(said: str) -> str:
    """A text that is a sum as a whole, with signs and digits; any other as `with_signs` has it."""
    whole = [one.value for one in sums(said) if (one.start, one.end) == (0, len(said))]
    return whole[0] if whole else with_signs(said)


def with_signs(said: str) -> str:
    """An expression with signs and digits in place of words: "144 divided by twelve" is "144 / 12"."""
    signed = _SAID.sub(lambda word: f" {_SIGNS[' '.join(word.group(1).casefold().split())]} ", said)
    return _WORDED.sub(lambda word: _in_digits(word.group()), signed)


def _said(text: str) -> Iterator[Sum]:
    for match in _SIGNED.finditer(text):
        said = match.group().strip()
        yield Sum(with_signs(said), match.start(), match.start() + len(said))
    for form, meant in _FORMS:
        for match in form.finditer(text):
            parts = {name: _in_digits(said) for name, said in match.groupdict().items()}
            yield Sum(meant.format(**parts), match.start(), match.end())
    for match in _LISTED.finditer(text):
        yield Sum(" + ".join(re.findall(_TERM, match.group(1))), match.start(), match.end())


def _continued(one: Sum, text: str) -> Sum:
    """A sum with what is to be done with it besides: "..., then divide it by 5"."""
    while (then := _THEN.match(text, one.end)) is not None:
        sign = next(filter(None, (then["sign"], then["all"], then["more"]))).casefold()
        one = Sum(f"({one.value}) {_SIGNS.get(sign) or _DONE[sign]} {_in_digits(then['by'])}", one.start, then.end())
    return one


def _left(text: str, found: list[Sum]) -> str:
    """A text without its sums."""
    for one in reversed(found):
        text = f"{text[: one.start]}\x00{text[one.end :]}"
    return text


def _in_digits(said: str) -> str:
    """A number in words as one in digits; any other text as it is."""
    value = value_of(said)
    return said if value is None else str(value)
