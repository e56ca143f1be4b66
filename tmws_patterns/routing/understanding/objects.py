"""An object as a sentence gives it: written as JSON, or as names with their values ("days: 5, city: Oslo")."""

from __future__ import annotations

import re
from typing import Any

import orjson

_NAMED = re.compile(
    r"(?:(?<![\w.\-/])(?P<name>[A-Za-z_]\w{0,40})(?:\s?[=:]\s?|\s(?:set\sto|should\sbe)\s)"
    r"|(?:^|[,;.?!:]\s|\b(?:with|and)\s)(?P<said>[A-Za-z_]\w{0,40})\sis\s)"
    r"(?P<value>\"[^\"]{0,2000}\"|'[^']{0,2000}'|[^\s,;\"'][^,;\"']{0,200}?)(?=\s*(?:,|;|$|\sand\s|\s\w{1,40}\s?[=:])|\.?$)"
)
_BESIDE = re.compile(
    r"(?<![\w.\-/])(?P<name>[a-z_]\w{0,40})\s"
    r"(?P<value>\"[^\"]{0,2000}\"|'[^']{0,2000}'|-?\d{1,15}(?:\.\d{1,9})?(?![\w.])|true\b|false\b|[A-Z]{2,6}\b)"
)
_ONE_MORE = re.compile(
    r"(?:,|,?\sand)\s(?P<name>[a-z_]\w{0,40})\s(?P<value>-?\d{1,15}(?:\.\d{1,9})?)(?=[,.;]?(?:\s|$))"
)
_AFTER_WITH = re.compile(
    r"(?<!\w)(?:with|and|passing|,)\s(?P<name>[a-z_]\w{0,40})\s"
    r"(?P<value>(?:[~./]|[A-Z]|(?=[\w\-]{0,40}\d))[\w.\-/]{1,200})(?=[,.;]?(?:\s|$))"
)
_NO_NAMES = frozenset(
    "with and the a an of to in on for it its them my our your this that which there tool server argument arguments "
    "be first last what who how when where why which here everything all he she".split()
)
_POLITE = re.compile(r",?\s(?:please|pls)[.!\s]*$", re.IGNORECASE)
_LITERALS = {"true": True, "false": False, "null": None, "yes": True, "no": False}


def object_in(sentence: str) -> dict[str, Any]:
    """The JSON object that a sentence holds; empty for none."""
    said = sentence[sentence.find("{") : sentence.rfind("}") + 1] if "{" in sentence else ""
    try:
        found = orjson.loads(said) if said else {}
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def pairs_in(text: str) -> dict[str, Any]:
    """Names with their values, in a text that holds nothing else of interest; empty for none."""
    text = _POLITE.sub("", text)
    named = list(_NAMED.finditer(text))
    found = {m["name"] or m["said"]: _value(m["value"]) for m in named}
    if named and (more := _ONE_MORE.match(text, named[-1].end())) is not None:
        found[more["name"]] = _value(more["value"])
    for form in () if found else (_BESIDE, _AFTER_WITH):
        found |= {m["name"]: _value(m["value"].rstrip(".")) for m in form.finditer(text)}
    return {name: value for name, value in found.items() if name.casefold() not in _NO_NAMES}


def _value(said: str) -> Any:
    """A number, a truth value or a text without its quotes."""
    said = said.strip()
    if said[:1] in "\"'":
        return said[1:-1]
    if said.casefold() in _LITERALS:
        return _LITERALS[said.casefold()]
    try:
        return int(said)
    except ValueError:
        pass
    return float(said) if re.fullmatch(r"-?\d{1,15}\.\d{1,15}", said) else said
