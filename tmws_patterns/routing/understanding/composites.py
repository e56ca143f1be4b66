"""Values that fill several properties at once, and several that fill one.

Owner and repository, a link to an issue, coordinates, a size; a file as it was at a revision.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from tmws_patterns.routing.understanding.fitting import Taken
from tmws_patterns.routing.understanding.schemas import fault
from tmws_patterns.routing.understanding.spans import UNENDED, Span
from tmws_patterns.routing.understanding.wanted import Wanted

_FORGE = re.compile(
    r"https?://(?:www\.)?(?:github|gitlab)\.com/([\w.\-]{1,100})/([\w.\-]{1,100})(?:/(?:-/)?(\w{1,20})/(\d{1,9}))?"
)
_OWNERS = frozenset("owner org organization organisation user username".split())
_REPOSITORIES = frozenset("repo repository project".split())
_AT_REVISION = re.compile(r"<revision>\s?:\s?<path>")  # as a description says that both are wanted in one
_REVISIONS = frozenset(("revision", "hash", "version", "pair"))
_FILE_NAME = re.compile(rf"(?:^|/)(?:[\w\-.]*\.[A-Za-z]\w{{0,5}}|{UNENDED})$")
_BEFORE_A_REVISION = re.compile(
    r"\b(?:at|on|in|of|from|as of|back at|under) (?:the )?(?:commit |revision |tag |branch |version )?$", re.IGNORECASE
)
_MARKS = {"issues": "issue", "pull": "pull", "merge": "merge"}
_COMMA = re.compile(r"\s?,\s?")

Found = dict[tuple[str, ...], Taken]


def compose(open_ones: Sequence[Wanted], spans: Sequence[Span], plain: str, *, bold: bool) -> Found:
    """Values by property. Nothing where the sentence has two of a sort."""
    found: Found = {}
    for some in (list(_repositories(open_ones, spans, bold=bold)), list(_pairs(open_ones, spans, plain))):
        if len(some) == 1:
            found |= some[0]
    return found


def files_of_revisions(open_ones: Sequence[Wanted], spans: Sequence[Span], plain: str) -> Found:
    """<revision>:<path> where one file is asked for as it was at one revision."""
    wanted = next((w for w in open_ones if _AT_REVISION.search(str(w.schema.get("description")))), None)
    files = [s for s in spans if s.kind in ("path", "pair") and _FILE_NAME.search(s.text) and s.text[0] not in "/~"]
    revisions = [
        s for s in spans if s.kind in _REVISIONS and s not in files and _BEFORE_A_REVISION.search(plain, 0, s.start)
    ]
    if wanted is None or len(files) != 1 or len(revisions) != 1:
        return {}
    file, revision = files[0], revisions[0]
    return {wanted.path: Taken(f"{revision.text}:{file.text}", f"{file.text}, {revision.text}", file.start, file.end)}


def _repositories(open_ones: Sequence[Wanted], spans: Sequence[Span], *, bold: bool) -> Iterator[Found]:
    owner = next((w for w in open_ones if w.words & _OWNERS and w.type == "string" and (w.required or bold)), None)
    repository = next(
        (w for w in open_ones if w.words & _REPOSITORIES and w.type == "string" and w.kind != "path"), None
    )
    if repository is None:
        return
    for span in spans:
        parts = span.value.split("/") if span.kind == "pair" else []
        match = _FORGE.match(span.value) if span.kind == "url" else None
        if match is not None:
            parts = [match.group(1), match.group(2).removesuffix(".git")]
        if len(parts) != 2:  # noqa: PLR2004 - owner and name
            continue
        if owner is None:
            yield {repository.path: _part("/".join(parts), span)}
            continue
        found = {owner.path: _part(parts[0], span), repository.path: _part(parts[1], span)}
        if match is not None and match.group(4):
            kind = _MARKS.get(match.group(3), "")
            number = next((w for w in open_ones if w.type in ("integer", "number") and kind in w.words), None)
            if number is not None:
                found[number.path] = _part(int(match.group(4)), span)
        yield found


def _pairs(open_ones: Sequence[Wanted], spans: Sequence[Span], plain: str) -> Iterator[Found]:
    """Latitude and longitude, width and height."""
    numbers = [w for w in open_ones if w.type in ("integer", "number")]
    by_word = {word: w for w in numbers for word in w.words}
    latitude = by_word.get("latitude") or by_word.get("lat")
    longitude = by_word.get("longitude") or by_word.get("lon") or by_word.get("lng")
    width, height = by_word.get("width"), by_word.get("height")
    for one, other in pairwise(spans):
        beside = one.kind == other.kind == "number" and _COMMA.fullmatch(plain[one.end : other.start])
        if latitude and longitude and beside and not one.unit + other.unit:
            yield from _both(latitude, one.value, longitude, other.value, one, other)
    for span in spans:
        if width and height and span.kind == "size":
            first, second = (int(n) for n in re.findall(r"\d+", span.value))
            yield from _both(width, first, height, second, span, span)


def _both(a: Wanted, x: float, b: Wanted, y: float, one: Span, other: Span) -> Iterator[Found]:
    if not fault(x, a.schema, {}) and not fault(y, b.schema, {}):
        yield {a.path: _part(x, one), b.path: _part(y, other)}


def _part(value: object, span: Span) -> Taken:
    return Taken(value, span.text, span.start, span.end)
