"""The sentence model: a real one, loaded with the first question, encoding in the background over restarts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import pytest

from tmws_patterns.call import Principal
from tmws_patterns.encoder import PassageEncoder, passage_encoder, static_encoder
from tmws_patterns.errors import InvalidInput
from tmws_patterns.memory import MemoryService, Model, fine, open_memory
from tmws_patterns.memory.index import MemoryIndex
from tmws_patterns.memory.index.looking import Asked
from tmws_patterns.memory.index.ranking import Ranked
from tmws_patterns.memory.recall import CANDIDATES
from tmws_patterns.settings import Settings
from tmws_patterns.storage import Database, open_database

pytestmark = pytest.mark.anyio

CONTENTS = [
    "Payment screen latency dropped after we batched the price lookups",
    "The cat sleeps on the warm roof",
    "Passwords rotate each quarter",
    "Olaf prefers tea without sugar",
]


class Loads:
    """Opens the model and counts how often it was asked to."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> PassageEncoder:
        self.count += 1
        return passage_encoder()


@asynccontextmanager
async def opened(database: Database, loads: Loads | None = None) -> AsyncIterator[MemoryService]:
    model = Model(PassageEncoder.name, loads or Loads())
    async with open_memory(database, Principal("acme", "ann"), static_encoder(), fine=model) as memory:
        yield memory


async def encoded(memory: MemoryService) -> None:
    with anyio.fail_after(30):
        while await memory.encoding_backlog():
            await anyio.sleep(0.02)


async def test_the_model_is_loaded_by_the_first_question_and_once(database: Database) -> None:
    loads = Loads()
    async with opened(database, loads) as memory:
        await memory.store_many([{"content": content} for content in CONTENTS])
        assert await memory.encoding_backlog() == 4
        assert loads.count == 0
        assert (await memory.recall("who likes tea"))[0].content == CONTENTS[3]
        await encoded(memory)
        assert loads.count == 1


async def test_meaning_by_the_model_takes_the_place_of_the_tables(database: Database) -> None:
    async with opened(database) as memory:
        await memory.store_many([{"content": content} for content in CONTENTS])
        (before, *_) = await memory.recall("how did checkout get quicker")
        await encoded(memory)
        (after, *_) = await memory.recall("how did checkout get quicker")
        assert before.content == after.content == CONTENTS[0]
        assert before.parts["meaning"] != after.parts["meaning"]


async def test_what_is_not_encoded_yet_is_encoded_after_a_restart_and_what_comes_later_too(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fine, "_PAUSE", 0.05)
    async with opened(database) as memory:
        await memory.store_many([{"content": f"{content} {n}"} for content in CONTENTS for n in range(30)])
        assert await memory.encoding_backlog() == 120
    async with opened(database) as memory:
        await memory.recall("tea")
        await memory.store("Something that is said while the others are encoded")
        await encoded(memory)
        await memory.store_many([{"content": f"Quite another thing that is said in the end {n}"} for n in range(40)])
        assert await memory.encoding_backlog() > 0
        await encoded(memory)


async def test_one_order_whether_vectors_are_kept_as_bytes_or_by_pgvector(
    sqlite_settings: Settings, fresh_postgres: str, plain_postgres: str
) -> None:
    contents = [f"{content}, and it was said for the {n}. time" for content in CONTENTS for n in range(12)]
    forms, answers = [], []
    for settings in (
        sqlite_settings,
        *(Settings.load({}, database_url=url) for url in (fresh_postgres, plain_postgres)),
    ):
        async with open_database(settings) as database, opened(database) as memory:
            forms.append(database.vectors_kept_as.partition(" ")[0])
            await memory.store_many([{"content": content} for content in contents])
            await memory.recall("tea")
            await encoded(memory)
            found = [await memory.recall(asked, limit=40) for asked in ("how did checkout get quicker", "a warm drink")]
            answers.append([[(one.content, one.score) for one in some] for some in found])
    assert forms == ["bytes", "pgvector", "bytes"]
    assert all(len(some) > 10 for some in answers[0])
    assert answers[0] == answers[1] == answers[2]


async def test_a_model_that_cannot_be_loaded_leaves_the_answers_of_the_table(database: Database) -> None:
    def broken() -> PassageEncoder:
        raise InvalidInput("the model is damaged", hint="install it again")

    async with open_memory(database, Principal("acme", "ann"), static_encoder(), fine=Model("none", broken)) as memory:
        await memory.store_many([{"content": content} for content in CONTENTS])
        assert (await memory.recall("who likes tea"))[0].content == CONTENTS[3]
        assert await memory.encoding_backlog() == 0


async def test_where_little_fits_it_is_not_looked_for_among_ever_more(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[int] = []
    search = MemoryIndex.search

    async def counted(self: MemoryIndex, asked: Asked) -> list[Ranked]:
        looks.append(asked.most)
        return await search(self, asked)

    monkeypatch.setattr(MemoryIndex, "search", counted)
    async with opened(database) as memory:
        await memory.store_many([{"content": f"{content} {n}"} for content in CONTENTS for n in range(200)])
        await memory.recall("tea")
        await encoded(memory)
        looks.clear()
        found = await memory.recall("quarterly turnover of the zinc smelter near Narvik", limit=50)
        assert len(found) < 50
        assert looks == [CANDIDATES]
