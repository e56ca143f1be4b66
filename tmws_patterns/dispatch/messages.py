"""From a line of a child's output to a JSON-RPC message, also where the line is damaged.

An answer that cannot be read must still end its call, at once: else the caller waits out the deadline.
Pure, and never raises.
"""

from __future__ import annotations

import json
import re
from typing import Any

from mcp.types import (
    INVALID_PARAMS,
    PARSE_ERROR,
    ErrorData,
    JSONRPCError,
    JSONRPCMessage,
    jsonrpc_message_adapter,
)

_VERSION = r'"jsonrpc"\s*:\s*"2\.0"'
_ID = r'"id"\s*:\s*(\d{1,18})'  # ours are whole numbers
# Only where the id must be the message's own: at its very beginning or at its very end.
_AT_START = re.compile(rf"\s*\{{\s*(?:{_VERSION}\s*,\s*)?{_ID}\s*,")
_AT_END = re.compile(rf",\s*{_ID}\s*(?:,\s*{_VERSION}\s*)?\}}\s*$")
_EDGE = 200  # characters at either end in which the id of an unreadable answer is looked for
_WHY = "its answer is not JSON that can be read: invalid, or nested too deeply"


def read_message(line: bytes) -> JSONRPCMessage | None:
    """The message of a line; an error in its place where it is an unreadable answer; None where it is neither."""
    try:
        return jsonrpc_message_adapter.validate_json(line, by_name=False)
    except ValueError:
        return _mended(line.decode("utf-8", "replace"))


def unsendable(number: int | str, error: Exception) -> JSONRPCError:
    """The answer to a request of ours that cannot be written."""
    return _failure(number, INVALID_PARAMS, f"the arguments cannot be written as JSON: {error}")


def _mended(text: str) -> JSONRPCMessage | None:
    """The message with U+FFFD for every byte and half character that is none."""
    try:
        data = json.loads(text)
        written = json.dumps(data, ensure_ascii=False).encode("utf-16-le", "surrogatepass")
    except (ValueError, RecursionError):
        return _failed_answer(_searched_id(text))
    try:
        return jsonrpc_message_adapter.validate_json(written.decode("utf-16-le", "replace"), by_name=False)
    except ValueError:
        return _failed_answer(_id_of(data))


def _failed_answer(number: int | str | None) -> JSONRPCError | None:
    return None if number is None else _failure(number, PARSE_ERROR, _WHY)


def _id_of(data: Any) -> int | str | None:
    """The id of an answer; None for what only looks like one, such as a line of a log in JSON."""
    if not isinstance(data, dict) or data.get("jsonrpc") != "2.0" or "method" in data:
        return None
    number = data.get("id")
    is_answer = "result" in data or "error" in data
    return number if is_answer and isinstance(number, int | str) and not isinstance(number, bool) else None


def _searched_id(text: str) -> int | None:
    if not re.search(_VERSION, text) or not re.search(r'"(?:result|error)"\s*:', text):
        return None
    found = _AT_START.match(text[:_EDGE]) or _AT_END.search(text[-_EDGE:])
    return int(found.group(1)) if found else None


def _failure(number: int | str, code: int, message: str) -> JSONRPCError:
    return JSONRPCError(jsonrpc="2.0", id=number, error=ErrorData(code=code, message=message))
