"""Which member of a choice a sentence means, in whichever form it says it: "caches" for cache, "walk" for walking."""

from __future__ import annotations

import re
from functools import lru_cache

from tmws_patterns.routing.text import stem, words
from tmws_patterns.routing.understanding.fitting import CONTESTED, Named, Taken
from tmws_patterns.routing.understanding.spans import Heard
from tmws_patterns.routing.understanding.wanted import Wanted

_WEAK = frozenset("all any none default auto first last new name text day week month year in on is it".split())
_NEGATED = re.compile(r"\b(?:not|non|never|without|except|excluding|no|aren't|isn't|un)[\s\-]{1,2}$", re.IGNORECASE)
_SHORTEST = 3  # letters of a choice that is recognised without its property's name


def members(wanted: Wanted) -> list[str]:
    schema = wanted.schema.get("items") if wanted.several else wanted.schema
    choices = schema.get("enum") if isinstance(schema, dict) else ()
    return [c for c in list(choices or ())[:200] if isinstance(c, str) and c]


@lru_cache(maxsize=8_192)
def _stems(member: str) -> tuple[str, ...]:
    return tuple(words(member.replace("-", " ")))


def _is_said(word: str, member: str) -> bool:
    """True for a member's word in another form: "caches" for cache, "walk" for walking, "descending" for desc."""
    if word == member or (
        member in ("asc", "desc") and word in ("ascending", "descending") and word.startswith(member)
    ):
        return True
    if len(member) < _SHORTEST + 1 or word[:_SHORTEST] != member[:_SHORTEST]:
        return False
    return stem(word) == stem(member) and (member.endswith("ing") or not word.endswith("ing"))


@lru_cache(maxsize=4_096)
def _meant(description: str, member: str) -> tuple[str, ...]:
    """Words that a description gives for a short member: "c for Celsius", "'f' (Fahrenheit)"."""
    several = r"(\w{2,20}(?:, \w{2,20}){0,5})"
    said = rf"(?<!\w)['\"`]?{re.escape(member)}['\"`]?\s?(?:=|:|for|means|\()\s?['\"`(]?{several}"
    return tuple(word.casefold() for found in re.findall(said, description[:400]) for word in found.split(", "))


def chosen(wanted: Wanted, heard: Heard, tokens: list[tuple[str, int, int]]) -> Named:
    """The one member of an enum that the sentence holds, in whichever form."""
    description = wanted.schema.get("description")
    found: dict[str, tuple[int, int]] = {}
    for member in members(wanted):
        parts = _stems(member)
        synonyms = _meant(description, member) if isinstance(description, str) else ()
        if not parts or ((member.casefold() in _WEAK or len(member) < _SHORTEST) and not synonyms):
            continue
        for i in range(len(tokens) - len(parts) + 1):
            if all(_is_said(tokens[i + k][0], part) for k, part in enumerate(parts)) or tokens[i][0] in synonyms:
                start, end = tokens[i][1], tokens[i + (0 if tokens[i][0] in synonyms else len(parts) - 1)][2]
                if _NEGATED.search(heard.plain, max(0, start - 12), start):
                    return CONTESTED
                found[member] = (start, end)
                break
    widest = {
        m: w for m, w in found.items() if not any(o != w and o[0] <= w[0] and w[1] <= o[1] for o in found.values())
    }
    if (everything := _everything(wanted, widest, heard)) is not None:
        return everything
    if wanted.several and widest:
        start, end = min(w[0] for w in widest.values()), max(w[1] for w in widest.values())
        return Taken(list(widest), heard.text[start:end], start, end)
    if len(widest) != 1:
        return CONTESTED if widest else None
    ((member, (start, end)),) = widest.items()
    return Taken(member, heard.text[start:end], start, end)


def _everything(wanted: Wanted, said: dict[str, tuple[int, int]], heard: Heard) -> Taken | None:
    """The member `all`, where two others are said, or one is said to be among them: "remote ones included"."""
    others = [m for m in said if m.casefold() != "all"]
    among = len(others) == 1 and _INCLUDED.search(heard.plain) is not None
    if wanted.several or "all" not in members(wanted):
        return None
    if not others and wanted.slot and (match := _ALL.search(heard.plain)) is not None:
        return Taken("all", match.group(), match.start(), match.end())
    if not (len(others) > 1 or among):
        return None
    start, end = min(w[0] for w in said.values()), max(w[1] for w in said.values())
    return Taken("all", heard.text[start:end], start, end)


_ALL = re.compile(r"\b(?:all|every|everything|each)\b", re.IGNORECASE)
_INCLUDED = re.compile(r"\b(?:included|including|too|as well)\b", re.IGNORECASE)
_TOKEN = re.compile(r"\w{1,60}(?:'\w{1,10})?")


def tokens_of(heard: Heard) -> list[tuple[str, int, int]]:
    """The sentence's words outside quotes, folded, each with its place; at most 400."""
    found = []
    for match in _TOKEN.finditer(heard.plain):
        word = match.group().casefold().removesuffix("'s")
        found.append((word, match.start(), match.start() + len(word)))
        if len(found) == 400:  # noqa: PLR2004 - words; a choice said later than that is no request
            break
    return found
