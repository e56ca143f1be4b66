"""A sentence as numbers: what it means (the encoder's vector) beside which words stand in it, in which order.

The second half is a sketch: each word and pair of words that the examples hold has one place of a few
hundred, and a sign (Weinberger et al., 2009, "Feature hashing for large scale multitask learning"),
weighted by rarity. Words that no example holds have no place; how many they are is told apart.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Protocol
from zlib import crc32

import numpy as np
import numpy.typing as npt

from tmws_patterns.routing.text import stem, words

Matrix = npt.NDArray[np.float32]
Vector = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]
Terms = tuple[list[str], list[str]]  # the stems of a text, and each with the one before it

SKETCH = 512  # places: more gain hardly any accuracy on CLINC150 and cost time
_WORDS = 0.22  # share of a likeness that is the words' and not the meaning's
MEANING = math.sqrt(1 - _WORDS)  # what the vector is multiplied by
_TOGETHER = 256  # sentences whose words are summed at once: more would keep the event loop waiting for the interpreter
_MOST = 64  # words of a sentence that are looked at: what is asked stands in its beginning


class Encoder(Protocol):
    """Sentences as vectors of one length, `width` numbers (float32). Safe to share between threads.

    `name` is another for an encoder that gives other vectors.
    """

    width: int

    @property
    def name(self) -> str: ...

    def encode(self, text: str) -> Vector: ...

    def knows(self, word: str) -> bool:
        """True for a word of the language the encoder was made for."""
        ...

    def encode_all(self, texts: Sequence[str]) -> Matrix: ...


class Features:
    """Turns sentences into rows. Fitted once to some texts, never changed, safe to share between threads."""

    def __init__(self, encoder: Encoder, weights: Mapping[str, float], rare: frozenset[str] = frozenset()) -> None:
        self._encoder = encoder
        self._rare = rare
        self._places = {term: _place(term, weight) for term, weight in weights.items()}
        self._weights = dict(weights)
        self.meaning = encoder.width
        self.width = encoder.width + SKETCH

    @classmethod
    def of(cls, encoder: Encoder, texts: Sequence[Terms]) -> Features:
        """Features that know the words of these texts."""
        seen = Counter(term for text in texts for term in _each(text))
        weights = {term: round(math.log(1 + len(texts) / n), 4) for term, n in seen.items()}
        return cls(encoder, weights, frozenset(term for term, n in seen.items() if n == 1))

    @classmethod
    def with_terms(cls, encoder: Encoder, terms: Mapping[str, float]) -> Features:
        """The same again from its terms, for asking only."""
        return cls(encoder, terms)

    def terms(self) -> dict[str, float]:
        """Every word and pair that is known, with its weight."""
        return self._weights

    def sketch(self, text: str) -> tuple[list[int], Vector, float]:
        """The second half of one sentence's row by what is not 0 in it: the places, some twice, and the numbers there.

        With them the share of its words that no text held (0 to 1).
        """
        terms, places = terms_of(text), self._places
        single = terms[0]
        known = [place for term in _each(terms) if (place := places.get(term)) is not None]
        weights = [weight for _, weight in known]
        scale = math.sqrt(_WORDS / (sum([w * w for w in weights]) or 1.0))
        new = sum([term not in places for term in single])
        numbers = np.array(weights, np.float32) * np.float32(scale)
        return [place for place, _ in known], numbers, new / len(single) if single else 1.0

    def rows(self, texts: Sequence[Terms], vectors: Matrix, *, as_strangers: bool = False) -> tuple[Matrix, Vector]:
        """The rows (each of length 1) of several sentences with their vectors, and their shares of new words.

        (count x width) and (count); a row's first half is the vector.

        `as_strangers` reads the fitted texts as if each were new: without the words that it alone holds.
        """
        hidden = self._rare if as_strangers else frozenset()
        places = {term: place for term, place in self._places.items() if term not in hidden}
        known = [[places[term] for term in _each(text) if term in places] for text in texts]
        new = [sum([term not in places for term in single]) / len(single) if single else 1.0 for single, _ in texts]
        rows = np.zeros((len(texts), self.width), np.float32)
        rows[:, : self.meaning] = MEANING * vectors
        for first in range(0, len(texts), _TOGETHER):
            rows[first : first + _TOGETHER, self.meaning :] = _sketches(known[first : first + _TOGETHER])
        return rows, np.array(new, np.float32)


def _each(terms: Terms) -> dict[str, None]:
    """Each term once, in their order: a set's differs from process to process, and with it the last bits of a sum."""
    return dict.fromkeys([*terms[0], *terms[1]])


def _place(term: str, weight: float) -> tuple[int, float]:
    """Where a term stands in the sketch, and its weight with its sign."""
    code = crc32(term.encode())
    return code % SKETCH, weight if code & 2**31 else -weight


def _sketches(known: Sequence[Sequence[tuple[int, float]]]) -> Matrix:
    """(count x SKETCH) from the places and weights of each text's terms."""
    text = np.repeat(np.arange(len(known)), [len(terms) for terms in known])
    where, weights = np.array([term for terms in known for term in terms], np.float64).reshape(-1, 2).T
    flat = np.bincount(text * SKETCH + where.astype(np.int64), weights, len(known) * SKETCH)
    squares = np.bincount(text, weights * weights, len(known))
    scale = np.sqrt(_WORDS / np.where(squares > 0, squares, np.inf))
    sketches: Matrix = (flat.reshape(len(known), SKETCH) * scale[:, None]).astype(np.float32)
    return sketches


def terms_of(text: str) -> Terms:
    """Stems of all words, those that say little too, and each with the one before it."""
    found = [stem(word) for word in words(text)[:_MOST]]
    return found, [f"{a} {b}" for a, b in pairwise(["", *found])]
