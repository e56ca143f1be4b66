"""A tool's input schema as its readers may trust it: every part of the kind that JSON Schema gives it.

One server's odd schema must not break routing for all the others, so it is put right once, where its
definition is made. What is merely unusual is kept. Pure, and never raises.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

DEEPEST_SCHEMA = 32  # levels of properties inside properties; what lies below is left open
_OF_A_KIND = frozenset("required type anyOf oneOf allOf title description format pattern".split())
_LARGEST = 2**63  # beyond 64 bits the JSON writers of this program refuse a whole number


def clean_schema(raw: Any) -> dict[str, Any]:
    """The schema with what is malformed left out; `required` names only what there are properties for."""
    found = _clean(raw, 0)
    properties = found.get("properties", {})
    if "required" in found:
        found["required"] = [name for name in found["required"] if name in properties]
    return found


def _clean(raw: Any, depth: int) -> dict[str, Any]:
    if not isinstance(raw, Mapping) or depth > DEEPEST_SCHEMA:
        return {}
    parts = ((_readable(key), _part(str(key), value, depth + 1)) for key, value in raw.items())
    return {key: value for key, value in parts if value is not None or key in ("default", "const")}


def _part(key: str, value: Any, depth: int) -> Any:
    """One keyword's value; None leaves the keyword out."""
    is_list = isinstance(value, list)
    match key:
        case "properties":
            names = value.items() if isinstance(value, Mapping) else ()
            found: Any = {_readable(name): _clean(of, depth) for name, of in names}
        case "required" | "type" if is_list:
            found = [_readable(name) for name in value if isinstance(name, str)] or None
        case "anyOf" | "oneOf" | "allOf" if is_list:
            found = [_clean(of, depth) for of in value if isinstance(of, Mapping)]
        case "type" | "title" | "description" | "format" | "pattern" if isinstance(value, str):
            found = _readable(value)
        case "enum" if not is_list:
            found = None
        case _ if key in _OF_A_KIND:
            found = None
        case "items" if isinstance(value, Mapping):
            found = _clean(value, depth)
        case _:
            found = _plain(value, depth)
    return found


def _plain(value: Any, depth: int) -> Any:
    """Any other value, such that every JSON writer takes it."""
    match value:
        case list() | tuple() if depth <= DEEPEST_SCHEMA:
            return [_plain(item, depth + 1) for item in value]
        case Mapping() if depth <= DEEPEST_SCHEMA:
            return {_readable(key): _plain(item, depth + 1) for key, item in value.items()}
        case list() | tuple() | Mapping():
            return None
        case str():
            return _readable(value)
        case int() if not -_LARGEST <= value < _LARGEST:
            return _as_float(value)
        case _:
            return value


def _as_float(value: int) -> float | None:
    try:
        return float(value)
    except OverflowError:
        return None


def _readable(text: Any) -> str:
    """Text that can be written as UTF-8: half a character becomes a question mark."""
    return str(text).encode("utf-8", "replace").decode()
