"""Which calls are one entry of the cache, which are none, and whose an entry is."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

from tmws_patterns import ExecutionResult, PatternExecutionEngine

pytestmark = pytest.mark.anyio


@pytest.fixture
async def engine(workshop) -> PatternExecutionEngine:
    found = await workshop.engine()
    await found.discover()
    return found


async def call(engine: PatternExecutionEngine, pattern: str, **arguments: Any) -> ExecutionResult:
    with anyio.fail_after(20):
        found = await engine.execute(pattern=pattern, arguments=arguments)
    assert found.success, found.error
    return found


async def test_spellings_of_one_call_are_one_entry(engine, workshop) -> None:
    await call(engine, "look_at", key="plane")
    for spelt in ({"wait": 0.05, "key": "plane"}, {"key": "  plane "}):
        assert (await call(engine, "look_at", **spelt)).cache_hit
    assert workshop.calls("look") == 1
    for other in ({"key": "vice"}, {"key": "plane", "wait": 0.01}, {"key": "Plane"}, {"key": "  plane\n"}):
        assert not (await call(engine, "look_at", **other)).cache_hit


async def test_a_whole_number_is_the_same_with_a_point(engine) -> None:
    await call(engine, "shelf_of", rows=3)
    assert (await call(engine, "shelf_of", rows=3.0)).cache_hit
    assert not (await call(engine, "shelf_of", rows=4)).cache_hit


async def test_an_answer_that_holds_nothing_is_kept_for_five_seconds(engine) -> None:
    found = await call(engine, "shelf_of", rows=0)
    again = await call(engine, "shelf_of", rows=0)
    assert (found.result, again.result, again.cache_hit) == ([], [], True)
    assert 0 < again.metadata["cache"]["left"] <= 5
    full = await call(engine, "shelf_of", rows=1)
    assert full.metadata["cache"]["left"] > 5


async def test_sixteen_clients_each_get_their_own_answers(engine) -> None:
    async def client(number: int) -> None:
        for turn in range(1_000):
            asked = turn % 50
            found = await engine.execute(f"calculate {number} * 1000 + {asked}")
            assert found.result == number * 1000 + asked

    async with anyio.create_task_group() as clients:
        for number in range(16):
            clients.start_soon(client, number)
    assert engine.cache_manager.get_stats()["hit_rate"] >= 90


async def test_ten_thousand_tries_at_the_entries_of_another_get_none(workshop) -> None:
    engine = await workshop.engine(agents=None)
    sentences = [f"recall secret {number}" for number in range(50)]
    for number, sentence in enumerate(sentences):
        await engine.execute(f"remember that secret {number} is gold{number}", context={"agent": "ann"})
        assert (await engine.execute(sentence, context={"agent": "ann"})).result
    tries = [{"agent": "bob"}, {"agent": "ANN"}, {"agent": "bob", "namespace": "ann"}, {"agent": "an"}, {}]
    for number in range(10_000):
        context = tries[number % len(tries)]
        found = await engine.execute(sentences[number % len(sentences)], context=context)
        assert "gold" not in str(found.result), (context, found.result)


async def test_an_old_answer_stands_in_for_a_server_that_does_not_answer(workshop) -> None:
    engines = [await workshop.engine(cache_stale_on_error=grace) for grace in (60, 0)]
    for engine in engines:
        await engine.discover()
        assert (await call(engine, "tide")).result == "flood"
    (workshop.folder / "ebb").touch()
    await anyio.sleep(1.1)
    found = await call(engines[0], "tide")
    assert (found.result, found.cache_hit, found.metadata["stale"]) == ("flood", True, True)
    refused = await engines[1].execute(pattern="tide")
    assert refused.error is not None
    assert refused.error.code == "timeout"


async def test_a_plan_that_leans_on_today_is_made_anew_each_day(workshop) -> None:
    engine = await workshop.engine()
    await engine.discover()
    await engine.learned()
    plan = await engine.plan(engine.call("agenda for tomorrow"))
    assert plan.moving
    assert await engine.plan(engine.call("agenda for tomorrow")) is not plan
    still = await engine.plan(engine.call("look at plane"))
    assert await engine.plan(engine.call("look at plane")) is still
