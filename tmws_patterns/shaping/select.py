"""Keeping only the fields that were asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tmws_patterns.errors import InvalidInput

_ABSENT = object()


def project(data: Any, fields: Sequence[str]) -> Any:
    """`data` with only the named fields, each a dotted path; lists are passed through item by item.

    A single field of an object still answers as an object, so that the reader sees what it is.

    Raises:
        InvalidInput: none of the fields is in the answer; the hint lists those that are.
    """
    if not fields:
        return data
    kept = _project(data, fields)
    if kept is _ABSENT:
        found = ", ".join(sorted(_names(data))[:20]) or "none: the answer is plain text or a number"
        raise InvalidInput(f"the answer has no field {', '.join(fields)}", hint=f"its fields are: {found}")
    return kept


def _project(data: Any, fields: Sequence[str]) -> Any:
    if isinstance(data, list):
        rows = [_project(row, fields) for row in data]
        return [row for row in rows if row is not _ABSENT] if any(row is not _ABSENT for row in rows) else _ABSENT
    if not isinstance(data, dict):
        return _ABSENT
    kept: dict[str, Any] = {}
    for path in fields:
        name, _, rest = path.partition(".")
        if path in data:
            kept[path] = data[path]
        elif name in data and rest and (inner := _project(data[name], [rest])) is not _ABSENT:
            kept[path] = inner[rest] if isinstance(inner, dict) else inner
    return kept or _ABSENT


def _names(data: Any) -> set[str]:
    """Field names of an object, or of the first objects of a list."""
    if isinstance(data, dict):
        return set(data)
    return {name for row in data[:5] if isinstance(row, dict) for name in row} if isinstance(data, list) else set()
