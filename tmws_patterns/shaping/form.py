"""How the pages of one answer are made: what is chosen of it, in which form, and how much of it at once.

The same form makes every page of an answer, so it travels with what is kept for a cursor.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from tmws_patterns.errors import InvalidInput
from tmws_patterns.shaping.compaction import folded
from tmws_patterns.shaping.halves import cut_halves
from tmws_patterns.shaping.pages import Page, Position, cut
from tmws_patterns.shaping.select import chosen
from tmws_patterns.shaping.shape import shape

_HALVES = ("tool", "memory")


class FirstPage(NamedTuple):
    """The first page of an answer; `note` is what could not be done, `shape` what there is to select from a long one.

    `selected` is False where the whole answer is shown because nothing of what was asked for is in it.
    """

    page: Page
    note: str | None = None
    shape: str | None = None
    selected: bool = True


class Form(NamedTuple):
    """How an answer becomes pages.

    Attributes:
        budget: o200k tokens of a page, None for all at once.
        tables: whether rows of the same fields may be tables.
        lossy: whether what is empty or repeated is left out.
        hybrid: True for an answer with a tool and a memory half.
    """

    select: tuple[str, ...] = ()
    budget: int | None = None
    tables: bool = False
    lossy: bool = False
    hybrid: bool = False

    def first(self, data: Any, *, strict: bool) -> FirstPage:
        """The first page. Where `strict` is False, what was selected and is not there is told in a note.

        Raises:
            InvalidInput: what was selected is not there, or cannot be read.
        """
        note, selected = None, True
        try:
            found = chosen(data, self.select)
        except InvalidInput as exc:
            if strict:
                raise
            found, note, selected = data, f"{exc.message}; {exc.hint}", False
        page = self._cut(found, ())
        is_cut = page.following is not None and not self.select
        return FirstPage(page, note, shape(found) if is_cut else None, selected)

    def later(self, data: Any, start: Position) -> Page:
        """The page that begins at a position of what was chosen of the same answer."""
        return self._cut(chosen(data, self.select), start)

    def _cut(self, data: Any, start: Position) -> Page:
        if self.lossy:
            data = folded(data)
        if self.hybrid and _is_halves(data) and (start or self.budget is not None):
            return cut_halves(data, start, self.budget, tables=self.tables)
        return cut(data, start, self.budget, tables=self.tables)


def _is_halves(data: Any) -> bool:
    return isinstance(data, Mapping) and all(name in data for name in _HALVES)
