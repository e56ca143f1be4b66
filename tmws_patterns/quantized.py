"""Vectors of a byte a number: how they come about, their signs, and how far one is from another, to the last bit. Pure.

Of the vectors of unit length that encoders give, all sums over such numbers stay under 2**24, which a float of 32 bits
holds exactly. So whoever adds them up, and in what order, comes to the same: numpy here, or pgvector's halfvec.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Quantized = npt.NDArray[np.int8]

UNKNOWN = 1.0  # the distance of a vector of nothing: as far as one that has nothing in common
_SCALE = 254.0  # a number of a unit vector in one byte: those beyond a half, which hardly happen, are cut


def quantized(vectors: npt.NDArray[Any]) -> Quantized:
    """Vectors as they are kept, a byte a number."""
    kept: Quantized = np.clip(np.rint(vectors * _SCALE), -127, 127).astype(np.int8)
    return kept


def signs(kept: Sequence[bytes]) -> bytes:
    """The signs of some vectors, one after another: a bit a number, set where it is over 0, the first the highest."""
    return np.packbits(np.frombuffer(b"".join(kept), np.int8) > 0).tobytes()


def distances(kept: Sequence[bytes], asked: bytes) -> list[float]:
    """The cosine distance (0 to 2) of each of some vectors from one, all of as many bytes."""
    sought = np.frombuffer(asked, np.int8).astype(np.float32)
    wide = np.frombuffer(b"".join(kept), np.int8).reshape(-1, len(sought)).astype(np.float32)
    squares = np.einsum("ij,ij->i", wide, wide).astype(np.float64) * float(sought @ sought)
    cosines = (wide @ sought).astype(np.float64) / np.sqrt(np.maximum(squares, 1.0))
    found: list[float] = np.where(squares > 0, 1 - np.clip(cosines, -1, 1), UNKNOWN).tolist()
    return found
