"""One question to the index: candidates by their words and by what they mean, and the scores of both together."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from anyio import to_thread

from tmws_patterns.call import Scope
from tmws_patterns.memory.index.keeping import Keeper, Part, View
from tmws_patterns.memory.index.meaning import Floats, Nearest, Vectors, closely, likeness
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
from tmws_patterns.memory.index.segment import LARGEST, Codes, Owner, Places, signs

_HEAVY = 300_000  # entries and memories from which on scoring leaves the event loop
_PLAIN = 0.9  # the share of the question's words in one memory from which on nothing is looked for by its meaning


class Asked(NamedTuple):
    """A question: the codes of its words, its vector, who asks, how many candidates at most, and of which memories.

    Without a vector words alone decide. `least` is the coverage that is of use: segments without are left out.
    """

    words: Codes
    vector: Floats | None
    scope: Scope
    most: int
    only: Places | None
    least: float = 0.0


class _Seen(NamedTuple):
    """A segment that holds something in sight: its place in the view, the lists of the words, what is asked of it."""

    place: int
    part: Part
    words: list[Word]
    question: Question


async def look(keeper: Keeper, view: View, asked: Asked, gone: Places, scratches: Scratches) -> list[Ranked]:
    """The candidates, best first; `gone` are the numbers (ascending) of deleted memories. Raises Damaged."""
    parts = view.parts
    ranges = [part.head.ranges(asked.words) for part in parts]
    total = sum(len(part.head.numbers) for part in parts)
    holding = [sum(found[word][1] - found[word][0] for found in ranges) for word in range(len(asked.words))]
    rarities = [rarity(total, held) for held in holding]
    visible = [np.array([sees(asked.scope, owner) for owner in part.head.owners], bool) for part in parts]
    least = asked.least * sum(rarities)
    shown = [
        place
        for place, mask in enumerate(visible)
        if mask.any() and least <= sum(rare for rare, (first, end) in zip(rarities, ranges[place], strict=True) if end)
    ]
    lists = await keeper.lists([(parts[place], ranges[place]) for place in shown])
    seen = [
        _Seen(place, parts[place], [Word(*word) for word in zip(rarities, found, strict=True)], question)
        for place, found in zip(shown, lists, strict=True)
        for question in [Question(visible[place], asked.only, gone)]
    ]
    candidates = partial(_candidates, seen, asked, sum(rarities), scratches)
    sites = await to_thread.run_sync(candidates) if sum(holding) + total > _HEAVY else candidates()
    return await _ranked(keeper, {one.place: one for one in seen}, sites, asked, sum(rarities))


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


def _candidates(seen: Sequence[_Seen], asked: Asked, sought: float, scratches: Scratches) -> Places:
    """The sites of the best by words and of the nearest by meaning, ascending.

    The latter are not looked for where one memory holds nearly all of the words. One thread does both: two were tried,
    and wait for each other, since numpy gives the interpreter up only for a moment at a time.
    """
    with scratches.one() as scratch:
        best = _by_words(seen, asked, scratch)
        plain = sought and len(best.scores) and best.scores.max() / sought >= _PLAIN * USUAL
        if asked.vector is None or plain:
            return best.sites
        return np.union1d(best.sites, _by_meaning(seen, asked.most, asked.vector, scratch))


def _by_words(seen: Sequence[_Seen], asked: Asked, scratch: Scratch) -> Best:
    best = Best(asked.most, scratch)
    for one in sorted(seen, key=lambda one: -len(one.part.head.numbers)):  # the sooner little is left to be found
        best.add(one.place, one.part.head, one.words, one.question)
    return best


def _by_meaning(seen: Sequence[_Seen], most: int, vector: Floats, scratch: Scratch) -> Places:
    total = sum(len(one.part.head.numbers) for one in seen)
    nearest = Nearest(most, signs(vector[None, :])[:, 0], closely(total), scratch)
    for one in reversed(seen):  # the newest first: what is level later stays out
        head = one.part.head
        everything = one.question.visible.all() and one.question.only is None and not len(one.question.gone)
        allowed = None if everything else one.question.allows(head, np.arange(len(head.numbers)))
        nearest.add(one.place, head, allowed)
    return nearest.sites


async def _ranked(keeper: Keeper, seen: dict[int, _Seen], sites: Places, asked: Asked, sought: float) -> list[Ranked]:
    """The sites with their scores, best first."""
    within = {place: sites[sites // LARGEST == place] % LARGEST for place in np.unique(sites // LARGEST).tolist()}
    wanted = [(seen[place].part, places) for place, places in within.items()]
    vectors: Sequence[Vectors | None] = [None] * len(wanted)
    if asked.vector is not None:
        vectors = await keeper.vectors(wanted)
    numbers, words, coverage, meaning = [], [], [], []
    for (place, places), means in zip(within.items(), vectors, strict=True):
        found, held = _words(seen[place].words, places.astype(np.uint16))
        numbers.append(seen[place].part.head.numbers[places])
        words.append(found / ((sought or 1.0) * USUAL))
        coverage.append(held / (sought or 1.0))
        meaning.append(_meaning(means, asked.vector, len(places)))
    if not numbers:
        return []
    number, word, cover, mean = (np.concatenate(part) for part in (numbers, words, coverage, meaning))
    scores = scored(word, cover, mean)
    order = np.lexsort((-number, -scores))
    columns = (column[order].tolist() for column in (number, scores, word, cover, mean))
    return [Ranked(*row) for row in zip(*columns, strict=True)]


def _meaning(means: Vectors | None, asked: Floats | None, count: int) -> Floats:
    """For each of so many places how near its vector is; 0 where none was asked for."""
    return np.zeros(count, np.float32) if means is None or asked is None else likeness(means, asked)


def _words(words: Sequence[Word], places: npt.NDArray[np.uint16]) -> tuple[Scores, Scores]:
    """For each of some places its BM25, and how rare the words are together that it holds."""
    found, held = np.zeros(len(places)), np.zeros(len(places))
    for word in words:
        added, here = word.within(places)
        found += added
        held += here * word.rarity
    return found, held
