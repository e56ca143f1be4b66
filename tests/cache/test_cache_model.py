"""The whole cache against what it promises, under any order of asking, waiting, invalidating and cancelling."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path

import anyio
import anyio.lowlevel
from cache_parts import Clock, cache_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tmws_patterns.cache import TieredCache
from tmws_patterns.ports import Loaded
from tmws_patterns.settings import Settings
from tmws_patterns.storage import open_database

TTL = 10.0
keys = st.sampled_from("abc")
steps = st.one_of(
    st.tuples(st.just("ask"), keys, st.integers(1, 3)),
    st.tuples(st.just("cancel"), keys, st.integers(0, 2)),
    st.tuples(st.just("invalidate"), keys, st.just(0)),
    st.tuples(st.just("wait"), keys, st.integers(1, 12)),
    st.tuples(st.just("restart"), keys, st.just(0)),
)


class World:
    """A backend whose answers are numbered, with when each was loaded and when each tag was last invalidated."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.loads: Counter[str] = Counter()
        self.loaded_at: dict[tuple[str, int], float] = {}
        self.valid_from: Counter[str] = Counter()

    async def load(self, key: str) -> Loaded:
        await anyio.lowlevel.checkpoint()
        self.loads[key] += 1
        self.loaded_at[key, self.loads[key]] = self.clock.now
        return Loaded(f"{key}{self.loads[key]}".encode(), keep=True)

    def check(self, key: str, payload: bytes) -> None:
        assert payload.decode()[0] == key
        number = int(payload.decode()[1:])
        assert number > self.valid_from[key], "an answer from before the invalidation"
        assert self.clock.now - self.loaded_at[key, number] < TTL, "an answer older than its time"


async def step(world: World, cache: TieredCache, what: str, key: str, number: int) -> None:
    async def ask() -> None:
        got = await cache.get_or_load((key,), lambda: world.load(key), ttl=TTL, tags=(f"t:{key}",))
        world.check(key, got.payload)

    match what:
        case "ask":
            before = world.loads[key]
            async with anyio.create_task_group() as tasks:
                for _ in range(number):
                    tasks.start_soon(ask)
            assert world.loads[key] <= before + 2, "several loads for callers of one moment"
        case "cancel":
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(ask)
                for _ in range(number):
                    await anyio.lowlevel.checkpoint()
                tasks.cancel_scope.cancel()
        case "invalidate":
            await cache.invalidate([f"t:{key}"])
            world.valid_from[key] = world.loads[key]
        case "wait":
            world.clock.now += number


async def live(folder: Path, told: list[tuple[str, str, int]]) -> None:
    world, waiting = World(), [*told, ("end", "a", 0)]
    found = Settings.load({}, data_dir=folder)
    async with open_database(found) as database:
        while waiting:
            async with cache_of(found, database, world.clock) as cache:
                while waiting and (next_one := waiting.pop(0))[0] not in ("restart", "end"):
                    await step(world, cache, *next_one)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(steps, max_size=25))
def test_in_any_order_no_answer_is_too_old_or_invalidated(told) -> None:
    with tempfile.TemporaryDirectory() as folder:
        anyio.run(live, Path(folder), told)
