"""The Python interface, name for name, and who may see what."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

from tmws_patterns import (
    DatabaseHealthCheck,
    ExecutionMode,
    PatternExecutionEngine,
    PatternType,
    TmwsError,
    create_pattern_execution_engine,
)

pytestmark = pytest.mark.anyio


async def test_an_engine_may_be_closed_from_another_task_and_twice(workshop: Any) -> None:
    engine = await create_pattern_execution_engine(workshop.settings())
    assert (await engine.execute("calculate 1+1")).result == 2
    async with anyio.create_task_group() as group:
        group.start_soon(engine.aclose)
    await engine.aclose()


async def test_an_engine_that_cannot_start_says_why(workshop: Any) -> None:
    for changes in ({"pattern_config": "/no/such/folder"}, {"database_url": "mysql://x"}):
        with pytest.raises(TmwsError) as caught:
            await create_pattern_execution_engine(workshop.settings(**changes))
        assert caught.value.hint


async def test_a_result_holds_what_it_promises(engine: PatternExecutionEngine) -> None:
    result = await engine.execute("look at drill")
    assert (result.pattern_name, result.success, result.cache_hit, result.error) == ("look_at", True, False, None)
    assert result.result == {"key": "drill", "looked": 1}
    assert result.execution_time_ms > 0
    assert result.tokens_used == 11, "of the compact JSON, by o200k_base"
    assert result.metadata["pattern_type"] == "infrastructure"
    assert 0 < result.metadata["confidence"] <= 1
    assert result.metadata["reasoning"]


async def test_a_failure_costs_its_reader_and_is_counted(engine: PatternExecutionEngine) -> None:
    result = await engine.execute("order me a pizza")
    assert not result.success
    assert result.tokens_used > 0
    assert result.metadata["pattern_type"]


async def test_a_batch_keeps_its_order_and_one_failure_fails_no_other(engine: PatternExecutionEngine) -> None:
    queries = ["calculate 1+1", "order me a pizza", "calculate 2+2", "", "calculate 3+3"]
    results = await engine.execute_many(queries)
    assert [r.result for r in results] == [2, None, 4, None, 6]
    assert [r.success for r in results] == [True, False, True, False, True]


async def test_statistics_have_every_promised_name(engine: PatternExecutionEngine) -> None:
    await engine.execute("look at drill")
    await engine.execute("look at drill")
    await engine.execute("order me a pizza")
    stats = engine.get_stats()
    assert (stats["total_executions"], stats["successful_executions"], stats["failed_executions"]) == (3, 2, 1)
    assert (stats["cache_hits"], round(stats["cache_hit_rate"], 1), round(stats["success_rate"], 1)) == (1, 33.3, 66.7)
    assert stats["total_tokens_used"] > 0
    assert stats["avg_execution_time_ms"] > 0
    assert set(stats["latency_ms"]) == {"p50", "p95", "p99"}
    assert stats["patterns"]["look_at"]["executions"] == 2
    assert stats["servers"]["workshop"]["executions"] == 2
    assert stats["registry_stats"]["total_patterns"] > 0
    assert stats["router_stats"]["total_routes"] == 3
    cache = engine.cache_manager.get_stats()
    for name in (
        "hits",
        "misses",
        "local_hits",
        "redis_hits",
        "database_hits",
        "evictions",
        "invalidations",
        "hit_rate",
    ):
        assert name in cache
    assert cache["redis_available"] is False
    assert cache["local_cache_size"] >= 1


async def test_the_pool_is_told_of_the_engine_opened_last(engine: PatternExecutionEngine) -> None:
    status = await DatabaseHealthCheck.get_pool_status()
    assert set(status) == {"size", "checked_out", "overflow", "utilization"}
    assert engine.database.get_pool_status()["size"] == status["size"]


async def test_the_router_tells_its_decision(engine: PatternExecutionEngine) -> None:
    decision = await engine.router.route("recall security patterns", ExecutionMode.BALANCED, {"agent": "ann"})
    assert (decision.pattern_type, decision.pattern_name) == (PatternType.MEMORY, "recall_memory")
    assert decision.estimated_cost == 300
    assert decision.candidates[0].name == "recall_memory"
    assert "recall_memory" not in decision.alternative_routes


async def test_a_page_in_python_is_cut_only_where_asked_and_read_on_by_its_cursor(
    engine: PatternExecutionEngine, workshop: Any
) -> None:
    whole = await engine.execute(pattern="workshop.shelf", arguments={"rows": 100})
    assert len(whole.result) == 100
    page = await engine.execute(pattern="workshop.shelf", arguments={"rows": 100}, max_tokens=300)
    rows = list(page.result)
    assert page.tokens_used <= 300
    assert page.metadata["tokens_raw"] == whole.tokens_used
    while cursor := page.metadata.get("next_cursor"):
        page = await engine.execute(cursor=cursor, max_tokens=300)
        rows += page.result
    assert rows == whole.result


async def test_a_cursor_outlives_its_engine_and_is_its_owners_alone(workshop: Any) -> None:
    first = await workshop.engine()
    page = await first.execute(
        pattern="workshop.shelf", arguments={"rows": 100}, max_tokens=300, context={"agent": "ann"}
    )
    cursor = page.metadata["next_cursor"]
    second = await workshop.engine(agents=frozenset({"ann"}))
    assert (await second.execute(cursor=cursor, max_tokens=300, context={"agent": "ann"})).success
    assert (await second.execute(cursor=cursor)).error.code == "cursor_expired", "another persona's"
    stranger = await workshop.engine(agent="bob", agents=frozenset({"bob"}))
    assert (await stranger.execute(cursor=cursor)).error.code == "cursor_expired"
    other_tenant = await workshop.engine(tenant="elsewhere")
    assert (await other_tenant.execute(cursor=cursor)).error.code == "cursor_expired"


@pytest.mark.parametrize("cursor", ["x", "!!!", "W10", "WyJhIixbXSxbLTFdXQ", "e30"])
async def test_what_is_no_cursor_is_refused(engine: PatternExecutionEngine, cursor: str) -> None:
    assert (await engine.execute(cursor=cursor)).error.code == "invalid_input"


async def test_select_keeps_fields_and_an_unknown_one_names_those_there_are(engine: PatternExecutionEngine) -> None:
    chosen = await engine.execute(pattern="workshop.shelf", arguments={"rows": 2}, select="row, label")
    assert chosen.result[0] == {"row": 0, "label": "label of row number 0"}
    assert chosen.metadata["tokens_saved"] > 0
    wrong = await engine.execute(pattern="workshop.shelf", arguments={"rows": 2}, select=["colour"])
    assert wrong.error.code == "invalid_input"
    assert "label" in wrong.error.hint


@pytest.mark.parametrize(
    "call",
    [
        {},
        {"query": "x", "context": "ann"},
        {"pattern": "look_at", "arguments": "drill"},
        {"query": "calculate 1+1", "max_tokens": 0},
        {"query": "x", "execution_mode": "turbo"},
    ],
)
async def test_what_cannot_be_used_is_an_answer_and_no_exception(
    engine: PatternExecutionEngine, call: dict[str, Any]
) -> None:
    refused = await engine.execute(**call)
    assert refused.error.code == "invalid_input"
    assert refused.error.hint


async def test_a_persona_outside_the_principals_agents_is_forbidden(workshop: Any) -> None:
    engine = await workshop.engine(agent="ann", agents=frozenset({"cy"}))
    assert (await engine.execute("calculate 1+1", context={"agent": "cy"})).success
    refused = await engine.execute("calculate 1+1", context={"agent": "bob"})
    assert refused.error.code == "forbidden"
    assert "ann, cy" in refused.error.hint


async def test_a_namespace_in_context_narrows_what_is_seen(engine: PatternExecutionEngine) -> None:
    await engine.memory.store("oak is hard", namespace="wood")
    await engine.memory.store("oak leaves fall", namespace="garden")
    contents = [row["content"] for row in (await engine.execute("recall oak", context={"namespace": "wood"})).result]
    assert contents == ["oak is hard"]
    assert len((await engine.execute("recall oak")).result) == 2


async def test_memory_in_python_stores_recalls_and_forgets(engine: PatternExecutionEngine) -> None:
    stored = await engine.memory.store("the kettle leaks", agent_id="ann", tags=["kitchen"], access_level="public")
    (found,) = await engine.memory.recall("kettle")
    assert (found.id, found.content, found.agent_id, found.tags) == (stored, "the kettle leaks", "ann", ("kitchen",))
    assert await engine.memory.forget([stored]) == 0, "only its owner may forget it"
    assert await engine.memory.forget([stored], agent_id="ann") == 1


async def test_an_answer_is_a_copy_that_its_reader_may_change(engine: PatternExecutionEngine) -> None:
    first = await engine.execute("look at drill")
    first.result["key"] = "spoilt"
    assert (await engine.execute("look at drill")).result["key"] == "drill"


async def test_whole_numbers_beyond_64_bits_arrive_as_their_digits(engine: PatternExecutionEngine) -> None:
    assert (await engine.execute("calculate 2^70")).result == str(2**70)


async def test_an_answer_kept_in_the_database_serves_the_next_process(workshop: Any) -> None:
    first = await workshop.engine()
    await first.execute("look at drill")
    await first.aclose()
    second = await workshop.engine()
    again = await second.execute("look at drill")
    assert (again.cache_hit, again.metadata["cache_tier"], again.result["looked"]) == (True, "database", 1)


async def test_totals_of_all_sessions_are_kept(workshop: Any) -> None:
    from tmws_patterns.app import open_app

    for total in (1, 2):
        async with open_app(workshop.settings()) as app:
            await app.engine.execute("calculate 1+1")
            assert (await app.all_time())["total_executions"] == total


async def test_the_whole_works_on_postgresql_with_redis(workshop: Any, valkey_url: str, postgres_url: str) -> None:
    name = f"engine_{id(workshop)}"
    engine = await workshop.engine(redis_url=valkey_url, database_url=postgres_url, tenant=name)
    stored = await engine.execute("remember that the canal freezes in January")
    assert (await engine.execute("recall the canal")).result[0]["id"] == stored.result["id"]
    assert (await engine.execute("recall the canal")).cache_hit
    other = await workshop.engine(redis_url=valkey_url, database_url=postgres_url, tenant=name)
    await other.execute("remember that the canal is deep")
    with anyio.fail_after(0.5):
        while len((await engine.execute("recall the canal")).result) < 2:
            await anyio.sleep(0.01)
    health = await engine.execute("check database health")
    assert health.result["engine"] == "postgresql"
