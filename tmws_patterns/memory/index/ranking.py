"""How well memories fit a question: by BM25 over segments, and by what they mean. Pure.

BM25 with Lucene's rarity (Robertson and Zaragoza, 2009, "The probabilistic relevance framework: BM25 and beyond"),
as a share of what a memory could reach that holds every word of the question. The less of the words is found in any
one memory, the more meaning decides.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tmws_patterns.memory.index.scratch import Scratch
from tmws_patterns.memory.index.segment import IMPACT, LARGEST, SHARPEST, Head, Places, Posting

USUAL = 1.3  # the impact of a word that is in a memory once or twice
FEWEST = 50  # memories that rarity is reckoned with at least: of two, one that holds a word does not make it usual
_LEAST = float(np.finfo(np.float32).tiny)  # of what counts as a score
_LONG = 4_096  # entries of a list which take longer to add up than to look for a few memories in
_LITTLE = 0.25  # of the score that gets a memory among the best
_ROUNDING = 1e-3  # more than what a sum of 32 bits may differ by from the exact one
HALF, STEEP = 0.34, 8.6
"""The share of the question's words in one memory at which meaning counts as much as words, and how fast it gives way:
settled on tests/data/memories.jsonl, scifact (BEIR), and MetaTool's and apizoo's tools as memories."""

Scores = npt.NDArray[np.float64]
Sums = npt.NDArray[np.float32]


class Word(NamedTuple):
    """A word of the question: how rare it is, and its list in one segment."""

    rarity: float
    listed: Posting

    def add_to(self, scratch: Scratch) -> None:
        """Add to the sums of the segment's memories what each entry of the list adds to its score."""
        added = scratch.added[: len(self.listed.places)]
        np.multiply(self.listed.impacts, self._of_one(), out=added)
        np.add.at(scratch.sums, self.listed.places, added)

    def added_to(self, sums: Sums, places: npt.NDArray[np.uint16]) -> Sums:
        """The sums of some places with what the word adds to them."""
        return sums + self.within(places) * self._of_one()

    def within(self, places: npt.NDArray[np.uint16]) -> npt.NDArray[np.uint8]:
        """The word's impact in each of some places; 0 where it is not."""
        listed, impacts = self.listed
        if not len(listed):
            return np.zeros(len(places), np.uint8)
        at = np.searchsorted(listed, places)  # of one kind, or the list is widened
        here = listed.take(at, mode="clip") == places
        found: npt.NDArray[np.uint8] = impacts.take(at, mode="clip") * here
        return found

    def _of_one(self) -> np.float32:
        """What an impact of 1 adds."""
        return np.float32(IMPACT * self.rarity)


class Ranked(NamedTuple):
    """A memory's number and its score (0 to 1), and what this is made of, each 0 to 1.

    Attributes:
        words: BM25, as a share of what it could be.
        coverage: the share of the question's words that the memory holds, the rarer counting more.
        meaning: the cosine of what it means and what is asked.
    """

    number: int
    score: float
    words: float
    coverage: float
    meaning: float


class Question(NamedTuple):
    """What a memory may be, in one segment: of whom, and which.

    Attributes:
        visible: for each owner of the segment, whether its memories are in sight.
        only: numbers, ascending, of those in question; None is all.
        gone: numbers, ascending, of those that are deleted.
    """

    visible: npt.NDArray[np.bool_]
    only: Places | None
    gone: Places

    def allows(self, head: Head, places: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
        """For each of some places of the segment, whether it is in question."""
        allowed = self.visible[head.owned[places]]
        if self.only is not None:
            allowed &= among(head.numbers[places], self.only)
        if len(self.gone):
            allowed &= ~among(head.numbers[places], self.gone)
        found: npt.NDArray[np.bool_] = allowed
        return found


@dataclass(slots=True)
class Best:
    """The best so many memories by BM25, of the segments that were added; the latest of those that are level.

    `sites` say which they are: the place of the segment times LARGEST, and the memory's place in it. A segment that
    holds too little of the question is passed over, and of words that add little their long lists are only looked
    into for the memories that come near without them (MaxScore; Turtle and Flood, 1995, "Query evaluation: strategies
    and optimizations").
    """

    count: int
    scratch: Scratch
    sites: Places = field(default_factory=lambda: np.zeros(0, np.int64))
    scores: Sums = field(default_factory=lambda: np.zeros(0, np.float32))

    def add(self, place: int, head: Head, words: Sequence[Word], question: Question) -> None:
        """Take the best of one segment. `words` come in the same order for each, so that what is level is so.

        The rarest come first.
        """
        words = [word for word in words if len(word.listed.places)]
        worst = float(self.scores.min()) if len(self.scores) >= self.count else 0.0
        if not words or sum(word.rarity for word in words) * SHARPEST < worst - _ROUNDING:
            return
        late = _late(words, worst)
        sums = self.scratch.sums[: len(head.numbers)]
        sums.fill(0)
        for word in words[: len(words) - len(late)]:
            word.add_to(self.scratch)
        worst = worst or self._reached(head, words, question)
        more = sum(word.rarity for word in late) * SHARPEST
        found = np.flatnonzero(sums >= max(worst - more - _ROUNDING, _LEAST) if late else sums >= max(worst, _LEAST))
        found = found[question.allows(head, found)]
        scores = sums[found]
        for word in late:
            scores = word.added_to(scores, found.astype(np.uint16))
        self._take(found + place * LARGEST, scores)

    def _reached(self, head: Head, words: Sequence[Word], question: Question) -> float:
        """What so many memories reach at least, by those that hold the rarest word of so many; 0 where none has."""
        for word in sorted(words, key=lambda word: len(word.listed.places)):
            if len(places := word.listed.places) >= self.count:
                scores = self.scratch.sums[places[question.allows(head, places)]]
                if len(scores) >= self.count:
                    return float(np.partition(scores, len(scores) - self.count)[len(scores) - self.count])
        return 0.0

    def _take(self, sites: Places, scores: Sums) -> None:
        all_sites, all_scores = np.concatenate([self.sites, sites]), np.concatenate([self.scores, scores])
        kept = highest(all_scores, all_sites, self.count)
        self.sites, self.scores = all_sites[kept], all_scores[kept]


def _late(words: Sequence[Word], worst: float) -> Sequence[Word]:
    """The last words, as far as all of them together add little to what gets a memory among the best."""
    first, bound = len(words), 0.0
    while first:
        word = words[first - 1]
        bound += word.rarity * SHARPEST
        if len(word.listed.places) < _LONG or bound > _LITTLE * worst:
            break
        first -= 1
    return words[first:]


def rarity(total: int, holding: int) -> float:
    """How much a word tells that so many of all memories hold: always over 0."""
    return math.log(1 + (max(total, FEWEST) - holding + 0.5) / (holding + 0.5))


def scored(words: Scores, coverage: Scores, meaning: npt.NDArray[Any]) -> Scores:
    """The scores of all candidates of one question."""
    share = 1 / (1 + math.exp(STEEP * (float(coverage.max(initial=0.0)) - HALF)))
    found: Scores = (1 - share) * np.minimum(words, 1.0) + share * np.maximum(meaning, 0.0)
    return found


def highest(scores: npt.NDArray[Any], sites: Places, count: int) -> Places:
    """Where the `count` highest scores are, those of the latest sites first where they are level; ascending."""
    if len(scores) <= count:
        return np.arange(len(scores))
    edge = np.partition(scores, len(scores) - count)[len(scores) - count]
    above, level = scores > edge, np.flatnonzero(scores == edge)
    above[level[np.argsort(-sites[level])][: count - int(above.sum())]] = True
    return np.flatnonzero(above)


def among(values: npt.NDArray[Any], ascending: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """For each value whether it is one of the others."""
    if not len(ascending):
        return np.zeros(len(values), bool)
    at = np.minimum(np.searchsorted(ascending, values), len(ascending) - 1)
    found: npt.NDArray[np.bool_] = ascending[at] == values
    return found
