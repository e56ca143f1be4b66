"""Which epochs hold now, for entries to be judged by: asked of the store, never guessed.

An invalidation that the store could not take is owed: until it has gone through, nothing with its tags
is served or kept in this process.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import anyio

from tmws_patterns.errors import StoreUnavailable
from tmws_patterns.ports import Epochs

_LOG = logging.getLogger(__name__)

READ_DEADLINE = 0.25  # seconds, as that of the database tier, which the epochs share a database with
_PAIRED = 1_024  # combinations of tags whose pairs are remembered
BUMP_DEADLINE = 5.0  # seconds; a write is acknowledged after its bump

Pairs = tuple[tuple[str, int], ...]


class _Known(NamedTuple):
    """What was found last for some tags."""

    tags: tuple[str, ...]
    epochs: tuple[int, ...]
    pairs: Pairs


class EpochGuard:
    """The epochs of tags as (tag, epoch) pairs, each tag once and in order; None where they cannot be known."""

    def __init__(self, epochs: Epochs) -> None:
        self._epochs = epochs
        self._owed: Counter[str] = Counter()  # how many invalidations of each tag have not gone through
        self._settling = anyio.Lock()  # one at a time: each bump more would make one load more
        self._paired: dict[tuple[str, ...], _Known] = {}
        self.bumps = 0

    def peek(self, tags: tuple[str, ...]) -> Pairs | None:
        """The pairs, if they can be known without waiting. The same object while nothing has changed."""
        if not tags:
            return ()
        if self._owed and not self._owed.keys().isdisjoint(tags):
            return None
        last = self._paired.get(tags)
        ordered = _ordered(tags) if last is None else last.tags
        found = self._epochs.peek(ordered)
        if found is None:
            return None
        if last is None or (last.epochs is not found and last.epochs != found):
            if len(self._paired) >= _PAIRED:
                self._paired.clear()
            last = self._paired[tags] = _Known(ordered, found, tuple(zip(ordered, found, strict=True)))
        return last.pairs

    async def read(self, tags: Sequence[str]) -> Pairs | None:
        """The pairs, after waiting READ_DEADLINE seconds at most."""
        try:
            with anyio.fail_after(READ_DEADLINE):
                if not self._owed.keys().isdisjoint(tags):
                    await self._settle()
                ordered = _ordered(tags)
                return tuple(zip(ordered, await self._epochs.read(ordered), strict=True))
        except (StoreUnavailable, TimeoutError) as exc:
            _LOG.warning("epochs cannot be read, so nothing is served from the cache: %r", exc)
            return None

    async def bump(self, tags: Iterable[str]) -> None:
        """Make everything with one of these tags stale. Never raises for an outage: see `_owed`."""
        self.bumps += 1
        self._owed.update(set(tags))
        try:
            with anyio.fail_after(BUMP_DEADLINE):
                await self._settle()
        except (StoreUnavailable, TimeoutError) as exc:
            _LOG.warning("an invalidation waits for the database: %r", exc)

    async def _settle(self) -> None:
        # Still owed while the store works on it: neither a cancelled or failed bump may be lost, nor
        # one that came meanwhile, after a write that this one may have been too early for.
        async with self._settling:
            settling = self._owed.copy()
            if settling:
                await self._epochs.bump(settling)
                self._owed -= settling


def _ordered(tags: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(tags)))
