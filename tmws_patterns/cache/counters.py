"""What the cache counts."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Counters:
    """One answer looked for is one hit or one miss, whoever else waited for the same load.

    `invalidations` are the loads that were needed because what was kept had become stale, `refreshes` those that
    were made before anybody needed them, `stale` the old answers served in the place of a load that failed.
    """

    misses: int = 0
    invalidations: int = 0
    refreshes: int = 0
    stale: int = 0
    hits_by_tier: dict[str, int] = field(default_factory=lambda: {"local": 0, "redis": 0, "database": 0})
    misses_by_tier: dict[str, int] = field(default_factory=lambda: {"local": 0, "redis": 0, "database": 0})
    """Looks into one tier that found nothing to serve; what a lower tier then had is a hit there."""

    def answered_by(self, tier: str | None) -> None:
        """Count one answer; None stands for a load."""
        if tier is None:
            self.misses += 1
        else:
            self.hits_by_tier[tier] += 1

    def of_tier(self, tier: str) -> dict[str, int]:
        """Hits of one tier, and looks into it that found nothing to serve."""
        return {"hits": self.hits_by_tier[tier], "misses": self.misses_by_tier[tier]}

    def to_dict(self) -> dict[str, float]:
        """The counts, with `hit_rate` in percent of all answers; 0 before the first."""
        hits = sum(self.hits_by_tier.values())
        asked = hits + self.misses
        by_tier = {f"{tier}_hits": count for tier, count in self.hits_by_tier.items()}
        rate = 100 * hits / asked if asked else 0.0
        return {
            "hits": hits,
            "misses": self.misses,
            **by_tier,
            "invalidations": self.invalidations,
            "refreshes": self.refreshes,
            "stale": self.stale,
            "hit_rate": rate,
        }
