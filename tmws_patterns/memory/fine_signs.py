"""The signs of the sentence model's vectors, held in memory segment by segment: where to look for what is near by it.

They come later than the memories and lie in no segment. What this process encodes is added at once; what others have
encoded meanwhile is read again after a time. A memory takes 72 bytes.
"""

from __future__ import annotations

import math
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from anyio import to_thread

from tmws_patterns.memory.index.looking import Nearby
from tmws_patterns.memory.index.meaning import Field
from tmws_patterns.memory.index.segment import Head, Places
from tmws_patterns.ports import VectorRows
from tmws_patterns.quantized import Quantized
from tmws_patterns.signs import BITS, Signs, signs_of

LEADING = 3  # words of the signs that are compared of all memories: no number of the model tells more than another
_AGAIN = 60.0  # seconds after which a segment is read again some of whose memories had no vector
_IN_THREAD = 4_096  # memories whose signs are not put in their places on the event loop
_FEW = 1_000  # memories without a vector of whom it is asked whether they are still there

_Key = tuple[int, int, int]
Existing = Callable[[Sequence[int]], Awaitable[set[int]]]


@dataclass(slots=True)
class _Known:
    """What is known of one segment.

    Attributes:
        signs: of its memories (docs x width / 64).
        leading: the first words of these, each side by side (LEADING x docs), so that all are quickly gone through.
        there: which of the memories have any.
        gone: which of the others are deleted.
        read_at: seconds.
    """

    numbers: Places
    signs: Signs
    leading: Signs
    there: npt.NDArray[np.bool_]
    gone: npt.NDArray[np.bool_]
    read_at: float = -math.inf

    @classmethod
    def of(cls, head: Head, words: int, before: Iterable[_Known]) -> _Known:
        """Of a new segment: what is known of its memories already."""
        docs = len(head.numbers)
        signs, leading = np.zeros((docs, words), np.uint64), np.zeros((min(LEADING, words), docs), np.uint64)
        found = cls(head.numbers, signs, leading, np.zeros(docs, bool), np.zeros(docs, bool))
        for other in before:
            if other.numbers[0] <= head.numbers[-1] and head.numbers[0] <= other.numbers[-1]:
                found.put(other.numbers[other.there], other.signs[other.there])
        return found

    @property
    def whole(self) -> bool:
        """Whether nothing is left to be known."""
        return bool((self.there | self.gone).all())

    def put(self, numbers: Places, signs: Signs) -> None:
        """The signs of some numbers (count x width / 64), as far as they are of this segment."""
        at = np.minimum(np.searchsorted(self.numbers, numbers), len(self.numbers) - 1)
        here = self.numbers[at] == numbers
        places, new = at[here], signs[here]
        self.signs[places], self.leading[:, places], self.there[places] = new, new[:, :LEADING].T, True


@dataclass(frozen=True, slots=True)
class _View:
    """See Nearby: of the segments that were read."""

    known: Mapping[_Key, _Known]
    alone: bool

    def field(self, place: int, head: Head, places: Places | None) -> Field | None:
        """See Nearby: among those in question that have a vector."""
        known = self.known.get(_key(head)) if len(head.numbers) else None
        if known is None:
            return None
        if not known.there.all():
            places = np.flatnonzero(known.there) if places is None else places[known.there[places]]
        return Field(place, known.signs, tuple(known.leading), places)


class FineSigns:
    """The signs of one encoder's vectors. Reading may raise StoreUnavailable."""

    def __init__(
        self,
        rows: VectorRows,
        existing: Existing,
        encoder: str,
        width: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Of the vectors that an encoder made, of `width` numbers; `existing` tells which numbers are of a memory."""
        self._rows = rows
        self._existing = existing
        self._encoder = encoder
        self._words = width // BITS
        self._clock = clock
        self._known: dict[_Key, _Known] = {}

    def add(self, numbers: Sequence[int], vectors: Quantized) -> None:
        """Take in what has just been encoded: vectors (count x width) by their numbers."""
        these, signs = np.array(numbers, np.int64), signs_of(vectors)
        for known in self._known.values():
            known.put(these, signs)

    async def read(self, heads: Sequence[Head], most: int | None = None) -> Nearby:
        """Read what is not known of these segments, and forget all others; of larger ones than `most` nothing is read.

        What another task is reading is not waited for.
        """
        by_key = {_key(head): head for head in heads if len(head.numbers)}
        before = self._known
        found = {key: before.get(key) or _Known.of(head, self._words, before.values()) for key, head in by_key.items()}
        self._known = found
        for known in found.values():
            old = self._clock() - known.read_at > _AGAIN
            if old and not known.whole and (most is None or len(known.numbers) <= most):
                await self._fill(known)
        return _View(found, all(known.whole for known in found.values()))

    async def _fill(self, known: _Known) -> None:
        known.read_at, before = self._clock(), known.read_at
        first, last = int(known.numbers[0]), int(known.numbers[-1])
        try:
            found, told = await self._rows.signs(first, last, self._encoder, BITS * self._words)
            numbers, signs = np.array(found, np.int64), np.frombuffer(told, np.uint64).reshape(-1, self._words)
            if len(numbers) > _IN_THREAD:
                await to_thread.run_sync(known.put, numbers, signs)
            else:
                known.put(numbers, signs)
            lacking = known.numbers[~known.there]
            if len(lacking) <= _FEW:  # of more most are only not encoded yet
                there = await self._existing(lacking.tolist())
                known.gone = ~known.there & ~np.isin(known.numbers, list(there))
        except BaseException:
            known.read_at = before  # the next question tries again
            raise


def _key(head: Head) -> _Key:
    """What tells a segment's memories from those of any other: these only become fewer between two numbers."""
    return int(head.numbers[0]), int(head.numbers[-1]), len(head.numbers)
