"""The first tier: answers in this process's memory, least recently used first to go."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from tmws_patterns.ports import Entry

OVERHEAD = 400  # bytes: what an entry, its digest and its slot weigh beside the payload (sys.getsizeof, 3.11)


class LocalTier:
    """Entries bounded in number and bytes. The synchronous methods are the hot path of every repeat.

    An entry is held until its `expires_at`, and for `ttl_limit` seconds at most. One heavier than
    `max_bytes` is not held at all.
    """

    name = "local"

    def __init__(self, max_entries: int, max_bytes: int, ttl_limit: float, clock: Callable[[], float]) -> None:
        self._max_entries = max_entries
        self._max_bytes = max_bytes
        self._ttl_limit = ttl_limit
        self._clock = clock
        self._held: OrderedDict[str, tuple[Entry, float]] = OrderedDict()
        self._bytes = 0
        self.evictions = 0

    def __len__(self) -> int:
        return len(self._held)

    @property
    def available(self) -> bool:
        """Always: memory has no outages."""
        return True

    @property
    def bytes_held(self) -> int:
        """The weight of all entries, never over `max_bytes`."""
        return self._bytes

    def peek(self, digest: str) -> Entry | None:
        """The entry, now the most recently used one; None where there is none young enough."""
        found = self._held.get(digest)
        if found is None:
            return None
        if found[1] <= self._clock():
            self.discard(digest)
            return None
        self._held.move_to_end(digest)
        return found[0]

    def add(self, digest: str, entry: Entry) -> None:
        """Hold the entry in the place of any older one."""
        self.discard(digest)
        now = self._clock()
        held_until = min(entry.expires_at, now + self._ttl_limit)
        weight = _weight(entry)
        if held_until <= now or weight > self._max_bytes:
            return
        self._held[digest] = (entry, held_until)
        self._bytes += weight
        while self._bytes > self._max_bytes or len(self._held) > self._max_entries:
            self._bytes -= _weight(self._held.popitem(last=False)[1][0])
            self.evictions += 1

    def discard(self, digest: str) -> None:
        """Forget the entry, if there is one."""
        found = self._held.pop(digest, None)
        if found is not None:
            self._bytes -= _weight(found[0])

    async def get(self, digest: str) -> Entry | None:
        """As `peek`; never suspends."""
        return self.peek(digest)

    async def put(self, digest: str, entry: Entry) -> None:
        """As `add`; never suspends."""
        self.add(digest, entry)

    async def clear(self) -> None:
        """Forget everything; these are no evictions."""
        self._held.clear()
        self._bytes = 0


def _weight(entry: Entry) -> int:
    return len(entry.payload) + OVERHEAD
