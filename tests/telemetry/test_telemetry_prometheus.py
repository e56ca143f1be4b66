from __future__ import annotations

from call_records import call_record
from prometheus_client.parser import text_string_to_metric_families

from tmws_patterns.pattern import PatternType
from tmws_patterns.telemetry import Observers, PrometheusExporter, Statistics


def samples(exporter: PrometheusExporter) -> dict[tuple[str, ...], float]:
    """Every sample by its name and the values of its labels."""
    text, content_type = exporter.render()
    assert content_type.startswith("text/plain")
    families = text_string_to_metric_families(text.decode())
    return {(s.name, *s.labels.values()): s.value for family in families for s in family.samples}


def test_the_metrics_have_the_promised_names_labels_and_units() -> None:
    exporter = PrometheusExporter(lambda: 0.25)
    exporter.record(call_record(duration_ms=1500, tokens_used=12))
    exporter.record(call_record(success=False, tokens_used=3))
    exporter.record(call_record(pattern_type=PatternType.HYBRID, tokens_used=0))
    found = samples(exporter)
    assert found["tmws_pattern_executions_total", "infrastructure", "true"] == 1
    assert found["tmws_pattern_executions_total", "infrastructure", "false"] == 1
    assert found["tmws_pattern_executions_total", "hybrid", "true"] == 1
    assert found["tmws_pattern_execution_duration_seconds_count", "infrastructure"] == 2
    assert found["tmws_pattern_execution_duration_seconds_sum", "infrastructure"] == 1.502
    assert found["tmws_pattern_cache_hit_rate",] == 0.25
    assert found["tmws_pattern_tokens_used_total",] == 15


def test_a_duration_counts_in_each_bucket_that_it_fits_into() -> None:
    exporter = PrometheusExporter(lambda: 0.0)
    for milliseconds in (0.01, 0.05, 20.0, 60_000.0):
        exporter.record(call_record(duration_ms=milliseconds))
    name = "tmws_pattern_execution_duration_seconds_bucket"
    found = {key[1]: value for key, value in samples(exporter).items() if key[::2] == (name, "infrastructure")}
    assert len(found) == 19
    assert (found["5e-05"], found["0.01"], found["0.025"], found["30.0"], found["+Inf"]) == (2, 2, 3, 3, 4)


def test_two_exporters_in_one_process_do_not_meet() -> None:
    one, other = PrometheusExporter(lambda: 0.0), PrometheusExporter(lambda: 0.0)
    one.record(call_record())
    assert samples(other)["tmws_pattern_executions_total", "infrastructure", "true"] == 0


def test_observers_tell_each_of_theirs() -> None:
    statistics, exporter = Statistics(), PrometheusExporter(lambda: 0.0)
    Observers(statistics, exporter).record(call_record())
    assert statistics.snapshot()["total_executions"] == 1
    assert samples(exporter)["tmws_pattern_executions_total", "infrastructure", "true"] == 1
