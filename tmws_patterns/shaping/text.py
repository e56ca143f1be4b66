"""Parts of a text: lines by number or by what stands in them, its beginning, its end, its outline.

Line numbers count from 1. What is found by a regex, and an outline, name the line before a colon, so that the next
call can ask for the lines around it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from html.parser import HTMLParser

from tmws_patterns.errors import InvalidInput
from tmws_patterns.regex import compiled
from tmws_patterns.selection import read_form

END_LINES = 20  # of `head` and `tail` without a number
_WIDEST = 100  # characters of an outline's line
_MARKDOWN = re.compile(r"#{1,6}\s+\S")
_HTML = re.compile(r"<(?:!doctype html|html|head|title|h[1-6])\b", re.IGNORECASE)
_DEFINITION = re.compile(
    r"\s*(?:export |default |public |private |protected |static |abstract |async |final |pub |unsafe )*"
    r"(?:def|class|func|fn|function|interface|struct|enum|trait|impl|namespace|CREATE TABLE)\s+\S"
)
_LEAST_DEFINITIONS = 2
_FENCE = ("```", "~~~")


def part_of(text: str, said: str) -> str:
    """The part of a text that a form names; see selection.py.

    Raises:
        InvalidInput: the form cannot be read, or nothing is there.
    """
    end, count, first, dash, last, regex, any_case, around = read_form(said)
    lines = text.splitlines(keepends=True)
    if end:
        number = int(count or END_LINES)
        return "".join(lines[:number] if end == "head" else lines[max(0, len(lines) - number) :])
    if first:
        return _between(lines, int(first), int(last) if last else None if dash else int(first))
    return _matching(lines, regex, bool(any_case), int(around or 0)) if regex else outline(text)


def outline(text: str) -> str:
    """Headings of Markdown or HTML, definitions of source code, else the beginning of each paragraph, with lines."""
    lines = text.splitlines()
    found = _headings_of_html(text) if _HTML.search(text) else list(_headings(lines))
    if not found:
        found = [(i, line) for i, line in enumerate(lines, 1) if _DEFINITION.match(line)]
        found = found if len(found) >= _LEAST_DEFINITIONS else list(_paragraphs(lines))
    return "\n".join(f"{i}: {line.rstrip()[:_WIDEST]}" for i, line in found)


def _between(lines: Sequence[str], first: int, last: int | None) -> str:
    """Lines from the first to the last, both included; to the end for None."""
    if not 1 <= first <= len(lines) or (last is not None and last < first):
        raise InvalidInput(f"there are no lines {first} to {last or 'the end'}", hint=f"the text has {len(lines):,}")
    return "".join(lines[first - 1 : last])


def _matching(lines: Sequence[str], regex: str, any_case: bool, around: int) -> str:
    """Lines in which the regex is found, numbered, with so many around each."""
    search = compiled(regex, ignore_case=any_case).search
    hits = [i for i, line in enumerate(lines) if search(line.rstrip("\r\n"))]
    if not hits:
        raise InvalidInput(f"no line of {len(lines):,} matches /{regex[:200]}/", hint="outline shows what there is")
    said: list[str] = []
    shown, hit = -1, set(hits)
    for at in hits:
        first = max(shown + 1, at - around)
        if around and said and first > shown + 1:
            said.append("--")
        for i in range(first, min(len(lines), at + around + 1)):
            said.append(f"{i + 1}{':' if i in hit else '-'} {lines[i].rstrip()}")
            shown = i
    return "\n".join(said)


def _headings(lines: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Markdown's headings, those in fenced code left out; underlined ones too."""
    fenced = False
    for i, line in enumerate(lines, 1):
        fenced ^= line.lstrip().startswith(_FENCE)
        underlined = i < len(lines) and line.strip() and re.fullmatch(r"(?:={3,}|-{3,})\s*", lines[i])
        if not fenced and (_MARKDOWN.match(line) or (underlined and not line.startswith(("-", "=", "|")))):
            yield i, line


def _paragraphs(lines: Sequence[str]) -> Iterator[tuple[int, str]]:
    for i, line in enumerate(lines, 1):
        if line.strip() and (i == 1 or not lines[i - 2].strip()):
            yield i, line


class _Headings(HTMLParser):
    """Collects title and headings with their lines; a heading that never ends ends with the next."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[int, str]] = []
        self._inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del attrs
        if tag == "title" or re.fullmatch(r"h[1-6]", tag):
            self._inside = tag
            mark = "" if tag == "title" else "#" * int(tag[1])
            self.found.append((self.getpos()[0], f"{mark} ".lstrip()))

    def handle_endtag(self, tag: str) -> None:
        if tag == self._inside:
            self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside:
            line, said = self.found[-1]
            self.found[-1] = (line, said + data)


def _headings_of_html(text: str) -> list[tuple[int, str]]:
    parser = _Headings()
    parser.feed(text)
    return [(line, " ".join(said.split())) for line, said in parser.found if said.strip("#").strip()]
