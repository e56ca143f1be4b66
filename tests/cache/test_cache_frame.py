from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tmws_patterns.cache import frame
from tmws_patterns.ports import Entry

times = st.floats(0, 1e11)
tags = st.text(st.characters(exclude_categories=["Cs"]))
epochs = st.lists(st.tuples(tags, st.integers(0, 2**53))).map(tuple)
entries = st.builds(Entry, st.binary(), times, times, epochs, times)


@given(entries)
def test_a_frame_gives_back_its_entry(entry) -> None:
    assert frame.decode(frame.encode(entry)) == entry


@given(st.binary())
def test_bytes_that_are_no_frame_are_no_entry(noise) -> None:
    assert frame.decode(noise) is None


@given(entries, st.data())
def test_a_frame_cut_short_is_no_entry(entry, data) -> None:
    whole = frame.encode(entry)
    assert frame.decode(whole[: data.draw(st.integers(0, len(whole) - 1))]) is None


@given(entries, st.data(), st.integers(0, 255))
def test_a_changed_byte_never_raises(entry, data, value) -> None:
    changed = bytearray(frame.encode(entry))
    changed[data.draw(st.integers(0, len(changed) - 1))] = value
    frame.decode(bytes(changed))


@pytest.mark.parametrize("epochs", [b"{}x", b"7", b"[1]", b'[["a"]]', b'[["a","b"]]', b"[[1,1]]", b'[["a",1,2]]'])
def test_epochs_that_are_none_make_no_entry(epochs) -> None:
    head = frame._HEAD.pack(frame._MAGIC, 1.0, 2.0, 0.1, len(epochs), 1)
    assert frame.decode(head + epochs + b"x") is None
