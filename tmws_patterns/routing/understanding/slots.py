"""Values for slots: what was given, read as the slot's type, and the slot that a property of a schema asks for."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from typing import Any

import orjson

from tmws_patterns.errors import InvalidInput
from tmws_patterns.pattern import Slot
from tmws_patterns.routing.understanding.clock import time_of
from tmws_patterns.routing.understanding.dates import moment_of
from tmws_patterns.routing.understanding.places import zone_of
from tmws_patterns.routing.understanding.schemas import resolved, short, type_of
from tmws_patterns.routing.understanding.sums import in_signs
from tmws_patterns.routing.understanding.units import dimension_of

_URL = re.compile(r"https?://[^\s<>\"'`]+[^\s<>\"'`.,;:!?)\]}]", re.IGNORECASE)
_HOST = re.compile(r"[\w\-]+(?:\.[\w\-]+)+(?:/\S*)?")
_EMAIL = re.compile(r"[^\s@<>\"]{1,64}@[^\s@<>\".]{1,63}(?:\.[^\s@<>\".]{1,63}){0,8}")
_DURATION = re.compile(
    r"P(?=.)(?:\d{1,6}[YMWD]){0,4}(?:T(?:\d{1,6}[HMS]){1,3})?|(\d{1,9}(?:\.\d{1,6})?|an?|one)\s?([a-zA-Z]{1,14})",
    re.IGNORECASE,
)
_LISTED = re.compile(r"\s*,\s*(?:and\s+)?|\s+and\s+", re.IGNORECASE)
_POLITE = frozenset(("please", "pls", "thanks"))
_TAG = re.compile(r"#[A-Za-z][\w\-]*,?")
_TRUE = {"true", "yes", "on", "1"}
_FALSE = {"false", "no", "off", "0"}


class NotUnderstood(InvalidInput):
    """A value was given, but it is not of the slot's kind."""


_MEANT = {
    "timezone": "a city or time zone that is known here",
    "time": "a time of day such as 14:30 or 2 pm",
    "date": "a date such as 2026-03-05 or next Friday",
    "datetime": "a date with a time such as 2026-03-05 14:30",
    "duration": "a length of time such as 20 minutes",
    "email": "an e-mail address",
}


def coerce(name: str, slot: Slot, value: Any, today: date | None = None) -> Any:
    """A value as the slot's type. "tomorrow" is a date where `today` is given.

    Raises:
        NotUnderstood: the message says what the slot takes.
    """
    if value is None:
        return None
    if slot.enum:
        return _one_of(name, slot, str(value))
    if slot.type in ("date", "datetime"):
        found = _moment(slot.type, str(value), today)
    else:
        reader = _READERS.get(slot.type)
        found = reader(value) if reader else value
    if found is None:
        meant = _MEANT.get(slot.type, f"a value of type {slot.type}")
        raise NotUnderstood(f"{name}: {short(value)} is not {meant}", hint=f"give {name} as {meant}")
    return found


def slot_of(schema: Mapping[str, Any]) -> Slot:
    """The slot that a resolved property of a JSON schema asks for."""
    schema = resolved(schema, {})
    kind = type_of(schema) or "string"
    if kind == "string":
        kind = {"uri": "url", "date": "date", "email": "email"}.get(str(schema.get("format")), kind)
    kind = kind if kind in _READERS or kind in ("date", "email") else "string"
    choices = schema.get("enum")
    named = isinstance(choices, list | tuple) and all(isinstance(choice, str) for choice in choices)
    slot = _slot(kind, tuple(choices) if named and choices else ())
    return slot.model_copy(update={"default": schema["default"]}) if "default" in schema else slot


@lru_cache(maxsize=4_096)
def _slot(kind: str, choices: tuple[str, ...]) -> Slot:
    """A slot without a default, made once: a schema's may hold what a YAML pattern's may not."""
    return Slot.model_construct(_fields_set={"type", "enum"}, type=kind, enum=choices)


def _one_of(name: str, slot: Slot, value: str) -> str:
    chosen = next((choice for choice in slot.enum if choice.casefold() == value.strip().casefold()), None)
    if chosen is None:
        choices = ", ".join(slot.enum)
        raise NotUnderstood(f"{name}: {short(value)} is none of {choices}", hint=f"choose one of {choices}")
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


def _moment(kind: str, value: str, today: date | None) -> str | None:
    """A date, or a date with a time, in ISO 8601; words that lean on today need it."""
    found = moment_of(value, today or date.min)
    if found is None or (found.moving and today is None) or found.kind not in ("date", "datetime"):
        return None
    if kind == "date":
        return found.value[:10]
    return found.value if found.kind == "datetime" else f"{found.value}T00:00:00"


def _duration(value: Any) -> str | None:
    """A length of time as it was said, where its unit is one of time."""
    text = str(value).strip()
    match = _DURATION.fullmatch(text)
    if match is None or (match.group(2) and dimension_of(match.group(2)) not in ("time", "month", "year")):
        return None
    return text


def _email(value: Any) -> str | None:
    text = str(value).strip()
    return text if _EMAIL.fullmatch(text) else None


def _structure(kind: type) -> Any:
    def read(value: Any) -> Any:
        if isinstance(value, str):
            try:
                value = orjson.loads(value)
            except orjson.JSONDecodeError:
                return _listed(value.strip()) if kind is list else None
        return list(value) if kind is list and isinstance(value, tuple) else value if isinstance(value, kind) else None

    return read


def _listed(text: str) -> list[str]:
    """The members of a list as it is said; paths need no comma between them."""
    apart = [word.removeprefix("#") if _TAG.fullmatch(word) else word for word in text.split()]
    text = " ".join(apart)
    named = [word.rstrip(",") for word in apart if word.casefold() not in {"and", *_POLITE}]
    if len(apart) > 1 and named and all(re.search(r"[./*]", word) for word in named):
        return named
    return [member for member in _LISTED.split(text) if member.casefold() not in _POLITE]


def _url(value: Any) -> str | None:
    text = str(value).strip()
    return text if _URL.fullmatch(text) else f"https://{text}" if _HOST.fullmatch(text) else None


_READERS = {
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
    "timezone": lambda value: zone_of(str(value)),
    "time": lambda value: time_of(str(value)),
    "duration": _duration,
    "email": _email,
    "url": _url,
    "expression": lambda value: in_signs(str(value).strip()) or None,
    "array": _structure(list),
    "object": _structure(dict),
}
