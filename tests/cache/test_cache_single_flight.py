from __future__ import annotations

import anyio
import pytest

from tmws_patterns.cache.single_flight import SingleFlight
from tmws_patterns.errors import TmwsError, ToolFailed
from tmws_patterns.tasks import background_tasks

pytestmark = pytest.mark.anyio


class Load:
    """A load that waits at a gate, and knows how often it began and was cancelled."""

    def __init__(self, error: Exception | None = None) -> None:
        self.calls = 0
        self.cancelled = 0
        self.error = error
        self.entered = anyio.Event()
        self.gate = anyio.Event()

    async def __call__(self) -> int:
        self.calls += 1
        self.entered.set()
        try:
            await self.gate.wait()
        except anyio.get_cancelled_exc_class():
            self.cancelled += 1
            raise
        if self.error:
            raise self.error
        return self.calls


class Callers:
    """Callers of one key, each in a task and with an outcome of its own."""

    def __init__(self, flights: SingleFlight[int], load: Load, tasks) -> None:
        self.flights, self.load, self.tasks = flights, load, tasks
        self.outcomes: list[object] = []
        self.scopes: list[anyio.CancelScope] = []

    async def _call(self) -> None:
        with anyio.CancelScope() as scope:
            self.scopes.append(scope)
            try:
                self.outcomes.append(await self.flights.get("key", self.load))
            except TmwsError as exc:
                self.outcomes.append(exc)

    async def start(self, count: int) -> None:
        for _ in range(count):
            self.tasks.start_soon(self._call)
        with anyio.fail_after(2):
            await self.load.entered.wait()
            await anyio.wait_all_tasks_blocked()


async def test_fifty_callers_share_one_load() -> None:
    load = Load()
    async with background_tasks() as own:
        flights = SingleFlight[int](own)
        async with anyio.create_task_group() as tasks:
            callers = Callers(flights, load, tasks)
            await callers.start(50)
            load.gate.set()
        assert callers.outcomes == [1] * 50
        assert flights.coalesced == 49


async def test_twenty_followers_survive_the_cancelling_of_the_leader() -> None:
    load = Load()
    async with background_tasks() as own:
        async with anyio.create_task_group() as tasks:
            callers = Callers(SingleFlight[int](own), load, tasks)
            await callers.start(21)
            callers.scopes[0].cancel()
            await anyio.wait_all_tasks_blocked()
            load.gate.set()
        assert callers.outcomes == [1] * 20
        assert load.cancelled == 0


async def test_the_load_is_cancelled_when_the_last_waiter_has_gone_and_a_newcomer_starts_another() -> None:
    load = Load()
    async with background_tasks() as own:
        async with anyio.create_task_group() as tasks:
            callers = Callers(SingleFlight[int](own), load, tasks)
            await callers.start(3)
            for scope in callers.scopes:
                scope.cancel()
            await anyio.wait_all_tasks_blocked()
            assert (load.calls, load.cancelled) == (1, 1)
            await callers.start(1)
            load.gate.set()
        assert callers.outcomes == [2]


async def test_who_comes_while_the_load_is_being_cancelled_does_not_join_it() -> None:
    load = Load()
    async with background_tasks() as own:
        flights = SingleFlight[int](own)
        async with anyio.create_task_group() as tasks:
            callers = Callers(flights, load, tasks)
            await callers.start(1)
            callers.scopes[0].cancel()
            tasks.start_soon(callers._call)
            await anyio.wait_all_tasks_blocked()
            load.gate.set()
        assert callers.outcomes == [2]


async def test_a_failure_fails_all_who_wait_each_with_an_error_of_its_own_and_is_not_kept() -> None:
    load = Load(ToolFailed("it broke", hint="mend it", tool="x"))
    async with background_tasks() as own:
        flights = SingleFlight[int](own)
        async with anyio.create_task_group() as tasks:
            callers = Callers(flights, load, tasks)
            await callers.start(5)
            load.gate.set()
        assert {str(error) for error in callers.outcomes} == {"it broke"}
        assert {type(error) for error in callers.outcomes} == {ToolFailed}
        assert {(error.hint, error.details["tool"]) for error in callers.outcomes} == {("mend it", "x")}
        assert len({id(error) for error in callers.outcomes}) == 5
        load.error = None
        assert await flights.get("key", load) == 2


async def test_an_error_that_is_not_ours_reaches_the_caller_and_not_the_cache() -> None:
    load = Load(ZeroDivisionError("a bug"))
    load.gate.set()
    async with background_tasks() as own:
        flights = SingleFlight[int](own)
        with pytest.raises(ZeroDivisionError):
            await flights.get("key", load)
        load.error = None
        assert await flights.get("key", load) == 2


async def test_other_keys_load_side_by_side() -> None:
    loads = [Load(), Load()]
    async with background_tasks() as own:
        flights = SingleFlight[int](own)
        async with anyio.create_task_group() as tasks:
            for number, load in enumerate(loads):
                tasks.start_soon(flights.get, number, load)
            with anyio.fail_after(2):
                for load in loads:
                    await load.entered.wait()
            for load in loads:
                load.gate.set()


async def test_closing_the_cache_ends_a_load_and_tells_who_waits() -> None:
    load = Load()
    async with anyio.create_task_group() as tasks, background_tasks() as own:
        callers = Callers(SingleFlight[int](own), load, tasks)
        await callers.start(2)
    assert [type(outcome) for outcome in callers.outcomes] == [TmwsError, TmwsError]
    assert load.cancelled == 1


async def test_what_the_body_of_background_tasks_raises_leaves_as_it_is() -> None:
    async def body() -> None:
        async with background_tasks() as tasks:
            tasks.start_soon(anyio.sleep_forever)
            raise KeyError("plain")

    with pytest.raises(KeyError):
        await body()
