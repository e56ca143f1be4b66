"""The ledger's sums: this session's in memory, all time's in the database, written now and then."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

import anyio

from tmws_patterns.call import CallRecord
from tmws_patterns.errors import StoreUnavailable
from tmws_patterns.ports import Totals
from tmws_patterns.telemetry.histogram import Histogram
from tmws_patterns.telemetry.tally import Tally

_LOG = logging.getLogger(__name__)

FLUSH_EVERY = 5.0  # seconds: what a crash may lose of the all-time totals
FLUSH_DEADLINE = 5.0  # seconds; on leaving, the longest that closing may take
MAX_NAMES = 500  # distinct patterns, and servers; far over what anyone reads
OTHER = "other"  # where the names above MAX_NAMES are counted together
PERCENTILES = (50, 95, 99)


class Statistics:
    """An Observer. `run` belongs in a background task; without it nothing reaches the database.

    `totals` None keeps everything in memory. `clock` gives seconds, for the length of the session.
    """

    def __init__(
        self,
        totals: Totals | None = None,
        clock: Callable[[], float] = time.monotonic,
        flush_every: float = FLUSH_EVERY,
    ) -> None:
        self._totals = totals
        self._clock = clock
        self._flush_every = flush_every
        self._started = clock()
        self._lines: dict[tuple[str, str | None], Tally] = {}  # by pattern and server: a call is counted once
        self._names: tuple[set[str], set[str]] = (set(), set())
        self._lists = Tally()
        self._flushed = Tally()
        self._latency = Histogram()
        self._errors: Counter[str] = Counter()
        self._flushing = anyio.Lock()

    def record(self, record: CallRecord) -> None:
        """Count one finished call."""
        line = self._lines.get((record.pattern_name, record.server))
        (line or self._line(record.pattern_name, record.server)).count(record)
        self._latency.record(record.duration_ms)
        if record.error_code:
            self._errors[record.error_code] += 1

    def discovered(self, tokens: int) -> None:
        """Count one list of patterns that an agent read to find out what there is, in o200k tokens."""
        self._lists.discovered(tokens)

    def snapshot(self) -> dict[str, Any]:
        """This session: the sums and rates (percent), latency_ms, and lines by pattern, server and error code."""
        return {
            **self._all().overview(),
            "uptime_s": self._clock() - self._started,
            "latency_ms": {f"p{p}": round(self._latency.percentile(p), 3) for p in PERCENTILES},
            "patterns": _summed((pattern, tally) for (pattern, _), tally in self._lines.items()),
            "servers": _summed((server, tally) for (_, server), tally in self._lines.items()),
            "errors": dict(self._errors),
        }

    async def all_time(self) -> dict[str, float]:
        """The sums and rates of every session of this database, this one's to the last call.

        Raises:
            StoreUnavailable: the database cannot be read.
        """
        if self._totals is None:
            return self._all().overview()
        async with self._flushing:
            stored = await self._totals.read_totals()
            return self._all().minus(self._flushed).plus(stored).overview()

    async def flush(self) -> None:
        """Add what is new to the all-time totals; an outage leaves it for the next flush."""
        async with self._flushing:
            now = self._all()
            new = now.minus(self._flushed)
            if self._totals is None or not (new.executions or new.discoveries):
                return
            try:
                # Shielded: a transaction cut off midway leaves in doubt whether it was counted.
                with anyio.fail_after(FLUSH_DEADLINE, shield=True):
                    await self._totals.add_totals(new.sums())
                self._flushed = now
            except (StoreUnavailable, TimeoutError) as exc:
                _LOG.warning("statistics wait for the database: %r", exc)

    async def run(self) -> None:
        """Flush every few seconds until cancelled, and once more then."""
        try:
            while True:
                await anyio.sleep(self._flush_every)
                await self.flush()
        finally:
            with anyio.CancelScope(shield=True):
                await self.flush()

    def _all(self) -> Tally:
        """The sums of the session."""
        total = Tally().plus(self._lists.sums())  # one of its own, that nothing changes later
        for line in self._lines.values():
            total = total.plus(line.sums())
        return total

    def _line(self, pattern: str, server: str | None) -> Tally:
        patterns, servers = self._names
        key = (_known(patterns, pattern) if pattern else "", _known(servers, server) if server else None)
        return self._lines.setdefault(key, Tally())


def _known(names: set[str], name: str) -> str:
    """The name itself, or OTHER for a new one where there are MAX_NAMES already."""
    if name not in names and len(names) >= MAX_NAMES:
        return OTHER
    names.add(name)
    return name


def _summed(lines: Iterable[tuple[str | None, Tally]]) -> dict[str, dict[str, float]]:
    """A short line for each name; calls without one are left out."""
    found: dict[str, Tally] = {}
    for name, tally in lines:
        if name:
            found[name] = found.get(name, Tally()).plus(tally.sums())
    return {name: tally.line() for name, tally in found.items()}
