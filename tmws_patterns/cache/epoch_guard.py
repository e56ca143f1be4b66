"""Which epochs hold now, for entries to be judged by: asked of the store, never guessed.

An invalidation that the store could not take is owed: until it has gone through, nothing with its tags
is served or kept in this process.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Sequence

import anyio

from tmws_patterns.errors import StoreUnavailable
from tmws_patterns.ports import Epochs

_LOG = logging.getLogger(__name__)

READ_DEADLINE = 0.25  # seconds, as that of the database tier, which the epochs share a database with
_PAIRED = 1_024  # combinations of tags whose pairs are remembered
BUMP_DEADLINE = 5.0  # seconds; a write is acknowledged after its bump

Pairs = tuple[tuple[str, int], ...]


class EpochGuard:
    """The epochs of tags as (tag, epoch) pairs, in the order of the tags; None where they cannot be known."""

    def __init__(self, epochs: Epochs) -> None:
        self._epochs = epochs
        self._owed: Counter[str] = Counter()  # how many invalidations of each tag have not gone through
        self._settling = anyio.Lock()  # one at a time: each bump more would make one load more
        self._paired: dict[tuple[str, ...], tuple[tuple[int, ...], Pairs]] = {}
        self.bumps = 0

    def peek(self, tags: tuple[str, ...]) -> Pairs | None:
        """The pairs, if they can be known without waiting. The same object while nothing has changed."""
        if not tags:
            return ()
        if self._owed and not self._owed.keys().isdisjoint(tags):
            return None
        found = self._epochs.peek(tags)
        if found is None:
            return None
        last, pairs = self._paired.get(tags, (None, ()))
        if last != found:
            if len(self._paired) >= _PAIRED:
                self._paired.clear()
            pairs = tuple(zip(tags, found, strict=True))
            self._paired[tags] = found, pairs
        return pairs

    async def read(self, tags: Sequence[str]) -> Pairs | None:
        """The pairs, after waiting READ_DEADLINE seconds at most."""
        try:
            with anyio.fail_after(READ_DEADLINE):
                if not self._owed.keys().isdisjoint(tags):
                    await self._settle()
                return tuple(zip(tags, await self._epochs.read(tags), strict=True))
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
