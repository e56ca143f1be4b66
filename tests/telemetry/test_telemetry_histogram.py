from __future__ import annotations

from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tmws_patterns.telemetry.histogram import Histogram

durations = st.lists(st.floats(0.001, 100_000), min_size=1, max_size=200)


def histogram_of(values) -> Histogram:
    histogram = Histogram()
    for value in values:
        histogram.record(value)
    return histogram


@given(durations, st.integers(1, 100))
def test_a_percentile_is_within_five_percent_of_the_true_one(values, percent) -> None:
    true = sorted(values)[ceil(len(values) * percent / 100) - 1]
    assert histogram_of(values).percentile(percent) == pytest.approx(true, rel=0.05)


@given(st.lists(st.floats(0, 1e9), min_size=1))
def test_percentiles_grow_and_stay_between_the_least_and_the_most(values) -> None:
    histogram = histogram_of(values)
    found = [histogram.percentile(percent) for percent in (0, 1, 50, 95, 99, 100)]
    assert found == sorted(found)
    assert min(values) <= found[0]
    assert found[-1] <= max(values)
    assert histogram.total == len(values)


def test_without_durations_a_percentile_is_0() -> None:
    assert Histogram().percentile(95) == 0


def test_what_is_shorter_or_longer_than_the_buckets_is_counted_at_their_ends() -> None:
    histogram = histogram_of([0, 0.0001, 1e9])
    assert histogram.percentile(50) <= 0.0011
    assert histogram.percentile(100) >= 100_000
