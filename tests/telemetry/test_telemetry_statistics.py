from __future__ import annotations

import anyio
import pytest
from call_records import call_record
from hypothesis import given
from hypothesis import strategies as st

from tmws_patterns.errors import StoreUnavailable
from tmws_patterns.telemetry import Statistics
from tmws_patterns.telemetry.statistics import MAX_NAMES, OTHER
from tmws_patterns.telemetry.tally import Tally

pytestmark = pytest.mark.anyio


def test_before_the_first_call_everything_is_0() -> None:
    found = Statistics().snapshot()
    assert found["total_executions"] == found["success_rate"] == found["cache_hit_rate"] == 0
    assert found["latency_ms"] == {"p50": 0, "p95": 0, "p99": 0}


def test_calls_are_summed_and_rated() -> None:
    now = [100.0]
    statistics = Statistics(clock=lambda: now[0])
    statistics.record(call_record(tokens_used=10, tokens_raw=100))
    statistics.record(call_record(cache_tier="local", duration_ms=0.5, tokens_used=10, tokens_raw=100))
    statistics.record(call_record(success=False, error_code="timeout", server="time", duration_ms=30_000))
    statistics.record(call_record(pattern_name="recall", tokens_used=20, tokens_raw=15))
    statistics.discovered(250)
    now[0] += 7
    found = statistics.snapshot()
    assert found.pop("latency_ms")["p99"] == pytest.approx(30_000, rel=0.05)
    assert found.pop("avg_execution_time_ms") == pytest.approx(30_004.5 / 4)
    assert found == {
        "total_executions": 4,
        "successful_executions": 3,
        "failed_executions": 1,
        "cache_hits": 1,
        "total_tokens_used": 50,
        "tokens_saved": 175,
        "discoveries": 1,
        "discovery_tokens": 250,
        "success_rate": 75,
        "cache_hit_rate": 25,
        "uptime_s": 7,
        "errors": {"timeout": 1},
        "patterns": {
            "weather": {
                "executions": 3,
                "failures": 1,
                "cache_hits": 1,
                "avg_ms": pytest.approx(30_002.5 / 3),
                "tokens_used": 30,
                "tokens_saved": 180,
            },
            "recall": {
                "executions": 1,
                "failures": 0,
                "cache_hits": 0,
                "avg_ms": 2,
                "tokens_used": 20,
                "tokens_saved": -5,
            },
        },
        "servers": {
            "time": {
                "executions": 1,
                "failures": 1,
                "cache_hits": 0,
                "avg_ms": 30_000,
                "tokens_used": 10,
                "tokens_saved": 0,
            }
        },
    }


def test_a_call_without_a_pattern_counts_but_names_none() -> None:
    statistics = Statistics()
    statistics.record(call_record(pattern_name="", success=False, error_code="no_match"))
    found = statistics.snapshot()
    assert (found["total_executions"], found["patterns"]) == (1, {})


def test_names_above_the_bound_are_counted_together() -> None:
    statistics = Statistics()
    for number in range(MAX_NAMES + 100):
        statistics.record(call_record(pattern_name=f"p{number}", server=f"s{number}"))
    statistics.record(call_record(pattern_name="p0"))
    found = statistics.snapshot()
    assert len(found["patterns"]) == len(found["servers"]) == MAX_NAMES + 1
    assert found["patterns"][OTHER]["executions"] == 100
    assert found["patterns"]["p0"]["executions"] == 2


records = st.builds(
    call_record,
    success=st.booleans(),
    cache_tier=st.sampled_from([None, "local", "redis", "database"]),
    tokens_used=st.integers(0, 5000),
    tokens_raw=st.none() | st.integers(0, 5000),
    duration_ms=st.floats(0, 1e6),
)


@given(st.lists(records))
def test_no_rate_exceeds_100_and_the_parts_add_up(calls) -> None:
    statistics = Statistics()
    for call in calls:
        statistics.record(call)
    found = statistics.snapshot()
    assert 0 <= found["cache_hit_rate"] <= 100
    assert 0 <= found["success_rate"] <= 100
    assert found["successful_executions"] + found["failed_executions"] == found["total_executions"] == len(calls)
    assert sum(line["executions"] for line in found["patterns"].values()) == len(calls)


@given(st.lists(records), st.lists(records))
def test_tallies_add_up_like_the_calls_they_count(some, more) -> None:
    one, other, both = Tally(), Tally(), Tally()
    for call in some:
        one.count(call)
        both.count(call)
    for call in more:
        other.count(call)
        both.count(call)
    sums = one.plus(other.sums()).sums()
    assert sums.pop("duration_ms") == pytest.approx(both.sums()["duration_ms"])
    assert sums == {name: value for name, value in both.sums().items() if name != "duration_ms"}


# --- all time -------------------------------------------------------------------------------------


async def test_without_a_database_all_time_is_this_session() -> None:
    statistics = Statistics()
    statistics.record(call_record())
    await statistics.flush()
    assert (await statistics.all_time())["total_executions"] == 1


async def test_all_time_is_right_before_and_after_a_flush_and_in_the_next_session(database) -> None:
    statistics = Statistics(database.totals)
    for _ in range(3):
        statistics.record(call_record(tokens_raw=30, cache_tier="local"))
    before = await statistics.all_time()
    await statistics.flush()
    await statistics.flush()
    assert await statistics.all_time() == before
    assert before["total_executions"] == 3
    assert before["tokens_saved"] == 60
    later = Statistics(database.totals)
    later.record(call_record())
    found = await later.all_time()
    assert (found["total_executions"], found["cache_hit_rate"]) == (4, 75)
    assert later.snapshot()["total_executions"] == 1


async def test_lists_that_are_read_before_any_call_are_each_counted_once(database) -> None:
    statistics = Statistics(database.totals)
    for _ in range(3):
        statistics.discovered(100)
        await statistics.flush()
    statistics.record(call_record())
    await statistics.flush()
    assert await database.totals.read_totals() | {"duration_ms": 0} == {
        **Tally(executions=1, tokens_used=10, discoveries=3, discovery_tokens=300).sums()
    }


async def test_an_outage_loses_nothing_and_counts_nothing_twice(database, outage) -> None:
    statistics = Statistics(database.totals)
    statistics.record(call_record())
    with outage():
        await statistics.flush()
        with pytest.raises(StoreUnavailable):
            await statistics.all_time()
        statistics.record(call_record())
        await statistics.flush()
    assert (await statistics.all_time())["total_executions"] == 2
    await statistics.flush()
    assert (await statistics.all_time())["total_executions"] == 2
    assert (await database.totals.read_totals())["executions"] == 2


async def test_calls_during_a_flush_are_counted_once(database) -> None:
    statistics = Statistics(database.totals)
    async with anyio.create_task_group() as tasks:
        for _ in range(20):
            statistics.record(call_record())
            tasks.start_soon(statistics.flush)
            await anyio.lowlevel.checkpoint()
            statistics.record(call_record())
            assert (await statistics.all_time())["total_executions"] % 2 == 0
    assert (await statistics.all_time())["total_executions"] == 40


async def test_running_flushes_every_few_seconds(database) -> None:
    statistics = Statistics(database.totals, flush_every=0.01)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(statistics.run)
        statistics.record(call_record())
        with anyio.fail_after(5):
            while not await database.totals.read_totals():
                await anyio.lowlevel.checkpoint()
        tasks.cancel_scope.cancel()


async def test_the_end_of_running_flushes_once_more(database) -> None:
    statistics = Statistics(database.totals)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(statistics.run)
        await anyio.wait_all_tasks_blocked()
        statistics.record(call_record())
        tasks.cancel_scope.cancel()
    assert (await database.totals.read_totals())["executions"] == 1
