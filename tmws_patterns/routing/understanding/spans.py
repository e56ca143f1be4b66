"""The values that stand in a sentence, found once: what each is by its form, and where it stands.

Nothing here knows what a value is for; that is `assignment`'s. Every expression has bounded
repetitions and is anchored to the start of a word, so that the time is linear in the sentence.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import pairwise
from typing import Any

from tmws_patterns.routing.text import STOP_WORDS
from tmws_patterns.routing.understanding.dates import MOMENT, Moment, join, read
from tmws_patterns.routing.understanding.numerals import NUMERAL, value_of
from tmws_patterns.routing.understanding.sums import sums
from tmws_patterns.routing.understanding.units import CURRENCIES, SYMBOLS, UNITS

LONGEST_READ = 2_000  # characters outside quotes in which values are looked for: what follows is a text, not a request
_LONGEST_VALUE = 200  # characters of a path or an id
_MOST = 120  # values of one sentence: more of them are data, and each is held against each property

_QUOTED = re.compile(
    r"\"([^\"]{1,20000})\"|“([^“”]{1,20000})”|«([^«»]{1,20000})»|`([^`]{1,20000})`"
    r"|(?<![\w'])'([^'\s](?:[^'\n]|(?<=\w)'(?=\w)){0,2000}?)'(?!\w)|(?<!\w)‘([^‘’]{1,2000})’(?!\w)"
)
UNENDED = "(?:Make|Docker|Jenkins|Proc|Gem|Vagrant|Rake)file|README|LICENSE|CHANGELOG"  # files without an ending
_TLD = "com|org|net|io|dev|ai|gov|edu|info|eu|uk|de|fr|jp|ch|nl"
_FORMS = re.compile(
    rf"""(?<![\w@\x00])(?:
      (?P<url>(?:https?|ftp|file|ssh|wss?)://[^\s<>"'`]{{1,2000}})
    | (?P<email>[A-Za-z0-9][\w.%+\-]{{0,63}}@[A-Za-z0-9](?:[\w\-]{{0,62}}\.){{1,5}}[A-Za-z]{{2,12}}\b)
    | (?P<uuid>[0-9a-fA-F]{{8}}-(?:[0-9a-fA-F]{{4}}-){{3}}[0-9a-fA-F]{{12}}\b)
    | (?P<drive>[A-Za-z]:\\[^\s"'<>|?*]{{1,400}})
    | (?P<path>(?<![+±])(?:~|\.{{1,2}})?/[\w.\-/+@*]{{1,400}}|(?<![^\s"'`(\[])\.{{1,2}}(?=\s|$)
        |[\w\-][\w.\-]{{1,60}}/(?=[\s,;)]|$))
    | (?P<revision>(?<=\s)(?:main|master|develop|trunk)(?:[~^]\d{{0,4}}){{0,4}}(?![\w.\-/])
        |(?:ORIG_)?HEAD(?:[~^]\d{{0,4}}){{0,4}}(?!\w))
    | (?P<ip>\d{{1,3}}(?:\.\d{{1,3}}){{3}}(?![\w.]))
    | (?P<version>v\d{{1,6}}(?:\.\d{{1,6}}){{0,3}}(?:-[\w.]{{1,30}})?(?!\w)
        |\d{{1,6}}\.\d{{1,6}}\.\d{{1,6}}(?:[\-+][\w.\-]{{1,40}})?(?![\w.]*\d))
    | (?P<site>(?:[A-Za-z0-9][A-Za-z0-9\-]{{0,62}}\.){{1,4}}(?:{_TLD})(?:/[^\s<>"'`]{{0,400}})?(?![\w\-]))
    | (?P<file>[\w\-][\w\-.]{{0,100}}\.[A-Za-z][A-Za-z0-9]{{0,4}}(?![\w/])
        |(?:{UNENDED})(?![\w/.\-]))
    | (?P<pair>[A-Za-z0-9_][\w.\-]{{0,100}}(?:/[\w.\-]{{1,100}}){{1,8}}(?![\w/]))
    | (?P<size>\d{{1,6}}(?:\sx\s|x|×|\s×\s)\d{{1,6}}\b)
    | (?P<key>[A-Z][A-Z0-9]{{1,9}}-\d{{1,8}}\b)
    | (?P<hash>(?=[0-9a-f]{{0,39}}\d)(?=[0-9]{{0,39}}[a-f])[0-9a-f]{{7,64}}\b|0x[0-9a-fA-F]{{1,64}}\b)
    | \#(?P<issue>\d{{1,9}}\b)
    | (?P<tag>\#[A-Za-z][\w\-]{{0,60}})
    )""",
    re.VERBOSE,
)
_NUMBER = re.compile(
    r"(?:(?<![\w.,#@/:\-])|(?<=[=:(\s]-)|(?<=^-)|(?<=[$€£¥]))(?<![\d][.,])"
    r"(?P<digits>\d{1,3}(?:,\d{3}){1,5}(?:\.\d{1,15})?|\d{1,18}(?:\.\d{1,15})?|\.\d{1,15})(?P<thousand>k\b)?"
    r"(?![\d:]|[.,/\-]\d|st\b|nd\b|rd\b|th\b)(?:\s?(?P<unit>km/h|%|°\s?[CF]\b|[A-Za-zµ]{1,14}\b))?"
)
_NOUN = re.compile(
    r"\s(?:(?:more|last|first|new|next|most|latest|recent|important|top|other|stored|saved|remembered|kept|[a-z]{2,12}est)\s){0,2}([A-Za-z]{2,20})\b"
)
_WORDED = re.compile(
    rf"(?<![\w\-])({NUMERAL})\s(?:of\sthe\s)?(?:(?:most|latest|recent|important|top|other|stored|saved|remembered|kept|[a-z]{{2,12}}est)\s){{0,2}}"
    rf"([A-Za-z]{{2,20}})(?!\w)",
    re.IGNORECASE,
)
_NAME = re.compile(
    r"(?<![\w'’#@/.])[^\W\d_a-z][\w'’]{1,40}(?:-[\w'’]{1,40}){0,5}(?:(?<![\w'’]{4})\.)?"
    r"(?:\s(?:(?:of|de|da|do|la|le|van|von|der|den|al)\s){0,2}[^\W\d_a-z][\w'’]{1,40}(?:-[\w'’]{1,40}){0,3}){0,4}"
)
_CODE = re.compile(r"(?<![\w\-/.$])[A-Z]{2,5}(?![\w\-/])")
_TOKEN = re.compile(
    r"(?<![\w./@:\-])(?=[\w\-]{0,39}\d)(?=[\w\-]{0,39}[A-Za-z])[A-Za-z0-9][\w\-]{1,39}(?:\.\d{1,6}){0,3}(?![\w/@:\-]|\.\w)"
)
_NO_NAME = frozenset(
    """got i i'm i'd i've monday tuesday wednesday thursday friday saturday sunday january february march april may june
    july august september october november december am pm mr mrs please celsius fahrenheit utc gmt""".split()
)
_JOINTS = frozenset(("at", ",", "on", ", at", "@", "", "from", ", on"))  # what stands between a date and its time


@dataclass(frozen=True, slots=True)
class Span:
    """A value of one kind at one place (characters of the sentence).

    Attributes:
        unit: of a number, as it was said; "" for none.
        noun: the word that a number counts, folded; "" for none.
        moving: True where another today would make it another value.
        whole: the end with the unit, where a number has one.
    """

    kind: str
    value: Any
    start: int
    end: int
    text: str
    unit: str = ""
    noun: str = ""
    moving: bool = False
    whole: int = 0


@dataclass(slots=True)
class Heard:
    """A sentence with its spans in order. `plain` is the sentence with what is quoted blanked out.

    `roles` remembers what roles.py found of a span, by its kind, start and end.
    """

    text: str
    plain: str
    spans: list[Span] = field(default_factory=list)
    roles: dict[tuple[str, int, int], str] = field(default_factory=dict)


def find_spans(sentence: str, today: date) -> Heard:
    """Every value in the sentence, also those that lie within another (a date within a date with its time)."""
    quoted = list(_quoted(sentence))
    heard = Heard(sentence, _without(sentence, quoted))
    heard.plain = plain = heard.plain[: LONGEST_READ + sum(s.end - s.start for s in quoted)]
    forms = list(_forms(plain))
    rest = _without(plain, forms)
    moments = list(_moments(rest, today))
    bare = _without(rest, moments)
    numbers = [*_numbers(bare), *_expressions(plain), *_tokens(plain)]
    names = list(_names(_without(bare, [s for s in numbers if s.kind == "number"])))
    found = sorted(
        [*quoted, *_within(quoted), *forms, *_joined(plain, moments), *numbers, *names], key=lambda s: (s.start, -s.end)
    )
    heard.spans = found[:_MOST]
    return heard


def _without(text: str, spans: list[Span]) -> str:
    """The text with spans blanked out, so that nothing is found in them again."""
    pieces, at = [], 0
    for span in sorted(spans, key=lambda s: s.start):
        if span.start >= at:
            pieces += [text[at : span.start], "\x00" * (span.end - span.start)]
            at = span.end
    return "".join([*pieces, text[at:]])


def _quoted(text: str) -> Iterator[Span]:
    for match in _QUOTED.finditer(text):
        inside = next(filter(None, match.groups()))
        if inside.strip():
            yield Span("quoted", inside, match.start(), match.end(), match.group())


def _within(quoted: list[Span]) -> Iterator[Span]:
    """What the quotes hold, where that is one value: the file of "src/app.py"."""
    for quote in quoted:
        for span in _forms(quote.value) if len(quote.value) <= _LONGEST_VALUE else ():
            if (span.start, span.end) == (0, len(quote.value)):
                yield replace(span, start=quote.start, end=quote.end)


def _forms(text: str) -> Iterator[Span]:
    for match in _FORMS.finditer(text):
        kind = match.lastgroup or ""
        value = match.group(kind)
        if kind in ("url", "path", "site", "drive", "pair") and len(value) > 1:
            value = value.rstrip(".,;:!?)]}'") or value
        if kind == "file" and len(value.replace(".", "")) <= 2:  # noqa: PLR2004 - "e.g" and "i.e" are no files
            continue
        end = match.start() + len(value) + (1 if kind == "issue" else 0)
        kind = {"drive": "path", "file": "path"}.get(kind, kind)
        meant = int(value) if kind == "issue" else f"https://{value}" if kind == "site" else value
        yield Span(kind, meant, match.start(), end, text[match.start() : end])


def _moments(text: str, today: date) -> Iterator[Span]:
    for match in MOMENT.finditer(text):
        if (found := read(match, today)) is not None:
            yield Span(found.kind, found.value, match.start(), match.end(), match.group(), moving=found.moving)


def _joined(text: str, moments: list[Span]) -> Iterator[Span]:
    """Dates and times, and each date with the time beside it as one more."""
    yield from moments
    for one, other in pairwise(moments):
        if text[one.end : other.start].strip().lower() in _JOINTS:
            both = join(Moment(one.kind, one.value, one.moving), Moment(other.kind, other.value, other.moving))
            if both:
                where = text[one.start : other.end]
                yield Span("datetime", both.value, one.start, other.end, where, moving=both.moving)


def _numbers(text: str) -> Iterator[Span]:
    taken: list[int] = []
    for match in _NUMBER.finditer(text):
        start, end = match.span("digits")
        negative = start > 0 and text[start - 1] == "-"
        before = start - negative - 1
        symbol = text[before] if before >= 0 and text[before] in SYMBOLS else ""
        digits = match.group("digits").replace(",", "")
        value: float = float(digits) if "." in digits else int(digits)
        if match.group("thousand"):
            value, end = value * 1000, match.end("thousand")
        unit = (match.group("unit") or "").replace(" ", "")
        known = unit in CURRENCIES or unit.casefold() in UNITS
        after = _NOUN.match(text, end)
        noun = "" if after is None else after.group(1).casefold()
        start -= negative
        whole = match.end() if known else end
        said = text[start - bool(symbol) : whole]
        taken.append(start)
        value = -value if negative else value
        yield Span("number", value, start, end, said, unit if known else symbol, noun, whole=whole)
        if symbol and SYMBOLS[symbol]:
            yield Span("currency", SYMBOLS[symbol], start - 1, start, symbol)
        if known and unit not in CURRENCIES:
            yield Span("unit", unit, match.start("unit"), match.end("unit"), unit)
    for match in _WORDED.finditer(text):
        count = value_of(match.group(1))
        unit = match.group(2) if match.group(2).casefold() in UNITS else ""
        yield Span(
            "worded", count, match.start(1), match.end(1), match.group() if unit else match.group(1),
            unit, match.group(2).casefold(), whole=match.end(2) if unit else match.end(1),
        )  # fmt: skip


def _expressions(text: str) -> Iterator[Span]:
    for found in sums(text):
        yield Span("expression", found.value, found.start, found.end, text[found.start : found.end])


def _tokens(text: str) -> Iterator[Span]:
    """Words with digits in them, such as ids."""
    for match in _TOKEN.finditer(text):
        yield Span("token", match.group(), match.start(), match.end(), match.group())


def _names(text: str) -> Iterator[Span]:
    """Capitalised words, and codes in capitals. The first word of a sentence is told by its start alone."""
    codes = {}
    for match in _CODE.finditer(text):
        codes[match.start()] = match.end()
        kind = "currency" if match.group() in CURRENCIES else "code"
        yield Span(kind, match.group(), match.start(), match.end(), match.group())
    for match in _NAME.finditer(text):
        said = match.group().removesuffix(".")
        for word in ("'s", "’s"):
            said = said.removesuffix(word)
        if (
            codes.get(match.start()) == match.start() + len(said)
            or said.casefold() in _NO_NAME
            or said.casefold() in STOP_WORDS
        ):
            continue
        yield Span("name", said, match.start(), match.start() + len(said), said)


def starting_at(spans: list[Span], position: int) -> list[Span]:
    """The spans that start there, the longest first."""
    i = bisect_left(spans, position, key=lambda s: s.start)
    found = []
    while i < len(spans) and spans[i].start == position:
        found.append(spans[i])
        i += 1
    return found
