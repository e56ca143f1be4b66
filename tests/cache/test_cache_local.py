from __future__ import annotations

from collections.abc import Iterable

import pytest
from cache_parts import Clock, entry
from hypothesis import given
from hypothesis import strategies as st

from tmws_patterns.cache.local import OVERHEAD, LocalTier


def in_use(tier: LocalTier, clock: Clock, names: Iterable[str]) -> None:
    """Entries that are asked for twice, as often as leads to the main queue."""
    for name in names:
        tier.add(name, entry(clock))
        tier.peek(name)
        tier.peek(name)


@pytest.fixture
def tier(clock) -> LocalTier:
    return LocalTier(3, 3 * OVERHEAD + 300, 60, clock)


def test_the_first_to_come_goes_first_unless_it_was_asked_for_twice(tier, clock) -> None:
    for name in "abc":
        tier.add(name, entry(clock))
    tier.peek("a")
    tier.peek("a")
    tier.peek("b")
    tier.add("d", entry(clock))
    assert [name for name in "abcd" if tier.peek(name)] == ["a", "c", "d"]
    assert tier.evictions == 1


def test_a_scan_pushes_out_nothing_that_is_in_use(clock) -> None:
    tier = LocalTier(100, 2**20, 60, clock)
    in_use(tier, clock, map(str, range(80)))
    for name in map(str, range(1000, 3000)):
        tier.add(name, entry(clock))
    assert sum(tier.peek(str(name)) is not None for name in range(80)) == 80


def test_what_comes_back_soon_goes_to_the_main_queue_at_once(clock) -> None:
    tier = LocalTier(10, 2**20, 60, clock)
    in_use(tier, clock, "abcdefghi")
    for name in ("x", "y", "z", "x", "1", "2", "3"):
        if tier.peek(name) is None:
            tier.add(name, entry(clock))
    assert tier.peek("x") is not None


def test_what_is_used_in_the_main_queue_stays_one_round_for_each_use_and_then_goes(clock) -> None:
    tier = LocalTier(3, 2**20, 60, clock)
    in_use(tier, clock, "ab")
    for name in ("x", "y", "z"):
        tier.add(name, entry(clock))
    assert list(tier._main) == ["a", "b"]
    tier.peek("a")
    for name in ("z", "y"):  # come back from the ghosts, and so go to the main queue
        tier.add(name, entry(clock))
        tier.add(name + "1", entry(clock))
    assert "b" not in tier._main
    assert "a" in tier._main
    for name in map(str, range(6)):
        tier.add(name, entry(clock))
        tier.add("z", entry(clock))
        tier.add("y", entry(clock))
    assert tier.peek("a") is None


def test_an_entry_is_held_for_the_grace_that_the_tier_was_opened_with(clock) -> None:
    tier = LocalTier(3, 2**20, 60, clock, grace=10)
    tier.add("a", entry(clock, ttl=5))
    clock.now += 14
    assert tier.peek("a") is not None
    clock.now += 1
    assert tier.peek("a") is None


def test_bytes_are_bounded_too(tier, clock) -> None:
    tier.add("a", entry(clock, bytes(200)))
    tier.add("b", entry(clock, bytes(200)))
    tier.add("c", entry(clock, bytes(200)))
    assert [name for name in "abc" if tier.peek(name)] == ["b", "c"]


def test_an_entry_over_the_bound_is_not_held_and_pushes_nothing_out(tier, clock) -> None:
    tier.add("a", entry(clock))
    tier.add("b", entry(clock, bytes(10_000)))
    assert tier.peek("a") is not None
    assert tier.peek("b") is None
    assert tier.evictions == 0


def test_an_entry_over_the_bound_still_takes_the_place_of_an_older_one(tier, clock) -> None:
    tier.add("a", entry(clock))
    tier.add("a", entry(clock, bytes(10_000)))
    assert tier.peek("a") is None


def test_the_limit_of_the_tier_cuts_a_longer_ttl(tier, clock) -> None:
    tier.add("a", entry(clock, ttl=3600))
    clock.now += 59.9
    assert tier.peek("a") is not None
    clock.now += 0.1
    assert tier.peek("a") is None


def test_the_limit_never_lengthens_a_ttl(tier, clock) -> None:
    tier.add("a", entry(clock, ttl=5))
    clock.now += 5
    assert tier.peek("a") is None
    assert tier.bytes_held == 0


def test_an_older_answer_may_still_be_held_for_what_is_left_of_its_ttl(tier, clock) -> None:
    tier.add("a", entry(clock, stored_at=clock() - 1000, expires_at=clock() + 10))
    assert tier.peek("a") is not None
    clock.now += 10
    assert tier.peek("a") is None


def test_a_limit_of_0_holds_nothing(clock) -> None:
    tier = LocalTier(3, 2**20, 0, clock)
    tier.add("a", entry(clock))
    assert len(tier) == 0


class Model:
    """S3-FIFO as the paper tells it, in lists: slow, and easy to believe."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.small: list[list] = []
        self.main: list[list] = []
        self.ghosts: list[str] = []

    def find(self, name: str) -> list | None:
        return next((held for held in [*self.small, *self.main] if held[0] == name), None)

    def peek(self, name: str, now: float) -> bool:
        held = self.find(name)
        if held is None:
            return False
        if held[2] <= now:
            self.discard(name)
            return False
        held[1] = min(3, held[1] + 1)
        return True

    def discard(self, name: str) -> None:
        self.small = [held for held in self.small if held[0] != name]
        self.main = [held for held in self.main if held[0] != name]

    def add(self, name: str, until: float) -> None:
        before = self.find(name)
        known = name in self.ghosts or any(held[0] == name for held in self.main)
        self.discard(name)
        while len(self.small) + len(self.main) >= self.most:
            if self.small and (len(self.small) > 0.1 * self.most or not self.main):
                held = self.small.pop(0)
                if held[1] >= 2:
                    self.main.append([held[0], 0, held[2]])
                else:
                    self.ghosts.append(held[0])
                    self.ghosts = self.ghosts[len(self.ghosts) > 0.9 * self.most :]
            else:
                held = self.main.pop(0)
                if held[1]:
                    self.main.append([held[0], held[1] - 1, held[2]])
        self.ghosts = [ghost for ghost in self.ghosts if ghost != name]
        (self.main if known else self.small).append([name, before[1] if before else 0, until])


names = st.sampled_from("abcdefghijkl")
steps = st.lists(st.tuples(st.sampled_from(["add", "peek", "peek", "discard", "wait"]), names, st.integers(0, 900)))


@given(steps, st.integers(1, 6))
def test_in_any_order_the_tier_holds_what_the_paper_says(steps, most) -> None:
    clock, model = Clock(), Model(most)
    tier = LocalTier(most, 2**20, 60, clock)
    for step, name, size in steps:
        match step:
            case "add":
                tier.add(name, entry(clock, bytes(size), ttl=30))
                model.add(name, clock.now + 30)
            case "peek":
                assert (tier.peek(name) is not None) is model.peek(name, clock.now)
            case "discard":
                tier.discard(name)
                model.discard(name)
            case "wait":
                clock.now += size / 100
        assert list(tier._small) == [held[0] for held in model.small]
        assert list(tier._main) == [held[0] for held in model.main]
        assert list(tier._ghosts) == model.ghosts


@given(steps)
def test_whatever_happens_the_bounds_hold_and_the_bytes_are_counted(steps) -> None:
    clock = Clock()
    tier = LocalTier(3, 3 * OVERHEAD + 500, 60, clock)
    for step, name, size in steps:
        match step:
            case "add":
                tier.add(name, entry(clock, bytes(size), ttl=30))
            case "peek":
                tier.peek(name)
            case "discard":
                tier.discard(name)
            case "wait":
                clock.now += size / 10
        queues = [*tier._small.values(), *tier._main.values()]
        assert len(tier) <= 3
        assert tier.bytes_held <= 3 * OVERHEAD + 500
        assert tier.bytes_held == sum(len(held.entry.payload) + OVERHEAD for held in queues)
        assert tier._small_bytes == sum(held.weight for held in tier._small.values())
