"""Lists that were read a while ago, since the usual words, whose lists are the longest, are in most questions."""

from __future__ import annotations

from collections import OrderedDict

from tmws_patterns.memory.index.segment import Entries, Posting

Name = tuple[int, int]
"""The segment and the first entry. A segment never changes, and its id is never used again."""

HELD = 32 * 2**20  # bytes: at a million memories of 30 words about a third of all lists
_OVERHEAD = 300  # bytes of a list beside its entries


class RecentLists:
    """Bounded in bytes; what was not asked for longest goes first. Belongs to the event loop's thread."""

    def __init__(self, most: int = HELD) -> None:
        self._most = most
        self._lists: OrderedDict[Name, Posting] = OrderedDict()
        self._bytes = 0

    def get(self, name: Name) -> Posting | None:
        """The list, if it is held."""
        found = self._lists.get(name)
        if found is not None:
            self._lists.move_to_end(name)
        return found

    def add(self, name: Name, entries: Entries) -> Posting:
        """Hold a list, unless it alone would fill an eighth of the room; returns it as it is to be used."""
        own = Posting.of(entries)
        if own.nbytes > self._most // 8:
            return own
        before = self._lists.pop(name, None)
        self._bytes += own.nbytes + _OVERHEAD - (before.nbytes + _OVERHEAD if before is not None else 0)
        self._lists[name] = own
        while self._bytes > self._most:
            _, gone = self._lists.popitem(last=False)
            self._bytes -= gone.nbytes + _OVERHEAD
        return own

    def forget_all_but(self, segments: set[int]) -> None:
        """Drop the lists of segments that are gone."""
        for name in [name for name in self._lists if name[0] not in segments]:
            self._bytes -= self._lists.pop(name).nbytes + _OVERHEAD
