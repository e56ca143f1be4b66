"""One question to the index: candidates by their words and by what they mean, and the scores of both together."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import NamedTuple, Protocol

import numpy as np
from anyio import to_thread

from tmws_patterns.call import Scope
from tmws_patterns.memory.index.keeping import Keeper, Part, View
from tmws_patterns.memory.index.meaning import Field, Floats, likeness, nearest
from tmws_patterns.memory.index.ranking import (
    USUAL,
    Best,
    Question,
    Ranked,
    Scores,
    Word,
    rarity,
    scored,
)
from tmws_patterns.memory.index.scratch import Scratch, Scratches
from tmws_patterns.memory.index.segment import IMPACT, LARGEST, Codes, Head, Owner, Places
from tmws_patterns.quantized import Quantized
from tmws_patterns.signs import cosines, sign_of

_HEAVY = 300_000  # entries and memories from which on scoring leaves the event loop
CLOSEST = 48  # candidates, at least, whose vectors are read: the signs of all are in memory, the vectors are not
FINER = 4  # times as many candidates by the sentence model, whose vectors then tell which they are
_PLAIN = 0.9  # the share of the question's words in one memory from which on nothing is looked for by its meaning


class Nearby(Protocol):
    """Where to look for what is near by the sentence model, in some segments."""

    @property
    def alone(self) -> bool:
        """Whether it knows all their memories, so that the table need not be asked what they mean."""
        ...

    def field(self, place: int, head: Head, places: Places | None) -> Field | None:
        """As Field.of; None for not at all."""
        ...


class Finer(NamedTuple):
    """A question's vector by the sentence model, and what tells of segments where to look for it."""

    vector: Quantized
    read: Callable[[Sequence[Head]], Awaitable[Nearby]]


class Asked(NamedTuple):
    """A question: the codes of its words, its vector, who asks, how many candidates at most, and of which memories.

    Without a vector words alone decide. `least` is the coverage that is of use: segments without are left out. `finer`
    finds what is near by another encoder too.
    """

    words: Codes
    vector: Floats | None
    scope: Scope
    most: int
    only: Places | None
    least: float = 0.0
    finer: Finer | None = None


class _Seen(NamedTuple):
    """A segment that holds something in sight: its place in the view, the lists of the words, what is asked of it."""

    place: int
    part: Part
    words: list[Word]
    question: Question

    def places(self) -> Places | None:
        """The memories in question; None is all."""
        head, (visible, only, gone) = self.part.head, self.question
        if visible.all() and only is None and not len(gone):
            return None
        return np.flatnonzero(self.question.allows(head, np.arange(len(head.numbers))))


async def look(keeper: Keeper, view: View, asked: Asked, gone: Places, scratches: Scratches) -> list[Ranked]:
    """The candidates, best first; `gone` are the numbers (ascending) of deleted memories. Raises Damaged."""
    parts = view.parts
    ranges = [part.head.ranges(asked.words) for part in parts]
    total = sum(len(part.head.numbers) for part in parts)
    holding = [sum(found[word][1] - found[word][0] for found in ranges) for word in range(len(asked.words))]
    rarest = sorted(range(len(holding)), key=lambda word: holding[word])
    rarities = [rarity(total, holding[word]) for word in rarest]
    ranges = [[found[word] for word in rarest] for found in ranges]
    visible = [np.array([sees(asked.scope, owner) for owner in part.head.owners], bool) for part in parts]
    least = asked.least * sum(rarities)
    shown = [
        place
        for place, mask in enumerate(visible)
        if mask.any() and least <= sum(rare for rare, (first, end) in zip(rarities, ranges[place], strict=True) if end)
    ]
    nearby = await asked.finer.read([part.head for part in parts]) if asked.finer else None
    lists = await keeper.lists([(parts[place], ranges[place]) for place in shown])
    seen = [
        _Seen(place, parts[place], [Word(*word) for word in zip(rarities, found, strict=True)], question)
        for place, found in zip(shown, lists, strict=True)
        for question in [Question(visible[place], asked.only, gone)]
    ]
    candidates = partial(_candidates, seen, asked, nearby, sum(rarities), scratches)
    sites = await to_thread.run_sync(candidates) if sum(holding) + total > _HEAVY else candidates()
    closely = 0 if nearby and nearby.alone else max(CLOSEST, asked.most * 3 // 4)
    return await _ranked(keeper, {one.place: one for one in seen}, sites, asked, np.array(rarities), closely)


def sees(scope: Scope, owner: Owner) -> bool:
    """True where the scope's agent may read the memories of such an owner."""
    if owner.tenant != scope.tenant or (scope.namespace is not None and owner.namespace != scope.namespace):
        return False
    match owner.access:
        case "public":
            return True
        case "team" if owner.team in scope.teams:
            return True
        case "shared" if scope.agent in owner.shared_with:
            return True
        case _:
            return owner.agent == scope.agent


def _candidates(
    seen: Sequence[_Seen], asked: Asked, nearby: Nearby | None, sought: float, scratches: Scratches
) -> Places:
    """The sites of the best by words and of the nearest by meaning, ascending.

    The latter are not looked for where one memory holds nearly all of the words. One thread does both: two were tried,
    and wait for each other, since numpy gives the interpreter up only for a moment at a time.
    """
    with scratches.one() as scratch:
        best = _by_words(seen, asked, scratch)
        plain = sought and len(best.scores) and best.scores.max() / sought >= _PLAIN * USUAL
        if asked.vector is None or plain:
            return best.sites
        return np.union1d(best.sites, _by_meaning(seen, asked, asked.vector, nearby, scratch))


def _by_words(seen: Sequence[_Seen], asked: Asked, scratch: Scratch) -> Best:
    best = Best(asked.most, scratch)
    for one in sorted(seen, key=lambda one: -len(one.part.head.numbers)):  # the sooner little is left to be found
        best.add(one.place, one.part.head, one.words, one.question)
    return best


def _by_meaning(seen: Sequence[_Seen], asked: Asked, vector: Floats, nearby: Nearby | None, scratch: Scratch) -> Places:
    # the newest first: what is level later stays out
    newest, found = [(one.place, one.part.head, one.places()) for one in reversed(seen)], np.zeros(0, np.int64)
    if nearby is None or not nearby.alone:
        found = nearest([Field.of(*one) for one in newest], vector, asked.most, scratch)
    if asked.finer and nearby:
        fields = [field for one in newest if (field := nearby.field(*one)) is not None]
        found = np.union1d(found, nearest(fields, asked.finer.vector, FINER * asked.most, scratch))
    return found


async def _ranked(
    keeper: Keeper, seen: Mapping[int, _Seen], sites: Places, asked: Asked, rarities: Scores, closely: int
) -> list[Ranked]:
    """The sites with their scores, best first: of so many the vectors tell what they mean, of the others the signs."""
    groups = _grouped(seen, sites)
    if not groups:
        return []
    numbers = np.concatenate([one.part.head.numbers[places] for one, places in groups])
    words, coverage = _words(groups, rarities)
    meaning, told = np.zeros(len(sites), np.float32), np.zeros(len(sites), bool)
    if asked.vector is not None:
        signs = np.concatenate([one.part.head.signs.take(places, axis=0) for one, places in groups])
        meaning = cosines(signs, sign_of(asked.vector))
    if asked.vector is not None and closely:
        best = np.sort(_order(scored(words, coverage, meaning), numbers)[:closely])
        vectors = await keeper.vectors([(one.part, places) for one, places in _grouped(seen, sites[best])])
        meaning[best] = likeness(np.concatenate(vectors), asked.vector)
        told = ~np.isin(np.arange(len(sites)), best)
    scores = scored(words, coverage, meaning)
    scores[told] = np.minimum(scores[told], scores[~told].min())  # by signs alone nobody comes before the best
    order = _order(scores, numbers)
    columns = (column[order].tolist() for column in (numbers, scores, words, coverage, meaning))
    return [Ranked(*row) for row in zip(*columns, strict=True)]


def _grouped(seen: Mapping[int, _Seen], sites: Places) -> list[tuple[_Seen, Places]]:
    """Ascending sites as segments, and the places in each."""
    segments, starts = np.unique(sites // LARGEST, return_index=True)
    parts = np.split(sites % LARGEST, starts[1:])
    return [(seen[place], places) for place, places in zip(segments.tolist(), parts, strict=False)]


def _order(scores: Scores, numbers: Places) -> Places:
    """The highest scores first, and of those that are level the latest memory."""
    return np.lexsort((-numbers, -scores))


def _words(groups: Sequence[tuple[_Seen, Places]], rarities: Scores) -> tuple[Scores, Scores]:
    """BM25, and how rare the words are together that are there at all, each as a share of what it could be."""
    impacts = np.zeros((len(rarities), sum(len(places) for _, places in groups)), np.uint8)
    start = 0
    for one, places in groups:
        end, narrow = start + len(places), places.astype(np.uint16)
        for row, word in zip(impacts, one.words, strict=True):
            row[start:end] = word.within(narrow)
        start = end
    held = rarities[:, None]  # added up row by row, so that what is level is so
    sought = held.sum() or 1.0
    words: Scores = (held * impacts).sum(axis=0) * (IMPACT / USUAL / sought)
    coverage: Scores = (held * (impacts > 0)).sum(axis=0) / sought
    return words, coverage
