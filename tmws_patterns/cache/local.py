"""The first tier: answers in this process's memory, by S3-FIFO.

Most answers are asked for once. A new one therefore waits in a small queue; what is asked for again
while it waits goes on to the main queue, and the rest goes away without having pushed out anything of
use. The digests of what went are remembered for a while: who comes back goes to the main queue at once
(Yang et al., 2023, "FIFO queues are all you need for cache eviction", SOSP).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable

from tmws_patterns.ports import Entry

OVERHEAD = 400  # bytes: what an entry, its digest and its slot weigh beside the payload (sys.getsizeof, 3.11)
SMALL = 0.1  # the small queue's share of the bounds, by the paper; the main queue and the ghosts have the rest
MOST_USES = 3  # uses that are counted of one entry, by the paper
PROMOTED = 2  # uses in the small queue that lead to the main queue; libCacheSim's threshold


class _Held:
    """An entry in a queue, until when it may be held, what it weighs, and how often it was used since it came."""

    __slots__ = ("entry", "until", "uses", "weight")

    def __init__(self, entry: Entry, until: float) -> None:
        self.entry = entry
        self.until = until
        self.weight = len(entry.payload) + OVERHEAD
        self.uses = 0


class LocalTier:
    """Entries bounded in number and bytes. The synchronous methods are the hot path of every repeat.

    An entry is held until its `expires_at` and `grace` seconds more, and for `ttl_limit` seconds and `grace`
    at most. One heavier than `max_bytes` is not held at all.
    """

    name = "local"

    def __init__(
        self, max_entries: int, max_bytes: int, ttl_limit: float, clock: Callable[[], float], grace: float = 0.0
    ) -> None:
        self._max_entries = max_entries
        self._max_bytes = max_bytes
        self._ttl_limit = ttl_limit
        self._clock = clock
        self._grace = grace
        # the oldest first; a dict is slow at taking the first
        self._small: OrderedDict[Hashable, _Held] = OrderedDict()
        self._main: OrderedDict[Hashable, _Held] = OrderedDict()
        self._ghosts: OrderedDict[Hashable, None] = OrderedDict()
        self._bytes = self._small_bytes = 0
        self.evictions = 0

    def __len__(self) -> int:
        return len(self._small) + len(self._main)

    @property
    def available(self) -> bool:
        """Always: memory has no outages."""
        return True

    @property
    def bytes_held(self) -> int:
        """The weight of all entries, never over `max_bytes`."""
        return self._bytes

    def peek(self, digest: Hashable) -> Entry | None:
        """The entry, now used once more; None where there is none young enough."""
        held = self._small.get(digest) or self._main.get(digest)
        if held is None:
            return None
        if held.until <= self._clock():
            self.discard(digest)
            return None
        if held.uses < MOST_USES:
            held.uses += 1
        return held.entry

    def add(self, digest: Hashable, entry: Entry) -> None:
        """Hold the entry in the place of any older one, whose uses it inherits."""
        now = self._clock()
        held = _Held(entry, min(entry.expires_at, now + self._ttl_limit) + self._grace)
        before = self._main.get(digest) or self._small.get(digest)
        known = digest in self._main or digest in self._ghosts
        self.discard(digest)
        if held.until <= now or held.weight > self._max_bytes:
            return
        held.uses = before.uses if before else 0
        while self._bytes + held.weight > self._max_bytes or len(self) >= self._max_entries:
            self._evict()
        self._ghosts.pop(digest, None)
        self._bytes += held.weight
        if known:
            self._main[digest] = held
        else:
            self._small[digest] = held
            self._small_bytes += held.weight

    def discard(self, digest: Hashable) -> None:
        """Forget the entry, if there is one."""
        if (held := self._small.pop(digest, None)) is not None:
            self._small_bytes -= held.weight
        elif (held := self._main.pop(digest, None)) is None:
            return
        self._bytes -= held.weight

    async def get(self, digest: str) -> Entry | None:
        """As `peek`; never suspends."""
        return self.peek(digest)

    async def put(self, digest: str, entry: Entry) -> None:
        """As `add`; never suspends."""
        self.add(digest, entry)

    async def clear(self) -> None:
        """Forget everything; these are no evictions."""
        self._small.clear()
        self._main.clear()
        self._ghosts.clear()
        self._bytes = self._small_bytes = 0

    def _evict(self) -> None:
        """Let one entry go, or move one on; at least one of the queues holds something."""
        full = self._small_bytes > SMALL * self._max_bytes or len(self._small) > SMALL * self._max_entries
        if self._small and (full or not self._main):
            self._leave_small()
        else:
            self._leave_main()

    def _leave_small(self) -> None:
        digest, held = self._small.popitem(last=False)
        self._small_bytes -= held.weight
        if held.uses >= PROMOTED:
            held.uses = 0
            self._main[digest] = held
            return
        self._bytes -= held.weight
        self.evictions += 1
        self._ghosts[digest] = None
        if len(self._ghosts) > (1 - SMALL) * self._max_entries:
            self._ghosts.popitem(last=False)

    def _leave_main(self) -> None:
        digest, held = self._main.popitem(last=False)
        if held.uses > 0:
            held.uses -= 1
            self._main[digest] = held
            return
        self._bytes -= held.weight
        self.evictions += 1
