"""A page of two halves, tool and memory: each gets its share of the budget, and what one does not need the other does.

A position holds one for each half: first its length and one more, 0 for a half that is read to its end, then itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tmws_patterns.shaping.compaction import may_have_tables
from tmws_patterns.shaping.pages import Page, Position, cut
from tmws_patterns.shaping.tokens import compact, count_tokens


def cut_halves(data: Mapping[str, Any], start: Position, max_tokens: int | None, *, tables: bool = False) -> Page:
    """The parts of all halves from `start` that fit `max_tokens` together (None: all the rest). See `cut`."""
    names = list(data)
    tables = tables and may_have_tables(data)
    places = _read(start, len(names)) if start else [()] * len(names)
    open_ones = [(name, place) for name, place in zip(names, places, strict=True) if place is not None]
    if max_tokens is None:
        return _together(names, {name: cut(data[name], place, None, tables=tables) for name, place in open_ones})
    left = max_tokens - count_tokens(compact(dict.fromkeys((name for name, _ in open_ones), 0)))
    pages: dict[str, Page] = {}
    # The one that needs least goes first, so that the others get what it leaves.
    rests = {name: cut(data[name], place, max(1, left), tables=tables).tokens for name, place in open_ones}
    for done, (name, place) in enumerate(sorted(open_ones, key=lambda half: rests[half[0]])):
        share = max(1, left // (len(open_ones) - done))
        pages[name] = cut(data[name], place, share, tables=tables)
        left -= pages[name].tokens
    return _together(names, pages)


def _together(names: Sequence[str], pages: Mapping[str, Page]) -> Page:
    """The parts as one page, in the order of the halves; those that are read to their end are not in it."""
    body = "{" + ",".join(f"{compact(name)}:{pages[name].body}" for name in names if name in pages) + "}"
    following = [pages[name].following if name in pages else None for name in names]
    return Page(body, count_tokens(body), _written(following) if any(f is not None for f in following) else None)


def _written(places: Sequence[Position | None]) -> Position:
    return tuple(n for place in places for n in ((0,) if place is None else (len(place) + 1, *place)))


def _read(position: Position, count: int) -> list[Position | None]:
    """The positions of so many halves. What is cut short stands for halves that are read."""
    found: list[Position | None] = []
    rest = position
    while len(found) < count:
        size = rest[0] if rest else 0
        found.append(rest[1:size] if size else None)
        rest = rest[max(1, size) :]
    return found
