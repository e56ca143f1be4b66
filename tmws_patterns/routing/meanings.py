"""What the tools of a catalogue mean, and how near a sentence is to each.

Of a few tools the vectors tell it. Of thousands the signs of the vectors tell first which could be among the nearest,
and the vectors of those decide.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tmws_patterns.signs import Signs, cosines, sign_of, signs_of

Vector = npt.NDArray[np.float32]
Matrix = npt.NDArray[np.float32]
Places = npt.NDArray[np.int64]

MANY = 2_000  # tools from which on not all vectors are compared, which would read megabytes for each sentence
LIKELY = 256  # of them that are
_SAMPLED = 1_024  # tools by which it is told how near tools are as a rule
_ALIKE = 1e-6  # a spread below which all are


@dataclass(frozen=True, slots=True)
class Trust:
    """How much words and meaning count, and what their sum is worth.

    The weights are those of a logistic regression on constant, share of words covered, likeness and lead,
    fitted by scripts/fit_trust.py on MetaTool's training questions and apizoo's, with strangers among them.
    """

    words: float
    weights: tuple[float, float, float, float]


BY_WORDS = Trust(1.0, (-2.56, 3.43, 0.0, 0.78))
BY_TABLE = Trust(0.5, (-3.68, 0.44, 5.12, 0.92))
BY_MODEL = Trust(0.25, (-3.40, 0.28, 4.81, 0.97))


class Rated(NamedTuple):
    """Some tools by their places, how near each is (-1 to 1), and what words and meaning together say for it."""

    places: Places
    near: Vector
    sums: Vector


@dataclass(frozen=True)
class Meanings:
    """What tools mean: one unit vector a tool (tools x width, a multiple of 64), and how far it is trusted."""

    vectors: Matrix
    trust: Trust

    def rated(self, said: Vector, vector: Vector) -> Rated:
        """The tools that may be among the first, `said` being what their words add to the sum of each."""
        weight = 1 - self.trust.words
        if len(self.vectors) <= MANY:
            near = self.vectors @ vector
            return Rated(np.arange(len(near)), near, said + weight * standard(near))
        middle, spread = self._usual(vector)
        places = np.argpartition(said + (weight / spread) * cosines(self._signs, sign_of(vector)), -LIKELY)[-LIKELY:]
        near = self.vectors.take(places, axis=0) @ vector
        return Rated(places, near, said[places] + (weight / spread) * (near - middle))

    def _usual(self, vector: Vector) -> tuple[float, float]:
        """The mean and the standard deviation of the likenesses of all tools and a sentence."""
        middle, squares = self._moments
        spread = math.sqrt(max(0.0, float(vector @ squares @ vector)))
        return float(middle @ vector), spread if spread > _ALIKE else 1.0

    @cached_property
    def _moments(self) -> tuple[Vector, Matrix]:
        """The middle of the vectors, and how they vary around it (width x width), by a sample of them."""
        sample = self.vectors[:: max(1, len(self.vectors) // _SAMPLED)]
        middle = sample.mean(axis=0)
        around = sample - middle
        return middle, around.T @ around / np.float32(len(sample))

    @cached_property
    def _signs(self) -> Signs:
        return np.asfortranarray(signs_of(self.vectors))  # they are gone through word by word


def standard(values: Vector) -> Vector:
    """How many standard deviations each value is from their mean."""
    middle = float(values.mean())
    around = values - middle
    spread = math.sqrt(float(around @ around) / len(values))  # as .std() gives it, and sooner
    scaled: Vector = around / (spread if spread > _ALIKE else 1.0)
    return scaled
