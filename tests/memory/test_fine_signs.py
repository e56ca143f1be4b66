"""Where to look for what is near by the sentence model: vectors of the test's own, real segments, both engines."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import numpy as np
import pytest
from moments import Moment

from tmws_patterns.call import Principal, Scope
from tmws_patterns.encoder import static_encoder
from tmws_patterns.errors import StoreUnavailable
from tmws_patterns.memory import MemoryService, open_memory
from tmws_patterns.memory.fine_signs import FineSigns
from tmws_patterns.memory.index import live
from tmws_patterns.memory.index.looking import FINER, Finer, Nearby
from tmws_patterns.memory.index.segment import Head
from tmws_patterns.memory.index.terms import codes
from tmws_patterns.quantized import Quantized, quantized
from tmws_patterns.settings import Settings
from tmws_patterns.storage import Database, open_database

pytestmark = pytest.mark.anyio

WIDTH, COUNT, MOST = 384, 300, 4
ME = Scope("acme", "artemis")


@pytest.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    """Each engine's, empty."""
    async with open_database(settings) as opened:
        yield opened


@asynccontextmanager
async def memory_of(database: Database, agent: str = "artemis") -> AsyncIterator[MemoryService]:
    async with open_memory(database, Principal("acme", agent), static_encoder()) as service:
        yield service


def drawn(count: int, seed: int = 1) -> Quantized:
    vectors = np.random.default_rng(seed).normal(size=(count, WIDTH))
    return quantized(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


async def stored(memory: MemoryService, count: int = COUNT, agent: str = "artemis") -> list[int]:
    """The numbers of new memories, all of other words."""
    database_rows = memory._recall.index._rows
    before = (await database_rows.state(0, 10_000)).recent
    await memory.store_many([{"content": f"w{n}a w{n}b w{n}c", "agent_id": agent} for n in range(count)])
    after = await database_rows.between(0, 10**9, 10_000)
    return [one.number for one in after if one.number not in {old.number for old in before}]


async def kept(database: Database, numbers: Sequence[int], vectors: Quantized) -> None:
    rows = {number: vector.tobytes() for number, vector in zip(numbers, vectors, strict=True)}
    await database.vectors.keep_vectors(rows, "model")


async def found(memory: MemoryService, signs: FineSigns, vector: Quantized, scope: Scope = ME) -> list[int]:
    """The numbers of the candidates for a question of words that no memory holds."""
    index = memory._recall.index
    finer = Finer(vector, signs.read)
    asked = index.asked(codes("unheardof"), "unheardof", scope, MOST, finer=finer)
    return [one.number for one in await index.search(asked)]


def near(vector: Quantized, seed: int) -> Quantized:
    return quantized(vector / 254 + np.random.default_rng(seed).normal(size=WIDTH) * 0.02)


async def test_what_is_near_by_the_model_alone_is_a_candidate(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "FULL", 64)  # so that there are segments of the database among them
    vectors = drawn(COUNT)
    async with memory_of(database) as memory:
        numbers = await stored(memory)
        await kept(database, numbers, vectors)
        await memory._recall.index.catch_up()
        await memory.store_many([{"content": f"said later {n}"} for n in range(3)])
        signs = FineSigns(database.vectors, database.index.existing, "model", WIDTH)
        for place in range(0, COUNT, 37):
            candidates = await found(memory, signs, near(vectors[place], place))
            assert numbers[place] in candidates
        assert not (await signs.read(await memory._recall.index.heads())).alone  # the last three


async def test_where_all_have_a_vector_the_table_is_not_asked(database: Database) -> None:
    vectors = drawn(COUNT)
    async with memory_of(database) as memory:
        numbers = await stored(memory)
        await kept(database, numbers, vectors)
        signs = FineSigns(database.vectors, database.index.existing, "model", WIDTH)
        candidates = await found(memory, signs, vectors[0])
        assert (await signs.read(await memory._recall.index.heads())).alone
        truly = np.argsort(-(vectors.astype(int) @ vectors[0].astype(int)))
        assert numbers[0] in candidates
        assert len(candidates) == FINER * MOST
        assert len(set(candidates) & {numbers[n] for n in truly[: FINER * MOST]}) > MOST


async def test_others_memories_are_no_candidates(database: Database) -> None:
    vectors = drawn(2 * COUNT)
    async with memory_of(database) as memory, memory_of(database, "hera") as hers:
        mine = await stored(memory)
        theirs = await stored(hers, agent="hera")
        await kept(database, [*mine, *theirs], vectors)
        signs = FineSigns(database.vectors, database.index.existing, "model", WIDTH)
        candidates = await found(memory, signs, near(vectors[COUNT + 5], 1))
        assert theirs[5] not in candidates
        assert set(candidates) <= set(mine)
        assert theirs[5] in await found(hers, signs, near(vectors[COUNT + 5], 1), Scope("acme", "hera"))


async def test_what_joins_segments_reads_no_vector_again(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = drawn(COUNT)
    reads: list[tuple[int, int]] = []
    read = type(database.vectors).signs

    async def counted(self: object, first: int, last: int, encoder: str, width: int) -> tuple[list[int], bytes]:
        reads.append((first, last))
        return await read(self, first, last, encoder, width)  # type: ignore[arg-type]

    monkeypatch.setattr(type(database.vectors), "signs", counted)
    async with memory_of(database) as memory:
        numbers = await stored(memory)
        await kept(database, numbers, vectors)
        signs = FineSigns(database.vectors, database.index.existing, "model", WIDTH)
        assert numbers[8] in await found(memory, signs, vectors[8])
        before = len(reads)
        assert before > 0
        monkeypatch.setattr(live, "FULL", 64)
        await memory._recall.index.catch_up()
        assert len(await memory._recall.index.heads()) == 1
        assert numbers[8] in await found(memory, signs, vectors[8])
        assert (await signs.read(await memory._recall.index.heads())).alone
        assert len(reads) == before


async def test_what_this_process_encodes_is_known_at_once_and_what_others_do_after_a_time(database: Database) -> None:
    vectors, moment = drawn(40), Moment()
    async with memory_of(database) as memory:
        numbers = await stored(memory, 40)
        heads = await memory._recall.index.heads()
        signs = FineSigns(database.vectors, database.index.existing, "model", WIDTH, moment)
        assert known(await signs.read(heads), heads) == 0
        signs.add(numbers[:20], vectors[:20])
        assert known(await signs.read(heads), heads) == 20
        await kept(database, numbers, vectors)
        assert known(await signs.read(heads), heads) == 20
        moment.pass_by(minutes=2)
        assert (await signs.read(heads)).alone


async def test_what_is_stored_between_question_and_search_hides_nothing(database: Database) -> None:
    vectors = drawn(40)
    async with memory_of(database) as memory:
        index, numbers = memory._recall.index, await stored(memory, 40)
        await kept(database, numbers, vectors)
        signs = FineSigns(database.vectors, database.index.existing, "model", WIDTH)
        assert (await signs.read(await index.heads())).alone
        asked = index.asked(codes("unheardof"), "unheardof", ME, MOST, finer=Finer(vectors[39], signs.read))
        await memory.store("one more, in the small segment that holds the last of them")
        assert numbers[39] in [one.number for one in await index.search(asked)]


async def test_a_deleted_memory_is_not_waited_for(database: Database) -> None:
    async with memory_of(database) as memory:
        numbers = await stored(memory, 40)
        await kept(database, numbers, drawn(40))
        heads = await memory._recall.index.heads()
        (gone,) = await memory.recall("w7a", limit=1)
        await memory.forget([gone.id])
        signs = FineSigns(database.vectors, database.index.existing, "model", WIDTH)
        nearby = await signs.read(heads)
        assert nearby.alone
        assert known(nearby, heads) == 39


async def test_a_vector_of_another_width_is_as_if_it_were_not_there(database: Database) -> None:
    async with memory_of(database) as memory:
        numbers = await stored(memory, 40)
        vectors = drawn(40)
        await kept(database, numbers[1:], vectors[1:])
        await kept(database, numbers[:1], vectors[:1, :100])
        heads = await memory._recall.index.heads()
        signs = FineSigns(database.vectors, database.index.existing, "model", WIDTH)
        nearby = await signs.read(heads)
        assert known(nearby, heads) == 39
        assert not nearby.alone


async def test_a_read_that_failed_is_tried_again_at_once(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    async def failing(*_: object) -> tuple[list[int], bytes]:
        raise StoreUnavailable("it is away", hint="wait")

    async with memory_of(database) as memory:
        await kept(database, await stored(memory, 10), drawn(10))
        heads = await memory._recall.index.heads()
        signs = FineSigns(database.vectors, database.index.existing, "model", WIDTH)
        with monkeypatch.context() as away:
            away.setattr(type(database.vectors), "signs", failing)
            with pytest.raises(StoreUnavailable):
                await signs.read(heads)
        assert (await signs.read(heads)).alone


async def test_a_large_segment_is_not_waited_for(database: Database) -> None:
    async with memory_of(database) as memory:
        await kept(database, await stored(memory, 40), drawn(40))
        signs = FineSigns(database.vectors, database.index.existing, "model", WIDTH)
        heads = await memory._recall.index.heads()
        assert [len(head.numbers) for head in heads] == [16, 16, 8]
        assert known(await signs.read(heads, 10), heads) == 8
        assert (await signs.read(heads)).alone


def known(nearby: Nearby, heads: Sequence[Head]) -> int:
    """Of how many memories there are signs."""
    return sum(len(field) for head in heads if (field := nearby.field(0, head, None)) is not None)
