"""The development sets of routing: gzipped JSON lines in the folders that are named; what is missing is said.

clinc150, banking77: rows {text, label, split}, the label `oos` being out of scope. metatool, apizoo: tools
{id, name, description, args?} and queries {text, relevant: [ids], split?}.
"""

from __future__ import annotations

import gzip
import json
import random
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

OUT = "oos"


@dataclass(frozen=True, slots=True)
class Intents:
    """A set of sentences with the route of each: examples to learn, sentences to judge, strangers."""

    examples: list[tuple[str, str]]
    asked: list[tuple[str, str]]
    strangers: list[str]


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Tools, and questions with the ids of the tools that answer them."""

    tools: list[dict[str, Any]]
    asked: list[tuple[str, set[str]]]


def rows(folders: list[Path], name: str) -> list[dict[str, Any]]:
    """The rows of a file, from the first folder that has it; empty where none has."""
    for folder in folders:
        path = folder / f"{name}.jsonl.gz"
        if path.is_file():
            with gzip.open(path, "rt", encoding="utf-8") as lines:
                return [json.loads(line) for line in lines]
    return []


def intents(found: list[dict[str, Any]], examples: int, seed: int) -> Intents:
    """`examples` of each route drawn by the seed, and the whole test split."""
    by_route = defaultdict(list)
    for row in found:
        if row["split"] == "train" and row["label"] != OUT:
            by_route[row["label"]].append(row["text"])
    chance = random.Random(seed)
    learned = [(r, text) for r in sorted(by_route) for text in chance.sample(by_route[r], examples)]
    test = [row for row in found if row["split"] == "test"]
    asked = [(row["text"], row["label"]) for row in test if row["label"] != OUT]
    return Intents(learned, asked, [row["text"] for row in test if row["label"] == OUT])


def catalogue(folders: list[Path], name: str, most: int) -> Catalogue | None:
    """A catalogue with at most `most` of its test questions, the same ones each time; None where it is missing."""
    tools, queries = rows(folders, f"{name}_tools"), rows(folders, f"{name}_queries")
    if not tools or not queries:
        return None
    asked = [q for q in queries if q.get("split", "test") == "test"]
    chosen = random.Random(0).sample(asked, min(most, len(asked)))
    return Catalogue(tools, [(q["text"], set(q["relevant"])) for q in chosen])
