"""What a large answer looks like, in a line: its fields, their types, how many and how long.

It goes with the first page of an answer that nobody selected from, so that the next call can.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_LONGEST = 300  # characters of it: some hundred tokens
_LONGEST_NAME = 40  # characters of a field's name
_MOST_FIELDS = 16
_ROWS = 20  # of a list that are looked at
_DEEPEST = 3
_LONG = 100  # characters from which the length of a text is worth telling


def shape(data: Any) -> str:
    """The form of plain data: `40 × {id: number, body: text to 900 characters}`, `{items: 3 × text, total: number}`."""
    said = next((s for depth in range(_DEEPEST, 0, -1) if len(s := _shape([data], depth)) <= _LONGEST), None)
    return said or f"{_shape([data], 1)[: _LONGEST - 1]}…"


def _shape(values: Sequence[Any], depth: int) -> str:
    """One description of values that stand in the same place."""
    kinds = {_kind(value): None for value in values if value is not None} or {"null": None}
    said = [_of_kind(kind, [v for v in values if _kind(v) == kind], depth) for kind in kinds]
    return "|".join(said)


def _kind(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "bool"
        case str():
            return "text"
        case Mapping():
            return "object"
        case list() | tuple():
            return "list"
        case _:
            return "number"


def _of_kind(kind: str, values: Sequence[Any], depth: int) -> str:
    if kind == "text":
        return _text(values)
    if kind == "list":
        most = max(map(len, values))
        rows = [row for value in values for row in value[:_ROWS]][:_ROWS]
        count = f"{most:,}" if len(values) == 1 else f"to {most:,}"
        is_flat = all(_kind(row) not in ("object", "list") for row in rows)
        return f"{count} × {_shape(rows, depth - 1)}" if rows and (is_flat or depth > 1) else f"{count} rows"
    if kind == "object":
        return _object(values, depth)
    return kind


def _text(values: Sequence[str]) -> str:
    longest = max(map(len, values))
    lines = max(value.count("\n") for value in values) + 1
    if longest < _LONG:
        return "text"
    size = f"of {longest:,} characters" if len(values) == 1 else f"to {longest:,} characters"
    return f"text {size}{f' in {lines:,} lines' if lines > 1 else ''}"


def _object(values: Sequence[Mapping[str, Any]], depth: int) -> str:
    names = list(dict.fromkeys(name for value in values for name in value))
    if depth < 1:
        return f"{{{len(names)} fields}}"
    kept = [
        f"{name[:_LONGEST_NAME]}: {_shape([v[name] for v in values if name in v], depth - 1)}"
        for name in names[:_MOST_FIELDS]
    ]
    more = [f"{len(names) - _MOST_FIELDS} more"] if len(names) > _MOST_FIELDS else []
    return "{" + ", ".join(kept + more) + "}"
