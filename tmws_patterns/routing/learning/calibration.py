"""How sure a score is: the share of such scores that turn out right, learned without labelled strangers.

The right ones are the examples themselves, each scored by a head that has not seen it (cross-fitting);
the strangers are ordinary requests of every kind, shipped with the package. A logistic regression on
signs of a score gives the probability (Platt, 1999, "Probabilistic outputs for support vector
machines"; the largest logit tells strangers better than the softmax does: Hendrycks et al., 2022).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Counts = npt.NDArray[np.float64]

_FAR = 30.0  # beyond it a logistic is 0 or 1
_RIDGE = 1e-2  # keeps the weights finite where right and wrong do not overlap
_ROUNDS = 25  # of Newton's method, which settles in under ten


@dataclass(frozen=True, slots=True)
class Calibration:
    """Probability of being right from two signs of a score: logistic of `first`, `second` and `constant`."""

    first: float
    second: float
    constant: float

    def confidences(self, scores: Sequence[float], second: float) -> list[float]:
        """The probability (0 to 1) for each of some scores that share their second sign."""
        first, rest = self.first, self.second * second + self.constant
        return [1 / (1 + math.exp(far if (far := -first * score - rest) < _FAR else _FAR)) for score in scores]


def fit(signs: Counts, right: npt.NDArray[np.bool_], weights: Counts) -> Calibration:
    """The calibration of scores (count x 2 signs) of which it is known whether they were right, each by its weight."""
    mean, spread = signs.mean(axis=0), signs.std(axis=0)
    spread[spread == 0] = 1.0
    rows = np.column_stack([(signs - mean) / spread, np.ones(len(signs))])
    found = np.zeros(rows.shape[1])
    for _ in range(_ROUNDS):
        shares = 1 / (1 + np.exp(-np.clip(rows @ found, -_FAR, _FAR)))
        slope = rows.T @ (weights * (right - shares)) - _RIDGE * found
        curve = (rows * (weights * shares * (1 - shares) + 1e-9)[:, None]).T @ rows + _RIDGE * np.eye(len(found))
        step = np.linalg.solve(curve, slope)
        found += step
        if np.abs(step).max() < 1e-6:  # noqa: PLR2004 - settled
            break
    slopes = found[:2] / spread
    return Calibration(float(slopes[0]), float(slopes[1]), float(found[2] - slopes @ mean))
