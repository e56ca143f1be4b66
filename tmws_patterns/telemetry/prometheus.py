"""The metrics at /metrics, in a registry of their own."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator
from itertools import accumulate

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Metric, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from tmws_patterns.call import CallRecord
from tmws_patterns.pattern import PatternType

# Seconds: from a local cache hit to the longest default deadline.
_BUCKETS = (
    0.00005,
    0.0001,
    0.00025,
    0.0005,
    0.001,
    0.0025,
    0.005,
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    0.5,
    1,
    2.5,
    5,
    10,
    30,
)
_BOUNDS = (*(str(float(bound)) for bound in _BUCKETS), "+Inf")


class _Executions:
    """Those of one type, with a histogram of their seconds."""

    def __init__(self) -> None:
        self.counts = [0] * (len(_BUCKETS) + 1)
        self.sum = 0.0
        self.ended = {True: 0, False: 0}

    def cumulative(self) -> list[tuple[str, float]]:
        """(upper bound, count up to it) of each bucket, as Prometheus has them."""
        return list(zip(_BOUNDS, accumulate(self.counts), strict=True))


class PrometheusExporter(Collector):
    """An Observer. `hit_rate` is asked at each scrape and gives a ratio, 0 to 1.

    It counts in plain numbers and makes metrics of them when it is scraped: the library's own counters take a lock
    for each increment, which a repeat out of local memory would notice.
    """

    def __init__(self, hit_rate: Callable[[], float]) -> None:
        self._executions = {kind: _Executions() for kind in PatternType}
        self._tokens = 0
        self._hit_rate = hit_rate
        self._registry = CollectorRegistry()
        self._registry.register(self)

    def record(self, record: CallRecord) -> None:
        """Count one finished call."""
        kind, seconds = self._executions[record.pattern_type], record.duration_ms / 1000
        kind.counts[bisect_left(_BUCKETS, seconds)] += 1  # the first that is no smaller
        kind.sum += seconds
        kind.ended[record.success] += 1
        self._tokens += record.tokens_used

    def collect(self) -> Iterator[Metric]:
        """The metrics as they stand now."""
        executions = CounterMetricFamily(
            "tmws_pattern_executions", "Finished executions.", labels=("pattern_type", "success")
        )
        for kind, found in self._executions.items():
            for success, count in found.ended.items():
                executions.add_metric((kind.value, str(success).lower()), count)
        yield executions
        durations = HistogramMetricFamily(
            "tmws_pattern_execution_duration_seconds",
            "Time from the call to its answer, in seconds.",
            labels=("pattern_type",),
        )
        for kind, found in self._executions.items():
            durations.add_metric((kind.value,), found.cumulative(), found.sum)
        yield durations
        yield CounterMetricFamily(
            "tmws_pattern_tokens_used", "Tokens (o200k_base) that the answers cost their readers.", self._tokens
        )
        rate = "Cache hits as a ratio of all lookups, 0 to 1."
        yield GaugeMetricFamily("tmws_pattern_cache_hit_rate", rate, self._hit_rate())

    def render(self) -> tuple[bytes, str]:
        """The metrics in Prometheus' text format, and their content type."""
        return generate_latest(self._registry), CONTENT_TYPE_LATEST
