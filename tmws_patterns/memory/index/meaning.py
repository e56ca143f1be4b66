"""What memories mean, as far as the index tells: a vector each, and the signs of its numbers for a first look. Pure.

The signs of two vectors differ in about as many places as the angle between them is wide (Charikar, 2002,
"Similarity estimation techniques from rounding algorithms"), and comparing those of a million memories takes
milliseconds. Of those that differ least the vectors themselves decide. The table's numbers stand in the order of how
much they tell, so that in a large segment the first 64 signs leave few to be compared by all. Of the ten nearest
sentences of the shipped patterns that misses two in a hundred at most (tests/memory/test_ranking.py).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from tmws_patterns.memory.index.scratch import Scratch
from tmws_patterns.memory.index.segment import LARGEST, Head, Places

Vectors = npt.NDArray[np.int8]
Signs = npt.NDArray[np.uint64]
Floats = npt.NDArray[np.float32]

CLOSELY = 4_096  # memories of 65,536 whose signs are all compared
FEWEST = 1_024  # of each segment
_ONE_IN = 16  # memories is looked at to tell how near the nearest are
_SCALE = 254.0  # a number of a unit vector in one byte: those beyond a half, which hardly happen, are cut


def rounded(vectors: Floats) -> Vectors:
    """Vectors as they are kept, a byte a number."""
    kept: Vectors = np.clip(np.rint(vectors * _SCALE), -127, 127).astype(np.int8)
    return kept


def likeness(vectors: Vectors, asked: Floats) -> Floats:
    """The cosine of each vector and the one that is asked for; 0 for a vector of nothing."""
    wide = vectors.astype(np.float32)
    lengths = np.sqrt(np.einsum("ij,ij->i", wide, wide))
    found: Floats = (wide @ asked) / np.maximum(lengths, 1.0)
    return found


def closely(total: int) -> float:
    """The share of so many memories whose signs are all compared: as more are near, less of all is worth a look."""
    return min(1.0, CLOSELY / math.sqrt(max(1, total) * LARGEST))


@dataclass(slots=True)
class Nearest:
    """The `count` memories whose signs differ least from those asked for, of the segments that were added.

    `share` of a segment's memories, and FEWEST at least, are compared by all signs: see `closely`.
    `sites` say which they are: the place of the segment times LARGEST, and the memory's place in it.
    """

    count: int
    asked: Signs
    share: float
    scratch: Scratch
    sites: Places = field(default_factory=lambda: np.zeros(0, np.int64))
    distances: npt.NDArray[np.uint16] = field(default_factory=lambda: np.zeros(0, np.uint16))

    def add(self, place: int, head: Head, allowed: npt.NDArray[np.bool_] | None) -> None:
        """Take the nearest of one segment; `allowed` says which of its memories are in question, None all."""
        found = self._likely(head.signs[0], allowed)
        differ = np.zeros(len(found), np.uint16)
        for signs, asked in zip(head.signs, self.asked, strict=True):
            differ += np.bitwise_count(signs.take(found) ^ asked)
        distances = np.concatenate([self.distances, differ])
        sites = np.concatenate([self.sites, found + place * LARGEST])
        kept = np.sort(np.argsort(distances, kind="stable")[: self.count])
        self.sites, self.distances = sites[kept], distances[kept]

    def _likely(self, first: npt.NDArray[np.uint64], allowed: npt.NDArray[np.bool_] | None) -> Places:
        """The places of those in question; where they are many, of about those to compare, by the `first` 64 signs."""
        places = None if allowed is None else np.flatnonzero(allowed)
        count = len(first) if places is None else len(places)
        most = max(FEWEST, self.count, int(self.share * len(first)))
        if count <= most:
            return np.arange(count) if places is None else places
        signs, differ = self.scratch.signs[:count], self.scratch.counted[:count]
        np.bitwise_xor(first if places is None else first[places], self.asked[0], out=signs)
        np.bitwise_count(signs, out=differ)
        sample = differ[::_ONE_IN]
        place = most * len(sample) // count
        near = np.flatnonzero(differ <= np.partition(sample, place)[place])
        return near if places is None else places[near]
