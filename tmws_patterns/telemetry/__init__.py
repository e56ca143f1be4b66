"""What is known of finished calls: statistics for this session and for all time, and Prometheus metrics.

The only home of `prometheus_client`. Everything hooks in at `Observer.record` and nowhere else.
"""

from tmws_patterns.telemetry.observers import Observers
from tmws_patterns.telemetry.prometheus import PrometheusExporter
from tmws_patterns.telemetry.statistics import Statistics

__all__ = ["Observers", "PrometheusExporter", "Statistics"]
