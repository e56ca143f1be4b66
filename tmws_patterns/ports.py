"""What the rooms promise each other: Protocols of a few methods, with their rules.

Every implementation is safe to share among tasks of one event loop. Failures are TmwsErrors unless a
Protocol says otherwise. Nothing waits without a deadline.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple, Protocol

from tmws_patterns.call import CallRecord, MemoryBranch, Progress, Scope
from tmws_patterns.pattern import Effect, ToolDefinition

# --- cache ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Entry:
    """A kept answer. Bytes, so that no caller can change it.

    Attributes:
        payload: the encoded answer.
        stored_at, expires_at: seconds since 1970, the wall clock. The age limit is the same in every tier.
        epochs: (tag, epoch) pairs read BEFORE the answer was computed; the entry is stale as soon as
            one of its tags has another epoch.
        cost: seconds that its load took.
    """

    payload: bytes
    stored_at: float
    expires_at: float
    epochs: tuple[tuple[str, int], ...] = ()
    cost: float = 0.0


class CacheTier(Protocol):
    """One place where entries are kept, by a 32-character digest of their key.

    An outage is a logged miss: no method raises for one, and none waits longer than the tier's
    deadline. Entries past `expires_at`, and the seconds of grace that the tier was opened with, are never
    returned. `put` may return before the entry is durable. `available` is the truth at this moment.
    """

    name: str

    @property
    def available(self) -> bool: ...

    async def get(self, digest: str) -> Entry | None: ...

    async def put(self, digest: str, entry: Entry) -> None: ...

    async def clear(self) -> None: ...


class Leasing(Protocol):
    """A tier that several processes share, and in which one of them can say that it loads.

    `lease` takes: True where the lease is now the token's for so many seconds, False where it is another's,
    "waived" where its last holder came to nothing a moment ago, so that everybody is to load for himself, None
    where the tier does not answer. `renew` is False where it is the token's no more. `waive` and `release` end it.
    `publish` is a `put` that has arrived when it returns, unless the tier does not answer.
    """

    async def lease(self, name: str, token: str, seconds: float) -> bool | Literal["waived"] | None: ...

    async def renew(self, name: str, token: str, seconds: float) -> bool | None: ...

    async def waive(self, name: str, token: str, seconds: float) -> None: ...

    async def release(self, name: str, token: str) -> None: ...

    async def publish(self, digest: str, entry: Entry) -> None: ...


class SharedTier(CacheTier, Leasing, Protocol):
    """A tier below local memory; `dropped` counts the entries that it never got because too many waited."""

    @property
    def dropped(self) -> int: ...


class Epochs(Protocol):
    """The counters behind tags. A tag that was never bumped has epoch 0.

    `peek` is synchronous: the epochs as of now, or None where that needs waiting (then `read`).
    What `peek` and `read` return already includes every bump acknowledged in this process, over
    SQLite in any process, over PostgreSQL in any process at most 50 ms ago.

    Raises:
        StoreUnavailable: from `read` and `bump`.
    """

    def peek(self, tags: Sequence[str]) -> tuple[int, ...] | None: ...

    async def read(self, tags: Sequence[str]) -> tuple[int, ...]: ...

    async def bump(self, tags: Iterable[str]) -> None: ...


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a load produced: the encoded answer, whether it may be kept at all, and until when at the latest.

    `expires_at` is seconds since 1970; None leaves it to the ttl.
    """

    payload: bytes
    keep: bool
    expires_at: float | None = None


class Cached(NamedTuple):
    """An answer from the cache or from a load. A tuple, since each repeat makes one.

    Attributes:
        tier: None for a load.
        stored_at, expires_at: wall times in seconds since 1970; expires_at is 0 for what is not kept.
        epochs: of the entry's tags.
        digest: of the key that it is kept under; "" for what is not kept.
        stale: True for an old answer in place of a load that failed.
    """

    payload: bytes
    tier: str | None
    stored_at: float
    expires_at: float = 0.0
    epochs: tuple[tuple[str, int], ...] = ()
    digest: str = ""
    stale: bool = False

    @property
    def tags(self) -> tuple[str, ...]:
        """What makes it stale."""
        return tuple(tag for tag, _ in self.epochs)


class AnswerCache(Protocol):
    """Read-through over the tiers, with one load at a time for a key in this process.

    A `shared` load is the only one in all processes that have a tier in common. A load that fails fails
    all who wait for it, and nothing is kept. A caller who is cancelled takes nobody with it; the load is
    cancelled when its last waiter has gone. `invalidate` never raises for an outage: until the tags could
    be marked as stale, nothing that bears one of them is served or kept by this process.
    """

    async def get_or_load(
        self,
        key: tuple[Any, ...],
        load: Callable[[], Awaitable[Loaded]],
        *,
        ttl: float,
        tags: tuple[str, ...],
        shared: bool = False,
    ) -> Cached: ...

    async def invalidate(self, tags: Iterable[str]) -> None: ...

    def get_stats(self) -> dict[str, Any]: ...


class LeaseRows(Protocol):
    """Leases in a database. May raise StoreUnavailable."""

    async def take(self, name: str, token: str, seconds: float) -> bool | Literal["waived"]: ...

    async def prolong(self, name: str, token: str, seconds: float) -> bool: ...

    async def waive(self, name: str, token: str, seconds: float) -> None: ...

    async def drop(self, name: str, token: str) -> None: ...


class CacheRows(Protocol):
    """Rows of the database tier, and the leases beside them. May raise StoreUnavailable."""

    @property
    def leases(self) -> LeaseRows: ...

    async def fetch(self, digest: str, now: float) -> Entry | None: ...

    async def upsert(self, rows: Sequence[tuple[str, Entry]]) -> None: ...

    async def purge(self, now: float, max_rows: int) -> int: ...

    async def clear(self) -> None: ...


# --- dispatch ------------------------------------------------------------------------------------


class ToolCaller(Protocol):
    """Calls downstream tools. One connection a server, opened on first use and shared by all callers.

    `call` returns plain data. Within `timeout` seconds it raises ServerUnavailable, CallTimeout or
    ToolFailed, at once Forbidden (a denied tool) or InvalidInput (a tool that the server does not
    have), and ConfirmationRequired where the tool, as the connected server describes it now, may do
    more than `effect`; None leaves that to the caller. `discover` connects servers whose tools are
    not known yet, side by side, and returns the names of those still unknown after `timeout` seconds;
    it never raises.
    """

    async def call(
        self,
        server: str,
        tool: str,
        arguments: Mapping[str, Any],
        *,
        timeout: float,
        progress: Progress | None = None,
        effect: Effect | None = None,
    ) -> Any: ...

    async def discover(self, timeout: float, servers: Sequence[str] | None = None) -> list[str]: ...

    def tools(self) -> Mapping[str, ToolDefinition]:
        """Every known tool by `server.tool`."""
        ...

    def servers(self) -> Mapping[str, str]:
        """Every configured server's name, with its identity."""
        ...

    def unknown(self) -> list[str]:
        """Configured servers whose tools are not known yet."""
        ...

    def why(self, server: str) -> str:
        """The message of the server's last connection error; "" where there is none."""
        ...


class CatalogueRows(Protocol):
    """The tools of each server, kept between runs, by the hash of the server's configuration.

    `load_catalogue` returns {identity: list of raw MCP tool definitions}. May raise StoreUnavailable.
    """

    async def load_catalogue(self) -> dict[str, list[dict[str, Any]]]: ...

    async def save_catalogue(self, identity: str, server: str, tools: Sequence[Mapping[str, Any]]) -> None: ...


# --- memory --------------------------------------------------------------------------------------


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
    `agents` are owners of whom one must be. `now` is the time against which expiry is judged.
    """

    scope: Scope
    now: datetime
    tags: tuple[str, ...] = ()
    min_importance: float | None = None
    since: datetime | None = None
    until: datetime | None = None
    agents: tuple[str, ...] = ()
    order: str = "recent"
    limit: int = 10

    @property
    def narrows(self) -> bool:
        """True where it asks for more than to be in sight."""
        bounds = (self.min_importance, self.since, self.until)
        return bool(self.tags or self.agents) or any(bound is not None for bound in bounds)


class MemoryRows(Protocol):
    """Writes memories. A write and the bump of its tags' epochs are one transaction. May raise StoreUnavailable."""

    async def add(self, memories: Sequence[Memory], bump: Iterable[str]) -> list[str]:
        """Store all or none, and return the id of each: of an earlier one where the same owner said the same."""
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

    async def version(self) -> tuple[int, ...]:
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

    async def put(
        self, replaced: Sequence[int], first: int, last: int, docs: int, head: bytes, chunks: Mapping[int, bytes]
    ) -> bool:
        """A new segment in the place of others; False, and nothing done, where another process was quicker."""
        ...

    async def clear(self) -> None:
        """Forget the whole index; it is made anew from the memories."""
        ...


class VectorRows(Protocol):
    """What memories mean by a sentence model, as bytes by their numbers. May raise StoreUnavailable."""

    async def vectors(self, numbers: Sequence[int], encoder: str) -> dict[int, bytes]:
        """Those that are there, made by this encoder."""
        ...

    async def unencoded(self, encoder: str, limit: int) -> list[tuple[int, str]]:
        """The newest memories without a vector, with their texts."""
        ...

    async def unencoded_count(self, encoder: str) -> int: ...

    async def keep_vectors(self, vectors: Mapping[int, bytes], encoder: str) -> None:
        """Keep vectors of memories that are still there."""
        ...


class MemoryRunner(Protocol):
    """Runs a planned memory operation and returns plain data. Raises InvalidInput or StoreUnavailable."""

    async def run(self, branch: MemoryBranch) -> Any: ...

    def tags(self, branch: MemoryBranch) -> tuple[str, ...]:
        """Tags that make an answer to this read stale (or that this write makes stale)."""
        ...


# --- answers kept for their cursors, statistics, what was learned --------------------------------------------------


class KeptAnswers(Protocol):
    """Answers over one page, kept whole for a while, owned by (tenant, agent), bounded in bytes.

    `keep` returns an id; the same answer of the same owner keeps its id. `load` returns None for an
    id that is unknown, too old or not the owner's. Both may raise StoreUnavailable.
    """

    async def keep(self, owner: tuple[str, str], payload: bytes, now: float, ttl: float) -> str: ...

    async def load(self, owner: tuple[str, str], answer_id: str, now: float) -> bytes | None: ...


class Totals(Protocol):
    """Counters for all time: a flat {name: number}, added to in one transaction. May raise StoreUnavailable."""

    async def add_totals(self, deltas: Mapping[str, float]) -> None: ...

    async def read_totals(self) -> dict[str, float]: ...


class LearnedRows(Protocol):
    """What routing learned, by the hash of its lessons; the oldest make way. May raise StoreUnavailable."""

    async def load_learned(self, digest: str) -> bytes | None: ...

    async def save_learned(self, digest: str, payload: bytes) -> None: ...


class Observer(Protocol):
    """Told of every finished call, whatever happened. Synchronous, quick, and never raises."""

    def record(self, record: CallRecord) -> None: ...
