from __future__ import annotations

import pytest
from cache_parts import Clock, entry
from hypothesis import given
from hypothesis import strategies as st

from tmws_patterns.cache.local import OVERHEAD, LocalTier


@pytest.fixture
def tier(clock) -> LocalTier:
    return LocalTier(3, 3 * OVERHEAD + 300, 60, clock)


def test_the_least_recently_used_entry_goes_first(tier, clock) -> None:
    for name in "abc":
        tier.add(name, entry(clock))
    tier.peek("a")
    tier.add("d", entry(clock))
    assert [name for name in "abcd" if tier.peek(name)] == ["a", "c", "d"]
    assert tier.evictions == 1


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


steps = st.lists(
    st.tuples(st.sampled_from(["add", "peek", "discard", "wait"]), st.sampled_from("abcdef"), st.integers(0, 900))
)


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
        assert len(tier) <= 3
        assert tier.bytes_held <= 3 * OVERHEAD + 500
        assert tier.bytes_held == sum(len(held.payload) + OVERHEAD for held, _ in tier._held.values())
