"""Whole numbers in words, as people count: seven, twenty-five, half a dozen, nine thousand eight hundred and fifty."""

from __future__ import annotations

import re

_SMALL = dict(
    zip(
        "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
        "eighteen nineteen".split(),
        range(1, 20),
        strict=True,
    )
)
_SMALL["zero"] = 0
_TENS = dict(zip("twenty thirty forty fifty sixty seventy eighty ninety".split(), range(20, 100, 10), strict=True))
_LARGE = {"dozen": 12, "hundred": 100}
_GROUPS = {"thousand": 1_000, "million": 1_000_000}
_ONES = "|".join(list(_SMALL)[:9])  # without zero
_BASIC = rf"(?:(?:{'|'.join(_TENS)})(?:[-\s](?:{_ONES}))?|{'|'.join(_SMALL)})"

_HUNDREDS = rf"(?:(?:a|{_BASIC})\shundred(?:\s(?:and\s)?{_BASIC})?|{_BASIC})"
_THOUSANDS = rf"(?:(?:a|{_HUNDREDS})\sthousand(?:,?\s(?:and\s)?{_HUNDREDS})?|{_HUNDREDS})"

NUMERAL = (
    rf"(?:half\s(?:a\s)?dozen|(?:a\s)?couple(?:\sof)?|(?:(?:a|{_BASIC})\s)?dozen"
    rf"|(?:a|{_HUNDREDS})\smillion(?:,?\s(?:and\s)?{_THOUSANDS})?|{_THOUSANDS})"
)
"""Every form, without groups; linear, for all repetitions are bounded. For `re` with IGNORECASE."""

_WHOLE = re.compile(NUMERAL, re.IGNORECASE)
_PARTS = re.compile(r"[-\s,]+")


def value_of(text: str) -> int | None:
    """The number that is said; None for a text that is none."""
    if _WHOLE.fullmatch(text) is None:
        return None
    said = text.casefold()
    if said.startswith("half"):
        return 6
    if "couple" in said:
        return 2
    total = rest = 0
    for word in _PARTS.split(said):
        if word in _GROUPS:
            total, rest = total + (rest or 1) * _GROUPS[word], 0
        elif word in _LARGE:
            rest = (rest or 1) * _LARGE[word]
        else:
            rest += _SMALL.get(word, 0) + _TENS.get(word, 0)
    return total + rest
