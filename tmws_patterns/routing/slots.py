"""Values for slots: read from what was given, or found in the sentence where their form gives them away."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

import orjson

from tmws_patterns.errors import InvalidInput
from tmws_patterns.pattern import Slot
from tmws_patterns.routing.places import zone_of
from tmws_patterns.routing.text import words

_URL = re.compile(r"https?://[^\s<>\"'`]+[^\s<>\"'`.,;:!?)\]}]", re.IGNORECASE)
_PATH = re.compile(r"(?<![\w/])(?:~|\.{1,2})?/[\w.\-/]+|(?<!\S)[\w\-]+(?:/[\w.\-]+)+|(?<!\S)[\w\-]+\.[a-z]{1,4}(?!\S)")
_NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?![\w.]*\d)")
_QUOTED = re.compile(r"\"([^\"]+)\"|'([^']+)'|`([^`]+)`|“([^”]+)”")
_TIME = re.compile(r"\b(?:(\d{1,2}):(\d{2})\s*(am|pm)?|(\d{1,2})\s*(am|pm)|(noon|midnight))\b", re.IGNORECASE)
_LISTED = re.compile(r"\s*,\s*(?:and\s+)?|\s+and\s+")
_SHOWN = 80  # characters of a value in an error
_TRUE = {"true", "yes", "on", "1"}
_FALSE = {"false", "no", "off", "0"}


class NotUnderstood(InvalidInput):
    """A value was given, but it is not of the slot's kind."""


def coerce(name: str, slot: Slot, value: Any) -> Any:
    """A value as the slot's type.

    Raises:
        NotUnderstood: the message says what the slot takes.
    """
    if value is None:
        return None
    if slot.enum:
        return _one_of(name, slot, str(value))
    reader = _READERS.get(slot.type)
    found = reader(value) if reader else value
    if found is None:
        what = {"timezone": "a city or time zone that is known here", "time": "a time of day such as 14:30 or 2 pm"}
        meant = what.get(slot.type, f"a value of type {slot.type}")
        raise NotUnderstood(f"{name}: {_short(value)} is not {meant}", hint=f"give {name} as {meant}")
    return found


def find(slot: Slot, query: str) -> Any:
    """A value of the slot's kind in the sentence; None where there is none or it could be anything."""
    if slot.enum:
        said = words(query)
        return next((choice for choice in slot.enum if any(w.startswith(choice.casefold()) for w in said)), None)
    pattern = {"url": _URL, "path": _PATH, "number": _NUMBER, "integer": _NUMBER, "time": _TIME}.get(slot.type)
    match = pattern.search(query) if pattern else None
    return coerce("", slot, match.group()) if match else None


def find_quoted(query: str) -> list[str]:
    """Everything in quotes, in order."""
    return [next(filter(None, groups)) for groups in _QUOTED.findall(query)]


def slot_of(schema: Mapping[str, Any]) -> Slot:
    """The slot that a property of a JSON schema asks for."""
    kind = schema.get("type")
    if kind is None:
        kinds = [s.get("type") for s in schema.get("anyOf", ()) if s.get("type") != "null"]
        kind = kinds[0] if len(kinds) == 1 else "string"
    if isinstance(kind, list):
        kind = next((k for k in kind if k != "null"), "string")
    if kind == "string" and schema.get("format") == "uri":
        kind = "url"
    fields: dict[str, Any] = {"type": kind if kind in _READERS or kind == "string" else "string"}
    if all(isinstance(choice, str) for choice in schema.get("enum", ())):
        fields["enum"] = tuple(schema.get("enum", ()))
    if "default" in schema:
        fields["default"] = schema["default"]
    return Slot.model_construct(_fields_set=set(fields), **{"type": "string", "enum": (), "default": None, **fields})


def _short(value: Any) -> str:
    """A value as it is repeated to its sender."""
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _one_of(name: str, slot: Slot, value: str) -> str:
    chosen = next((choice for choice in slot.enum if choice.casefold() == value.strip().casefold()), None)
    if chosen is None:
        choices = ", ".join(slot.enum)
        raise NotUnderstood(f"{name}: {_short(value)} is none of {choices}", hint=f"choose one of {choices}")
    return chosen


def _number(value: Any) -> float | int | None:
    if isinstance(value, bool):
        return None
    try:
        number = int(value) if re.fullmatch(r"\s*[+-]?\d{1,18}\s*", str(value)) else float(str(value))
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _integer(value: Any) -> int | None:
    number = _number(value)
    return int(number) if number is not None and number == int(number) else None


def _boolean(value: Any) -> bool | None:
    word = str(value).strip().casefold()
    return True if word in _TRUE else False if word in _FALSE else None


def _time(value: Any) -> str | None:
    match = _TIME.fullmatch(str(value).strip())
    if match is None:
        return None
    hour, minute, half, short_hour, short_half, word = match.groups()
    if word:
        return "12:00" if word.lower() == "noon" else "00:00"
    half = (half or short_half or "").lower()
    clock = int(hour or short_hour)
    clock = clock % 12 + (12 if half == "pm" else 0) if half else clock
    return f"{clock:02d}:{minute or '00'}" if clock < 24 and int(minute or 0) < 60 else None  # noqa: PLR2004


def _structure(kind: type) -> Any:
    def read(value: Any) -> Any:
        if isinstance(value, str):
            try:
                value = orjson.loads(value)
            except orjson.JSONDecodeError:
                return _LISTED.split(value.strip()) if kind is list else None
        return list(value) if kind is list and isinstance(value, tuple) else value if isinstance(value, kind) else None

    return read


def _url(value: Any) -> str | None:
    text = str(value).strip()
    return (
        text
        if _URL.fullmatch(text)
        else f"https://{text}"
        if re.fullmatch(r"[\w\-]+(\.[\w\-]+)+(/\S*)?", text)
        else None
    )


_READERS = {
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
    "timezone": lambda value: zone_of(str(value)),
    "time": _time,
    "url": _url,
    "array": _structure(list),
    "object": _structure(dict),
}
