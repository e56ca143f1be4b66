"""What memory and the storage of memories promise each other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from tmws_patterns.call import MemoryBranch, Scope


@dataclass(frozen=True, slots=True)
class Memory:
    """One memory as it is stored. Times are timezone-aware UTC; `expires_at` None means never.

    Attributes:
        summary: what a long content says in short; "" for none.
        times: how often it was said. `created_at` is the first time, `updated_at` the last.
        fingerprint: the same for what is said again in the same words for the same readers; "" is like no other.
    """

    id: str
    content: str
    tenant: str
    agent_id: str
    namespace: str
    access_level: str
    tags: tuple[str, ...]
    importance: float
    created_at: datetime
    updated_at: datetime
    expires_at: datetime | None = None
    team: str | None = None
    shared_with: tuple[str, ...] = ()
    summary: str = ""
    times: int = 1
    fingerprint: str = ""


@dataclass(frozen=True, slots=True)
class MemoryQuery:
    """Which memories to find. None and empty mean no such filter.

    `order` is "recent" (newest first) or "importance" (most important first). `tags` must all be present,
    `agents` are owners of whom one must be, `ids` the memories that may be. `now` is the time against which
    expiry is judged.
    """

    scope: Scope
    now: datetime
    tags: tuple[str, ...] = ()
    min_importance: float | None = None
    since: datetime | None = None
    until: datetime | None = None
    agents: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    order: str = "recent"
    limit: int = 10

    @property
    def narrows(self) -> bool:
        """True where it asks for more than to be in sight."""
        bounds = (self.min_importance, self.since, self.until)
        return bool(self.tags or self.agents or self.ids) or any(bound is not None for bound in bounds)


class MemoryRows(Protocol):
    """Writes memories. A write and the bump of its tags' epochs are one transaction. May raise StoreUnavailable."""

    async def add(self, memories: Sequence[Memory], bump: Iterable[str]) -> list[str]:
        """Store all or none, and return the id of each: of an earlier one where the same owner said the same.

        One that its owner has already by its id is left as it is; one whose id is another owner's gets its own.
        """
        ...

    async def replace(self, memory: Memory, bump: Iterable[str]) -> bool:
        """Put a memory in the place of the one with its id; False where its agent owns none such."""
        ...

    async def remove(self, ids: Sequence[str], scope: Scope, bump: Iterable[str]) -> int:
        """Delete those of `ids` that the scope's agent owns; returns how many."""
        ...

    async def sweep(self, bump: Iterable[str]) -> int:
        """Delete what has expired; returns how many."""
        ...

    async def count(self) -> int:
        """How many memories there are, of all agents."""
        ...


class MemoryReads(Protocol):
    """Reads memories. Scope is part of every statement, never applied afterwards. May raise StoreUnavailable.

    A memory's number is higher than that of any memory seen before it, and never that of another; it changes with
    the memory's words.
    """

    async def listed(self, query: MemoryQuery) -> list[Memory]:
        """The first in the query's order."""
        ...

    async def numbers(self, query: MemoryQuery, limit: int) -> list[int]:
        """The numbers of so many of those in question, in no order."""
        ...

    async def fetch(self, numbers: Sequence[int], query: MemoryQuery) -> dict[int, Memory]:
        """Those of the numbers that are in question."""
        ...

    async def after(self, number: int, query: MemoryQuery) -> list[tuple[int, Memory]]:
        """The first in the order of numbers, with them."""
        ...


class IndexSegment(NamedTuple):
    """A part of the index: its id, and the first and last number of the memories that it stands for."""

    id: int
    first: int
    last: int


class Unindexed(NamedTuple):
    """A memory to be indexed: its number; tenant, agent, namespace, access, team and shared_with; and its text."""

    number: int
    owner: tuple[str, str, str, str, str | None, tuple[str, ...]]
    text: str


class IndexState(NamedTuple):
    """All segments by their numbers, and the first of the memories that neither they nor the asker knows."""

    segments: tuple[IndexSegment, ...]
    recent: list[Unindexed]


class IndexRows(Protocol):
    """The index as it is kept. A segment never changes, and its id is never another's. May raise StoreUnavailable."""

    async def version(self) -> object:
        """Another one whenever a memory or a segment has been added or changed; quick."""
        ...

    async def state(self, after: int, limit: int) -> IndexState:
        """The index as it is now, with so many memories after that number and the last segment."""
        ...

    async def head(self, segment: int) -> bytes | None: ...

    async def chunks(self, ranges: Sequence[tuple[int, int, int]]) -> dict[tuple[int, int], bytes]:
        """Chunks by (segment, chunk); a range is a segment with its first and last chunk."""
        ...

    async def between(self, first: int, last: int, limit: int) -> list[Unindexed]: ...

    async def numbers(self, first: int, last: int) -> list[int]:
        """Which numbers between the two are those of a memory."""
        ...

    async def existing(self, numbers: Sequence[int]) -> set[int]:
        """Which of the numbers are those of a memory."""
        ...

    async def put(
        self, replaced: Sequence[int], first: int, last: int, docs: int, head: bytes, chunks: Mapping[int, bytes]
    ) -> bool:
        """A new segment in the place of others; False, and nothing done, where another process was quicker."""
        ...

    async def clear(self) -> None:
        """Forget the whole index; it is made anew from the memories."""
        ...


class VectorRows(Protocol):
    """What memories mean by a sentence model: vectors by the memories' numbers, quantized to a byte a number.

    May raise StoreUnavailable.
    """

    async def distances(self, asked: bytes, numbers: Sequence[int], encoder: str) -> dict[int, float]:
        """The cosine distance (0 to 2) of each vector that is there from the one asked for, both by this encoder.

        The same to the last bit on every engine. A vector of another width is as if it were not there.
        """
        ...

    async def signs(self, first: int, last: int, encoder: str, width: int) -> tuple[list[int], bytes]:
        """The numbers from the first to the last that have a vector, in no order, and the signs of these vectors.

        A bit a number, set where it is over 0, the first the highest of its byte; `width` of them, a multiple of 64.
        """
        ...

    async def last(self) -> int:
        """The highest number of a memory; 0 for none."""
        ...

    async def unencoded_after(self, number: int, encoder: str, limit: int) -> list[tuple[int, str]]:
        """The first memories after that number that have no vector, with their texts, oldest first."""
        ...

    async def unencoded_before(self, number: int, encoder: str, limit: int) -> list[tuple[int, str]]:
        """The last memories before that number that have no vector, with their texts, newest first."""
        ...

    async def unencoded_count(self, encoder: str) -> int: ...

    async def keep_vectors(self, vectors: Mapping[int, bytes], encoder: str) -> None:
        """Keep vectors of memories that are still there."""
        ...


class MemoryRunner(Protocol):
    """Runs a planned memory operation and returns plain data. Raises InvalidInput or StoreUnavailable."""

    async def run(self, branch: MemoryBranch) -> Any: ...

    def tags(self, scope: Scope) -> tuple[str, ...]:
        """Tags that make an answer stale in which memories of this scope have a part."""
        ...
