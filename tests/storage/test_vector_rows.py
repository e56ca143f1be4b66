"""Vectors by a sentence model: the same distances, whether kept as bytes or in a column of pgvector's."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from urllib.parse import urlsplit, urlunsplit

import anyio
import numpy as np
import pytest
from real_parts import run_sql
from storage_rows import memory

from tmws_patterns.quantized import UNKNOWN, distances, quantized
from tmws_patterns.settings import Settings
from tmws_patterns.storage import Database, open_database

pytestmark = pytest.mark.anyio

WIDTH = 384
VECTORS = np.random.default_rng(7).normal(size=(300, WIDTH)).astype(np.float32)
KEPT = [vector.tobytes() for vector in quantized(VECTORS / np.linalg.norm(VECTORS, axis=1)[:, None])]
NOTHING = bytes(WIDTH)
FORMS = {"sqlite": "sqlite_settings", "pgvector": "fresh_postgres", "postgresql without pgvector": "plain_postgres"}


@pytest.fixture(params=FORMS)
def form(request: pytest.FixtureRequest) -> Settings:
    """Settings of an empty database of each form."""
    given = request.getfixturevalue(FORMS[request.param])
    return given if isinstance(given, Settings) else Settings.load({}, database_url=given)


@pytest.fixture
async def database(form: Settings) -> AsyncIterator[Database]:
    async with open_database(form) as opened:
        yield opened


async def stored(database: Database, count: int) -> list[int]:
    """The numbers of so many new memories."""
    last = await database.vectors.last()
    await database.memories.add([memory(f"note {last + n}", id=f"id{last + n}") for n in range(count)], [])
    return [number for number, _ in await database.vectors.unencoded_after(last, "model", count)]


async def test_distances_are_the_same_to_the_last_bit_in_every_form(database: Database) -> None:
    numbers = await stored(database, len(KEPT) + 1)
    await database.vectors.keep_vectors(dict(zip(numbers, [*KEPT, NOTHING], strict=True)), "model")
    for asked in (KEPT[0], KEPT[17], KEPT[299]):
        expected = dict(zip(numbers, distances([*KEPT, NOTHING], asked), strict=True))
        assert await database.vectors.distances(asked, numbers, "model") == expected
        assert expected[numbers[-1]] == UNKNOWN
    assert set((await database.vectors.distances(NOTHING, numbers, "model")).values()) == {UNKNOWN}


async def test_only_vectors_of_the_same_encoder_and_of_these_memories_are_compared(database: Database) -> None:
    numbers = await stored(database, 3)
    await database.vectors.keep_vectors({numbers[0]: KEPT[0], numbers[1]: KEPT[1]}, "model")
    await database.vectors.keep_vectors({numbers[1]: KEPT[2]}, "other")
    assert await database.vectors.distances(KEPT[0], numbers, "model") == {numbers[0]: pytest.approx(0.0, abs=1e-6)}
    assert await database.vectors.distances(KEPT[2], numbers[:1], "other") == {}
    assert await database.vectors.unencoded_count("model") == 2
    assert [number for number, _ in await database.vectors.unencoded_before(10**9, "other", 9)] == [
        numbers[2],
        numbers[0],
    ]


async def test_pgvector_is_used_where_it_is_and_bytes_elsewhere(
    sqlite_settings: Settings, fresh_postgres: str, plain_postgres: str
) -> None:
    forms = []
    servers = [Settings.load({}, database_url=url) for url in (fresh_postgres, plain_postgres)]
    for settings in (sqlite_settings, *servers):
        async with open_database(settings) as database:
            forms.append((await database.check())["vectors"].partition(" ")[0])
    assert forms == ["bytes", "pgvector", "bytes"]


@pytest.fixture
def administered(plain_postgres: str, postgres_url: str) -> Iterator[str]:
    """The database without pgvector, as the user who may create it there; it is gone again afterwards."""
    url = urlunsplit(urlsplit(postgres_url)._replace(path=urlsplit(plain_postgres).path))
    yield url
    anyio.run(run_sql, url, "DROP EXTENSION IF EXISTS vector CASCADE")


async def test_vectors_from_before_pgvector_came_are_found_and_not_made_again(
    plain_postgres: str, administered: str
) -> None:
    settings = Settings.load({}, database_url=plain_postgres)
    async with open_database(settings) as database:
        before = await stored(database, 2)
        await database.vectors.keep_vectors(dict(zip(before, KEPT, strict=False)), "model")
    await run_sql(administered, 'CREATE SCHEMA "Their own"; CREATE EXTENSION vector SCHEMA "Their own"')
    await run_sql(administered, 'GRANT USAGE ON SCHEMA "Their own" TO PUBLIC')
    async with open_database(settings) as database:
        assert database.vectors_kept_as.startswith("pgvector ")
        assert await database.vectors.unencoded_count("model") == 0
        after = await stored(database, 2)
        await database.vectors.keep_vectors(dict(zip(after, KEPT[2:], strict=False)), "model")
        found = await database.vectors.distances(KEPT[9], before + after, "model")
        assert found == dict(zip(before + after, distances(KEPT[:4], KEPT[9]), strict=True))
    await run_sql(administered, 'DROP SCHEMA "Their own" CASCADE')


async def test_an_extension_that_goes_while_in_use_costs_no_answer_and_what_it_held_is_made_again(
    plain_postgres: str, administered: str
) -> None:
    settings = Settings.load({}, database_url=plain_postgres)
    await run_sql(administered, "CREATE EXTENSION vector")
    async with open_database(settings) as database:
        numbers = await stored(database, 3)
        await database.vectors.keep_vectors(dict(zip(numbers, KEPT, strict=False)), "model")
        assert len(await database.vectors.distances(KEPT[0], numbers, "model")) == 3
        await run_sql(administered, "DROP EXTENSION vector CASCADE")
        assert await database.vectors.distances(KEPT[0], numbers, "model") == {}
    async with open_database(settings) as database:
        assert database.vectors_kept_as == "bytes"
        assert await database.vectors.unencoded_count("model") == 3
    await run_sql(administered, "CREATE EXTENSION vector")
    async with open_database(settings) as database:
        assert database.vectors_kept_as.startswith("pgvector ")
        assert await database.vectors.unencoded_count("model") == 3
        await database.vectors.keep_vectors(dict(zip(numbers, KEPT, strict=False)), "model")
        assert len(await database.vectors.distances(KEPT[0], numbers, "model")) == 3


async def test_several_that_open_an_empty_database_at_once_all_use_pgvector(
    fresh_postgres: str,
) -> None:
    await run_sql(fresh_postgres, "DROP EXTENSION IF EXISTS vector CASCADE")
    forms: list[str] = []

    async def one() -> None:
        async with open_database(Settings.load({}, database_url=fresh_postgres)) as database:
            forms.append(database.vectors_kept_as)

    with anyio.fail_after(20):
        async with anyio.create_task_group() as tasks:
            for _ in range(4):
                tasks.start_soon(one)
    assert len(forms) == 4
    assert all(form.startswith("pgvector ") for form in forms)
