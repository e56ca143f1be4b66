"""The words stage: which pattern's examples, name and description a sentence resembles.

Cosine of TF-IDF vectors over stems, the best document of a pattern counting (Salton and Buckley,
1988, "Term-weighting approaches in automatic text retrieval"). Words that no document holds count
against every match with the weight of the rarest word, so that a sentence about something else
does not resemble anything.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from heapq import nlargest

from tmws_patterns.routing.text import stems


class ExampleIndex:
    """Documents of many patterns in one inverted index. Built once, never changed."""

    def __init__(self, documents: Sequence[tuple[int, str, float]]) -> None:
        """Index (owner, text, weight) triples; an owner's score is that of its best document times its weight."""
        bags = [(owner, Counter(stems(text)), weight) for owner, text, weight in documents]
        count = max(1, len(bags))
        seen = Counter(term for _, bag, _ in bags for term in bag)
        self._idf = {term: math.log(1 + count / n) for term, n in seen.items()}
        self._unknown = math.log(1 + count)
        self._owners = [owner for owner, _, _ in bags]
        self._postings: dict[str, list[tuple[int, float]]] = defaultdict(list)
        for doc, (_, bag, weight) in enumerate(bags):
            norm = math.sqrt(sum((n * self._idf[t]) ** 2 for t, n in bag.items())) or 1.0
            for term, n in bag.items():
                self._postings[term].append((doc, weight * n * self._idf[term] / norm))

    def match(self, query: str, count: int) -> list[tuple[int, float]]:
        """(owner, similarity in 0 to 1) of the `count` owners that are most like the query, best first."""
        if not self._owners:
            return []
        bag = Counter(stems(query))
        weights = {t: n * self._idf.get(t, self._unknown) for t, n in bag.items()}
        norm = math.sqrt(sum(w * w for w in weights.values())) or 1.0
        scores: dict[int, float] = defaultdict(float)
        for term, weight in weights.items():
            for doc, value in self._postings.get(term, ()):
                scores[doc] += value * weight / norm
        best: dict[int, float] = {}
        for doc, score in scores.items():
            owner = self._owners[doc]
            if score > best.get(owner, 0.0):
                best[owner] = score
        return nlargest(count, best.items(), key=lambda item: item[1])
