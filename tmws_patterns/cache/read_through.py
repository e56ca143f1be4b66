"""From the tiers, or loaded: by one process for all of them, and an old answer where a load fails.

A load of the same key that runs in this process is shared before this is reached (single_flight.py).
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass

from tmws_patterns.cache.counters import Counters
from tmws_patterns.cache.epoch_guard import EpochGuard, Pairs
from tmws_patterns.cache.lease import Turn, turn
from tmws_patterns.cache.local import LocalTier
from tmws_patterns.errors import CallTimeout, ServerUnavailable, StoreUnavailable, TmwsError
from tmws_patterns.ports import Cached, CacheTier, Entry, Loaded, SharedTier

JITTER = 0.1  # the part of a ttl that may be cut off, so that answers loaded together do not expire together
WORTH_A_LEASE = 0.01  # seconds that a load takes, from which on it is worth asking other processes first
_KINDS = 1_000  # of loads whose usual time is remembered
_OUTAGES = frozenset(kind.code for kind in (ServerUnavailable, CallTimeout, StoreUnavailable))

Load = Callable[[], Awaitable[Loaded]]


@dataclass(frozen=True, slots=True)
class Wanted:
    """One answer that is wanted.

    Attributes:
        name: the digest of its key.
        epochs: of its tags, read before anything else.
        ttl: seconds that it may be old.
        shared: True where a load is worth sparing the other processes.
        newer_than: wall time; an answer loaded before it does not count.
    """

    name: str
    epochs: Pairs
    load: Load
    ttl: float
    shared: bool = False
    newer_than: float = float("-inf")


@dataclass(slots=True)
class Found:
    """What the tiers held: the answer, or what is left where there is none.

    Attributes:
        old: the newest entry whose time is over, of the same epochs.
        moved: True where an entry had been invalidated.
    """

    answer: Cached | None = None
    old: Cached | None = None
    moved: bool = False


class ReadThrough:
    """Looks into the tiers in their order, back-fills, loads, and keeps.

    `grace` is for how many seconds past its end an answer may stand in for a load that failed.
    """

    def __init__(
        self,
        local: LocalTier,
        lower: Sequence[SharedTier],
        guard: EpochGuard,
        counters: Counters,
        clock: Callable[[], float],
        grace: float,
    ) -> None:
        self._local = local
        self._lower = tuple(lower)
        self._guard = guard
        self._counters = counters
        self._clock = clock
        self._grace = grace
        self._costs: dict[tuple[str, ...], float] = {}

    def held(self, name: str, epochs: Pairs, ttl: float) -> Entry | None:
        """The entry of local memory, where it may be served. The hot path of every repeat."""
        entry = self._local.peek(name)
        return entry if entry is not None and self._fresh(entry, epochs, ttl) else None

    def _fresh(self, entry: Entry, epochs: Pairs, ttl: float) -> bool:
        return entry.epochs == epochs and min(entry.expires_at, entry.stored_at + ttl) > self._clock()

    async def answer(self, wanted: Wanted) -> Cached:
        """From the first tier that has it, or loaded."""
        return await self.load(wanted, await self.find(wanted))

    async def find(self, wanted: Wanted) -> Found:
        """What the tiers hold of it."""
        found = Found()
        for depth, tier in enumerate((self._local, *self._lower)):
            entry = await tier.get(wanted.name)
            if entry is None:
                self._counters.misses_by_tier[tier.name] += 1
                continue
            if self._serves(entry, wanted):
                if depth > 0:
                    await self._keep(wanted.name, entry, self._lower[: depth - 1])
                found.answer = served(wanted.name, entry, tier.name)
                break
            self._counters.misses_by_tier[tier.name] += 1
            found.moved |= entry.epochs != wanted.epochs
            if entry.epochs == wanted.epochs and (found.old is None or entry.stored_at > found.old.stored_at):
                found.old = served(wanted.name, entry, tier.name)
        return found

    async def load(self, wanted: Wanted, found: Found) -> Cached:
        """The answer that was found; else loaded, or an old one in the place of a load that fails."""
        if found.answer is not None:
            return found.answer
        self._counters.invalidations += found.moved
        try:
            return await self._load_once(wanted)
        except TmwsError as exc:
            if found.old is None or exc.info.code not in _OUTAGES or not self._stands_in(found.old, wanted):
                raise
            return found.old._replace(stale=True)

    def _stands_in(self, old: Cached, wanted: Wanted) -> bool:
        """True for an answer within its grace; memories have ends of their own, and no grace."""
        remembers = any(tag.startswith("memory:") for tag in old.tags)
        end = min(old.expires_at, old.stored_at + wanted.ttl) + (0 if remembers else self._grace)
        return end > self._clock()

    def _serves(self, entry: Entry, wanted: Wanted) -> bool:
        return self._fresh(entry, wanted.epochs, wanted.ttl) and entry.stored_at > wanted.newer_than

    async def _load_once(self, wanted: Wanted) -> Cached:
        """Loaded here, or by another process meanwhile."""
        kind = tuple(tag for tag, _ in wanted.epochs)
        if not wanted.shared or self._costs.get(kind, WORTH_A_LEASE) < WORTH_A_LEASE:
            return await self._load_here(wanted, Turn())
        found_in = ""

        async def look() -> Entry | None:
            nonlocal found_in
            for tier in self._lower:
                entry = await tier.get(wanted.name)
                if entry is not None and self._serves(entry, wanted):
                    found_in = tier.name
                    return entry
            return None

        lease = ":".join((wanted.name, *(str(epoch) for _, epoch in wanted.epochs)))
        async with turn(self._lower, lease, look) as mine:
            if mine.answer is None:
                return await self._load_here(wanted, mine)
            self._local.add(wanted.name, mine.answer)
            return served(wanted.name, mine.answer, found_in)

    async def _load_here(self, wanted: Wanted, mine: Turn) -> Cached:
        began = time.perf_counter()
        loaded = await wanted.load()
        cost = time.perf_counter() - began
        kind = tuple(tag for tag, _ in wanted.epochs)
        if len(self._costs) >= _KINDS:
            self._costs.clear()
        self._costs[kind] = (self._costs.get(kind, cost) + cost) / 2
        now = self._clock()
        # Bumped meanwhile: nobody could be served from this entry, and a newer one may be in its place.
        if not loaded.keep or self._guard.peek(kind) not in (None, wanted.epochs):
            mine.in_vain = True
            return Cached(loaded.payload, None, now)
        until = min(now + _shortened(wanted.ttl, wanted.name), loaded.expires_at or float("inf"))
        entry = Entry(loaded.payload, now, until, wanted.epochs, cost)
        await self._keep(wanted.name, entry, self._lower)
        await mine.publish(wanted.name, entry)
        return served(wanted.name, entry, None)

    async def _keep(self, name: str, entry: Entry, tiers: Iterable[CacheTier]) -> None:
        self._local.add(name, entry)
        for tier in tiers:
            await tier.put(name, entry)


def served(name: str, entry: Entry, tier: str | None) -> Cached:
    """An entry as the answer that it is."""
    return Cached(entry.payload, tier, entry.stored_at, entry.expires_at, entry.epochs, name)


def _shortened(ttl: float, name: str) -> float:
    """The ttl less up to JITTER of it: another part for each key, the same in every process."""
    return ttl * (1 - JITTER * int(name[:4], 16) / 0x10000)
