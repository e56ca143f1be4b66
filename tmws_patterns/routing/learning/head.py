"""Which route a row belongs to: one weight vector a route, trained by gradient descent with momentum.

Softmax regression from the routes' centroids on. Numbers are settled by the development sets of
scripts/bench_routing.py; the same rows always give the same weights.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tmws_patterns.forking import product
from tmws_patterns.routing.learning.features import Labels, Matrix

SCALE = 12.0  # how sharp the softmax is over products of unit vectors
_FEW = 20  # rows a route up to which half the steps do, if they are twice as long
_MOST_WORK = 4e8  # rows x routes x width above which fewer steps must do, down to none: the centroids alone


class _Descent(NamedTuple):
    """How the weights are found. The gradient is a sum over rows, so that its steps are the longer the more there are.

    More steps are no better on CLINC150, BANKING77 and the shipped patterns.
    """

    steps: int
    rate: float
    momentum: float


_BY_FEW, _BY_MANY = _Descent(12, 0.02, 0.85), _Descent(24, 0.01, 0.9)


def train(rows: Matrix, labels: Labels, routes: int) -> Matrix:
    """Weights (routes x width) from rows (count x width) and the route of each, 0 to routes - 1."""
    weights = _centroids(rows, labels, routes)
    speed = np.zeros_like(weights)
    here = np.arange(len(rows))
    how = _BY_FEW if len(rows) <= _FEW * routes else _BY_MANY
    for _ in range(_steps(how.steps, rows.size * routes)):
        pull = softmax(SCALE * scores(rows, weights))
        pull[here, labels] -= 1
        with product():
            push = pull.T @ rows
        speed = how.momentum * speed + push
        weights -= how.rate * speed
    return weights


def scores(rows: Matrix, weights: Matrix) -> Matrix:
    """How well each row (count x width) fits each route (routes x width): count x routes."""
    with product():
        found: Matrix = rows @ weights.T
    return found


def softmax(scores: Matrix) -> Matrix:
    """Shares that sum to 1 in each row."""
    raised = np.exp(scores - scores.max(axis=1, keepdims=True))
    shares: Matrix = raised / raised.sum(axis=1, keepdims=True)
    return shares


def _steps(steps: int, work: int) -> int:
    return steps if work <= _MOST_WORK else int(steps * _MOST_WORK / work)


def _centroids(rows: Matrix, labels: Labels, routes: int) -> Matrix:
    order = np.argsort(labels, kind="stable")
    starts = np.searchsorted(labels[order], np.arange(routes))
    sums: Matrix = np.add.reduceat(rows[order], np.minimum(starts, len(rows) - 1), axis=0)
    centroids: Matrix = sums / (np.linalg.norm(sums, axis=1, keepdims=True) + 1e-9)
    return centroids
