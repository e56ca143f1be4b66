"""Sentences as the sum of the vectors of their pieces and of usual pairs of them: microseconds, no neural network.

The table is our own: scripts/make_table.py distils it from all-MiniLM-L6-v2 (Apache-2.0). Each row is
256 numbers in int8 with a scale of its own, which holds its weight too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from itertools import pairwise
from zlib import crc32

import numpy as np
import numpy.typing as npt

from tmws_patterns.encoder.wordpiece import WordPiece

Vector = npt.NDArray[np.float32]
_TINY = 1e-9  # keeps a division by the length of nothing from failing


class StaticEncoder:
    """Sentences as unit vectors of `width` numbers (float32). Safe to share between threads."""

    def __init__(
        self,
        pieces: WordPiece,
        table: npt.NDArray[np.int8],
        scales: Vector,
        mean: Vector,
        pairs: npt.NDArray[np.int32],
    ) -> None:
        """Encode with `table` (rows x width) times `scales` (rows); `mean` (width) is what sentences share.

        The first rows are the pieces', by their place; the last are the `pairs`' (count x 2 places), which
        are added to those of their two pieces.
        """
        self._pieces = pieces
        first = len(table) - len(pairs)
        self._pairs = {(one, other): first + i for i, (one, other) in enumerate(pairs.tolist())}
        self._table = table
        self._scales = scales
        self._mean = mean
        self.name = f"static-{crc32(table.tobytes()):08x}"
        self.width = int(table.shape[1])

    def encode(self, text: str) -> Vector:
        """The vector of a text, of length 1; zeros where nothing of it is known."""
        if not (places := self._places(text)):
            return np.zeros(self.width, np.float32)
        rows = np.array(places)
        vector = self._scales.take(rows) @ self._table.take(rows, axis=0).astype(np.float32)
        return _unit(_unit(vector) - self._mean)

    def knows(self, word: str) -> bool:
        """True for a word that is one piece: a usual one."""
        return self._pieces.holds(word) or len(self._pieces.pieces(word)) == 1

    def encode_all(self, texts: Sequence[str]) -> Vector:
        """The vectors of several texts, one a row."""
        return np.stack([self.encode(text) for text in texts]) if texts else np.zeros((0, self.width), np.float32)

    def _places(self, text: str) -> list[int]:
        """The rows whose sum is the text."""
        places, known = self._pieces.pieces(text), self._pairs
        return places + [row for pair in pairwise(places) if (row := known.get(pair)) is not None]


def _unit(vector: Vector) -> Vector:
    """The same direction with length 1."""
    return vector / (math.sqrt(vector @ vector) + _TINY)


@cache
def vocabulary() -> WordPiece:
    """BERT's uncased vocabulary (Apache-2.0), read on first use."""
    return WordPiece(files(__package__).joinpath("vocabulary.txt").read_text(encoding="utf-8").rstrip("\n").split("\n"))


@cache
def static_encoder() -> StaticEncoder:
    """The encoder with the shipped table, read on first use."""
    with np.load(str(files(__package__).joinpath("table.npz"))) as stored:
        return StaticEncoder(vocabulary(), stored["table"], stored["scales"], stored["mean"], stored["pairs"])
