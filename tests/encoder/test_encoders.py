"""Sentences as vectors: what is alike lies near, whatever is thrown at them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tmws_patterns.encoder import PassageEncoder, passage_encoder, sentence_encoder, static_encoder
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


def test_of_a_long_text_what_is_said_late_counts_too() -> None:
    filler = "The harbour was calm and the boats lay at their moorings all through the evening. " * 14
    asked = "why did the payments service fail"
    text = f"{filler} In the end the billing daemon crashed since its disk was full of logs, and nobody could pay."
    by_passages, by_beginning = passage_encoder(), sentence_encoder()
    near, _ = by_passages.encode_all([text, filler]) @ by_beginning.encode(asked)
    beginning = by_beginning.encode(text) @ by_beginning.encode(asked)
    assert near > beginning + 0.02


def test_a_short_text_has_the_vector_of_its_sentence_and_nothing_has_length_one_too() -> None:
    texts = ["a longer sentence about sailing boats", "", "x " * 20_000]
    found = passage_encoder().encode_all(texts)
    assert np.allclose(found[0], sentence_encoder().encode(texts[0]), atol=0.05)
    assert np.linalg.norm(found, axis=1) == pytest.approx(1, abs=1e-3)
    assert passage_encoder().encode_all([]).shape == (0, PassageEncoder.width)
