"""Tools without a pattern: the whole catalogue searched by the words of its definitions and by meaning.

Words: BM25 over three fields, the name counting most (Robertson, Zaragoza and Taylor, 2004, "Simple BM25
extension to multiple weighted fields"). Meaning: the encoder's vectors, once they are there. Both are
standardised over the catalogue (z-scores) and added, and so is the share of a tool's own name that is said. Nothing
that shares neither is returned.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tmws_patterns.routing.meanings import BY_WORDS, Meanings, Rated, Trust, Vector, standard
from tmws_patterns.routing.text import stems

_NAME, _PARAMETERS = 3.0, 0.5  # weight of a word there; in the description it is 1
_CALLED = 1.0  # what a sentence that holds all words of a tool's own name adds, in standard deviations
_SATURATION, _LENGTH = 1.2, 0.6  # BM25's k1 and b
_ABOUT = 300  # characters of a description that are read for its meaning: the rest is manual
_LEAD = 3.0  # standard deviations before the second: more than that says no more
_PARTED = re.compile(r"[_\-./]+")
_SENTENCE = re.compile(r"(?<=[.!?])\s")


@dataclass(frozen=True, slots=True)
class ToolText:
    """What is searched of a tool: its name, its description and the names of its parameters."""

    name: str
    about: str
    parameters: tuple[str, ...] = ()

    @property
    def meanings(self) -> tuple[str, str]:
        """The texts that stand for the tool: its name with its description, and the description's first sentence."""
        name, about = _PARTED.sub(" ", self.name), self.about[:_ABOUT]
        return f"{name}. {about}", _SENTENCE.split(about, maxsplit=1)[0] or name


class Signs(NamedTuple):
    """What speaks for a tool: the share of the sentence's words it covers, its likeness, its lead (each 0 or more)."""

    covered: float
    near: float
    lead: float


@dataclass(frozen=True, slots=True)
class FoundTool:
    """A tool's place and the probability that it is meant."""

    place: int
    confidence: float


class ToolIndex:
    """Finds tools for a sentence. Built once, never changed, safe to share between threads."""

    def __init__(self, tools: Sequence[ToolText]) -> None:
        self._count = len(tools)
        bags = [_bag(tool) for tool in tools]
        lengths = np.array([length for _, length in bags], np.float32)
        norms = 1 - _LENGTH + _LENGTH * lengths / max(1e-9, float(lengths.mean()) if bags else 1.0)
        places: dict[str, list[int]] = defaultdict(list)
        counts: dict[str, list[float]] = defaultdict(list)
        for place, (bag, _) in enumerate(bags):
            for term, n in bag:
                places[term].append(place)
                counts[term].append(n)
        self._called: dict[str, tuple[npt.NDArray[np.int64], Vector]] = _called(tools)
        self._postings = {term: _posting(counts[term], where, norms, self._count) for term, where in places.items()}
        self._rarest = math.log(1 + self._count + 0.5)

    def match(
        self, query: str, count: int, meanings: Meanings | None = None, vector: Vector | None = None
    ) -> list[FoundTool]:
        """The `count` likeliest tools, best first; by words alone without `meanings` and the sentence's `vector`.

        No tool is believed more than one before it.
        """
        trust = meanings.trust if meanings else BY_WORDS
        found: list[FoundTool] = []
        for place, signs in self.ranked(query, count, meanings, vector):
            sure = _confidence(trust, signs)
            if meanings is None:  # by words alone, no surer than the share of the sentence that they cover
                sure = min(sure, signs.covered)
            found.append(FoundTool(place, min(sure, found[-1].confidence) if found else sure))
        return found

    def ranked(
        self, query: str, count: int, meanings: Meanings | None = None, vector: Vector | None = None
    ) -> list[tuple[int, Signs]]:
        """Places of the `count` first tools that share a word or a meaning with the sentence, best first."""
        if not self._count:
            return []
        terms = set(stems(query))
        words = np.zeros(self._count, np.float32)
        for term in terms:
            if (posting := self._postings.get(term)) is not None:
                words[posting[0]] += posting[1]
        said = (meanings.trust.words if meanings else 1.0) * standard(words)
        for term in terms:
            if (named := self._called.get(term)) is not None:
                said[named[0]] += named[1]
        if meanings is None or vector is None:
            places, near, sums = Rated(np.arange(self._count), np.zeros_like(words), said)
        else:
            places, near, sums = meanings.rated(said, vector)
        size = min(count + 1, len(places))
        top = np.argpartition(-sums, size - 1)[:size]
        top = top[np.argsort(-sums[top], kind="stable")]
        most = sum(self._weight(term) for term in terms) or 1.0
        best = [*sums[top].tolist(), float(sums[top[-1]])]
        found = places[top[:count]]
        rows = zip(found.tolist(), words[found].tolist(), near[top].tolist(), best, strict=False)
        return [
            (place, Signs(word / most, near, min(_LEAD, score - best[1 if i == 0 else 0])))
            for i, (place, word, near, score) in enumerate(rows)
            if word > 0 or near > 0
        ]

    def __contains__(self, term: str) -> bool:
        """True for a stem that stands in some tool."""
        return term in self._postings

    def _weight(self, term: str) -> float:
        """The most that a term can add to a tool's score; for an unknown one, that of the rarest."""
        posting = self._postings.get(term)
        return float(posting[2]) if posting else self._rarest * _SATURATION


def _called(tools: Sequence[ToolText]) -> dict[str, tuple[npt.NDArray[np.int64], Vector]]:
    """By stem, the tools whose own name (without its server's) holds it, and what each such word adds."""
    found: dict[str, list[tuple[int, float]]] = defaultdict(list)
    for place, tool in enumerate(tools):
        own = set(stems(_PARTED.sub(" ", tool.name.rpartition(".")[2]))) if tool.name.strip(".") else set()
        for term in own:
            found[term].append((place, _CALLED / len(own)))
    return {
        term: (np.array([place for place, _ in where]), np.array([part for _, part in where], np.float32))
        for term, where in found.items()
    }


def _confidence(trust: Trust, signs: Signs) -> float:
    constant, *weights = trust.weights
    return 1 / (1 + math.exp(-(constant + sum(w * s for w, s in zip(weights, signs, strict=True)))))


def _posting(
    counts: Sequence[float], places: Sequence[int], norms: Vector, total: int
) -> tuple[npt.NDArray[np.int64], Vector, float]:
    """Where a term stands, what it adds there, and the most that it can add."""
    where = np.array(places)
    n = np.array(counts, np.float32) / norms[where]
    rarity = math.log(1 + (total - len(where) + 0.5) / (len(where) + 0.5))
    gains = (rarity * n * (_SATURATION + 1) / (n + _SATURATION)).astype(np.float32)
    return where, gains, float(gains.max())


@lru_cache(maxsize=20_000)
def _bag(tool: ToolText) -> tuple[tuple[tuple[str, float], ...], float]:
    """A tool's stems with their weighted counts, and their sum. Remembered: a catalogue changes by a few tools."""
    bag: Counter[str] = Counter()
    fields: Iterable[tuple[str, float]] = (
        (_PARTED.sub(" ", tool.name), _NAME),
        (tool.about, 1.0),
        (_PARTED.sub(" ", " ".join(tool.parameters)), _PARAMETERS),
    )
    for text, weight in fields:
        for term in stems(text) if text.strip() else ():
            bag[term] += weight  # type: ignore[assignment]
    return tuple(bag.items()), sum(bag.values())


def parameters_of(schema: Mapping[str, object]) -> tuple[str, ...]:
    """Names of a tool's parameters, as its schema has them."""
    properties = schema.get("properties")
    return tuple(map(str, properties)) if isinstance(properties, Mapping) else ()
