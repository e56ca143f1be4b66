"""How a pattern is called, in one line: `name(needed: type, optional?: type)  what it does`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tmws_patterns.pattern import PatternDefinition
from tmws_patterns.routing.arguments import schema_of

_LONGEST = 100  # characters of a description: a signature is a line, not a manual


def signature(pattern: PatternDefinition, schema: Mapping[str, Any] | None) -> str:
    """The call of a pattern with its arguments, `?` marking those that may be left out."""
    shape = schema_of(pattern, schema)
    required = set(shape.get("required") or ())
    parts = [
        f"{name}{'' if name in required else '?'}: {_type(of)}"
        for name, of in sorted(shape.get("properties", {}).items(), key=lambda item: item[0] not in required)
    ]
    return f"{pattern.name}({', '.join(parts)})"


def summary(pattern: PatternDefinition) -> str:
    """The first line of a pattern's description, cut to one line."""
    text = pattern.description.strip().split("\n")[0]
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1].rstrip()}…"


def _type(of: Any) -> str:
    if not isinstance(of, Mapping):
        return "any"
    if of.get("enum"):
        return "|".join(map(str, of["enum"]))
    kind = of.get("type") or next((s.get("type") for s in of.get("anyOf", ()) if s.get("type") != "null"), "any")
    return "|".join(kind) if isinstance(kind, list) else str(kind)
