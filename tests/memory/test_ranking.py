"""What the index leaves out is never among the best, whatever the lists: against a plain reckoning of every sum."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tmws_patterns.encoder import static_encoder
from tmws_patterns.loader import load_packs
from tmws_patterns.memory.index.meaning import CLOSELY, FEWEST, Nearest, closely
from tmws_patterns.memory.index.ranking import Best, Question, Word
from tmws_patterns.memory.index.scratch import Scratch
from tmws_patterns.memory.index.segment import ENTRY, IMPACT, LARGEST, Entries, Head, Posting, signs
from tmws_patterns.settings import Settings

DOCS = 40
RARITIES = (7.5, 4.0, 2.5, 0.6)


def head(docs: int, owned: Sequence[int] = (), signs: Sequence[Sequence[int]] = ((),)) -> Head:
    bits = np.array(signs, np.uint64).reshape(len(signs), -1)
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


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_of_memories_that_are_level_the_latest_stay_whatever_the_order(order: Sequence[int]) -> None:
    best = Best(4, Scratch())
    words = [Word(rarity, Posting.of(entries(dict.fromkeys(range(3), 100)))) for rarity in RARITIES]
    for place in order:
        best.add(place, head(3), words, ALL)
    assert sorted(best.sites.tolist()) == [LARGEST + 2, 2 * LARGEST, 2 * LARGEST + 1, 2 * LARGEST + 2]


@given(st.lists(st.lists(st.integers(0, 2**64 - 1), min_size=2, max_size=2), min_size=1, max_size=60), st.data())
def test_the_nearest_differ_in_the_fewest_signs(rows, data) -> None:
    count = data.draw(st.integers(1, 10))
    cut = data.draw(st.integers(0, len(rows)))
    asked = np.array([2**64 - 1, 0], np.uint64)
    nearest = Nearest(count, asked, 1.0, Scratch())
    for place, part in ((1, rows[cut:]), (0, rows[:cut])):
        if part:
            nearest.add(place, head(len(part), signs=list(zip(*part, strict=True))), None)
    plain = sorted((a ^ (2**64 - 1)).bit_count() + b.bit_count() for a, b in rows)
    assert sorted(nearest.distances.tolist()) == plain[:count]


@pytest.mark.parametrize("all_allowed", [True, False])
def test_of_many_the_nearest_are_found_though_few_are_looked_at_closely(all_allowed: bool) -> None:
    draw = np.random.default_rng(3)
    count, width = 40_000, 4
    near = draw.choice(count, 5, replace=False)
    rows = draw.integers(0, 2**64, (width, count), np.uint64)
    asked = draw.integers(0, 2**64, width, np.uint64)
    for distance, place in enumerate(near.tolist()):
        rows[:, place] = asked ^ np.uint64(2**distance - 1)  # differs in `distance` signs of each word
    allowed = None if all_allowed else draw.random(count) < 0.5
    if allowed is not None:
        allowed[near[:3]], allowed[near[3:]] = True, False
    nearest = Nearest(64, asked, closely(count), Scratch())
    looked_at = nearest._likely(rows[0], allowed)
    assert FEWEST < len(looked_at) < 3 * closely(count) * count  # few, and not fewer than the 64
    nearest.add(0, head(count, signs=rows), allowed)
    assert len(nearest.sites) == 64
    assert set(near[: 5 if all_allowed else 3].tolist()) <= set(nearest.sites.tolist())
    assert allowed is None or allowed[nearest.sites].all()


def test_of_real_sentences_two_in_a_hundred_of_the_nearest_are_missed_at_most() -> None:
    packs = load_packs(Settings.load({}).pattern_path, lambda _: None)
    said = list(dict.fromkeys(text for pattern in packs.patterns for text in pattern.examples))
    vectors = static_encoder().encode_all(said)
    asked, kept = vectors[::40], np.delete(vectors, np.s_[::40], axis=0)
    rows, count = signs(kept), len(kept)
    assert count > 2 * FEWEST

    def share_found(share: float) -> float:
        found = []
        for vector in asked:
            nearest = Nearest(64, signs(vector[None, :])[:, 0], share, Scratch())
            nearest.add(0, head(count, signs=rows), None)
            truly = np.argsort(-(kept @ vector), kind="stable")[:10]
            found.append(np.isin(truly, nearest.sites).mean())
        return float(np.mean(found))

    assert share_found(closely(count)) > share_found(1.0) - 0.02


def test_as_many_as_are_asked_for_are_found_however_small_the_share_is() -> None:
    rows = np.random.default_rng(4).integers(0, 2**64, (2, 5_000), np.uint64)
    nearest = Nearest(3_000, rows[:, 0].copy(), 0.001, Scratch())
    nearest.add(0, head(5_000, signs=rows), None)
    assert len(nearest.sites) == 3_000


def test_as_more_are_near_a_smaller_share_of_all_is_looked_at() -> None:
    assert closely(10) == closely(100) == 1.0
    assert closely(LARGEST) * LARGEST == pytest.approx(CLOSELY)
    assert closely(16 * LARGEST) * 16 * LARGEST == pytest.approx(4 * CLOSELY)
