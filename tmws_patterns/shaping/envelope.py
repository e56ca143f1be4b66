"""The whole answer as one JSON text: the facts about the call on the first line, the page after it.

The line break is where the counting is split. o200k's pre-tokeniser ends a run of punctuation with
its line breaks, so `head` and `tail` cost together exactly what their parts cost, and a repeat pays
for counting the short head only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tmws_patterns.shaping.tokens import compact, count_tokens

_TAIL = '"result":'
_TYPICAL_HEAD = 55  # tokens: a guess to begin with
_SETTLES = 5  # rounds until a text that states its own price states the right one: writing it may change it by one


def tail_tokens(body: str) -> int:
    """Tokens of the part of an envelope that holds a page. Worth keeping beside the page."""
    return count_tokens(f"{_TAIL}{body}}}")


def envelope(facts: Callable[[int], Mapping[str, Any]], body: str, body_tokens: int) -> tuple[str, int]:
    """The text that a caller reads, and its o200k tokens.

    Args:
        facts: everything but the result, given the tokens of the whole, which may stand in it.
        body: the page as compact JSON.
        body_tokens: `tail_tokens(body)`.
    """
    used = body_tokens + _TYPICAL_HEAD
    for _ in range(_SETTLES):
        head = compact(facts(used))[:-1] + ",\n"
        total = count_tokens(head) + body_tokens
        if total == used:
            break
        used = total
    return f"{head}{_TAIL}{body}}}", used
