"""Print the constants by which the tool search is believed: the three `Trust`s of routing/meanings.py.

    .venv/bin/python scripts/fit_trust.py DIR ...

DIR are folders with MetaTool, apizoo and CLINC150 as scripts/bench/datasets.py reads them. For words alone, the table
and the sentence model it prints how often the first tool is right by the share that words get, and for the share in
use a logistic regression of "the first tool is right" on the share of words covered, likeness and lead: over training
questions of both catalogues, with CLINC150's out-of-scope sentences, for which no tool is right, asked of each. Nothing
of a test split is read. apizoo has no split: three quarters of its questions are fitted.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from bench.datasets import OUT, rows
from bench.quality_rows import Remembering

from tmws_patterns.encoder import sentence_encoder, static_encoder
from tmws_patterns.routing.learning.knowledge import tool_vectors
from tmws_patterns.routing.meanings import BY_MODEL, BY_TABLE, BY_WORDS, Meanings, Trust
from tmws_patterns.routing.tools import ToolIndex, ToolText

Asked = list[tuple[str, set[str]]]
MOST = 2_000  # questions of each catalogue
SHARES = (0.15, 0.25, 0.35, 0.5, 0.65)


def questions(folders: list[Path], name: str) -> Asked:
    """Training questions with the ids of their tools, the same ones each time."""
    found = rows(folders, f"{name}_queries")
    train = [q for q in found if q.get("split") == "train"] or random.Random(1).sample(found, len(found) * 3 // 4)
    chosen = random.Random(0).sample(train, min(MOST, len(train)))
    return [(q["text"], set(q["relevant"])) for q in chosen]


def signs(index: ToolIndex, ids: Sequence[str], asked: Asked, meanings: Meanings | None, encoder: Any) -> Any:
    """One row a question: share covered, likeness, lead of the first tool, 1 where it is right."""
    found = []
    for text, relevant in asked:
        vector = encoder.encode(text) if encoder else None
        for place, first in index.ranked(text, 1, meanings, vector):
            found.append((*first, float(ids[place] in relevant)))
    return np.array(found)


def logistic(found: Any, used: list[int]) -> list[float]:
    """Constant and weights; those of unused signs are 0."""
    design = np.column_stack([np.ones(len(found)), found[:, used]])
    weights = np.zeros(design.shape[1])
    for _ in range(30):
        shares = 1 / (1 + np.exp(-design @ weights))
        slope = design.T @ (found[:, 3] - shares) - 0.01 * weights
        curve = (design * (shares * (1 - shares))[:, None]).T @ design + 0.01 * np.eye(len(weights))
        weights += np.linalg.solve(curve, slope)
    full = [0.0] * 4
    for place, weight in zip([0, *(u + 1 for u in used)], weights.tolist(), strict=True):
        full[place] = round(weight, 2)
    return full


def main() -> int:
    folders = [Path(word) for word in sys.argv[1:]]
    strangers: Asked = [
        (r["text"], set()) for r in rows(folders, "clinc150") if r["label"] == OUT and r["split"] == "val"
    ]
    ways = {"BY_WORDS": (None, BY_WORDS), "BY_TABLE": (static_encoder(), BY_TABLE)}
    ways["BY_MODEL"] = (Remembering(sentence_encoder()), BY_MODEL)
    for name, (encoder, trust) in ways.items():
        parts = []
        for catalogue in ("metatool", "apizoo"):
            listed = rows(folders, f"{catalogue}_tools")
            texts = [
                ToolText(t["name"], f"{t['description']} {t.get('long', '')[:300]}", tuple(t.get("args", ())))
                for t in listed
            ]
            ids, index = [str(t["id"]) for t in listed], ToolIndex(texts)
            vectors = tool_vectors([t.meanings for t in texts], encoder) if encoder else None
            asked = questions(folders, catalogue)
            for share in SHARES if encoder else ():
                other = Meanings(vectors, Trust(share, trust.weights))
                right = signs(index, ids, asked, other, encoder)[:, 3].mean()
                print(f"{name} {catalogue}: words {share:.2f} {100 * right:.1f}% right")
            meanings = Meanings(vectors, trust) if encoder else None
            parts.append(signs(index, ids, asked + strangers, meanings, encoder))
        print(
            f"{name} = Trust({trust.words}, {tuple(logistic(np.concatenate(parts), [0, 1, 2] if encoder else [0, 2]))})"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
