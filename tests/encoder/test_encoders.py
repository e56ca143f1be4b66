"""Sentences as vectors: what is alike lies near, whatever is thrown at them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tmws_patterns.encoder import sentence_encoder, static_encoder
from tmws_patterns.encoder.static import vocabulary

ENCODERS = {"table": static_encoder, "model": sentence_encoder}


@pytest.fixture(params=ENCODERS)
def encoder(request: pytest.FixtureRequest) -> object:
    return ENCODERS[request.param]()


def test_like_sentences_lie_nearer_than_others(encoder) -> None:
    asked, same, other = encoder.encode_all(
        ["what time is it in Tokyo", "the present hour in a city of Japan", "delete the customer's account"]
    )
    assert asked @ same > asked @ other + 0.2


def test_a_vector_has_length_one_and_the_width_promised(encoder) -> None:
    vector = encoder.encode("show me the branches")
    assert vector.shape == (encoder.width,)
    assert vector.dtype == np.float32
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-3)


def test_one_by_one_and_together_are_the_same(encoder) -> None:
    texts = ["a", "a longer sentence about sailing boats", "?", "müde Schiffe"]
    together = encoder.encode_all(texts)
    for text, row in zip(texts, together, strict=True):
        assert np.allclose(encoder.encode(text), row, atol=0.05)  # the int8 model rounds by the batch
    assert encoder.encode_all([]).shape == (0, encoder.width)


def test_usual_words_are_known_and_slips_are_not(encoder) -> None:
    assert all(map(encoder.knows, ("branch", "memory", "yesterday")))
    assert not any(map(encoder.knows, ("brnach", "memroy", "yestreday")))


def test_nothing_known_is_the_zero_vector() -> None:
    assert not static_encoder().encode("").any()


def test_pieces_are_the_longest_first() -> None:
    pieces = vocabulary()
    places = pieces.pieces("Unaffable, CAFÉS!")
    assert places == [pieces.place(p) for p in ("una", "##ffa", "##ble", ",", "cafe", "##s", "!")] or places == [
        pieces.place(p) for p in ("una", "##ffa", "##ble", ",", "cafes", "!")
    ]
    assert pieces.pieces("x" * 100) == [pieces.unknown]


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=500))
def test_any_text_has_a_finite_vector(text: str) -> None:
    assert np.isfinite(static_encoder().encode(text)).all()
