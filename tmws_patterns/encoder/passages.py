"""Long texts through the sentence model, which reads some hundred words of a text and no more: by their passages.

On scifact's abstracts, which are three times as long, recall comes to nDCG@10 72.4 instead of 71.8 by the beginnings
alone (scripts/bench_memory.py).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from tmws_patterns.encoder.sentence import LONGEST, SentenceEncoder, Vector, sentence_encoder

_MOST = 8  # passages that are read of a text: some 750 words


class PassageEncoder:
    """Texts as unit vectors (float32): of a long one the mean of its passages'. Safe to share between threads."""

    width = SentenceEncoder.width
    name = f"{SentenceEncoder.name}-passages"

    def __init__(self, sentences: SentenceEncoder) -> None:
        self._sentences = sentences

    def encode_all(self, texts: Sequence[str]) -> Vector:
        """The vectors of several texts, one a row."""
        passages = [_passages(self._sentences.pieces(text)) for text in texts]
        vectors = self._sentences.encode_pieces([passage for some in passages for passage in some])
        found = np.zeros((len(texts), self.width), np.float32)
        np.add.at(found, np.repeat(np.arange(len(texts)), [len(some) for some in passages]), vectors)
        unit: Vector = found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-9)
        return unit


def passage_encoder() -> PassageEncoder:
    """The encoder with the packaged model, as `sentence_encoder`, which tells the errors."""
    return PassageEncoder(sentence_encoder())


def _passages(pieces: Sequence[int]) -> list[Sequence[int]]:
    """A text's pieces in parts of like length, as many as it takes."""
    pieces = pieces[: _MOST * LONGEST]
    length = math.ceil(len(pieces) / max(1, math.ceil(len(pieces) / LONGEST)))
    return [pieces[start : start + length] for start in range(0, max(1, len(pieces)), max(1, length))]
