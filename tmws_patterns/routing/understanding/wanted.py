"""What a property or a slot wants of a sentence: its kind of value, the words that name it, its part in a pair."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from tmws_patterns.pattern import Slot
from tmws_patterns.routing.text import STOP_WORDS, stem, words
from tmws_patterns.routing.understanding.schemas import resolved, type_of
from tmws_patterns.routing.understanding.units import own_unit

COUNTERS = frozenset("limit count max maximum top n num number k size results".split())
BOUNDS = frozenset("limit count max maximum top k".split())  # words of properties that say how much at most
FREE = frozenset("query q search text topic keyword keywords question term phrase searchterm".split())
COUNTED = frozenset(
    map(stem, "result item entry match hit record row note memory insight finding lesson case thing fact".split())
)  # stems of what any limit counts
_FILLER = frozenset("max maximum min minimum num number count of n total size limit per the in is to from".split())
_MANNER = frozenset("include show with has is use enable allow only return get should exclude".split())
_FROM = frozenset("from source src origin start starting departure base sender since after begin".split())
_TO = frozenset("to target destination dest dst end ending arrival until before recipient".split())
AS_SAID = "duration-as-said"  # the format of a slot that keeps "2 minutes" as these words
_FORMATS = {
    "date": "date", "date-time": "datetime", "time": "time", "email": "email", "idn-email": "email", "uri": "url",
    "url": "url", "iri": "url", "uri-reference": "url", "uuid": "uuid", "ipv4": "ip", "duration": "duration",
    "timezone": "timezone", "path": "path", "datetime": "datetime", AS_SAID: "duration",
    "expression": "expression",
}  # fmt: skip
_BY_WORD = {
    "timezone": "timezone tz", "email": "email emails mail recipient recipients cc bcc",
    "url": "url link uri href website",
    "expression": "expression formula", "branch": "branch",
    "path": "path file filename filepath directory folder dir files paths filenames",
    "currency": "currency", "unit": "unit units",
    "place": "city location place where town address near region area country destination origin",
    "duration": "duration", "code": "symbol ticker", "hash": "sha hash commit revision ref",
    "date": "date day", "version": "version", "channel": "channel tag tags hashtag", "ip": "ip",
}  # fmt: skip
_WORD_KIND = {word: kind for kind, said in _BY_WORD.items() for word in said.split()}
_ABOUT = (
    (re.compile(r"\b(?:iana|time ?zone)\b", re.IGNORECASE), "timezone"),
    (
        re.compile(
            r"iso[ -]?8601.{0,20}(?:date-?time|timestamp)|rfc ?3339|\bdate ?-?time\b|Thh?:|timestamp", re.IGNORECASE
        ),
        "datetime",
    ),
    (re.compile(r"yyyy-mm-dd", re.IGNORECASE), "date"),
    (re.compile(r"\bhh:mm|24-hour", re.IGNORECASE), "time"),
    (re.compile(r"\biso 4217|currency code", re.IGNORECASE), "currency"),
    (re.compile(r"^(?:branch or commit|commit, branch|branch, tag)\b", re.IGNORECASE), "branch"),
    (re.compile(r"\be-?mail address", re.IGNORECASE), "email"),
)
_SHORT = {"char": "character", "chars": "character"}  # as people type it
_LANGUAGE = re.compile(
    r"\b(?:sql|graphql|cypher|jq|xpath|jsonpath|regex|regular expression|kql|promql|css)\b", re.IGNORECASE
)
_COUNTS = re.compile(r"\b(?:number of|how many|first n|last n) (?:\w{2,12}ing )?(\w{3,20}s|people)\b", re.IGNORECASE)
_AT_MOST = re.compile(r"^(\w{3,20}s) at most", re.IGNORECASE)
_KINDS = re.compile(r"((?:[a-z]{3,20}, ){0,3}[a-z]{3,20} or [a-z]{3,20})(?: to | from |$)")
_TEXTS = frozenset("title body content message summary subject sql prompt command script plan".split())


@dataclass(frozen=True, slots=True)
class Wanted:
    """One value to find.

    Attributes:
        path: its name, or the names of an object and of the property in it.
        schema: what the value must satisfy, resolved.
        kind: the kind of span it takes: one of spans' kinds, "place", "timezone", "duration", "free"
            (a text to search for), "text", "boolean", "choice", "object", "any".
        role: "from" or "to" for one of a pair, else "".
        unit: the unit it is measured in; "" where that is not known.
        names: how it is called in a sentence, folded, the fullest first.
        nouns: stems of what it counts.
        several: True for a list of such values.
        slot: True for a slot of a YAML pattern, whose times are HH:MM.
    """

    path: tuple[str, ...]
    schema: Mapping[str, Any]
    type: str
    kind: str
    required: bool
    role: str
    unit: str
    words: frozenset[str]
    names: tuple[str, ...]
    nouns: frozenset[str]
    several: bool
    slot: bool = False

    @property
    def name(self) -> str:
        """The name of the argument that it fills, or lies in."""
        return self.path[0]

    def apart_from(self, others: Iterable[Wanted]) -> Wanted:
        """The same without the names that are another's own."""
        taken = {other.path[-1].casefold() for other in others if other is not self} - {self.path[-1].casefold()}
        return (
            self
            if taken.isdisjoint(self.names)
            else replace(self, names=tuple(n for n in self.names if n not in taken))
        )


def wanted_of(
    path: tuple[str, ...], schema: Mapping[str, Any], root: Mapping[str, Any], *, required: bool, slot: bool = False
) -> Wanted:
    """What a resolved property of a schema wants."""
    several = type_of(schema) == "array"
    items = resolved(schema.get("items"), root) if several else schema
    said = schema.get("description") or items.get("description")
    description = said if isinstance(said, str) else ""
    form = items.get("format")
    kind = type_of(items) or ("string" if not several or items or slot else "")
    choices = items.get("enum")
    parts = _parts(path[-1])
    found = _read(path[-1], description[:400], kind, form if isinstance(form, str) else "")
    if isinstance(choices, list | tuple) and choices and all(isinstance(c, str) for c in choices):
        found = "choice"
    return Wanted(
        path, schema, kind, found, required, "" if found == "branch" and "base" not in parts else _role(parts),
        own_unit(parts, description) if kind in ("integer", "number") else "",
        frozenset(parts), _names(path[-1], description, several=several), _nouns(parts, description), several, slot,
    )  # fmt: skip


def schema_of_slot(slot: Slot) -> dict[str, Any]:
    """A slot of a YAML pattern as a JSON schema."""
    found = _schema_of_type(slot.type)
    if slot.items is not None:
        found["items"] = _schema_of_type(slot.items)
    if slot.enum:
        found["enum"] = list(slot.enum)
    return found | ({"description": slot.description} if slot.description else {})


def _schema_of_type(kind: str) -> dict[str, Any]:
    if kind in ("string", "integer", "number", "boolean", "array", "object"):
        return {"type": kind}
    return {"type": "string", "format": {"datetime": "date-time", "url": "uri", "duration": AS_SAID}.get(kind, kind)}


@lru_cache(maxsize=8_192)
def _parts(name: str) -> tuple[str, ...]:
    return tuple(words(name.replace("-", " ")))


def _role(parts: tuple[str, ...]) -> str:
    if not set(parts).isdisjoint(_FROM) or parts[:2] == ("check", "in"):
        return "from"
    return "to" if not set(parts).isdisjoint(_TO) or parts[:2] == ("check", "out") else ""


@lru_cache(maxsize=8_192)
def _read(name: str, description: str, kind: str, form: str) -> str:
    """The kind of value that a name, a description and a format ask for."""
    if kind != "string":
        return {"integer": "number"}.get(kind, kind)
    if form in _FORMATS:
        return _FORMATS[form]
    parts = _parts(name)
    if "".join(parts) in FREE or (parts and parts[-1] in ("query", "term", "question") and parts[0] != "sql"):
        return "text" if _LANGUAGE.search(f"{name} {description}") else "free"
    told = (meant for expression, meant in _ABOUT if expression.search(description))
    by_word = (_WORD_KIND[word] for word in reversed(parts) if word in _WORD_KIND)
    return next(told, "") or next(by_word, "") or _read_last(parts)


def _read_last(parts: tuple[str, ...]) -> str:
    """The kind that the last word of a name tells."""
    last = parts[-1] if parts else ""
    if last in ("time", "datetime", "timestamp"):
        return "datetime" if len(parts) > 1 else "time"
    return "id" if last in ("id", "ids") else "text" if _TEXTS & set(parts) else "any"


@lru_cache(maxsize=8_192)
def _names(name: str, description: str, *, several: bool) -> tuple[str, ...]:
    """How the property may be called: by its name in several spellings, and by the one word that matters in it."""
    parts = _parts(name)
    told = [name.casefold(), " ".join(parts), "-".join(parts)]
    core = [p for p in parts if p not in _FILLER and p not in _MANNER]
    if len(core) == 1 and len(parts) > 1 and core[0] not in STOP_WORDS and "per" not in parts:
        told.append(core[0])
    told += _habits(name, parts, several=several)
    if parts and parts[-1] == "path" and len(parts) > 1:
        told += ["path", *parts[:1]]
    if set(parts) & COUNTERS and "offset" not in parts:
        told.append("limit")
    if parts in (("name",), ("title",)):
        told += ["named", "called", "titled"]
    if "pull" in parts:
        told += ["pull request", "pr"]
    if (found := re.match(r"(?:The )?([A-Za-z]{3,20})(?: number| name| identifier| key)\b", description)) is not None:
        told.append(found.group(1).casefold())
        told += [said for said, meant in _SHORT.items() if meant == told[-1]]
    if (listed := _KINDS.match(description)) is not None:  # "commit, branch or tag"
        told += [word for word in re.findall(r"[a-z]{3,20}", listed.group(1)) if word != "or"]
    return tuple(sorted({t for t in told if len(t) > 1 or t == name}, key=lambda t: (-len(t), t)))


def _habits(name: str, parts: tuple[str, ...], *, several: bool) -> list[str]:
    """What people say for a list of something, for a tag, and for the name of a thing."""
    told = [name.casefold()[:-1]] if several and name.endswith("s") else []
    if {"tag", "tags"} & set(parts):
        told += ["label", "labels", "tagged", "labelled", "labeled"]
        told += ["tagged with", "labelled with", "labeled with"]
    if len(parts) == 2 and parts[-1] == "name" and parts[0] not in STOP_WORDS:  # noqa: PLR2004 - a thing and its name
        told += ["name", parts[0]]
    elif len(parts) > 1 and parts[-1] == "name":
        told.append("name")
    return told


@lru_cache(maxsize=8_192)
def _nouns(parts: tuple[str, ...], description: str) -> frozenset[str]:
    """Stems of what a number counts: `days` counts days, and `issue_number` counts nothing."""
    limits = not COUNTERS.isdisjoint(parts) and parts[-1] != "number"
    plural = bool(parts) and parts[-1].endswith("s")
    found = {stem(p) for p in parts if p not in _FILLER} if plural or limits else set()
    if limits or ("per" in parts and "page" in parts):
        found |= COUNTED
    for said in [*_COUNTS.findall(description[:200]), *_AT_MOST.findall(description)]:
        found.add(stem(said.casefold()))
    return frozenset(found - {"pag"})
