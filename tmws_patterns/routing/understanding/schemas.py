"""JSON schemas of tools, as they come: references followed, broken parts left out, values checked.

A schema is a stranger's: whatever it holds, nothing here fails on it. What cannot be checked is not.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import orjson
import re2

_DEEPEST = 6  # references and levels followed: deeper ones are somebody's circle
_LONGEST_PATTERN = 2_000  # characters
_MEMORY = 2**20  # bytes for one expression
_MOST_CHECKED = 1_000  # members of a list, or of an enum
_EXACT = 2**53  # beyond it a float is not every whole number
_SHOWN = 80  # characters of a value in an error
_BOUNDS: dict[str, tuple[str, Callable[[float, float], bool]]] = {
    "minimum": ("at least", operator.ge),
    "maximum": ("at most", operator.le),
    "exclusiveMinimum": ("more than", operator.gt),
    "exclusiveMaximum": ("less than", operator.lt),
}
_COMPOUND = frozenset(("$ref", "anyOf", "oneOf", "allOf"))
_KINDS: dict[str, tuple[type, ...]] = {
    "string": (str,), "integer": (int, float), "number": (int, float), "boolean": (bool,), "array": (list, tuple),
    "object": (dict,), "null": (type(None),),
}  # fmt: skip


def properties_of(schema: Mapping[str, Any] | None) -> dict[str, Mapping[str, Any]]:
    """A schema's properties by name, each resolved; empty where there are none."""
    properties = (schema or {}).get("properties")
    if not isinstance(properties, Mapping):
        return {}
    return {str(name): resolved(of, schema or {}) for name, of in properties.items()}


def required_of(schema: Mapping[str, Any] | None) -> list[str]:
    """Names of the properties that must be given."""
    names = (schema or {}).get("required")
    return [name for name in names if isinstance(name, str)] if isinstance(names, list | tuple) else []


def resolved(of: Any, root: Mapping[str, Any], depth: int = 0) -> Mapping[str, Any]:
    """A property, its reference followed, its only alternative beside null taken; {} for what is no schema."""
    if not isinstance(of, dict | Mapping) or depth > _DEEPEST:
        return {}
    if _COMPOUND.isdisjoint(of):
        return of
    if isinstance(of.get("$ref"), str):
        beside = {name: value for name, value in of.items() if name != "$ref"}
        return {**resolved(_pointed(of["$ref"], root), root, depth + 1), **beside}
    for key in ("anyOf", "oneOf", "allOf"):
        options = of.get(key)
        if isinstance(options, Sequence) and not isinstance(options, str):
            real = [o for o in options if isinstance(o, Mapping) and o.get("type") != "null"]
            beside = {name: value for name, value in of.items() if name != key}
            if len(real) == 1:
                return {**resolved(real[0], root, depth + 1), **beside}
    return of


def type_of(schema: Mapping[str, Any]) -> str:
    """The one type that a resolved schema takes beside null; "" where there are several or none is said."""
    kind = schema.get("type")
    if isinstance(kind, list):
        kinds = [k for k in kind if k != "null"]
        kind = kinds[0] if len(kinds) == 1 else ""
    if kind is None and isinstance(schema.get("enum"), list):
        choices = schema["enum"]
        kind = "string" if choices and all(isinstance(choice, str) for choice in choices) else ""
    return kind if isinstance(kind, str) and kind in _KINDS else ""


def canonical(arguments: Mapping[str, Any], schema: Mapping[str, Any] | None) -> dict[str, Any]:
    """Arguments as one spelling of the call that they make, to tell calls apart by; not what is sent.

    Defaults of the schema are filled in, an argument that is None is left out where there is no default that it
    would overrule, space around a text of one line is cut, and 5.0 is 5. The order of names is nobody's concern here.
    """
    shapes = properties_of(schema).items()
    defaults = {name: _spelt(of["default"]) for name, of in shapes if of.get("default") is not None}
    given = {n: _spelt(value) for n, value in arguments.items() if value is not None or n in defaults}
    return {**defaults, **given}


def _spelt(value: Any) -> Any:
    match value:
        case str() if "\n" not in value:
            return value.strip()
        case float() if value.is_integer() and abs(value) < _EXACT:
            return int(value)
        case _:
            return value


def fault(value: Any, schema: Mapping[str, Any], root: Mapping[str, Any], depth: int = 0) -> str:
    """What a schema takes instead of a value; "" where it takes the value, or cannot be checked."""
    schema = resolved(schema, root, depth)
    choices = schema.get("enum")
    if value is None or depth > _DEEPEST or isinstance(choices, list | tuple):
        return _choice_fault(value, choices) if choices and value is not None else ""
    kinds = schema.get("type")
    wanted = [k for k in (kinds if isinstance(kinds, list) else [kinds]) if isinstance(k, str)]
    if wanted and all(k in _KINDS for k in wanted) and not any(_is(value, kind) for kind in wanted):
        return f"{_article(wanted[0])} {wanted[0]}"
    if isinstance(value, int | float):
        return "" if isinstance(value, bool) else _number_fault(value, schema)
    if isinstance(value, str):
        return _text_fault(value, schema)
    return _list_fault(value, schema, root, depth) if isinstance(value, list | tuple) else ""


def _choice_fault(value: Any, choices: Any) -> str:
    known = any(value == c and isinstance(value, bool) == isinstance(c, bool) for c in choices[:_MOST_CHECKED])
    if known or len(choices) > _MOST_CHECKED:
        return ""
    return "one of " + ", ".join(str(c) for c in choices[:20])


def as_type(value: Any, kind: str) -> Any:
    """A value that was written as a text, or a text that was written as a number, as its type; else as it is."""
    if kind == "string" and isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str) or kind not in ("integer", "number", "boolean", "array", "object"):
        return int(value) if kind == "integer" and isinstance(value, float) and value.is_integer() else value
    if kind == "boolean":
        word = value.strip().casefold()
        return True if word in ("true", "yes", "on") else False if word in ("false", "no", "off") else value
    try:
        found = orjson.loads(value.strip())
    except orjson.JSONDecodeError:
        return value
    if kind == "integer" and isinstance(found, float) and found.is_integer():
        return int(found)
    return found if _is(found, kind) else value


def short(value: Any) -> str:
    """A value as it is repeated to its sender."""
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _is(value: Any, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    return isinstance(value, _KINDS[kind]) and not (
        kind == "integer" and isinstance(value, float) and value != int(value)
    )


def _number_fault(value: float, schema: Mapping[str, Any]) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        return "a finite number"
    for key, (words, keeps) in _BOUNDS.items():
        limit = schema.get(key)
        if isinstance(limit, int | float) and not isinstance(limit, bool) and not keeps(value, limit):
            return f"{words} {limit}"
    step = schema.get("multipleOf")
    if isinstance(step, int) and step > 0 and value % step:
        return f"a multiple of {step}"
    return ""


def _text_fault(value: str, schema: Mapping[str, Any]) -> str:
    if wrong := _size_fault(len(value), schema.get("minLength"), schema.get("maxLength"), "characters"):
        return wrong
    pattern = schema.get("pattern")
    if isinstance(pattern, str) and (expression := expression_of(pattern)) is not None:
        try:
            return "" if expression.search(value) else f"a text that matches {short(pattern)}"
        except UnicodeEncodeError:
            return "whole characters"
    return ""


def _list_fault(value: Sequence[Any], schema: Mapping[str, Any], root: Mapping[str, Any], depth: int) -> str:
    if wrong := _size_fault(len(value), schema.get("minItems"), schema.get("maxItems"), "of them"):
        return wrong
    items: Any = schema.get("items")
    for one in value[:_MOST_CHECKED] if isinstance(items, Mapping) else ():
        if wrong := fault(one, items, root, depth + 1):
            return f"{wrong} in place of {short(one)}"
    return ""


def _size_fault(size: int, least: Any, most: Any, what: str) -> str:
    if isinstance(least, int) and size < least:
        return f"at least {least} {what}"
    return f"at most {most} {what}" if isinstance(most, int) and size > most else ""


def _article(word: str) -> str:
    return "an" if word[0] in "aeiou" else "a"


@lru_cache(maxsize=1_024)
def expression_of(pattern: str) -> Any:
    """A schema's pattern, compiled; None for one that RE2 does not know, which is then not checked."""
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MEMORY
    try:
        return re2.compile(pattern, options) if len(pattern) <= _LONGEST_PATTERN else None
    except (re2.error, UnicodeEncodeError):
        return None


def _pointed(reference: str, root: Mapping[str, Any]) -> Any:
    """What a reference within the same schema points to; None for any other."""
    if not reference.startswith("#"):
        return None
    found: Any = root
    for step in reference.removeprefix("#").split("/")[1:]:
        found = found.get(step.replace("~1", "/").replace("~0", "~")) if isinstance(found, Mapping) else None
    return found
