"""What memories mean, as far as the index tells: a vector each, and the signs of its numbers for a first look. Pure.

The signs of two vectors differ in about as many places as the angle between them is wide (Charikar, 2002,
"Similarity estimation techniques from rounding algorithms"), and comparing those of a million memories takes
milliseconds. Of those that differ least the vectors themselves decide.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from tmws_patterns.memory.index.scratch import Scratch
from tmws_patterns.memory.index.segment import LARGEST, Head, Places

Vectors = npt.NDArray[np.int8]
Signs = npt.NDArray[np.uint64]
Floats = npt.NDArray[np.float32]

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


@dataclass(slots=True)
class Nearest:
    """The `count` memories whose signs differ least from those asked for, of the segments that were added.

    `sites` say which they are: the place of the segment times LARGEST, and the memory's place in it.
    """

    count: int
    asked: Signs
    scratch: Scratch
    sites: Places = field(default_factory=lambda: np.zeros(0, np.int64))
    distances: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))

    def add(self, place: int, head: Head, allowed: npt.NDArray[np.bool_] | None) -> None:
        """Take the nearest of one segment; `allowed` says which of its memories are in question, None all."""
        differ = self._differ(head)
        farthest = 64 * len(self.asked) + 1
        if allowed is not None:
            differ[~allowed] = farthest
        if len(self.distances) >= self.count:
            edge = int(self.distances.max())
        else:
            near = np.cumsum(np.bincount(differ, minlength=farthest + 1))
            edge = min(farthest, int(np.searchsorted(near, self.count)) + 1)
        found = np.flatnonzero(differ < edge)
        sites = np.concatenate([self.sites, found + place * LARGEST])
        distances = np.concatenate([self.distances, differ[found]])
        kept = np.sort(np.argsort(distances, kind="stable")[: self.count])
        self.sites, self.distances = sites[kept], distances[kept]

    def _differ(self, head: Head) -> npt.NDArray[np.uint16]:
        """For each memory in how many places its signs differ."""
        docs = len(head.numbers)
        differ, signs, counted = self.scratch.differ[:docs], self.scratch.signs[:docs], self.scratch.counted[:docs]
        differ.fill(0)
        for row, asked in zip(head.signs, self.asked, strict=True):
            np.bitwise_xor(row, asked, out=signs)
            np.bitwise_count(signs, out=counted)
            np.add(differ, counted, out=differ)
        return differ
