"""The digest under which an answer is kept: one canonical encoding of its identity, hashed."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

import orjson

from tmws_patterns.call import AnswerKey
from tmws_patterns.errors import InvalidInput

# Without the three PASSTHROUGHs a date would meet the string that it looks like.
_CANONICAL = (
    orjson.OPT_SORT_KEYS
    | orjson.OPT_PASSTHROUGH_DATACLASS
    | orjson.OPT_PASSTHROUGH_DATETIME
    | orjson.OPT_PASSTHROUGH_SUBCLASS
)
_DIGEST_BYTES = 16  # 128 bits: a meeting by chance needs about 2**64 keys


def digest(key: tuple[Any, ...]) -> str:
    """32 hexadecimal characters that stand for `key`; the order of keys in its dicts does not matter.

    Raises:
        InvalidInput: the key holds what has no canonical encoding: a set, a date, a dict key that is
            no string, NaN, an integer over 64 bits, half a surrogate pair.
    """
    if isinstance(key, AnswerKey):
        if key.digest is None:
            key.digest = digest(tuple(key))
        return key.digest
    try:
        encoded = orjson.dumps(key, option=_CANONICAL)
    except orjson.JSONEncodeError as exc:
        raise InvalidInput(f"a cache key cannot be encoded: {exc}") from exc
    # orjson writes NaN and infinity as null, where they would meet None.
    if b"null" in encoded and _holds_unreal(key):
        raise InvalidInput("a cache key cannot be encoded: it holds NaN or infinity")
    return blake2b(encoded, digest_size=_DIGEST_BYTES).hexdigest()


def _holds_unreal(value: Any) -> bool:
    match value:
        case float():
            return value - value != 0.0
        case dict():
            return any(map(_holds_unreal, value.values()))
        case list() | tuple():
            return any(map(_holds_unreal, value))
        case _:
            return False
