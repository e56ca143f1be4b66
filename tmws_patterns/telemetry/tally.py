"""Sums over calls, and the rates that follow from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from tmws_patterns.call import CallRecord


@dataclass(slots=True)
class Tally:
    """What a set of calls came to. A cache hit is an execution that a cache tier answered."""

    executions: int = 0
    failures: int = 0
    cache_hits: int = 0
    duration_ms: float = 0.0
    tokens_used: int = 0
    tokens_saved: int = 0
    discoveries: int = 0
    discovery_tokens: int = 0

    def discovered(self, tokens: int) -> None:
        """Add one list of patterns that somebody read, at so many tokens."""
        self.discoveries += 1
        self.discovery_tokens += tokens

    def count(self, record: CallRecord) -> None:
        """Add one call."""
        self.executions += 1
        self.failures += not record.success
        self.cache_hits += record.cache_tier is not None
        self.duration_ms += record.duration_ms
        self.tokens_used += record.tokens_used
        if record.tokens_raw is not None:
            self.tokens_saved += record.tokens_raw - record.tokens_used

    def plus(self, sums: Mapping[str, float]) -> Tally:
        """This tally with sums of the same names added; other names are left out."""
        added: dict[str, Any] = {name: type(own)(own + sums.get(name, 0)) for name, own in self.sums().items()}
        return Tally(**added)

    def minus(self, other: Tally) -> Tally:
        """This tally without what another came to."""
        return self.plus({name: -value for name, value in other.sums().items()})

    def sums(self) -> dict[str, float]:
        """The sums by name."""
        return {name: getattr(self, name) for name in _SUMS}

    @property
    def average_ms(self) -> float:
        """Milliseconds a call; 0 before the first."""
        return round(self.duration_ms / self.executions, 3) if self.executions else 0.0

    def percent(self, part: int) -> float:
        """`part` of the executions in percent; 0 before the first."""
        return round(100 * part / self.executions, 2) if self.executions else 0.0

    def overview(self) -> dict[str, float]:
        """The public names of the sums, with average and rates (percent)."""
        successes = self.executions - self.failures
        return {
            "total_executions": self.executions,
            "successful_executions": successes,
            "failed_executions": self.failures,
            "cache_hits": self.cache_hits,
            "avg_execution_time_ms": self.average_ms,
            "total_tokens_used": self.tokens_used,
            "tokens_saved": self.tokens_saved,
            "discoveries": self.discoveries,
            "discovery_tokens": self.discovery_tokens,
            "success_rate": self.percent(successes),
            "cache_hit_rate": self.percent(self.cache_hits),
        }

    def line(self) -> dict[str, float]:
        """A short form, for one pattern or server among many."""
        return {
            "executions": self.executions,
            "failures": self.failures,
            "cache_hits": self.cache_hits,
            "avg_ms": self.average_ms,
            "tokens_used": self.tokens_used,
            "tokens_saved": self.tokens_saved,
        }


_SUMS = tuple(field.name for field in fields(Tally))
