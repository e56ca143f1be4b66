"""What a sentence names outright: "limit 5", "limit=5", "5 results", "without images", "closed".

Each function answers for one property: the value with its place, None for nothing, or `CONTESTED`
where the sentence names two.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import lru_cache
from typing import Any

from tmws_patterns.routing.text import STOP_WORDS, stem, words
from tmws_patterns.routing.understanding.choices import members
from tmws_patterns.routing.understanding.fitting import CONTESTED, Named, Taken, fit
from tmws_patterns.routing.understanding.numerals import NUMERAL, value_of
from tmws_patterns.routing.understanding.schemas import as_type, fault
from tmws_patterns.routing.understanding.spans import Heard, starting_at
from tmws_patterns.routing.understanding.units import SYMBOLS
from tmws_patterns.routing.understanding.wanted import COUNTED, Wanted

_LINK = r"(?P<link>\s?[=:]\s?|\s(?:is |of |at |as |like |named |called |number |no\. |number is )?)(?=\S)"
_BARE = re.compile(r"[^\s,;\x00?!\"'`]{1,200}")
_LINE = re.compile(r"[^;\n\x00]{1,2000}")
_ITEM = re.compile(r"(?:#)?([\w.@+/\-]{1,80})")
_EVERY = re.compile(r"(?:both|all of|each of)\s(?:these\s|the\s)?", re.IGNORECASE)
_BETWEEN = re.compile(r"\s?,\s?(?:and |or )?|\sand\s")
_BOUNDARY = re.compile(
    r"\s*\]?(?:$|[,.;:!?)]|(?:with|and|in|of|from|for|to|by|where|on|at|as|limit|having|using|please|that|which|together|so|because)\b)"
)
_NO_ITEMS = frozenset("up at no max please pls thanks only limit top first last".split())
_YES, _NO = frozenset(("true", "yes", "on", "enabled")), frozenset(("false", "no", "off", "disabled"))
_MANNER = frozenset("include show with has is use enable allow only return get should".split())
_PREPOSITIONS = frozenset("from to in on at by with for of before after since until".split())
_TELLING = re.compile(r"[\d\-/._~^]")  # a mark that words do not have
_NO_VALUE = frozenset(
    "already directly now again please quick quickly soon here there instead too also first later today right "
    "line named called with on yet".split()
)
_SHORTEST = 3  # letters of a choice that is recognised without its property's name


@lru_cache(maxsize=8_192)
def _expression(names: tuple[str, ...]) -> re.Pattern[str]:
    said = "|".join(re.escape(name) + ("s?" if name.isalpha() and len(name) > _SHORTEST else "") for name in names)
    return re.compile(rf"(?<![\w\-])(?P<name>{said}){_LINK}", re.IGNORECASE)


def marks(wanted: list[Wanted], heard: Heard) -> dict[int, int]:
    """Where properties are named: the start of each name, with the start of what follows it."""
    found: dict[int, int] = {}
    for one in wanted:
        for match in _expression(one.names).finditer(heard.plain):
            found[match.start()] = max(found.get(match.start(), 0), match.end())
    return found


def named(wanted: Wanted, heard: Heard, stops: dict[int, int], *, has_unit: bool) -> Named:
    """The value that follows the property's name."""
    found: list[Taken] = []
    for match in _expression(wanted.names).finditer(heard.plain):
        if stops.get(match.start(), 0) > match.end() and "=" not in match["link"]:
            continue  # the name of another begins here, and is longer
        said = (
            _several(wanted, heard, match, stops) if wanted.several else _single(wanted, heard, match, stops, has_unit)
        )
        if said is not None:
            found.append(Taken(said.value, said.text, match.start(), said.end, said.moving))
    if len({repr(taken.value) for taken in found}) > 1:
        return _together(found, heard) if wanted.several else CONTESTED
    return found[0] if found else _before(wanted, heard)


def _together(found: list[Taken], heard: Heard) -> Taken:
    """One list of several that were named: "with tag decision and with tag database"."""
    start, end = found[0].start, found[-1].end
    return Taken([value for taken in found for value in taken.value], heard.text[start:end], start, end)


def _before(wanted: Wanted, heard: Heard) -> Named:
    """The value that stands before the property's name, where it looks like no word: "the release/3.0 branch"."""
    if wanted.several:
        return _before_in_pairs(wanted, heard)
    if wanted.type != "string" or wanted.kind not in ("any", "id", "hash"):
        return None
    found = list(_reversed(wanted.names).finditer(heard.plain))
    if len(found) != 1:
        return CONTESTED if found else None
    said = found[0]["value"]
    start, end = found[0].span("value")
    return None if fault(said, wanted.schema, {}) else Taken(said, said, start, end)


def _before_in_pairs(wanted: Wanted, heard: Heard) -> Named:
    """Two values that stand before the property's name: "both the redis and the latency tag"."""
    found = _pair_before(wanted.names).search(heard.plain)
    if found is None:
        return None
    values = [as_type(found[name], wanted.type) for name in ("one", "other")]
    if any(fault(value, wanted.schema.get("items") or {}, {}) for value in values):
        return None
    return Taken(values, found.group(), found.start(), found.end())


@lru_cache(maxsize=8_192)
def _pair_before(names: tuple[str, ...]) -> re.Pattern[str]:
    said = "|".join(re.escape(name) + "s?" for name in names)
    word = r"#?([\w.\-]{1,60})"
    one, other = word.replace("(", "(?P<one>"), word.replace("(", "(?P<other>")
    return re.compile(rf"\bboth (?:the )?{one} and (?:the )?{other} (?:{said})(?!\w)", re.IGNORECASE)


@lru_cache(maxsize=8_192)
def _reversed(names: tuple[str, ...]) -> re.Pattern[str]:
    said = "|".join(re.escape(name) for name in names)
    return re.compile(
        rf"(?<![\w/])(?:the|a|my|our) (?P<value>\w[\w.]*[\d/\-][\w./\-]*) (?:{said})(?!\w)", re.IGNORECASE
    )


def _single(wanted: Wanted, heard: Heard, match: re.Match[str], stops: dict[int, int], has_unit: bool) -> Taken | None:
    at, plain = match.end(), heard.plain
    if plain[at] in SYMBOLS:
        at += 1
    standing = starting_at(heard.spans, at)
    for span in standing:
        taken = fit(wanted, span, has_unit=has_unit)
        if taken is not None:
            return taken
    explicit = match["link"].strip() in ("=", ":")
    if wanted.type == "boolean" or wanted.kind == "choice":
        return _word(wanted, plain, at)
    if wanted.type != "string" or wanted.kind not in (
        "any",
        "text",
        "free",
        "id",
        "hash",
        "branch",
        "channel",
        "place",
        "code",
        "path",
    ):
        return None
    if explicit and match["link"].strip() == ":" and wanted.kind in ("text", "free"):
        return _rest(heard, at, stops)
    word = _BARE.match(plain, at)
    if word is None or (not explicit and (standing or not _stands_alone(wanted, match, word, plain, stops))):
        return None
    said = word.group() if explicit and match["link"].strip() == "=" else word.group().rstrip(".:)")
    unfit = wanted.kind == "path" and said.casefold() in STOP_WORDS  # "in the repo: I have to see"
    return None if unfit or fault(said, wanted.schema, {}) else Taken(said, said, at, at + len(said))


def _stands_alone(wanted: Wanted, match: re.Match[str], word: re.Match[str], plain: str, stops: dict[int, int]) -> bool:
    """True where one bare word after a name is plainly its value: "table users", and then something else."""
    if wanted.kind not in ("any", "id", "channel", "hash", "branch") or match["name"].lower() in _PREPOSITIONS:
        return False
    telling = wanted.kind == "hash" or match["name"].lower() in ("commit", "revision")
    if telling and not wanted.several and not _TELLING.search(word.group()):
        return False
    follows = word.end() + (1 if plain[word.end() : word.end() + 1] == " " else 0)
    ends = _BOUNDARY.match(plain, word.end()) is not None or follows in stops or -follows in stops
    said = word.group().casefold().rstrip(".")
    free = match.end() not in stops and -match.end() not in stops
    return ends and free and said not in STOP_WORDS and said not in _NO_VALUE


def _rest(heard: Heard, at: int, stops: dict[int, int]) -> Taken | None:
    """A text after a colon, to the next name with a colon, a semicolon or the end."""
    until = min(
        (s for s, e in stops.items() if s > at and heard.plain[e - 2 : e].strip().endswith((":", "="))),
        default=len(heard.plain),
    )
    line = _LINE.match(heard.plain, at, until)
    if line is None:
        return None
    said = line.group().rstrip(" ,.;")
    for word in (" and", " with"):
        said = said.removesuffix(word).rstrip(" ,")
    return Taken(said, said, at, at + len(said)) if said else None


def _word(wanted: Wanted, plain: str, at: int) -> Taken | None:
    """A choice, or yes and no, that stands right there."""
    if wanted.type == "boolean":
        word = _BARE.match(plain, at)
        said = word.group().casefold().rstrip(".") if word else ""
        if said in _YES or said in _NO:
            return Taken(said in _YES, said, at, at + len(said))
        return None
    rest = plain[at : at + 100].casefold()
    for member in sorted(members(wanted), key=len, reverse=True):
        for spelt in (member.casefold(), member.casefold().replace("_", " ").replace("-", " ")):
            if rest.startswith(spelt) and not rest[len(spelt) : len(spelt) + 1].isalnum():
                return Taken(member, plain[at : at + len(spelt)], at, at + len(spelt))
    return None


def _several(wanted: Wanted, heard: Heard, match: re.Match[str], stops: dict[int, int]) -> Taken | None:
    """A list after a name: "labels bug, urgent and p1"."""
    at = end = match.end() + (1 if heard.plain[match.end() : match.end() + 1] in ("[", "(") else 0)
    if every := _EVERY.match(heard.plain, at):
        at = every.end()
    values: list[Any] = []
    while len(values) < 100:  # noqa: PLR2004 - members of a list that somebody says
        quoted = next((s for s in starting_at(heard.spans, at) if s.kind in ("quoted", "email", "url", "number")), None)
        item = _ITEM.match(heard.plain, at)
        many = values and _MANY.match(heard.plain, at)
        if quoted is not None and not many:
            value, stop = quoted.value, quoted.end
        elif item is not None and _is_item(item.group(1)) and not (values and (at in stops or many)):
            value, stop = item.group(1).rstrip("."), item.end()
        else:
            break
        value = as_type(value, wanted.type)
        if fault(value, wanted.schema.get("items") or {}, {}):
            return None
        values.append(value)
        end = stop
        joint = _BETWEEN.match(heard.plain, stop)
        if joint is None:
            break
        at = joint.end()
    ends = _BOUNDARY.match(heard.plain, end) is not None or "=" in match["link"] or ":" in match["link"]
    return Taken(values, heard.text[match.end() : end], match.end(), end) if values and ends else None


def _is_item(word: str) -> bool:
    """True for a word that may be a member of a list, and is no part of "ten at most" after it."""
    said = word.casefold()
    return said not in STOP_WORDS and said not in _NO_ITEMS and value_of(said) is None


def counted(wanted: Wanted, heard: Heard, *, has_unit: bool) -> Named:
    """A number before the word that the property counts: "5 results", "two adults"."""
    found = []
    for span in heard.spans:
        if span.kind in ("number", "worded") and span.noun and stem(span.noun) in wanted.nouns:
            taken = fit(wanted, span, has_unit=has_unit)
            if taken is None and span.kind == "number" and stem(span.noun) in COUNTED:
                return CONTESTED
            if taken is not None:
                end = max(taken.end, heard.plain.casefold().find(span.noun, span.end) + len(span.noun))
                found.append(replace(taken, text=heard.text[taken.start : end], end=end))
    return CONTESTED if len(found) > 1 else found[0] if found else None


_BOUND = (
    r"\b(?:at most|max(?:imum)?(?: of)?|cap(?:ped)? (?:it |them |that )?at|no more than|not more than|up to"
    r"|limit(?: of)?|top|first|last|latest|newest|most recent|give me|just(?: the)?|only(?: the)?)"
    r"\s(?P<number>{n})(?P<thousand>k)?\b(?!:|{u})",
    r"(?<![\w.])(?P<number>{n})(?: [a-z]{{1,20}})?,?"
    r" (?:at (?:the )?(?:very )?most|max(?:imum)?|tops|or (?:fewer|less))\b",
    r"(?<![\w.])(?<!\bat )(?<!\bby )(?P<number>{n})(?: [a-z]{{2,20}}){{0,2}} "
    r"(?:of them|(?:will|would) (?:do|suffice)|(?:is|are|would be) (?:fine|enough|plenty))\b",
    r"\bthe (?P<number>{n}) (?:most (?!of)[a-z]+|best|top|last|[a-z]{{3,10}}est)\b",
    r"[,;:]\s(?:(?:say|maybe|about|around|roughly)\s)?(?P<number>{n})[.!?\s]*$",
    r"[,;:]\s(?P<number>2[5-9]|[3-9]\d|\d{{3,7}})\sor\sso[.!?\s]*$",  # a lower one may be an hour
)
_DATED = frozenset(("date", "datetime", "time"))  # "up to 31 March" is no number of results
_LASTING = r"\s(?:seconds?|minutes?|hours?|days?|nights?|weeks?|months?|quarters?|years?)\b"
_MANY = re.compile(r"\d{1,7}(?: [a-z]{1,20})? (?:at (?:the )?(?:very )?most|max|tops|or fewer|or less)\b")
_BOUNDED = tuple(re.compile(form.format(n=rf"(?:\d{{1,7}}|{NUMERAL})", u=_LASTING), re.IGNORECASE) for form in _BOUND)


def bounded(wanted: Wanted, heard: Heard) -> Named:
    """A number that is said to be the most: "up to fifteen", "12 at most", "the latest 8"."""
    found = []
    for match in (m for form in _BOUNDED for m in form.finditer(heard.plain)):
        if any(s.kind in _DATED and s.start <= match.start("number") < s.end for s in heard.spans):
            continue
        said = match["number"]
        value = int(said) if said.isdigit() else value_of(said) or 0
        value *= 1_000 if match.groupdict().get("thousand") else 1
        if not fault(value, wanted.schema, {}):
            found.append(Taken(value, match.group(), match.start(), match.end()))
    return CONTESTED if len({t.value for t in found}) > 1 else found[0] if found else None


@lru_cache(maxsize=8_192)
def _switch(name: str) -> tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str]] | None:
    core = [w for w in words(name.replace("-", " ")) if w not in _MANNER and w != "exclude"]
    if not core:
        return None
    said = r"[\s_\-]".join(re.escape(word) for word in core) + "(?:s|ly)?"
    article = r"(?:the |any |an |a |its )?"
    manner = r"(?:include|including|show|showing|use|using|enable|allow|return)"
    without = rf"(?:without|no|not|non|exclude|excluding|skip|disable|don't {manner}|do not {manner})"
    off = rf"\b{without}[\s\-]{article}(?:{manner} )?{said}(?!\w)"
    on = rf"\b(?:{manner}|with|has|having|only|also)\s{article}{said}(?!\w)"
    return tuple(re.compile(e, re.IGNORECASE) for e in (off, on, rf"(?<![\w\-]){said}(?![\w\-])"))  # type: ignore[return-value]


def switched(wanted: Wanted, heard: Heard, *, bare: bool) -> Named:
    """Yes or no, as said: "include images", "without images"; with `bare`, also by its name alone: "recursive"."""
    expressions = _switch(wanted.path[-1])
    if expressions is None:
        return None
    off, on, alone = (expression.search(heard.plain) for expression in expressions)
    if off and on and not off.start() <= on.start() < off.end():
        return CONTESTED
    match = off or on or (alone if bare else None)
    if match is None:
        return None
    value = off is None
    if "exclude" in wanted.words:
        value = not value if (off or on) else value
    return Taken(value, match.group(), match.start(), match.end())
