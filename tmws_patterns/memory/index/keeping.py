"""Segments as they come and go: read from the database, made of new memories, joined, and mended.

What has no segment yet is held in memory by small segments, of which only the last changes.
Whoever is first to make a segment does it for all processes; the others find theirs refused, and look again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

import numpy as np
from anyio import to_thread

from tmws_patterns.memory.index import segment as segments
from tmws_patterns.memory.index.recent import RecentLists
from tmws_patterns.memory.index.segment import (
    CHUNK,
    ENTRY,
    FIRST_VECTORS,
    LARGEST,
    NOTHING,
    VECTORS,
    Damaged,
    Encoder,
    Entries,
    Head,
    Indexed,
    Owner,
    Places,
    Posting,
    Segment,
)
from tmws_patterns.memory.index.terms import codes
from tmws_patterns.ports import IndexRows, IndexSegment, Unindexed
from tmws_patterns.quantized import Quantized, quantized

YOUNG, YOUNGEST = 128, 16  # memories: the latter are quickly put together
HELD = 32 * 2**20  # bytes of vectors that a process keeps in memory: those of some 130,000 memories
_IN_THREAD = 256  # memories whose words are not cut on the event loop
LARGER = 2  # times as many memories an earlier segment may have to be joined with what is new, while much is stored

Ranges = Sequence[tuple[int, int]]


class Part(NamedTuple):
    """A segment: one of the database, whose lists and vectors are read when they are needed, or one in memory."""

    head: Head
    place: IndexSegment | None = None
    whole: Segment | None = None


@dataclass(frozen=True, slots=True)
class View:
    """The index at one moment: the segments of the database, and the memories that they do not hold yet."""

    stored: tuple[Part, ...] = ()
    recent: tuple[Indexed, ...] = ()
    young: tuple[Part, ...] = ()
    average: float = field(default=1.0)
    """Words of a memory."""

    @property
    def parts(self) -> tuple[Part, ...]:
        """All segments by the numbers of their memories."""
        return self.stored + self.young

    @property
    def last(self) -> int:
        """The highest number that is known; 0 for none."""
        if self.recent:
            return self.recent[-1].number
        return self.stored[-1].place.last if self.stored and self.stored[-1].place else 0

    @property
    def unstored(self) -> int:
        """Memories that no segment of the database holds."""
        return len(self.recent)


class Keeper:
    """Reads and writes the segments of one database."""

    def __init__(self, rows: IndexRows, encoder: Encoder) -> None:
        self._rows = rows
        self._encoder = encoder
        self._parts: tuple[Part, ...] = ()
        self._held: dict[int, Quantized] = {}
        self._recent = RecentLists()

    async def cut(self, memories: Sequence[Unindexed]) -> list[Indexed]:
        """The words of some memories, and what they mean."""
        if len(memories) > _IN_THREAD:
            return await to_thread.run_sync(self._cut, memories)
        return self._cut(memories)

    async def grown(self, view: View, stored: tuple[Part, ...], covered: int, new: Sequence[Indexed]) -> View:
        """The view with these segments of the database, which hold all up to the number `covered`, and new memories."""
        if stored is view.stored and not new:
            return view
        recent = tuple(memory for memory in (*view.recent, *new) if memory.number > covered)
        same = bool(view.recent and recent) and recent[0].number == view.recent[0].number
        known = {span: part for span, part in zip(_spans(len(view.recent)), view.young, strict=True) if same}
        average = _average([*stored, *view.young], new)
        build = partial(self._young, recent, average, known)
        young = await to_thread.run_sync(build) if len(new) > _IN_THREAD else build()
        return View(stored, recent, tuple(young), average)

    async def parts(self, places: Sequence[IndexSegment]) -> tuple[Part, ...]:
        """The segments with their heads: the same tuple as before, where nothing has changed."""
        known = {part.place: part for part in self._parts}
        if tuple(known) != tuple(places):
            self._parts = tuple([known.get(place) or await self._opened(place) for place in places])
            there = {place.id for place in places}
            self._recent.forget_all_but(there)
            self._held = {segment: vectors for segment, vectors in self._held.items() if segment in there}
        return self._parts

    async def lists(self, wanted: Sequence[tuple[Part, Ranges]]) -> list[list[Posting]]:
        """For each segment the lists of words, by their ranges. Raises Damaged."""
        whole: list[list[Posting]] = []
        found = [[self._known(part, span) for span in ranges] for part, ranges in wanted]
        missing = [
            (part, [span for span, known in zip(ranges, row, strict=True) if known is None])
            for (part, ranges), row in zip(wanted, found, strict=True)
        ]
        for row, (part, ranges), read in zip(found, missing, await self._read(missing), strict=True):
            segment = part.place.id if part.place is not None else 0
            spans = zip(ranges, read, strict=True)
            new = iter([self._recent.add((segment, first), entries) for (first, _), entries in spans])
            whole.append([next(new) if known is None else known for known in row])
        return whole

    def _known(self, part: Part, span: tuple[int, int]) -> Posting | None:
        """A list that need not be read; None for one that must be."""
        first, end = span
        if end == first:
            return NOTHING
        if part.place is None:
            return Posting.of(_list(part, first, end, {}))
        return self._recent.get((part.place.id, first))

    async def _read(self, wanted: Sequence[tuple[Part, Ranges]]) -> list[list[Entries]]:
        """For each segment its entries of these ranges. Raises Damaged."""
        needed = [
            (part.place.id, first // CHUNK, (end - 1) // CHUNK)
            for part, ranges in wanted
            if part.place is not None
            for first, end in ranges
            if end > first
        ]
        chunks = await self._rows.chunks(needed) if needed else {}
        return [[_list(part, first, end, chunks) for first, end in ranges] for part, ranges in wanted]

    async def vectors(self, wanted: Sequence[tuple[Part, Places]]) -> list[Quantized]:
        """For each segment the vectors of these places (ascending). Raises Damaged."""
        await self._hold([part for part, _ in wanted])
        needed = [
            (part.place.id, chunk, chunk)
            for part, places in wanted
            if part.place is not None and part.place.id not in self._held
            for chunk in np.unique(places // VECTORS + FIRST_VECTORS).tolist()
        ]
        chunks = await self._rows.chunks(needed) if needed else {}
        return [self._vectors(part, places, chunks) for part, places in wanted]

    async def _hold(self, parts: Sequence[Part]) -> None:
        """Read all vectors of segments, as far as there is room for them in memory."""
        room = HELD - sum(vectors.nbytes for vectors in self._held.values())
        for part in parts:
            count = len(part.head.numbers)
            if part.place is None or part.place.id in self._held or count * self._encoder.width > room:
                continue
            room -= count * self._encoder.width
            segment, last = part.place.id, FIRST_VECTORS + max(0, count - 1) // VECTORS
            chunks = await self._rows.chunks([(segment, FIRST_VECTORS, last)])
            data = b"".join(
                [_opened(chunks, segment, chunk) for chunk in range(FIRST_VECTORS, last + 1)] if count else []
            )
            self._held[segment] = np.frombuffer(data, np.int8).reshape(-1, self._encoder.width)

    def _vectors(self, part: Part, places: Places, chunks: Mapping[tuple[int, int], bytes]) -> Quantized:
        if part.whole is not None or part.place is None:
            return part.whole.vectors[places] if part.whole else np.zeros((0, self._encoder.width), np.int8)
        if (held := self._held.get(part.place.id)) is not None:
            return held[places]
        width, rows = self._encoder.width, [np.zeros((0, self._encoder.width), np.int8)]
        for within in np.split(places, np.flatnonzero(np.diff(places // VECTORS)) + 1) if len(places) else ():
            data = _opened(chunks, part.place.id, int(within[0]) // VECTORS + FIRST_VECTORS)
            rows.append(np.frombuffer(data, np.int8).reshape(-1, width)[within % VECTORS])
        return np.concatenate(rows)

    async def store(self, view: View, larger: float = LARGER) -> bool:
        """A segment of all that has none, joined with those before it that are not much larger.

        `larger` is how many times as many memories they may have. False where another process was quicker, or
        nothing is to be done.
        """
        joined = joinable(view, larger)
        if not view.recent and joined < 2:  # noqa: PLR2004 - one alone is as it should be
            return False
        older = view.stored[len(view.stored) - joined :]
        lists = await self._read([(part, [(0, int(part.head.starts[-1]))]) for part in older])
        vectors = await self.vectors([(part, np.arange(len(part.head.numbers))) for part in older])
        before = view.stored[len(view.stored) - joined - 1].place if joined < len(view.stored) else None
        first = before.last + 1 if before else 0  # so that what is lost can be told from what was never there
        there = await self._rows.numbers(first, view.last)
        parts = [Segment(part.head, found[0], means) for part, found, means in zip(older, lists, vectors, strict=True)]
        made = await to_thread.run_sync(self._joined, parts, view.recent, view.average, frozenset(there))
        replaced = [part.place.id for part in older if part.place]
        return await self._put(replaced, first, view.last, made)

    async def mend(self, place: IndexSegment, average: float) -> None:
        """Make a segment anew from its memories."""
        await self._put([place.id], place.first, place.last, await self._made(place.first, place.last, average))

    async def fill(self, first: int, last: int, average: float) -> None:
        """Make segments of memories that have lost theirs."""
        while first <= last:
            made = await self._made(first, last, average)
            whole = len(made.head.numbers) < LARGEST
            end = last if whole else int(made.head.numbers[-1])
            if not await self._put([], first, end, made):
                return  # another process does it
            first = end + 1

    async def _made(self, first: int, last: int, average: float) -> Segment:
        memories = await self.cut(await self._rows.between(first, last, LARGEST))
        return await to_thread.run_sync(segments.build, memories, self._encoder, average if average > 1 else None)

    async def _put(self, replaced: Sequence[int], first: int, last: int, made: Segment) -> bool:
        head, chunks = made.head.encode(), made.chunks()
        return await self._rows.put(replaced, first, last, len(made.head.numbers), head, chunks)

    async def _opened(self, place: IndexSegment) -> Part:
        kept = await self._rows.head(place.id)
        if kept is None:
            raise Damaged(place.id, "it is gone")  # replaced meanwhile: the next look finds what holds its memories
        try:
            return Part(Head.decode(kept, self._encoder.name), place)
        except (Damaged, ValueError, KeyError, TypeError) as exc:
            raise Damaged(place.id, "the head is not what was written") from exc

    def _cut(self, memories: Sequence[Unindexed]) -> list[Indexed]:
        vectors = quantized(self._encoder.encode_all([memory.text for memory in memories]))
        return [
            Indexed(memory.number, Owner(*memory.owner), codes(memory.text), vector)
            for memory, vector in zip(memories, vectors, strict=True)
        ]

    def _young(self, memories: Sequence[Indexed], average: float, known: Mapping[tuple[int, int], Part]) -> list[Part]:
        found: list[Part] = []
        for first, end in _spans(len(memories)):
            part = known.get((first, end))
            if part is None:
                made = segments.build(memories[first:end], self._encoder, average if average > 1 else None)
                part = Part(made.head, None, made)
            found.append(part)
        return found

    def _joined(
        self, parts: Sequence[Segment], new: Sequence[Indexed], average: float, there: frozenset[int]
    ) -> Segment:
        """One segment of some and of new memories, without the memories that are there no more."""
        kept = [memory for memory in new if memory.number in there]
        made = segments.build(kept, self._encoder, average if average > 1 else None)
        return segments.merged([*parts, made], there) if parts else made


def joinable(view: View, larger: float) -> int:
    """How many of the last segments one takes up beside what is new, each `larger` times the later ones at most."""
    docs, joined = len(view.recent), 0
    for part in reversed(view.stored):
        more = len(part.head.numbers)
        if (docs and more > larger * docs) or docs + more > LARGEST:
            break
        docs, joined = docs + more, joined + 1
    return joined


def _spans(count: int) -> list[tuple[int, int]]:
    """(first, end) of the small segments that so many memories are held by: of YOUNG, of YOUNGEST, and of the rest."""
    found, first = [], 0
    for size in (YOUNG, YOUNGEST, 1):
        step = size if size > 1 else max(1, count - first)
        while first + step <= count:
            found.append((first, first + step))
            first += step
    return found


def _average(parts: Sequence[Part], new: Sequence[Indexed]) -> float:
    """Words of a memory, of all that are known by now: a portion alone may be of the short ones, or of the long."""
    docs = sum(len(part.head.numbers) for part in parts) + len(new)
    words = sum(part.head.length for part in parts) + sum(len(memory.words) for memory in new)
    return max(1.0, words / docs) if docs else 1.0


def _list(part: Part, first: int, end: int, chunks: Mapping[tuple[int, int], bytes]) -> Entries:
    if part.place is None or end == first:
        return np.zeros(0, ENTRY) if part.whole is None else part.whole.entries[first:end]
    start, last = first // CHUNK, (end - 1) // CHUNK
    data = b"".join([_opened(chunks, part.place.id, chunk) for chunk in range(start, last + 1)])
    return np.frombuffer(data, ENTRY)[first - start * CHUNK : end - start * CHUNK]


def _opened(chunks: Mapping[tuple[int, int], bytes], segment: int, chunk: int) -> bytes:
    data = chunks.get((segment, chunk))
    if data is None:
        raise Damaged(segment, "a chunk is missing")
    try:
        return segments.opened(data)
    except Damaged as exc:
        raise Damaged(segment, "a chunk is not what was written") from exc
