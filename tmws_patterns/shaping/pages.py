"""Cutting an answer into pages of a few tokens each, so that nothing is lost between them.

A position is a path of indexes: which row or field, and inside it, where that one alone is over a
page, which row, field or character. `()` is the start. Pages read in order hold every scalar and
every character of the answer exactly once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from tmws_patterns.shaping.compaction import COLS, ROWS, columns, may_have_tables, tabled
from tmws_patterns.shaping.tokens import compact, count_tokens, truncate

Position = tuple[int, ...]

_LONGEST_TOKEN = 16  # characters a token on average; longer text is taken as over budget without counting it
_BREAKS = ("\n\n", "\n", ". ", " ")  # where a reader would cut, best first
_LEAST = 8  # tokens: below it a fragment is not worth starting


@dataclass(frozen=True, slots=True)
class Page:
    """A part of an answer as compact JSON text, its tokens, and where the next part begins (None: at the end)."""

    body: str
    tokens: int
    following: Position | None


def cut(data: Any, start: Position, max_tokens: int | None, *, tables: bool = False) -> Page:
    """The part of `data` from `start` that fits `max_tokens` (None: all the rest).

    A page always holds something, so that reading on always ends, even where one character is
    over the budget. With `tables`, rows of the same fields become tables where that costs fewer tokens, unless
    something else in the data could be taken for one.
    """
    tables = tables and may_have_tables(data)
    if max_tokens is None or (not start and _fits(compact(data), max_tokens)):
        return _page(_rest(data, start), None, tables)
    part, following = _Cutter(tables).take(data, start, max_tokens)
    return _page(part, following, tables)


def _page(part: Any, following: Position | None, tables: bool) -> Page:
    """The part in its shortest form."""
    forms = [compact(part)]
    if tables:
        forms.append(compact(tabled(part)))
    tokens, body = min(((count_tokens(form), form) for form in forms), key=itemgetter(0))
    return Page(body, tokens, following)


def _fits(text: str, budget: int) -> bool:
    return len(text) <= budget * _LONGEST_TOKEN and count_tokens(text) <= budget


def _as_it_is(item: Any) -> Any:
    return item


class _Cutter:
    """Takes what fits. `tables`: rows of the same fields cost what they cost in a table."""

    def __init__(self, tables: bool) -> None:
        self._tables = tables

    def take(self, data: Any, start: Position, budget: int) -> tuple[Any, Position | None]:
        """The part from `start` that fits, and where the next begins."""
        match data:
            case str():
                return _take_text(data, start, budget)
            case dict():
                names = list(data)
                kept: dict[str, Any] = {}
                following = self._items(
                    [data[n] for n in names],
                    start,
                    budget,
                    lambda i, v: kept.__setitem__(names[i], v),
                    label=lambda i: f"{compact(names[i])}:",
                )
                return kept, following
            case list():
                return self._rows(data, start, budget)
            case _:
                return data, None

    def _rows(self, data: list[Any], start: Position, budget: int) -> tuple[list[Any], Position | None]:
        rows: list[Any] = []
        form: Callable[[Any], Any]
        names = columns(data) if self._tables else None
        if names is not None and len(start) <= 1:
            budget = max(1, budget - count_tokens(compact({COLS: names, ROWS: []})))
            form = itemgetter(*names) if len(names) > 1 else lambda row: [row[names[0]]]
        else:
            form = _as_it_is
        return rows, self._items(data, start, budget, lambda _, v: rows.append(v), form=form)

    def _items(
        self,
        items: list[Any],
        start: Position,
        budget: int,
        keep: Callable[[int, Any], None],
        label: Callable[[int], str] = lambda _: "",
        form: Callable[[Any], Any] = _as_it_is,
    ) -> Position | None:
        """Pass what fits to `keep`, whole items as long as possible; returns where to go on.

        `label` stands before an item, `form` is what is written of it.
        """
        index, inner = (start[0], start[1:]) if start else (0, ())
        left = budget - 2  # the brackets
        empty = True
        for i in range(index, len(items)):
            item = items[i]
            text = "" if inner else f"{label(i)}{compact(form(item))},"
            if text and _fits(text, left):
                keep(i, item)
                left -= count_tokens(text)
            elif empty or (left >= _LEAST and not _fits(text, budget)):
                part, following = self.take(item, inner, max(1, left - count_tokens(label(i))))
                keep(i, part)
                if following is not None:
                    return (i, *following)
                left = 0
            else:
                return (i,)
            empty, inner = False, ()
        return None


def _take_text(text: str, start: Position, budget: int) -> tuple[str, Position | None]:
    begin = start[0] if start else 0
    rest = text[begin : begin + budget * _LONGEST_TOKEN]
    size = len(rest)
    for _ in range(8):  # escaping inside JSON costs tokens of its own: shrink until the quoted form fits
        piece = truncate(rest[:size], budget)
        cost = count_tokens(compact(piece))
        if cost <= budget or len(piece) <= 1:
            break
        size = max(1, len(piece) * budget // cost - 1)
    piece = piece or rest[:1]
    if begin + len(piece) >= len(text):
        return piece, None
    piece = _at_break(piece)
    return piece, (begin + len(piece),)


def _at_break(piece: str) -> str:
    """Shorten a piece to its last natural break, unless that would lose over half of it."""
    for mark in _BREAKS:
        end = piece.rfind(mark) + len(mark)
        if end > len(piece) // 2:
            return piece[:end]
    return piece


def _rest(data: Any, start: Position) -> Any:
    """Everything from `start` on, for callers who want no limit."""
    if not start:
        return data
    index, inner = start[0], start[1:]
    match data:
        case str():
            return data[index:]
        case dict():
            return dict(_rest_items(list(data.items()), index, inner))
        case list():
            return [value for _, value in _rest_items(list(enumerate(data)), index, inner)]
        case _:
            return data


def _rest_items(items: list[tuple[Any, Any]], index: int, inner: Position) -> Iterator[tuple[Any, Any]]:
    for i, (name, value) in enumerate(items[index:]):
        yield name, (_rest(value, inner) if i == 0 else value)
