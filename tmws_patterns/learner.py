"""Keeps what routing knows of the patterns up to date: in a worker thread, and from storage where it can.

Nothing is learned before it is needed or the start has long passed. Until it is, names, triggers and
words decide; a sentence that these do not settle waits a moment for what is being learned.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace

import anyio
from anyio import to_thread

from tmws_patterns.errors import StoreUnavailable, TmwsError
from tmws_patterns.ports import LearnedRows
from tmws_patterns.registry import PatternRegistry
from tmws_patterns.routing import Encoded, Encoder, Knowledge, Learned, Lessons, study

logger = logging.getLogger(__name__)

_QUIET_START = 5.0  # seconds after the start in which nothing is learned unasked: clients list tools then
_PORTION = 64  # texts that a model is given at once: more would hold a processor for long
_PATIENCE = 2.0  # seconds that a sentence waits; scripts/bench_routing.py has how long 150 routes take to learn
Open = Callable[[], Encoder]


class Learner:
    """Learns what the registry holds. One for a registry; `run` is its service."""

    def __init__(self, registry: PatternRegistry, rows: LearnedRows, core: Open, fine: Open | None = None) -> None:
        """Learn with the encoder that `core` opens, then with that of `fine`; None for no second one."""
        self._registry = registry
        self._rows = rows
        self._core = core
        self._fine = fine
        self._learned_changes = -1
        self._complete_changes = -1  # with the second encoder, where there is one
        self._learned: Learned | None = None
        self._wake = anyio.Event()
        self._done = anyio.Event()

    async def ready(self, query: str) -> None:
        """Wait, at most two seconds, until the patterns as they are now are learned, if this sentence needs it."""
        if self._learned_changes == self._registry.changes:
            return
        self._wake.set()
        if not self._registry.index.settled(query):
            with anyio.move_on_after(_PATIENCE):
                await self._done.wait()

    async def complete(self) -> None:
        """Wait until everything there is to learn of the patterns as they are now is learned."""
        while self._complete_changes != self._registry.changes:
            self._wake.set()
            await self._done.wait()

    async def run(self) -> None:
        """Learn whatever is new, until cancelled."""
        with anyio.move_on_after(_QUIET_START):
            await self._wake.wait()
        while True:
            if self._learned_changes == self._registry.changes:
                await self._wake.wait()
            await self._catch_up()

    async def _catch_up(self) -> None:
        changes, index = self._registry.changes, self._registry.index
        lessons = await to_thread.run_sync(index.prepare, abandon_on_cancel=True)
        before = self._learned
        core = await self._knowledge(lessons, self._core, before.core if before else None)
        self._take(Learned(core, before.fine if before else None, lessons.taught), changes)
        if self._fine is None or self._learned is None:
            self._finish(changes)
            return
        try:
            fine = await self._knowledge(lessons, self._fine, before.fine if before else None)
        except TmwsError as exc:
            logger.warning("the table alone decides from here on: %s", exc)
            self._fine = None
        else:
            self._take(replace(self._learned, fine=fine), changes)
        self._finish(changes)

    def _take(self, learned: Learned, changes: int) -> None:
        self._learned = learned
        self._registry.take(learned)
        self._learned_changes = changes
        self._done.set()
        self._wake, self._done = anyio.Event(), anyio.Event()

    async def _encoded(self, lessons: Lessons, encoder: Encoder) -> Encoded:
        """The encoder with all texts done, by portions: those of a model take seconds, for which an end cannot wait."""
        texts = lessons.texts(encoder)
        parts = [texts[start : start + _PORTION] for start in range(0, len(texts), _PORTION)]
        vectors = [await to_thread.run_sync(encoder.encode_all, part, abandon_on_cancel=True) for part in parts]
        return Encoded(encoder, texts, vectors)

    def _finish(self, changes: int) -> None:
        self._complete_changes = changes
        self._done.set()
        self._done = anyio.Event()

    async def _knowledge(self, lessons: Lessons, opened: Open, before: Knowledge | None) -> Knowledge:
        """From storage, or learned now and then stored. A store that is away costs only the learning."""
        encoder = await to_thread.run_sync(opened)
        digest = f"{lessons.digest}-{encoder.width}"
        try:
            stored = await self._rows.load_learned(digest)
        except StoreUnavailable as exc:
            logger.warning("what was learned before cannot be read: %s", exc)
            stored = None
        if stored and (found := await to_thread.run_sync(Knowledge.from_bytes, stored, encoder)) is not None:
            return found
        by = encoder if opened is self._core else await self._encoded(lessons, encoder)
        made = await to_thread.run_sync(study, lessons, by, before, abandon_on_cancel=True)  # an end waits for nobody
        try:
            await self._rows.save_learned(digest, await to_thread.run_sync(made.to_bytes))
        except StoreUnavailable as exc:
            logger.warning("what was learned cannot be kept: %s", exc)
        return made
