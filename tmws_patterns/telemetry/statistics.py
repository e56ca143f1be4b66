"""The ledger's sums: this session's in memory, all time's in the database, written now and then."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable
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
        self._all = Tally()
        self._unflushed = Tally()
        self._latency = Histogram()
        self._patterns: dict[str, Tally] = {}
        self._servers: dict[str, Tally] = {}
        self._errors: Counter[str] = Counter()
        self._flushing = anyio.Lock()

    def record(self, record: CallRecord) -> None:
        """Count one finished call."""
        self._all.count(record)
        self._unflushed.count(record)
        self._latency.record(record.duration_ms)
        if record.pattern_name:
            _named(self._patterns, record.pattern_name).count(record)
        if record.server:
            _named(self._servers, record.server).count(record)
        if record.error_code:
            self._errors[record.error_code] += 1

    def discovered(self, tokens: int) -> None:
        """Count one list of patterns that an agent read to find out what there is, in o200k tokens."""
        self._all.discovered(tokens)
        self._unflushed.discovered(tokens)

    def snapshot(self) -> dict[str, Any]:
        """This session: the sums and rates (percent), latency_ms, and lines by pattern, server and error code."""
        return {
            **self._all.overview(),
            "uptime_s": self._clock() - self._started,
            "latency_ms": {f"p{p}": round(self._latency.percentile(p), 3) for p in PERCENTILES},
            "patterns": {name: tally.line() for name, tally in self._patterns.items()},
            "servers": {name: tally.line() for name, tally in self._servers.items()},
            "errors": dict(self._errors),
        }

    async def all_time(self) -> dict[str, float]:
        """The sums and rates of every session of this database, this one's to the last call.

        Raises:
            StoreUnavailable: the database cannot be read.
        """
        if self._totals is None:
            return self._all.overview()
        async with self._flushing:
            stored = await self._totals.read_totals()
            return self._unflushed.plus(stored).overview()

    async def flush(self) -> None:
        """Add what is new to the all-time totals; an outage leaves it for the next flush."""
        async with self._flushing:
            if self._totals is None or not any(self._unflushed.sums().values()):
                return
            taken, self._unflushed = self._unflushed, Tally()
            flushed = False
            try:
                # Shielded: a transaction cut off midway leaves in doubt whether it was counted.
                with anyio.fail_after(FLUSH_DEADLINE, shield=True):
                    await self._totals.add_totals(taken.sums())
                flushed = True
            except (StoreUnavailable, TimeoutError) as exc:
                _LOG.warning("statistics wait for the database: %r", exc)
            finally:
                if not flushed:
                    self._unflushed = self._unflushed.plus(taken.sums())

    async def run(self) -> None:
        """Flush every few seconds until cancelled, and once more then."""
        try:
            while True:
                await anyio.sleep(self._flush_every)
                await self.flush()
        finally:
            with anyio.CancelScope(shield=True):
                await self.flush()


def _named(tallies: dict[str, Tally], name: str) -> Tally:
    if name not in tallies and len(tallies) >= MAX_NAMES:
        name = OTHER
    return tallies.setdefault(name, Tally())
