"""The lists that stay in memory: bounded in bytes whatever comes, and never those of a segment that is gone."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tmws_patterns.memory.index.recent import RecentLists
from tmws_patterns.memory.index.segment import ENTRY, Entries

ROOM = 10_000


def entries(count: int) -> Entries:
    return np.zeros(count, ENTRY)


def held(recent: RecentLists) -> int:
    return sum(found.nbytes for found in recent._lists.values())


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=80))
def test_what_is_held_is_what_was_added_last_and_never_too_much(added) -> None:
    recent = RecentLists(ROOM)
    for segment, first in added:
        count = 30 * (6 * segment + first)  # a list never changes
        used = recent.add((segment, first), entries(count))
        assert len(used.places) == len(used.impacts) == count
        assert held(recent) <= recent._bytes <= ROOM
        found = recent.get((segment, first))
        assert found is None if count * ENTRY.itemsize > ROOM // 8 else len(found.places) == count
    recent.forget_all_but({0, 1})
    assert {segment for segment, _ in recent._lists} <= {0, 1}
    recent.forget_all_but(set())
    assert recent._bytes == 0


def test_what_was_not_asked_for_longest_goes_first() -> None:
    recent = RecentLists(ROOM)
    for segment in range(8):
        recent.add((segment, 0), entries(300))
    recent.get((0, 0))
    recent.add((8, 0), entries(300))
    assert recent.get((0, 0)) is not None
    assert recent.get((1, 0)) is None


def test_a_list_keeps_no_chunk_around_it_in_memory() -> None:
    recent = RecentLists()
    chunk = entries(2_000)
    assert all(array.base is None for array in recent.add((1, 0), chunk[10:20]))
