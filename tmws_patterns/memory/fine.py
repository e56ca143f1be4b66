"""The second look, where a sentence model is installed: how near what a memory means is to what is asked.

By the signs of its vectors it finds candidates of its own (fine_signs), and by the vectors it scores all of them.
Encoding takes milliseconds a text, so memories are encoded in the background, the newest first, and kept; one that is
not encoded yet keeps what the static table says of it. The model is loaded with the first question.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import anyio
from anyio import to_thread

from tmws_patterns.errors import StoreUnavailable, TmwsError
from tmws_patterns.memory.fine_signs import FineSigns
from tmws_patterns.memory.index import MemoryIndex
from tmws_patterns.memory.index.looking import Finer
from tmws_patterns.memory.index.ranking import Ranked
from tmws_patterns.memory.index.segment import Encoder
from tmws_patterns.ports import VectorRows
from tmws_patterns.quantized import quantized

_LOG = logging.getLogger(__name__)

LEAST, MOST, HALF, STEEP = 0.4, 0.9, 0.55, 10.0
"""What meaning counts by this model where all words are in one memory, where none is, at which share of the words half
of both, and how fast it gives way: settled on the three sets of tests/data, alone and among 5,700 and 25,000 others, on
scifact (BEIR), and on MetaTool's and apizoo's tools as memories."""

_SOON = 8_192  # memories of a new segment whose signs a question waits for: some 10 ms
_AT_ONCE = 16  # memories encoded at a time: some 0.1 s of one processor
_REST = 0.05  # seconds between them, so that questions come first
_PAUSE = 5.0  # seconds until it is looked again whether others have stored something, and after an outage


class Model(NamedTuple):
    """A sentence model that is not loaded yet: the name of its encoder, and what loads it, which may take a second."""

    name: str
    opened: Callable[[], Encoder]


class SecondLook:
    """Finds candidates by the model, and scores all anew. One for a database; `run` belongs in a background task."""

    def __init__(self, rows: VectorRows, model: Model, index: MemoryIndex) -> None:
        """Encode the memories of the index with the model, which is loaded on first use."""
        self._rows = rows
        self._model = model
        self._index = index
        self._encoder: Encoder | None = None
        self._signs: FineSigns | None = None
        self._opening = anyio.Lock()
        self._asked = anyio.Event()
        self._newest = self._oldest = -1  # all numbers between the two have been gone through; -1 before the first look
        self.broken = False

    async def asked(self, text: str) -> Finer | None:
        """A question as the model reads it; None where the model cannot be had."""
        self._asked.set()
        encoder = await self._ready()
        if encoder is None:
            return None
        if self._signs is None:
            self._signs = FineSigns(self._rows, self._index.existing, encoder.name, encoder.width)
        (vector,) = quantized(await to_thread.run_sync(encoder.encode_all, [text]))
        return Finer(vector, partial(self._signs.read, most=_SOON))

    async def ranked(self, asked: Finer, candidates: Sequence[Ranked]) -> list[Ranked]:
        """The candidates with new scores, best first."""
        if not candidates:
            return []
        numbers = [one.number for one in candidates]
        far = await self._rows.distances(asked.vector.tobytes(), numbers, self._model.name)
        held = max(one.coverage for one in candidates)
        share = LEAST + (MOST - LEAST) / (1 + math.exp(STEEP * (held - HALF)))
        found = [_scored(one, 1 - far.get(one.number, 1 - one.meaning), share) for one in candidates]
        return sorted(found, key=lambda one: (-one.score, -one.number))

    async def run(self) -> None:
        """Encode what has no vector yet, until cancelled; nothing before the first question."""
        await self._asked.wait()
        while (encoder := await self._ready()) is not None:
            try:
                if self._signs is not None:
                    await self._signs.read(await self._index.heads())
                done = await self._encode(encoder)
            except StoreUnavailable as exc:
                _LOG.info("memories wait to be encoded: %s", exc)
                done = 0
            await anyio.sleep(_REST if done else _PAUSE)

    async def backlog(self) -> int:
        """How many memories are not encoded yet. Does not load the model."""
        return 0 if self.broken else await self._rows.unencoded_count(self._model.name)

    async def _encode(self, encoder: Encoder) -> int:
        """Encode a few; returns how many. What has been gone through is not asked for again."""
        if self._newest < 0:
            self._newest = await self._rows.last()
            self._oldest = self._newest + 1
        waiting = await self._rows.unencoded_after(self._newest, encoder.name, _AT_ONCE)
        newest, oldest = waiting[-1][0] if waiting else self._newest, self._oldest
        if not waiting and oldest:
            waiting = await self._rows.unencoded_before(oldest, encoder.name, _AT_ONCE)
            oldest = waiting[-1][0] if waiting else 0
        if waiting:
            vectors = await to_thread.run_sync(encoder.encode_all, [text for _, text in waiting])
            made = quantized(vectors)
            rows = {number: vector.tobytes() for (number, _), vector in zip(waiting, made, strict=True)}
            await self._rows.keep_vectors(rows, encoder.name)
            if self._signs is not None:
                self._signs.add(list(rows), made)
        self._newest, self._oldest = newest, oldest  # not before they are kept: an outage leaves them for the next look
        return len(waiting)

    async def _ready(self) -> Encoder | None:
        async with self._opening:
            if self._encoder is None and not self.broken:
                try:
                    self._encoder = await to_thread.run_sync(self._model.opened)
                except TmwsError as exc:
                    _LOG.warning("the table alone tells what memories mean: %s", exc)
                    self.broken = True
            return self._encoder


def _scored(one: Ranked, meaning: float, share: float) -> Ranked:
    score = (1 - share) * min(one.words, 1.0) + share * max(meaning, 0.0)
    return Ranked(one.number, score, one.words, one.coverage, meaning)
