"""The whole answer as one JSON text: the facts about the call on the first line, the page after it.

The line break is where the counting is split. o200k's pre-tokeniser ends a run of punctuation with
its line breaks, so `head` and `tail` cost together exactly what their parts cost, and a repeat pays
for counting the short head only.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tmws_patterns.shaping.tokens import compact, count_tokens

_TAIL = '"result":'


def tail_tokens(body: str) -> int:
    """Tokens of the part of an envelope that holds a page. Worth keeping beside the page."""
    return count_tokens(f"{_TAIL}{body}}}")


def envelope(facts: Mapping[str, Any], body: str, body_tokens: int) -> tuple[str, int]:
    """The text that a caller reads, and its o200k tokens, which also stand in it as `tokens_used`.

    Args:
        facts: everything but the result; its `tokens_used` is filled in here.
        body: the page as compact JSON.
        body_tokens: `tail_tokens(body)`.
    """
    used = body_tokens
    for _ in range(3):  # writing the number can change it by a token; it settles at once
        head = compact({**facts, "tokens_used": used})[:-1] + ",\n"
        total = count_tokens(head) + body_tokens
        if total == used:
            break
        used = total
    return f"{head}{_TAIL}{body}}}", used
