"""What the index leaves out is never among the best, whatever the lists: against a plain reckoning of every sum."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tmws_patterns.encoder import static_encoder
from tmws_patterns.loader import load_packs
from tmws_patterns.memory.index import meaning
from tmws_patterns.memory.index.meaning import (
    CLOSELY,
    Field,
    _edge,
    closely,
    nearest,
)
from tmws_patterns.memory.index.ranking import Best, Question, Word, _late, scored
from tmws_patterns.memory.index.scratch import Scratch
from tmws_patterns.memory.index.segment import ENTRY, IMPACT, LARGEST, Entries, Head, Posting
from tmws_patterns.quantized import quantized
from tmws_patterns.settings import Settings
from tmws_patterns.signs import cosines, sign_of, signs_of

DOCS = 40
RARITIES = (7.5, 4.0, 2.5, 0.6)


WIDTH = 256


def head(docs: int, owned: Sequence[int] = (), vectors: Any = ()) -> Head:
    bits = signs_of(np.array(vectors, np.int8).reshape(-1, WIDTH))
    owners = np.array(owned or [0] * docs, np.uint16)
    return Head(np.arange(docs), (), owners, np.zeros(0, np.uint64), np.zeros(1, np.uint32), bits, 0)


def entries(held: dict[int, int]) -> Entries:
    return np.array(sorted(held.items()), ENTRY)


ALL = Question(np.array([True, True]), None, np.zeros(0, np.int64))
lists = st.lists(
    st.dictionaries(st.integers(0, DOCS - 1), st.integers(1, 255), max_size=DOCS),
    min_size=len(RARITIES),
    max_size=len(RARITIES),
)


@given(
    segments=st.lists(lists, min_size=1, max_size=4),
    owned=st.lists(st.integers(0, 1), min_size=DOCS, max_size=DOCS),
    count=st.integers(1, 12),
)
def test_the_best_are_those_of_a_plain_reckoning(segments, owned, count: int) -> None:
    mine = Question(np.array([True, False]), None, np.zeros(0, np.int64))
    best, plain = Best(count, Scratch()), {}
    for place, found in enumerate(segments):
        words = [Word(rarity, Posting.of(entries(held))) for rarity, held in zip(RARITIES, found, strict=True)]
        best.add(place, head(DOCS, owned), words, mine)
        for rarity, held in zip(RARITIES, found, strict=True):
            for doc, impact in held.items():
                site = place * LARGEST + doc
                plain[site] = plain.get(site, 0.0) + (impact * IMPACT * rarity if owned[doc] == 0 else 0.0)
    sums = sorted((score for score in plain.values() if score > 0), reverse=True)
    assert sorted(best.scores.tolist(), reverse=True) == pytest.approx(sums[:count], abs=1e-3)
    for site, score in zip(best.sites.tolist(), best.scores.tolist(), strict=True):
        assert score == pytest.approx(plain[site], abs=1e-3)


@pytest.mark.parametrize("count", [3, 20])
def test_of_long_lists_that_are_only_looked_into_nothing_is_lost(count: int) -> None:
    """The usual word is in most memories, so that after the first segment it is only added to what comes near."""
    draw = np.random.default_rng(7)
    docs, rarities = 9_000, (7.5, 4.0, 0.3)
    best, plain = Best(count, Scratch()), {}
    late = 0
    for place in range(4):
        held = [
            {int(doc): int(draw.integers(1, 256)) for doc in np.flatnonzero(draw.random(docs) < share)}
            for share in (0.02, 0.05, 0.7)
        ]
        words = [Word(rarity, Posting.of(entries(one))) for rarity, one in zip(rarities, held, strict=True)]
        late += len(_late(words, float(best.scores.min(initial=np.inf)) if len(best.scores) else 0.0))
        best.add(place, head(docs), words, ALL)
        for rarity, one in zip(rarities, held, strict=True):
            for doc, impact in one.items():
                site = place * LARGEST + doc
                plain[site] = plain.get(site, 0.0) + impact * IMPACT * rarity
    assert late == 3
    assert sorted(best.scores, reverse=True) == pytest.approx(sorted(plain.values(), reverse=True)[:count], abs=1e-3)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_of_memories_that_are_level_the_latest_stay_whatever_the_order(order: Sequence[int]) -> None:
    best = Best(4, Scratch())
    words = [Word(rarity, Posting.of(entries(dict.fromkeys(range(3), 100)))) for rarity in RARITIES]
    for place in order:
        best.add(place, head(3), words, ALL)
    assert sorted(best.sites.tolist()) == [LARGEST + 2, 2 * LARGEST, 2 * LARGEST + 1, 2 * LARGEST + 2]


def drawn(count: int, seed: int) -> Any:
    return np.random.default_rng(seed).choice([-1, 1], (count, WIDTH)).astype(np.int8)


def differ(vectors: Any, asked: Any) -> Any:
    return (vectors != asked).sum(axis=1)


@given(count=st.integers(1, 10), docs=st.integers(1, 60), cut=st.integers(0, 60), seed=st.integers(0, 2**32 - 1))
def test_the_nearest_differ_in_the_fewest_signs(count: int, docs: int, cut: int, seed: int) -> None:
    rows, asked = drawn(docs, seed), drawn(1, seed + 1)[0].astype(np.float32)
    fields = [
        Field.of(1, head(len(rows[cut:]), vectors=rows[cut:]), None),
        Field.of(0, head(cut, vectors=rows[:cut]), None),
    ]
    sites = nearest(fields, asked, count, Scratch())
    found = np.where(sites >= LARGEST, sites - LARGEST + min(cut, docs), sites)
    assert len(set(found.tolist())) == min(count, docs)
    assert sorted(differ(rows[found], asked)) == sorted(differ(rows, asked))[:count]


@pytest.mark.parametrize("all_allowed", [True, False])
@pytest.mark.parametrize("segments", [1, 3])
def test_of_many_the_nearest_are_found_though_few_are_looked_at_closely(segments: int, all_allowed: bool) -> None:
    draw = np.random.default_rng(3)
    count, size = 36_000, 36_000 // segments
    near = draw.choice(count, 5, replace=False)
    rows, asked = drawn(count, 4), drawn(1, 5)[0]
    for distance, place in enumerate(near.tolist()):
        rows[place] = asked
        rows[place, :distance] *= -1
    allowed = np.ones(count, bool) if all_allowed else draw.random(count) < 0.5
    if not all_allowed:
        allowed[near[:3]], allowed[near[3:]] = True, False
    fields = []
    for place, first in enumerate(range(0, count, size)):
        own = allowed[first : first + size]
        places = None if all_allowed else np.flatnonzero(own)
        fields.append(Field.of(place, head(size, vectors=rows[first : first + size]), places))
    edge = _edge(fields, sign_of(asked), 64, Scratch())
    looked_at = int(((rows[:, :64] != asked[:64]).sum(axis=1) <= edge)[allowed].sum())
    total = int(allowed.sum())
    assert 64 < looked_at < 3 * closely(total) * total  # few, and not fewer than are asked for
    sites = nearest(fields, asked.astype(np.float32), 64, Scratch())
    found = sites // LARGEST * size + sites % LARGEST
    assert len(found) == 64
    assert set(near[: 5 if all_allowed else 3].tolist()) <= set(found.tolist())
    assert allowed[found].all()


def test_of_real_sentences_two_in_a_hundred_of_the_nearest_are_missed_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    packs = load_packs(Settings.load({}).pattern_path, lambda _: None)
    said = list(dict.fromkeys(text for pattern in packs.patterns for text in pattern.examples))
    vectors = static_encoder().encode_all(said)
    asked, kept = vectors[::40], np.delete(vectors, np.s_[::40], axis=0)
    fields = [Field.of(0, head(len(kept), vectors=quantized(kept)), None)]
    assert closely(len(kept)) < 0.5

    def share_found() -> float:
        found = []
        for vector in asked:
            truly = np.argsort(-(kept @ vector), kind="stable")[:10]
            found.append(np.isin(truly, nearest(fields, vector, 64, Scratch())).mean())
        return float(np.mean(found))

    by_few = share_found()
    monkeypatch.setattr(meaning, "CLOSELY", LARGEST)  # all signs of all
    assert by_few > share_found() - 0.02


def test_as_many_as_are_asked_for_are_found_however_small_the_share_is(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = drawn(5_000, 4)
    monkeypatch.setattr(meaning, "CLOSELY", 1)
    sites = nearest([Field.of(0, head(5_000, vectors=rows), None)], rows[0].astype(np.float32), 2_000, Scratch())
    assert len(sites) == 2_000


def test_signs_tell_about_what_the_cosine_is() -> None:
    vectors = np.random.default_rng(6).normal(size=(500, WIDTH)).astype(np.float32)
    asked = vectors[0] + np.float32(0.7) * vectors[1]
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    asked /= np.linalg.norm(asked)
    told = cosines(signs_of(vectors), sign_of(asked))
    assert np.abs(told - vectors @ asked).max() < 0.35  # of 256 signs one that differs is 0.012
    assert float(np.abs(told - vectors @ asked).mean()) < 0.1
    assert set(np.argsort(-told)[:2].tolist()) == {0, 1}


def test_as_more_are_near_a_smaller_share_of_all_is_looked_at() -> None:
    assert closely(10) == closely(100) == 1.0
    assert closely(LARGEST) * LARGEST == pytest.approx(CLOSELY)
    assert closely(16 * LARGEST) * 16 * LARGEST == pytest.approx(4 * CLOSELY)


def test_as_many_are_found_where_a_sample_holds_more_of_the_nearest_than_the_rest() -> None:
    rows = drawn(LARGEST, 8)
    rows[:: LARGEST // 4_096] = rows[0]
    found = nearest([Field.of(0, head(LARGEST, vectors=rows), None)], rows[0].astype(np.float32), 5_000, Scratch())
    assert len(found) == 5_000


@pytest.mark.parametrize(("held", "near", "first"), [(0.1, 0.2, 1), (0.15, 0.2, 1), (0.45, 0.6, 0), (0.9, 0.95, 0)])
def test_meaning_decides_where_hardly_a_word_is_found_and_words_do_where_most_are(
    held: float, near: float, first: int
) -> None:
    words, coverage = np.array([held, 0.0]), np.array([held, 0.0])
    alike = np.array([0.1, near], np.float32)  # the second means what is asked, in other words
    assert scored(words, coverage, alike).argmax() == first


@given(st.lists(st.tuples(*[st.floats(0, 1)] * 3), min_size=1, max_size=20))
def test_a_score_is_a_share_and_grows_with_words_and_with_meaning(rows: list[tuple[float, float, float]]) -> None:
    words, coverage, alike = (np.array(column) for column in zip(*rows, strict=True))
    scores = scored(words, coverage, alike)
    assert ((scores >= 0) & (scores <= 1)).all()
    assert (scored(words, coverage, np.minimum(alike + 0.1, 1)) >= scores).all()
    assert (scored(np.minimum(words + 0.1, 1), coverage, alike) >= scores).all()
