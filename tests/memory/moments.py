"""A clock for tests."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta


@dataclass
class Moment:
    """A clock that stands still until it is moved."""

    now: datetime = field(default=datetime(2026, 11, 23, 12, 0, tzinfo=UTC))

    def __call__(self) -> float:
        return self.now.timestamp()

    def pass_by(self, **length: float) -> None:
        self.now += timedelta(**length)
