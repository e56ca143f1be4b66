"""The two measures of an answer: its compact JSON text and what that costs in tokens.

Counts are of o200k_base and are called so. Claude's newer vocabularies count 20 to 45% more on the
same text; ratios between two texts agree within 3 points.
"""

from __future__ import annotations

import json
from typing import Any

import orjson
import toktok

ENCODING = "o200k_base"
_WHOLE = 2**31 - 1  # a limit that no text reaches: truncate() counts on the calling thread, batch_count() starts others


def count_tokens(text: str) -> int:
    """o200k_base tokens of a text. Linear in its length (scripts/bench_tokens.py)."""
    return int(toktok.truncate(text, _WHOLE, ENCODING)[1])


def truncate(text: str, max_tokens: int) -> str:
    """The longest start of a text within `max_tokens`, never cutting a character."""
    return str(toktok.truncate(text, max_tokens, ENCODING)[0])


def compact(data: Any) -> str:
    """Plain data as JSON without spaces, the baseline that every saving is measured against.

    What orjson cannot write (whole numbers beyond 64 bits, half a surrogate pair) goes by the
    standard library, the latter escaped.
    """
    try:
        return orjson.dumps(data, option=orjson.OPT_NON_STR_KEYS, default=str).decode()
    except TypeError:
        return json.dumps(data, separators=(",", ":"), default=str)
