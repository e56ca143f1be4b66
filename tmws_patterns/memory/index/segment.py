"""A segment: the words of up to LARGEST memories, for scoring with numpy. Never changes once it is made. Pure.

For each word it lists the memories that hold it, each with its impact: the part of BM25 that depends on this
word in this memory alone (Anh and Moffat, 2005, "Simplified similarity scoring using term ranks"), in one byte.
What a score takes more, the rarity of the word, is known when the query is. Beside the words stands what each
memory means, as a vector. Lists and vectors are read from the database by chunks; all else, the head, is small and
stays in memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, Protocol, Self
from zlib import crc32

import numpy as np
import numpy.typing as npt
import orjson

from tmws_patterns.signs import signs_of

LARGEST = 65_536  # memories: their places fit 16 bits
CHUNK = 1_350  # entries of a chunk, which with its checksum fits into one page of SQLite
VECTORS = 15  # of a chunk, which does so too, for the table's vectors of 256 numbers
FIRST_VECTORS = 2**19  # the chunk in which the vectors begin: far beyond all lists
K1, B = 1.2, 0.75  # of BM25, as FTS5 and Lucene have them
LONGEST = 4.0  # times the usual length a memory counts as at most: one word of a long text is told as well as any
SHARPEST = K1 + 1  # the largest impact
_STEPS = 255
_FORM = 3  # of what is written; another one is not read, and the segment made anew

ENTRY = np.dtype([("place", "<u2"), ("impact", "u1")])
Entries = npt.NDArray[Any]
Codes = npt.NDArray[np.uint64]
Places = npt.NDArray[np.int64]

IMPACT = SHARPEST / _STEPS
"""What the byte of an impact stands for, by which it is multiplied."""


class Posting(NamedTuple):
    """The memories of a segment that hold one word: their places, ascending, and the impact of the word in each.

    Two arrays of their own, which numpy goes through more quickly than through the fields of entries.
    """

    places: npt.NDArray[np.uint16]
    impacts: npt.NDArray[np.uint8]

    @classmethod
    def of(cls, entries: Entries) -> Self:
        """A copy, so that nothing of what surrounds the entries stays in memory."""
        return cls(entries["place"].copy(), entries["impact"].copy())

    @property
    def nbytes(self) -> int:
        """Bytes that it takes."""
        return self.places.nbytes + self.impacts.nbytes


NOTHING = Posting(np.zeros(0, np.uint16), np.zeros(0, np.uint8))
"""Of a word that no memory holds."""


class Damaged(Exception):
    """What was read of a segment (its id, 0 where it is not known) is not what was written."""

    def __init__(self, segment: int, what: str) -> None:
        super().__init__(f"segment {segment}: {what}")
        self.segment = segment


class Encoder(Protocol):
    """Texts as unit vectors of `width` numbers, a multiple of 64; `name` tells it from every other."""

    name: str
    width: int

    def encode_all(self, texts: Sequence[str]) -> npt.NDArray[np.float32]: ...


class Owner(NamedTuple):
    """Whose a memory is and who may see it, as far as one segment tells its memories apart."""

    tenant: str
    agent: str
    namespace: str
    access: str
    team: str | None
    shared_with: tuple[str, ...]


class Indexed(NamedTuple):
    """One memory as the index takes it: its number, whose it is, the codes of its words in their order, and its vector.

    The vector has a byte a number.
    """

    number: int
    owner: Owner
    words: Sequence[int]
    vector: npt.NDArray[np.int8]


@dataclass(frozen=True)
class Head:
    """What is known of a segment without reading its lists.

    Attributes:
        numbers: of its memories, ascending (docs).
        owners: whose they are, by `owned` (docs), which says which of them it is.
        codes: of its words, ascending (words).
        starts: where the list of each word begins, and the end of the last (words + 1).
        signs: of their vectors (docs x width / 64).
        length: words of all memories together, repeated ones too.
        encoder: the name of what made the vectors.
    """

    numbers: Places
    owners: tuple[Owner, ...]
    owned: npt.NDArray[np.uint16]
    codes: Codes
    starts: npt.NDArray[np.uint32]
    signs: npt.NDArray[np.uint64]
    length: int
    encoder: str = ""

    @cached_property
    def first(self) -> npt.NDArray[np.uint64]:
        """The first 64 signs of each memory, side by side, so that those of all are quickly gone through."""
        return np.ascontiguousarray(self.signs[:, 0])

    def ranges(self, wanted: Codes) -> list[tuple[int, int]]:
        """(first, end) of the list of each wanted word; (0, 0) for one that no memory holds."""
        if not len(self.codes):
            return [(0, 0)] * len(wanted)
        at = np.minimum(np.searchsorted(self.codes, wanted), len(self.codes) - 1)
        held = self.codes[at] == wanted
        return [
            (int(self.starts[i]), int(self.starts[i + 1])) if known else (0, 0)
            for i, known in zip(at.tolist(), held.tolist(), strict=True)
        ]

    def encode(self) -> bytes:
        """The head as it is kept."""
        facts = {
            "form": _FORM,
            "owners": [list(owner) for owner in self.owners],
            "length": self.length,
            "encoder": self.encoder,
        }
        sizes = (len(self.numbers), len(self.codes), self.signs.shape[1])
        about = orjson.dumps({**facts, "sizes": sizes})
        first = self.numbers[:1].astype("<i8")
        offsets = (self.numbers - (first[0] if len(first) else 0)).astype("<u4")
        parts = (
            first,
            offsets,
            self.owned.astype("<u2"),
            self.codes.astype("<u8"),
            self.starts.astype("<u4"),
            self.signs.astype("<u8"),
        )
        body = about + b"\n" + b"".join(part.tobytes() for part in parts)
        return crc32(body).to_bytes(4, "little") + body

    @classmethod
    def decode(cls, kept: bytes, encoder: str) -> Self:
        """The reverse of encode. Raises Damaged, also where another encoder made the vectors."""
        body = kept[4:]
        if crc32(body).to_bytes(4, "little") != kept[:4]:
            raise Damaged(0, "the head is not what was written")
        about, _, rest = body.partition(b"\n")
        facts: dict[str, Any] = orjson.loads(about)
        if (facts["form"], facts.get("encoder")) != (_FORM, encoder):
            raise Damaged(0, "it has another form")
        docs, words, width = facts["sizes"]
        kinds = ("<i8", "<u4", "<u2", "<u8", "<u4", "<u8")
        counts = (min(docs, 1), docs, docs, words, words + 1, docs * width)
        parts: list[Any] = []
        for kind, count in zip(kinds, counts, strict=True):
            array = np.frombuffer(rest, kind, count)
            parts.append(array)
            rest = rest[array.nbytes :]
        first, offsets, owned, codes, starts, bits = parts
        owners = tuple(Owner._make((*owner[:5], tuple(owner[5]))) for owner in facts["owners"])
        numbers = offsets.astype(np.int64) + first.sum()
        return cls(numbers, owners, owned, codes, starts, bits.reshape(docs, width), facts["length"], encoder)


@dataclass(frozen=True, slots=True)
class Segment:
    """A head with all its lists, one after another, and its vectors (docs x width, a byte a number)."""

    head: Head
    entries: Entries
    vectors: npt.NDArray[np.int8]

    def chunks(self) -> dict[int, bytes]:
        """The lists and the vectors as they are kept, by the numbers of their chunks."""
        lists = (self.entries[at : at + CHUNK].tobytes() for at in range(0, len(self.entries), CHUNK))
        vectors = (self.vectors[at : at + VECTORS].tobytes() for at in range(0, len(self.vectors), VECTORS))
        found = {**dict(enumerate(lists)), **dict(enumerate(vectors, FIRST_VECTORS))}
        return {number: part + crc32(part).to_bytes(4, "little") for number, part in found.items()}


def opened(chunk: bytes) -> bytes:
    """What a chunk holds. Raises Damaged."""
    part = chunk[:-4]
    if crc32(part).to_bytes(4, "little") != chunk[-4:]:
        raise Damaged(0, "a chunk is not what was written")
    return part


def build(memories: Sequence[Indexed], encoder: Encoder, average: float | None = None) -> Segment:
    """The segment of some memories, LARGEST at most, in the order of their numbers.

    `average` is how many words a memory has in all segments; None takes these memories'.
    """
    owners: dict[Owner, int] = {}
    owned = np.array([owners.setdefault(memory.owner, len(owners)) for memory in memories], np.uint16)
    lengths = np.array([len(memory.words) for memory in memories], np.int64)
    flat = np.fromiter((code for memory in memories for code in memory.words), np.uint64, int(lengths.sum()))
    known, word = np.unique(flat, return_inverse=True)
    place = np.repeat(np.arange(len(memories)), lengths)
    pairs, uses = np.unique(word.astype(np.int64) * LARGEST + place, return_counts=True)
    entries = np.empty(len(pairs), ENTRY)
    entries["place"] = pairs % LARGEST
    usual = average or (lengths.mean() if len(memories) else 1.0) or 1.0
    entries["impact"] = _impacts(uses, lengths[entries["place"]] / usual)
    starts = np.searchsorted(pairs, np.arange(len(known) + 1) * LARGEST).astype(np.uint32)
    numbers = np.array([memory.number for memory in memories], np.int64)
    vectors = np.array([memory.vector for memory in memories], np.int8).reshape(-1, encoder.width)
    head = Head(numbers, tuple(owners), owned, known, starts, signs_of(vectors), int(lengths.sum()), encoder.name)
    return Segment(head, entries, vectors)


def merged(segments: Sequence[Segment], there: frozenset[int]) -> Segment:
    """One segment of several, whose numbers ascend from one to the next, with the memories that are still there."""
    numbers_there = np.fromiter(there, np.int64, len(there))
    owners: dict[Owner, int] = {}
    numbers, owned, codes, places, impacts, bits, vectors = [], [], [], [], [], [], []
    docs = 0
    for head, entries, means in ((segment.head, segment.entries, segment.vectors) for segment in segments):
        stays = np.isin(head.numbers, numbers_there)
        moved = docs + np.cumsum(stays) - 1
        kept = stays[entries["place"]]
        numbers.append(head.numbers[stays])
        here = np.array([owners.setdefault(owner, len(owners)) for owner in head.owners] or [0], np.uint16)
        owned.append(here[head.owned[stays]])
        codes.append(np.repeat(head.codes, np.diff(head.starts))[kept])
        places.append(moved[entries["place"][kept]])
        impacts.append(entries["impact"][kept])
        bits.append(head.signs[stays])
        vectors.append(means[stays])
        docs += int(stays.sum())
    code, place = np.concatenate(codes), np.concatenate(places)
    order = np.argsort(code, kind="stable")  # places ascend within a word, since they do from segment to segment
    known, starts = np.unique(code[order], return_index=True)
    entries = np.empty(len(order), ENTRY)
    entries["place"], entries["impact"] = place[order], np.concatenate(impacts)[order]
    bounds = np.append(starts, len(order)).astype(np.uint32)
    length = sum(segment.head.length for segment in segments)
    head = Head(
        np.concatenate(numbers),
        tuple(owners),
        np.concatenate(owned),
        known,
        bounds,
        np.concatenate(bits),
        length,
        segments[0].head.encoder,
    )
    return Segment(head, entries, np.concatenate(vectors))


def _impacts(uses: npt.NDArray[Any], lengths: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """BM25's part of a word that a memory uses so often; `lengths` are of the memories, the usual one being 1."""
    part = uses * SHARPEST / (uses + K1 * (1 - B + B * np.minimum(lengths, LONGEST)))
    impacts: npt.NDArray[np.uint8] = np.maximum(1, np.rint(part * (_STEPS / SHARPEST))).astype(np.uint8)
    return impacts
