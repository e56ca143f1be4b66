"""What memories mean, as far as the index tells: a vector each, and the signs of its numbers for a first look. Pure.

Comparing the signs of a million memories takes milliseconds. Of those that differ least the vectors themselves decide.
The table's numbers stand in the order of how much they tell, so that of many memories the first 64 signs leave few to
be compared by all. Of the ten nearest sentences of the shipped patterns that misses two in a hundred at most
(tests/memory/test_ranking.py). Cells around centres, to look only into the nearest of, were tried and miss too many.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from tmws_patterns.memory.index.scratch import Scratch
from tmws_patterns.memory.index.segment import LARGEST, Head, Places
from tmws_patterns.quantized import Quantized
from tmws_patterns.signs import Signs, differing, sign_of

Floats = npt.NDArray[np.float32]
Counts = npt.NDArray[np.uint8]

CLOSELY = 4_096  # memories of 65,536 whose signs are all compared
_SAMPLED = 4_096  # memories by which it is told how near the nearest are
_ALL = 255  # an edge that lets all through: three words lead at most


def likeness(vectors: Quantized, asked: Floats) -> Floats:
    """The cosine of each vector and the one that is asked for; 0 for a vector of nothing."""
    wide = vectors.astype(np.float32)
    lengths = np.sqrt(np.einsum("ij,ij->i", wide, wide))
    found: Floats = (wide @ asked) / np.maximum(lengths, 1.0)
    return found


def closely(total: int) -> float:
    """The share of so many memories whose signs are all compared: as more are near, less of all is worth a look."""
    return min(1.0, CLOSELY / math.sqrt(max(1, total) * LARGEST))


@dataclass(frozen=True, slots=True)
class Field:
    """A segment in which to look.

    Attributes:
        place: of the segment.
        signs: of its memories (docs x width / 64).
        leading: the first words of these signs, each of all memories side by side: those that are compared of all.
        places: of the memories in question; None is all.
    """

    place: int
    signs: Signs
    leading: Sequence[Signs]
    places: Places | None

    @classmethod
    def of(cls, place: int, head: Head, places: Places | None) -> Field:
        """By what the table says, whose numbers stand in the order of how much they tell: one word leads."""
        return cls(place, head.signs, (head.first,), places)

    def __len__(self) -> int:
        return len(self.signs) if self.places is None else len(self.places)

    def differing(self, asked: Signs, scratch: Scratch) -> Counts:
        """In how many of the leading signs each memory in question differs. It counts until the next use of scratch."""
        counted = scratch.counted[: len(self)]
        for word, (row, sought) in enumerate(zip(self.leading, asked, strict=False)):
            these = row if self.places is None else row.take(self.places)
            differ = np.bitwise_xor(these, sought, out=scratch.signs[: len(self)])
            if word:
                counted += np.bitwise_count(differ)
            else:
                np.bitwise_count(differ, out=counted)
        return counted

    def sampled(self, step: int) -> Field:
        """The same with one memory in so many."""
        places = np.arange(0, len(self.signs), step) if self.places is None else self.places[::step]
        return replace(self, places=places)


def nearest(fields: Sequence[Field], vector: npt.NDArray[Any], count: int, scratch: Scratch) -> Places:
    """The sites of the `count` memories whose signs differ least from the vector's, ascending.

    Of those that are level the first in the order of the fields. Where there are many, some of the nearest may be
    missed: see `closely`. A site is the place of the segment times LARGEST, and the memory's place in it.
    """
    asked = sign_of(vector)
    edge = _edge(fields, asked, count, scratch)
    sites, bits = _near(fields, asked, edge, scratch)
    if len(sites) < count and edge < _ALL:  # the sample held more of the nearest than the rest does
        sites, bits = _near(fields, asked, _ALL, scratch)
    order = np.argsort(differing(bits, asked), kind="stable")
    return np.sort(sites[order[:count]])


def _near(fields: Sequence[Field], asked: Signs, edge: int, scratch: Scratch) -> tuple[Places, Signs]:
    """The sites of the memories that differ in so many of the leading signs at most, and all their signs."""
    sites, bits = [np.zeros(0, np.int64)], [np.zeros((0, len(asked)), np.uint64)]
    for field in fields:
        near = np.flatnonzero(field.differing(asked, scratch) <= edge)
        near = near if field.places is None else field.places.take(near)
        sites.append(near + field.place * LARGEST)
        bits.append(field.signs.take(near, axis=0))
    return np.concatenate(sites), np.concatenate(bits)


def _edge(fields: Sequence[Field], asked: Signs, count: int, scratch: Scratch) -> int:
    """In how many of the leading signs a memory may differ of which all are compared, as a sample shows it."""
    total = sum(map(len, fields))
    share = max(closely(total), 2 * count / max(1, total))
    if share >= 1:
        return _ALL
    step = max(1, total // _SAMPLED)
    sample = np.concatenate([field.sampled(step).differing(asked, scratch).copy() for field in fields])
    place = int(share * len(sample))
    return int(np.partition(sample, place)[place])
