"""The static stage as a whole: learned once from the examples of a set of patterns, then only asked.

Learning takes a fraction of a second and is done in a worker thread; asking takes microseconds. What
was learned can be stored and read back, so that a start with the same packs learns nothing.
"""

from __future__ import annotations

import io
import math
from collections.abc import Collection, Sequence
from dataclasses import astuple, dataclass
from functools import cache
from importlib.resources import files
from typing import NamedTuple

import numpy as np
import orjson

from tmws_patterns.routing.learning import calibration, head
from tmws_patterns.routing.learning.calibration import Calibration
from tmws_patterns.routing.learning.features import (
    MEANING,
    Encoder,
    Features,
    Labels,
    Matrix,
    Vector,
    terms_of,
)

FORM = 5  # of what is stored; another number than this is learned anew
_FEW = 600  # examples up to which five folds are affordable; beyond them two must do
_MOST_HELD = 8_000  # texts whose scores without themselves are looked at: more say no more
_BATCH = 2_000  # of them at once
_STRANGERS = 0.7  # how much all strangers count beside all examples
_PARTIAL = 2_000  # routes from which only the likeliest by meaning are held against the words
_SHORTLIST = 256  # of them
_FINE = (0.8, 0.5)  # how much the second stage counts beside the first with 10 examples a route, and with 100
_OWN = 0.9  # of the strangers, the rest, nearer than half of the examples, may be what these very patterns are for
REJECT = "!"  # before a route's name: the route of what the pattern's author said it is not


class Likely(NamedTuple):
    """A route for a sentence: its name, the probability that it is meant, 0 to 1."""

    name: str
    confidence: float


def fine_share(examples: int, routes: int) -> float:
    """How much the second stage counts (0 to 1): the more examples a route has, the more the first has learned.

    0.8 is settled on CLINC150 and BANKING77 with 10 examples a route, 0.5 on sentences for the shipped patterns, which
    have some 100.
    """
    few, many = _FINE
    return few + (many - few) * min(1.0, max(0.0, math.log10(max(1, examples) / max(1, routes) / 10)))


def together(core: Sequence[Likely], fine: Sequence[Likely], share: float, known: Collection[str]) -> list[Likely]:
    """What two stages think of one sentence: their confidences, weighed, best first. `share` is the second's.

    Of routes that are not `known` to the second, since it has yet to learn them, the first alone tells.
    """
    shares = {route.name: route.confidence * (1 - share if route.name in known else 1.0) for route in core}
    for route in fine:
        shares[route.name] = shares.get(route.name, 0.0) + share * route.confidence
    return [Likely(name, share) for name, share in sorted(shares.items(), key=lambda item: -item[1])]


def likelier(whole: Sequence[Likely], part: Sequence[Likely]) -> list[Likely]:
    """What a stage thinks of a sentence and of a part of it: each route as likely as in the better of the two.

    Where the two lead to different routes it is a toss-up then, and nothing is run.
    """
    best = dict(whole)
    for name, confidence in part:
        best[name] = max(confidence, best.get(name, 0.0))
    return [Likely(name, confidence) for name, confidence in sorted(best.items(), key=lambda item: -item[1])]


class StaticStage:
    """What was learned. Never changed, safe to share between threads."""

    def __init__(self, features: Features, names: Sequence[str], weights: Matrix, sure: Calibration) -> None:
        self._features = features
        # a sentence has a dozen words, so that of the second half some rows are read, and not the whole
        self._by_meaning = weights[:, : features.meaning] * np.float32(MEANING)
        self._by_place = np.ascontiguousarray(weights[:, features.meaning :].T)
        self._sure = sure
        self.names = tuple(names)
        self.known = frozenset(names)
        self._everything = np.arange(len(self.names))

    def match(self, query: str, count: int, vector: Vector) -> list[Likely]:
        """The likeliest routes, best first, without those whose authors excluded sentences like this one.

        `vector` is what the encoder says of the sentence.
        """
        where, weights, unknown = self._features.sketch(query)
        places, scores = self._score(vector, where, weights)
        order = scores.argsort()[: -count - 2 : -1]
        sure = self._sure.confidences(scores[order].tolist(), unknown)
        found: list[Likely] = []
        excluded: set[str] = set()
        for place, confidence in zip(places[order].tolist(), sure, strict=True):
            name = self.names[place]
            if name[0] == REJECT:
                excluded.add(name[1:])
            elif name not in excluded:
                found.append(Likely(name, confidence))
        return found[:count]

    def _score(self, vector: Vector, where: list[int], weights: Vector) -> tuple[Labels, Vector]:
        """Routes by their place with their scores; of thousands only the likeliest by meaning."""
        by_meaning = self._by_meaning @ vector
        if len(self.names) <= _PARTIAL:
            return self._everything, by_meaning + weights @ self._by_place.take(where, axis=0)
        places = np.argpartition(-by_meaning, _SHORTLIST)[:_SHORTLIST]
        return places, by_meaning[places] + weights @ self._by_place.take(where, axis=0).take(places, axis=1)

    def to_bytes(self) -> bytes:
        """What was learned, for `from_bytes`."""
        facts = {
            "form": FORM,
            "names": self.names,
            "terms": self._features.terms(),
            "sure": astuple(self._sure),
        }
        stream, halves = io.BytesIO(), (self._by_meaning / np.float32(MEANING), self._by_place.T)
        weights = np.concatenate(halves, axis=1).astype(np.float16)
        np.savez_compressed(stream, weights=weights, facts=np.frombuffer(orjson.dumps(facts), np.uint8))
        return stream.getvalue()

    @classmethod
    def from_bytes(cls, stored: bytes, encoder: Encoder) -> StaticStage | None:
        """The stage as it was stored; None for another form."""
        try:
            with np.load(io.BytesIO(stored)) as found:
                weights, facts = found["weights"].astype(np.float32), orjson.loads(found["facts"].tobytes())
            features = Features.with_terms(encoder, facts["terms"])
            if facts["form"] != FORM or weights.shape != (len(facts["names"]), features.width):
                return None
            return cls(features, facts["names"], weights, Calibration(*facts["sure"]))
        except (ValueError, KeyError, TypeError, OSError, EOFError):
            return None


def learn(taught: Sequence[tuple[str, str]], encoder: Encoder) -> StaticStage | None:
    """A stage that knows these (route, sentence) pairs; None for fewer than two."""
    if len(taught) < 2:  # noqa: PLR2004 - nothing could be held out
        return None
    names = sorted({name for name, _ in taught})
    places = {name: i for i, name in enumerate(names)}
    labels = np.array([places[name] for name, _ in taught])
    said, vectors = [terms_of(text) for _, text in taught], encoder.encode_all([text for _, text in taught])
    features = Features.of(encoder, said)
    rows, _ = features.rows(said, vectors)
    weights = head.train(rows, labels, len(names))
    unseen = features.rows(said, vectors, as_strangers=True)
    strange = features.rows([terms_of(text) for text in strangers()], encoder.encode_all(strangers()))
    return StaticStage(features, names, weights, _calibrated(rows, unseen, strange, labels, weights))


def confusions(taught: Sequence[tuple[str, str]], encoder: Encoder) -> list[tuple[str, str, str]]:
    """(route, other route, sentence) of the examples that go to another route when they are left out themselves."""
    if len(taught) < 2:  # noqa: PLR2004 - nothing to confuse
        return []
    names = sorted({name for name, _ in taught})
    labels = np.array([names.index(name) for name, _ in taught])
    texts = [text for _, text in taught]
    said, vectors = [terms_of(text) for text in texts], encoder.encode_all(texts)
    features = Features.of(encoder, said)
    unseen, _ = features.rows(said, vectors, as_strangers=True)
    held = _held_out(features.rows(said, vectors)[0], unseen, labels, len(names))
    wrong = held.texts[held.best != labels[held.texts]]
    gone = dict(zip(held.texts.tolist(), held.best.tolist(), strict=True))
    return [(names[labels[i]], names[gone[i]], texts[i]) for i in wrong.tolist()]


@dataclass(frozen=True, slots=True)
class HeldOut:
    """How texts fare without themselves: their places, their best routes, and the scores of these."""

    texts: Labels
    best: Labels
    tops: Vector


def _held_out(rows: Matrix, unseen: Matrix, labels: Labels, routes: int) -> HeldOut:
    """Each text, or of very many a sample, by a head that was trained without it and its neighbours of one fold."""
    folds = 5 if len(rows) <= _FEW else 2
    fold = np.arange(len(rows)) * 7_919 % 104_729 % folds  # scattered over the routes, the same each time
    sample = np.arange(0, len(rows), max(1, len(rows) // _MOST_HELD))
    parts: list[tuple[Labels, Labels, Vector]] = []
    for held in range(folds):
        rest = fold != held
        trained = head.train(rows[rest], labels[rest], routes) if rest.any() else head.train(rows, labels, routes)
        for out in np.array_split(sample[fold[sample] == held], 1 + len(sample) // _BATCH):
            if len(out):
                scores = head.scores(unseen[out], trained)
                parts.append((out, scores.argmax(axis=1), scores.max(axis=1)))
    return HeldOut(*(np.concatenate(part) for part in zip(*parts, strict=True)))


def _calibrated(
    rows: Matrix, unseen: tuple[Matrix, Vector], strange: tuple[Matrix, Vector], labels: Labels, weights: Matrix
) -> Calibration:
    """How sure a score is, from held-out examples and strangers, each as rows with their shares of new words."""
    held = _held_out(rows, unseen[0], labels, len(weights))
    right, tops = held.best == labels[held.texts], held.tops
    others, new = head.scores(strange[0], weights).max(axis=1), strange[1]
    usual = max(np.median(tops[right]) if right.any() else np.inf, np.quantile(others, _OWN))
    others, new = others[others <= usual], new[others <= usual]
    share = _STRANGERS * len(tops) / max(1, len(others))
    signs = np.column_stack([np.r_[tops, others], np.r_[unseen[1][held.texts], new]]).astype(np.float64)
    counts = np.r_[np.ones(len(tops)), np.full(len(others), share)]
    return calibration.fit(signs, np.r_[right, np.zeros(len(others), bool)], counts)


@cache
def strangers() -> tuple[str, ...]:
    """Ordinary requests and remarks that no pattern is likely to be for."""
    text = files(__package__).joinpath("strangers.txt").read_text(encoding="utf-8")
    return tuple(filter(None, text.split("\n")))
