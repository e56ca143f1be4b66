"""An entry as bytes, for tiers that keep bytes: a fixed head, the epochs as JSON, the payload."""

from __future__ import annotations

import struct
from functools import lru_cache
from itertools import starmap

import orjson

from tmws_patterns.ports import Entry

_MAGIC = b"tmw2"  # changes with the layout, so that another version's frames are misses
_HEAD = struct.Struct("<4sdddII")  # magic, stored_at, expires_at, cost, length of the epochs, length of the payload


def encode(entry: Entry) -> bytes:
    """The entry as one frame."""
    epochs = orjson.dumps(entry.epochs) if entry.epochs else b""
    head = _HEAD.pack(_MAGIC, entry.stored_at, entry.expires_at, entry.cost, len(epochs), len(entry.payload))
    return b"".join((head, epochs, entry.payload))


def decode(frame: bytes) -> Entry | None:
    """The entry of a frame; None for anything that `encode` did not write."""
    if len(frame) < _HEAD.size:
        return None
    magic, stored_at, expires_at, cost, epochs_length, payload_length = _HEAD.unpack_from(frame)
    payload_at = _HEAD.size + epochs_length
    if magic != _MAGIC or len(frame) != payload_at + payload_length:
        return None
    try:
        epochs = _epochs(frame[_HEAD.size : payload_at])
    except (ValueError, TypeError):
        return None
    return Entry(frame[payload_at:], stored_at, expires_at, epochs, cost)


@lru_cache(maxsize=1024)  # of many entries they are the same
def _epochs(encoded: bytes) -> tuple[tuple[str, int], ...]:
    return tuple(starmap(_epoch, orjson.loads(encoded))) if encoded else ()


def _epoch(tag: str, epoch: int) -> tuple[str, int]:
    if not isinstance(tag, str) or not isinstance(epoch, int):
        raise TypeError("an epoch is a string and a number")
    return tag, epoch
