"""What is learned of a set of patterns and tools: the lesson plan, and what came of it, for one encoder or two.

The static table is always there; a sentence model, where it is installed, is asked only about the
sentences that the table leaves uncertain. What the shipped patterns teach was learned beforehand, and lies in
`stages/` (scripts/learn_shipped.py): who uses them as they are learns nothing.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from hashlib import blake2b
from importlib.resources import files

import numpy as np
import orjson

from tmws_patterns.pattern import PatternDefinition
from tmws_patterns.routing.learning.features import Encoder, Matrix
from tmws_patterns.routing.learning.stage import FORM, REJECT, StaticStage, confusions, learn, strangers
from tmws_patterns.routing.tools import ToolText

STAGES = files(__package__) / "stages"
_ABOUT = 300  # characters of a description that are learned from
Read = Callable[[PatternDefinition, str], str]
"""An example as it is learned: without what its trigger catches."""


@dataclass(frozen=True, eq=False)
class Lessons:
    """All that is to be learned: (route, sentence) pairs by pattern, and the tools without a pattern."""

    taught: Mapping[str, tuple[tuple[str, str], ...]]
    tools: tuple[ToolText, ...] = ()

    @classmethod
    def of(cls, patterns: Sequence[PatternDefinition], tools: Sequence[ToolText], read: Read) -> Lessons:
        """The lessons of declared patterns: their examples, names, descriptions and what they are not."""
        return cls({pattern.name: tuple(_taught(pattern, read)) for pattern in patterns}, tuple(tools))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Lessons) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def texts(self, encoder: Encoder) -> list[str]:
        """Every text that the encoder will be asked for when this is learned, each once."""
        texts = [text for tool in self.tools for text in tool.meanings]
        if shipped_stage(self.alone, encoder) is None:  # type: ignore[arg-type]  # as in study
            texts += [*(text for pairs in self.taught.values() for _, text in pairs), *strangers()]
        return list(dict.fromkeys(texts))

    @property
    def alone(self) -> Lessons:
        """The same without the tools: what a stage is learned from."""
        return Lessons(self.taught)

    @cached_property
    def digest(self) -> str:
        """Hash of everything in it and of the form of what is learned: 32 hexadecimal characters."""
        parts = [FORM, sorted(self.taught.items()), [tool.meanings for tool in self.tools]]
        return blake2b(orjson.dumps(parts), digest_size=16).hexdigest()


class Encoded:
    """An encoder with texts that it has done already: what takes seconds is done beforehand, and can be stopped."""

    def __init__(self, encoder: Encoder, texts: Sequence[str], vectors: Sequence[Matrix]) -> None:
        """Know `texts` by their `vectors`, given in portions; `encoder` does whatever else is asked."""
        self.encoder = encoder
        self.width, self.name = encoder.width, encoder.name
        self.knows = encoder.knows
        self.encode = encoder.encode
        self._rows = {text: row for row, text in enumerate(texts)}
        self._vectors = np.concatenate([np.zeros((0, encoder.width), np.float32), *vectors])

    def encode_all(self, texts: Sequence[str]) -> Matrix:
        """The vectors of several texts, one a row."""
        if any(text not in self._rows for text in texts):
            return self.encoder.encode_all(texts)
        found: Matrix = self._vectors[[self._rows[text] for text in texts]] if texts else self._vectors[:0]
        return found


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What one encoder makes of the lessons.

    Attributes:
        stage: None where there were too few examples.
        vectors: one row a tool of `meanings`.
        meanings: each tool's texts, with their row.
    """

    encoder: Encoder
    stage: StaticStage | None
    vectors: Matrix
    meanings: Mapping[tuple[str, str], int]

    def rows_of(self, tools: Sequence[ToolText]) -> Matrix:
        """The vectors of these tools (tools x width); zeros for one that was not there when this was learned."""
        rows = np.zeros((len(tools), self.encoder.width), np.float32)
        for place, tool in enumerate(tools):
            if (row := self.meanings.get(tool.meanings)) is not None:
                rows[place] = self.vectors[row]
        return rows

    def to_bytes(self) -> bytes:
        """For `from_bytes`."""
        stage = self.stage.to_bytes() if self.stage else b""
        facts = orjson.dumps({"form": FORM, "meanings": list(self.meanings)})
        stream = io.BytesIO()
        np.savez(
            stream,
            facts=np.frombuffer(facts, np.uint8),
            vectors=self.vectors.astype(np.float16),
            stage=np.frombuffer(stage, np.uint8),
        )
        return stream.getvalue()

    @classmethod
    def from_bytes(cls, stored: bytes, encoder: Encoder) -> Knowledge | None:
        """What was stored; None for another form, or for something else."""
        try:
            with np.load(io.BytesIO(stored)) as found:
                facts = orjson.loads(found["facts"].tobytes())
                vectors, written = found["vectors"].astype(np.float32), found["stage"].tobytes()
            stage = StaticStage.from_bytes(written, encoder) if written else None
            meanings = {(one, other): row for row, (one, other) in enumerate(facts["meanings"])}
            if facts["form"] != FORM or vectors.shape != (len(meanings), encoder.width) or (written and stage is None):
                return None
            return cls(encoder, stage, vectors, meanings)
        except (ValueError, KeyError, TypeError, OSError, EOFError):
            return None


@dataclass(frozen=True, slots=True)
class Learned:
    """What is known of a set of patterns. `known` are the lessons that went in, by pattern."""

    core: Knowledge
    fine: Knowledge | None = None
    known: Mapping[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)


def confused(lessons: Lessons, encoder: Encoder) -> list[tuple[str, str, str]]:
    """(pattern, other pattern, sentence) of examples that would go to another pattern if they were left out."""
    pairs = [pair for pairs in lessons.taught.values() for pair in pairs]
    found = confusions(pairs, encoder)
    return [(a, b, text) for a, b, text in found if not a.startswith(REJECT) and not b.startswith(REJECT)]


def study(lessons: Lessons, encoder: Encoder, before: Knowledge | None = None) -> Knowledge:
    """Learn all lessons; the vectors of tools that were known `before` are taken over.

    Takes a fraction of a second with the table, seconds with a model: not for the event loop.
    """
    texts = list(dict.fromkeys(tool.meanings for tool in lessons.tools))
    stage = _stage(lessons.alone, encoder)  # type: ignore[arg-type]  # an encoder is itself, and so hashable
    known = before.meanings if before else {}
    new = {pair: row for row, pair in enumerate(t for t in texts if t not in known)}
    made = tool_vectors(list(new), encoder)
    vectors = np.zeros((len(texts), encoder.width), np.float32)
    for place, text in enumerate(texts):
        vectors[place] = made[new[text]] if text in new or before is None else before.vectors[known[text]]
    return Knowledge(
        encoder.encoder if isinstance(encoder, Encoded) else encoder,
        stage,
        vectors,
        {text: row for row, text in enumerate(texts)},
    )


def tool_vectors(meanings: Sequence[tuple[str, str]], encoder: Encoder) -> Matrix:
    """One unit vector a tool (tools x width): the middle of its two texts', which find more than either alone."""
    both = encoder.encode_all([text for pair in meanings for text in pair]).reshape(len(meanings), 2, encoder.width)
    middle: Matrix = both.sum(axis=1)
    unit: Matrix = middle / (np.linalg.norm(middle, axis=1, keepdims=True) + 1e-9)
    return unit


@lru_cache(maxsize=4)
def _stage(lessons: Lessons, encoder: Encoder) -> StaticStage | None:
    """Learned once for all engines of a process that read the same packs, whatever their tools."""
    plain = encoder.encoder if isinstance(encoder, Encoded) else encoder
    return shipped_stage(lessons, plain) or learn_stage(lessons, encoder)  # type: ignore[arg-type]  # as in study


def learn_stage(lessons: Lessons, encoder: Encoder) -> StaticStage | None:
    """What the examples teach, learned now; None where there are too few."""
    return learn([pair for pairs in lessons.taught.values() for pair in pairs], encoder)


@lru_cache(maxsize=8)
def shipped_stage(lessons: Lessons, encoder: Encoder) -> StaticStage | None:
    """What was learned beforehand of just these lessons with this encoder; None for all but the shipped patterns."""
    file = STAGES.joinpath(stage_file(lessons, encoder))
    return StaticStage.from_bytes(file.read_bytes(), encoder) if file.is_file() else None


def stage_file(lessons: Lessons, encoder: Encoder) -> str:
    """The name of the file that holds what these lessons teach this encoder."""
    return f"{lessons.digest}-{encoder.name}.npz"


def _taught(pattern: PatternDefinition, read: Read) -> list[tuple[str, str]]:
    title = pattern.name.replace(".", " ").replace("_", " ")
    said = [read(pattern, example) for example in pattern.examples]
    about = [title, f"{title} {pattern.description[:_ABOUT]}"] if pattern.description else [title]
    return [
        *((pattern.name, text) for text in [*said, *about]),
        *((REJECT + pattern.name, text) for text in pattern.negative_examples),
    ]
