"""What the cache's tiers, its rows and its users promise each other."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol

import orjson

_TOO_HIGH = 2**63  # for an epoch: a column of the database holds less


class Entry(NamedTuple):
    """A kept answer. Bytes, so that no caller can change it. A tuple, since each look into a lower tier makes one.

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
    `follow` has its `tell` called from now on with what this process raises, so that other processes can `hear`
    it; it returns False where they see it without being told. What was heard is read anew; to hear None means
    that something was missed: nothing counts as known until it has been read.
    What `peek` and `read` return already includes every bump acknowledged in this process, over
    SQLite in any process, over PostgreSQL those of any process that are older than 80 ms.

    Raises:
        StoreUnavailable: from `read` and `bump`.
    """

    def peek(self, tags: Sequence[str]) -> tuple[int, ...] | None: ...

    async def read(self, tags: Sequence[str]) -> tuple[int, ...]: ...

    async def bump(self, tags: Iterable[str]) -> None: ...

    def follow(self, tell: Callable[[Mapping[str, int]], None]) -> bool: ...

    def hear(self, epochs: Mapping[str, int] | None) -> None: ...


def told_epochs(message: str | bytes) -> dict[str, int] | None:
    """The epochs that a message from another process tells, as {tag: epoch}; None where it is none of ours."""
    try:
        found = orjson.loads(message)
    except ValueError:
        return None
    if not isinstance(found, dict) or not all(
        type(epoch) is int and 0 <= epoch < _TOO_HIGH for epoch in found.values()
    ):
        return None
    return found


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
        return tuple([tag for tag, _ in self.epochs])


class AnswerCache(Protocol):
    """Read-through over the tiers, with one load at a time for a key in this process.

    A `shared` load is the only one in all processes that have a tier in common. A load that fails fails
    all who wait for it, and nothing is kept. A caller who is cancelled takes nobody with it; the load is
    cancelled when its last waiter has gone. `invalidate` never raises for an outage: until the tags could
    be marked as stale, nothing that bears one of them is served or kept by this process. `again` never waits:
    True where `get_or_load` would give this very answer out of local memory, which counts as a hit.
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

    def again(self, cached: Cached, tags: tuple[str, ...], ttl: float) -> bool: ...

    async def invalidate(self, tags: Iterable[str]) -> None: ...

    def get_stats(self) -> dict[str, Any]: ...


class LeaseRows(Protocol):
    """Leases in a database. May raise StoreUnavailable."""

    async def take(self, name: str, token: str, seconds: float) -> bool | Literal["waived"]: ...

    async def prolong(self, name: str, token: str, seconds: float) -> bool: ...

    async def waive(self, name: str, token: str, seconds: float) -> None: ...

    async def drop(self, name: str, token: str) -> None: ...


class CacheRows(Protocol):
    """Rows of the database tier, and the leases beside them. May raise StoreUnavailable.

    `peek` never waits: what `fetch` would find, in a tuple, or None where only `fetch` can tell.
    """

    @property
    def leases(self) -> LeaseRows: ...

    def peek(self, digest: str, now: float) -> tuple[Entry | None] | None: ...

    async def fetch(self, digest: str, now: float) -> Entry | None: ...

    async def upsert(self, rows: Sequence[tuple[str, Entry]]) -> None: ...

    async def purge(self, now: float, max_rows: int) -> int: ...

    async def clear(self) -> None: ...
