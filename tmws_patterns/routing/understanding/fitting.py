"""Whether a span can be the value of a property, and which value it then is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final, Literal

from tmws_patterns.routing.text import ENDINGS
from tmws_patterns.routing.understanding.places import zone_of
from tmws_patterns.routing.understanding.schemas import fault
from tmws_patterns.routing.understanding.spans import UNENDED, Span
from tmws_patterns.routing.understanding.units import MONEY, convert, dimension_of, iso_duration
from tmws_patterns.routing.understanding.wanted import Wanted

STRICT = frozenset(
    """date datetime time email url uuid path ip version hash code currency unit timezone duration channel id
    expression branch""".split()
)
"""Kinds whose form alone tells them from everything else."""

_ENTITIES = frozenset("name currency unit path pair code email url site tag uuid hash key version ip quoted".split())
_PATTERNED = frozenset("key hash uuid code currency version tag issue name".split())
_TAKES = {  # kind of property: kinds of spans
    "date": {"date"}, "datetime": {"datetime", "date"}, "time": {"time"}, "email": {"email"}, "url": {"url", "site"},
    "uuid": {"uuid"}, "path": {"path", "quoted", "pair"}, "ip": {"ip"}, "version": {"version", "quoted"},
    "hash": {"hash", "uuid", "quoted", "version", "revision"}, "code": {"code", "currency", "quoted"},
    "currency": {"currency"},
    "unit": {"unit"}, "timezone": {"name", "code", "pair", "quoted"}, "duration": {"number", "worded", "quoted"},
    "channel": {"tag", "quoted"}, "place": {"name", "quoted"}, "number": {"number", "worded", "issue"},
    "id": {"uuid", "hash", "key", "quoted", "issue", "token", "number"}, "any": _ENTITIES,
    "text": {"quoted"}, "free": {"quoted"},
    "branch": {"revision", "pair", "quoted", "hash", "version", "key", "token"},
    "expression": {"expression", "quoted"},
    "choice": {"quoted"}, "string": _ENTITIES,
}  # fmt: skip
_SUMS = frozenset("amount price budget cost value sum total fee salary balance payment quantity number".split())
_SINCE = frozenset("since after before until from updated created modified".split())


_FILE = re.compile(rf"\.(?:{ENDINGS})$", re.IGNORECASE)
_ENDING = re.compile(rf"\.[A-Za-z][A-Za-z0-9]{{0,4}}$|^(?:{UNENDED})$")
_UNENDED = re.compile(UNENDED)
_SHARE = re.compile(r"\b0(?:\.0)? (?:to|and|-) 1(?:\.0)?\b")


@dataclass(frozen=True, slots=True)
class Taken:
    """A value, the words it was read from (characters start to end), and whether it depends on today."""

    value: Any
    text: str
    start: int
    end: int
    moving: bool = False


CONTESTED: Final = "contested"
Named = Taken | Literal["contested"] | None
"""A value with its place; None for nothing; `CONTESTED` where a sentence names two."""


def fit(wanted: Wanted, span: Span, *, has_unit: bool = False) -> Taken | None:
    """The span as the property's value; None where it cannot be.

    `has_unit` says that the unit has a property of its own, so that the number is taken as it was said.
    """
    if span.kind not in _TAKES.get(wanted.kind, ()) or is_no_folder(wanted, span) or is_no_revision(wanted, span):
        return None
    value, end = _value(wanted, span, has_unit), span.end
    if value is None:
        return None
    if wanted.kind in ("number", "duration") and span.whole and not has_unit:
        end = span.whole
    schema = wanted.schema.get("items", {}) if wanted.several else wanted.schema
    if isinstance(schema, dict) and fault(value, schema, {}):
        return None
    return Taken(value, span.text, span.start, end, span.moving)


def is_patterned(wanted: Wanted, span: Span) -> bool:
    """True where the property's own pattern singles the span out."""
    pattern = wanted.schema.get("pattern")
    telling = isinstance(pattern, str) and pattern.startswith("^") and pattern.endswith("$") and "." not in pattern
    return telling and wanted.type == "string" and span.kind in _PATTERNED and not fault(span.value, wanted.schema, {})


def is_no_folder(wanted: Wanted, span: Span) -> bool:
    """True for a file by its name, where a folder is wanted: README, or notes/patch.diff."""
    folder = not wanted.words.isdisjoint(("repo", "repository", "directory", "folder", "dir"))
    file = span.kind == "path" and _FILE.search(span.text) is not None
    return folder and (file or _UNENDED.fullmatch(span.text) is not None)


def is_no_revision(wanted: Wanted, span: Span) -> bool:
    """True for a file, where a branch or a commit is wanted: src/main.py, and not release/1.x."""
    return wanted.kind in ("branch", "hash") and span.kind == "pair" and _FILE.search(span.text) is not None


def is_file(wanted: Wanted, span: Span) -> bool:
    """True for what has a file's ending or name, where files are wanted: docs/guide.md and not vercel/next.js."""
    return not wanted.words.isdisjoint(("file", "files", "filename")) and _ENDING.search(span.text) is not None


def is_share(wanted: Wanted, span: Span) -> bool:
    """True for a fraction or a percentage, where the description bounds the number by 0 and 1."""
    fraction = isinstance(span.value, float) and 0 < span.value < 1
    return (fraction or dimension_of(span.unit) == "percent") and _is_bounded(wanted)


def _is_bounded(wanted: Wanted) -> bool:
    about = wanted.schema.get("description")
    return isinstance(about, str) and _SHARE.search(about) is not None


def _value(wanted: Wanted, span: Span, has_unit: bool) -> Any:
    match wanted.kind, span.kind:
        case "number", _:
            return _number(wanted, span, has_unit)
        case "duration", _:
            return _duration(wanted, span)
        case "timezone", _:
            return zone_of(span.value)
        case "time", _:
            return _time(wanted, span.value)
        case "datetime", "date":
            return f"{span.value}T00:00:00" if wanted.words & _SINCE else None
    return _as_said(wanted, span)


def _as_said(wanted: Wanted, span: Span) -> Any:
    """A text: a site without the address made of it, a number of an issue as a text, a tag without its mark."""
    if span.kind == "tag" and wanted.words & {"tag", "tags"}:
        return str(span.value).removeprefix("#")
    said = {"site": span.text, "issue": str(span.value), "number": span.text if wanted.kind == "id" else span.value}
    return span.value if wanted.kind == "url" else said.get(span.kind, span.value)


def _time(wanted: Wanted, said: str) -> str:
    """A time of day; with seconds where the schema's format asks for a full time."""
    return f"{said}:00" if wanted.schema.get("format") == "time" and not wanted.slot and said.count(":") == 1 else said


def _number(wanted: Wanted, span: Span, has_unit: bool) -> float | int | None:
    value: float = span.value
    if span.unit:
        turned = _in_own_unit(wanted, span, has_unit)
        if turned is None:
            return None
        value = turned
    if wanted.type == "integer":
        return int(value) if value == int(value) else None
    return value


def _in_own_unit(wanted: Wanted, span: Span, has_unit: bool) -> float | int | None:
    """A number that was said with a unit, as the property measures it; None where that is not known."""
    dimension = dimension_of(span.unit)
    if dimension == MONEY or (has_unit and not wanted.unit):
        return span.value if wanted.words & _SUMS else None
    if wanted.unit:
        return convert(span.value, span.unit, wanted.unit)
    if dimension == "percent":
        if {"percent", "percentage", "pct"} & wanted.words:
            return span.value  # type: ignore[no-any-return]
        return span.value / 100 if wanted.schema.get("maximum") == 1 or _is_bounded(wanted) else None
    return None


def _duration(wanted: Wanted, span: Span) -> str | None:
    if span.kind == "quoted":
        return str(span.value)
    if dimension_of(span.unit) not in ("time", "month", "year"):
        return None
    form = wanted.schema.get("format")
    return iso_duration(span.value, span.unit) if form == "duration" else span.text
