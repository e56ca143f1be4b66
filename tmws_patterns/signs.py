"""What the signs of vectors tell of how near they are, in a bit a number. Pure.

The signs of two vectors differ in about as many places as the angle between them is wide (Charikar, 2002,
"Similarity estimation techniques from rounding algorithms").
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

Signs = npt.NDArray[np.uint64]
BITS = 64  # of a word of signs

Floats = npt.NDArray[np.float32]


def signs_of(vectors: npt.NDArray[Any]) -> Signs:
    """The signs of vectors (count x width, a multiple of 64): count x width / 64, those of one vector side by side."""
    return np.packbits(vectors > 0, axis=1).view(np.uint64)


def sign_of(vector: npt.NDArray[Any]) -> Signs:
    """The signs of one vector (width / 64)."""
    found: Signs = signs_of(vector[None, :])[0]
    return found


def differing(kept: Signs, asked: Signs) -> npt.NDArray[np.uint16]:
    """In how many signs each of some vectors (count x width / 64) differs from one (width / 64)."""
    found = np.zeros(len(kept), np.uint16)
    for column, sought in enumerate(asked):  # word by word: numpy goes along short rows slowly
        found += np.bitwise_count(kept[:, column] ^ sought)
    return found


def cosines(kept: Signs, asked: Signs) -> Floats:
    """The cosine of each of some vectors and one, as their signs tell it."""
    found: Floats = _cosines(BITS * len(asked)).take(differing(kept, asked))
    return found


@cache
def _cosines(width: int) -> Floats:
    """The cosine that so many differing signs stand for, from none to all."""
    found: Floats = np.cos(np.arange(width + 1) * (math.pi / width)).astype(np.float32)
    return found
