"""The index as one process sees it: segments of the database, and in memory what no segment holds yet.

Each search first asks what is new, so that it finds what any process has stored a moment ago. keeping.py makes
segments of what has gathered.
"""

from __future__ import annotations

import logging
import math
import random
from collections.abc import Iterable, Sequence

import anyio
import numpy as np

from tmws_patterns.call import Scope
from tmws_patterns.errors import StoreUnavailable
from tmws_patterns.memory.index.keeping import LARGER, Keeper, View, joinable
from tmws_patterns.memory.index.looking import Asked, Finer, look, sees
from tmws_patterns.memory.index.ranking import Ranked
from tmws_patterns.memory.index.scratch import Scratches
from tmws_patterns.memory.index.segment import Codes, Damaged, Encoder, Head, Places
from tmws_patterns.ports import IndexRows, IndexSegment, IndexState

_LOG = logging.getLogger(__name__)

FULL = 1_024  # memories without a segment from which on one is made of them
QUIET = 30.0  # seconds without so many, after which segments are joined
_PORTION = 8_192  # memories read at once
_RETRY = 5.0  # seconds after an outage
_SPREAD = 0.5  # seconds in which processes that see the same begin one after another
_TRIES = 4  # views that may turn out to be damaged or replaced while they are used
_MOST_GONE = 100_000  # deleted memories that are remembered until their segments are made anew


class MemoryIndex:
    """Finds memories by their words. Shared by all tasks of an event loop; `run` belongs in a background task.

    All methods may raise StoreUnavailable.
    """

    def __init__(self, rows: IndexRows, encoder: Encoder) -> None:
        self._rows = rows
        self._encoder = encoder
        self._keeper = Keeper(rows, encoder)
        self._scratches = Scratches()
        self._view = View()
        self._version: object = None
        self._refreshing = anyio.Lock(fast_acquire=True)  # mostly there is nothing to wait for
        self._full = anyio.Event()
        self._gone = _ascending(())

    async def search(self, asked: Asked) -> list[Ranked]:
        """The candidates for a question, best first: at most twice `asked.most`, and those by a finer encoder."""
        for _ in range(_TRIES):
            view = await self._refreshed()
            try:
                return await look(self._keeper, view, asked, self._gone, self._scratches)
            except Damaged as exc:
                await self._mend(view, exc)
        raise StoreUnavailable("the index of memories changes too often to be read", hint="try again in a moment")

    def asked(
        self,
        words: Sequence[int],
        text: str,
        scope: Scope,
        count: int,
        only: Sequence[int] | None = None,
        finer: Finer | None = None,
    ) -> Asked:
        """A question for `search`: the codes of its words, and the text whose meaning counts.

        `only` are the numbers of the memories in question; None is all that the scope sees.
        """
        vector = self._encoder.encode_all([text])[0]
        numbers = None if only is None else _ascending(only)
        return Asked(_distinct(words), vector, scope, count, numbers, finer=finer)

    def of_words(self, words: Sequence[int], scope: Scope, count: int, least: float) -> Asked:
        """A question for `search` of which words alone decide, `least` being the coverage that is of use."""
        return Asked(_distinct(words), None, scope, count, None, least)

    async def heads(self) -> list[Head]:
        """What is known of each segment without reading it."""
        return [part.head for part in (await self._refreshed()).parts]

    async def agents(self, scope: Scope) -> frozenset[str]:
        """The owners of what the scope sees."""
        view = await self._refreshed()
        owners = (owner for part in view.parts for owner in part.head.owners)
        return frozenset(owner.agent for owner in owners if sees(scope, owner))

    async def existing(self, numbers: Sequence[int]) -> set[int]:
        """Which of the numbers are those of a memory."""
        return await self._rows.existing(numbers)

    async def look_after(self, numbers: Sequence[int]) -> None:
        """Leave out from now on those of some memories that are deleted, until their segments are made anew."""
        if numbers and (gone := set(numbers) - await self._rows.existing(numbers)):
            known = self._gone if len(self._gone) < _MOST_GONE else _ascending(())
            self._gone = np.union1d(known, _ascending(gone))

    async def catch_up(self) -> None:
        """Make segments of what has none, if that is much: after an import, say. Searches go on meanwhile."""
        view = await self._refreshed()
        if view.unstored >= FULL:
            await self._join(view, LARGER)

    async def settle(self) -> None:
        """Join segments that one can hold: every search goes through each."""
        if joinable(self._view, math.inf) > 1:  # as it was at the last search: who never searches has nothing to do
            view = await self._refreshed()
            if joinable(view, math.inf) > 1:  # else another process has joined them
                await self._join(view, math.inf)

    async def _join(self, view: View, larger: float) -> None:
        try:
            await self._keeper.store(view, larger)
        except Damaged as exc:  # in what the new ones were to be joined with; the next time it is whole
            await self._mend(view, exc)
            self._full.set()

    async def rebuild(self) -> None:
        """Make the whole index anew from the memories."""
        async with self._refreshing:
            await self._rows.clear()
            self._view, self._version = View(), None
            await self._refresh()
            await self._store(math.inf)

    async def run(self) -> None:
        """Make segments of what has gathered, and in quiet times one of several, until cancelled."""
        while True:
            with anyio.move_on_after(QUIET):
                await self._full.wait()
            await anyio.sleep(random.uniform(0, _SPREAD))  # noqa: S311 - spreads processes, guards nothing
            work = self.catch_up if self._full.is_set() else self.settle
            self._full = anyio.Event()
            try:
                await work()
            except StoreUnavailable as exc:
                _LOG.info("the index waits for the database: %s", exc)
                await anyio.sleep(_RETRY)

    async def _refreshed(self) -> View:
        async with self._refreshing:
            await self._refresh()
            if self._view.unstored >= FULL:
                self._full.set()
            return self._view

    async def _refresh(self) -> None:
        """Bring the view up to date. Of very many new memories segments are made on the way."""
        version = await self._rows.version()
        if version == self._version:
            return
        while True:
            state = await self._rows.state(self._view.last, _PORTION)
            if lost := _lost(state.segments, self._view):
                await self._restore(lost)
                continue
            try:
                self._view = await self._with(state)
            except Damaged as exc:
                await self._mend(self._view, exc)
                continue
            if len(state.recent) < _PORTION:
                self._version = version  # as it was before: what came meanwhile is looked for by the next
                return
            await self._store()

    async def _with(self, state: IndexState) -> View:
        stored = await self._keeper.parts(state.segments)
        covered = stored[-1].place.last if stored and stored[-1].place else 0
        return await self._keeper.grown(self._view, stored, covered, await self._keeper.cut(state.recent))

    async def _store(self, larger: float = LARGER) -> None:
        """Make one segment of all that has none, joined with those before it: see Keeper.store."""
        try:
            await self._keeper.store(self._view, larger)
            self._view = await self._with(await self._rows.state(self._view.last, 0))
        except Damaged as exc:
            await self._mend(self._view, exc)

    async def _restore(self, lost: Sequence[tuple[int, int]]) -> None:
        """Make segments anew that somebody has taken away, or forget what the last of them held."""
        _LOG.warning("the index of memories lacks parts: they are made anew from the memories")
        for first, last in lost:
            if last:
                await self._keeper.fill(first, last, self._view.average)
        self._view = View()

    async def _mend(self, view: View, damage: Damaged) -> None:
        """Make a damaged segment anew, unless another process has replaced it meanwhile."""
        self._version = None  # another process may have begun to make the whole index anew
        state = await self._rows.state(view.last, 0)
        for place in state.segments:
            if place.id == damage.segment:
                _LOG.warning("the index of memories is damaged (%s): it is made anew from the memories", damage)
                await self._keeper.mend(place, view.average)


def _lost(places: Sequence[IndexSegment], view: View) -> list[tuple[int, int]]:
    """(first, last) of the numbers that segments ought to hold and none does; last 0 for those after all segments."""
    found, following = [], 0
    for place in places:
        if place.first > following:
            found.append((following, place.first - 1))
        following = place.last + 1
    before = view.stored[-1].place if view.stored else None
    if before is not None and before.last >= following:
        found.append((following, 0))
    return found


def _distinct(words: Iterable[int]) -> Codes:
    return np.array(list(dict.fromkeys(words)), np.uint64)


def _ascending(numbers: Iterable[int]) -> Places:
    return np.array(sorted(numbers), np.int64)
