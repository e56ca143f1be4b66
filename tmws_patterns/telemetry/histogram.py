"""Durations by logarithmic buckets: percentiles of any number of calls in two kilobytes."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from itertools import accumulate
from math import ceil, log

LOWEST_MS = 0.001  # a microsecond; what is shorter falls into the first bucket
HIGHEST_MS = 100_000.0  # 100 s, over every default deadline; what is longer falls into the last bucket
WIDTH = 1.1  # each bucket ends 10% above its beginning, so a percentile is off by 5% at most

_BUCKETS = ceil(log(HIGHEST_MS / LOWEST_MS) / log(WIDTH)) + 1
_ENDS = [LOWEST_MS * WIDTH**number for number in range(1, _BUCKETS)]


class Histogram:
    """Milliseconds in fixed buckets; recording takes the same time whatever was recorded before."""

    def __init__(self) -> None:
        self._counts = [0] * _BUCKETS
        self._least = float("inf")
        self._most = 0.0
        self.total = 0

    def record(self, milliseconds: float) -> None:
        """Count one duration."""
        self._counts[bisect_right(_ENDS, milliseconds)] += 1
        if not self._least <= milliseconds <= self._most:
            self._least = min(self._least, milliseconds)
            self._most = max(self._most, milliseconds)
        self.total += 1

    def percentile(self, percent: float) -> float:
        """The milliseconds that `percent` of the durations did not exceed, within 5%; 0 without any.

        The nearest-rank definition, read at the geometric middle of the bucket.
        """
        if not self.total:
            return 0.0
        rank = max(1, ceil(self.total * percent / 100))
        bucket = bisect_left(list(accumulate(self._counts)), rank)
        middle = LOWEST_MS * float(WIDTH ** (bucket + 0.5))
        return min(max(middle, self._least), self._most)
