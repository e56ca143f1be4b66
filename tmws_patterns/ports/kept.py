"""What is kept beside the cache: answers for their cursors, statistics, what was learned; and who is told of calls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from tmws_patterns.call import CallRecord


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
