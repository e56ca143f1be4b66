"""What memories mean, as far as the index tells: a vector each, and the signs of its numbers for a first look. Pure.

Comparing the signs of a million memories takes milliseconds. Of those that differ least the vectors themselves decide.
The table's numbers stand in the order of how much they tell, so that of many memories the first 64 signs leave few to
be compared by all. Of the ten nearest sentences of the shipped patterns that misses two in a hundred at most
(tests/memory/test_ranking.py). Cells around centres, to look only into the nearest of, were tried and miss too many.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tmws_patterns.memory.index.scratch import Scratch
from tmws_patterns.memory.index.segment import LARGEST, Head, Places
from tmws_patterns.quantized import Quantized
from tmws_patterns.signs import BITS, Signs, differing, sign_of

Floats = npt.NDArray[np.float32]

CLOSELY = 4_096  # memories of 65,536 whose signs are all compared
_SAMPLED = 4_096  # memories by which it is told how near the nearest are


def likeness(vectors: Quantized, asked: Floats) -> Floats:
    """The cosine of each vector and the one that is asked for; 0 for a vector of nothing."""
    wide = vectors.astype(np.float32)
    lengths = np.sqrt(np.einsum("ij,ij->i", wide, wide))
    found: Floats = (wide @ asked) / np.maximum(lengths, 1.0)
    return found


def closely(total: int) -> float:
    """The share of so many memories whose signs are all compared: as more are near, less of all is worth a look."""
    return min(1.0, CLOSELY / math.sqrt(max(1, total) * LARGEST))


class Field(NamedTuple):
    """A segment in which to look: its place, its head, and the places of the memories in question; None is all."""

    place: int
    head: Head
    places: Places | None

    def __len__(self) -> int:
        return len(self.head.numbers) if self.places is None else len(self.places)

    def first(self, step: int = 1) -> Signs:
        """The first 64 signs of each memory in question, or of one in so many."""
        first: Signs = self.head.first
        return first[::step] if self.places is None else first.take(self.places[::step])


def nearest(fields: Sequence[Field], vector: Floats, count: int, scratch: Scratch) -> Places:
    """The sites of the `count` memories whose signs differ least from the vector's, ascending.

    Of those that are level the first in the order of the fields. Where there are many, some of the nearest may be
    missed: see `closely`. A site is the place of the segment times LARGEST, and the memory's place in it.
    """
    asked = sign_of(vector)
    edge = _edge(fields, asked[0], count)
    sites, bits = _near(fields, asked, edge, scratch)
    if len(sites) < count and edge < BITS:  # the sample held more of the nearest than the rest does
        sites, bits = _near(fields, asked, BITS, scratch)
    order = np.argsort(differing(bits, asked), kind="stable")
    return np.sort(sites[order[:count]])


def _near(fields: Sequence[Field], asked: Signs, edge: int, scratch: Scratch) -> tuple[Places, Signs]:
    """The sites of the memories that differ in so many of the first signs at most, and all their signs."""
    sites, bits = [np.zeros(0, np.int64)], [np.zeros((0, len(asked)), np.uint64)]
    for field in fields:
        first = field.first()
        differ, counted = scratch.signs[: len(first)], scratch.counted[: len(first)]
        np.bitwise_count(np.bitwise_xor(first, asked[0], out=differ), out=counted)
        near = np.flatnonzero(counted <= edge)
        near = near if field.places is None else field.places.take(near)
        sites.append(near + field.place * LARGEST)
        bits.append(field.head.signs.take(near, axis=0))
    return np.concatenate(sites), np.concatenate(bits)


def _edge(fields: Sequence[Field], asked: np.uint64, count: int) -> int:
    """In how many of the first signs a memory may differ of which all are compared, as a sample shows it."""
    total = sum(map(len, fields))
    share = max(closely(total), 2 * count / max(1, total))
    if share >= 1:
        return BITS
    step = max(1, total // _SAMPLED)
    sample = np.bitwise_count(np.concatenate([field.first(step) for field in fields]) ^ asked)
    place = int(share * len(sample))
    return int(np.partition(sample, place)[place])
