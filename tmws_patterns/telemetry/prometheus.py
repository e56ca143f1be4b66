"""The metrics at /metrics, in a registry of their own."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest

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


class PrometheusExporter:
    """An Observer. `hit_rate` is asked at each scrape and gives a ratio, 0 to 1."""

    def __init__(self, hit_rate: Callable[[], float]) -> None:
        self._registry = CollectorRegistry()
        self._executions = Counter(
            "tmws_pattern_executions_total",
            "Finished executions.",
            ("pattern_type", "success"),
            registry=self._registry,
        )
        self._durations = Histogram(
            "tmws_pattern_execution_duration_seconds",
            "Time from the call to its answer, in seconds.",
            ("pattern_type",),
            buckets=_BUCKETS,
            registry=self._registry,
        )
        self._tokens = Counter(
            "tmws_pattern_tokens_used_total",
            "Tokens (o200k_base) that the answers cost their readers.",
            registry=self._registry,
        )
        # looked up once: finding a child by its labels costs more than counting
        self._children = {
            (kind, success): (
                self._executions.labels(kind.value, str(success).lower()),
                self._durations.labels(kind.value),
            )
            for kind in PatternType
            for success in (True, False)
        }
        rate = Gauge(
            "tmws_pattern_cache_hit_rate", "Cache hits as a ratio of all lookups, 0 to 1.", registry=self._registry
        )
        rate.set_function(hit_rate)

    def record(self, record: CallRecord) -> None:
        """Count one finished call."""
        counted, timed = self._children[record.pattern_type, record.success]
        counted.inc()
        timed.observe(record.duration_ms / 1000)
        self._tokens.inc(record.tokens_used)

    def render(self) -> tuple[bytes, str]:
        """The metrics in Prometheus' text format, and their content type."""
        return generate_latest(self._registry), CONTENT_TYPE_LATEST
