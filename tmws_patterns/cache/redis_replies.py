"""Which reply can belong to a command: one that cannot shows a connection whose replies are out of step. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from redis.exceptions import ResponseError

Command = Sequence[str | bytes | int]


def belongs(command: Command, reply: Any) -> bool:
    """True for an error reply, and for what Redis answers to the commands that the cache sends."""
    if isinstance(reply, ResponseError):
        return True
    match command[0]:
        case "MGET":
            return isinstance(reply, list) and len(reply) == len(command) - 1 and all(map(_is_value, reply))
        case "SCAN":
            return isinstance(reply, list) and len(reply) == 2 and _is_page(*reply)  # noqa: PLR2004 - a cursor and keys
        case "UNLINK" | "EVAL":
            return isinstance(reply, int)
        case name:
            return isinstance(reply, bytes) and (name, reply) in {("SET", b"OK"), ("PING", b"PONG")}


def _is_value(item: Any) -> bool:
    return item is None or isinstance(item, bytes)


def _is_page(cursor: Any, keys: Any) -> bool:
    is_cursor = isinstance(cursor, bytes) and cursor.isdigit()
    return is_cursor and isinstance(keys, list) and all(isinstance(key, bytes) for key in keys)
