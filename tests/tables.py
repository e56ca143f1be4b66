"""Tables on a page, read as the rows that they stand for."""

from __future__ import annotations

from typing import Any


def untabled(data: Any) -> Any:
    """Plain data with `{"cols": ..., "rows": ...}` as rows again, at any depth."""
    if isinstance(data, dict) and data.keys() == {"cols", "rows"}:
        return [untabled(dict(zip(data["cols"], row, strict=True))) for row in data["rows"]]
    if isinstance(data, dict):
        return {name: untabled(value) for name, value in data.items()}
    return [untabled(value) for value in data] if isinstance(data, list) else data
