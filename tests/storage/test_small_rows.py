"""What CacheRows, KeptAnswers, CatalogueRows and Totals promise, on both engines."""

from __future__ import annotations

import anyio
import pytest
from sqlalchemy.dialects import postgresql, sqlite

from tmws_patterns.ports import Entry
from tmws_patterns.storage import Database
from tmws_patterns.storage.cache_rows import AT_ONCE
from tmws_patterns.storage.kept_answers import SqlKeptAnswers

pytestmark = pytest.mark.anyio

OWNER = ("acme", "artemis")


def bounded(database: Database, max_bytes: int) -> SqlKeptAnswers:
    """Kept answers in the database's own tables, with a bound that a test can reach."""
    insert = sqlite.insert if database.engine_name == "sqlite" else postgresql.insert
    return SqlKeptAnswers(database.answers._connections, insert, max_bytes)


@pytest.mark.parametrize("payload", [b"", b"\0\xff", b"x" * AT_ONCE, b"x" * (AT_ONCE + 1)], ids=len)
async def test_a_cache_row_comes_back_whole_until_it_expires(database: Database, payload: bytes) -> None:
    entry = Entry(payload, 100.5, 200.25, (("memory:acme", 3), ("a,'%b", 0)))
    await database.cache_rows.upsert([("d", entry)])
    assert await database.cache_rows.fetch("d", 200.2) == entry
    known = database.cache_rows.peek("d", 200.2)
    assert known == ((entry,) if database.engine_name == "sqlite" and len(payload) <= AT_ONCE else None)
    assert await database.cache_rows.fetch("d", 200.25) is None
    assert await database.cache_rows.fetch("other", 0) is None


async def test_a_newer_cache_row_takes_the_place_of_the_older(database: Database) -> None:
    await database.cache_rows.upsert([("d", Entry(b"old", 1, 10, (("a", 1),)))])
    await database.cache_rows.upsert([("d", Entry(b"new", 2, 20))])
    assert await database.cache_rows.fetch("d", 5) == Entry(b"new", 2, 20)


async def test_a_purge_deletes_the_expired_and_then_the_oldest(database: Database) -> None:
    for number in range(6):
        await database.cache_rows.upsert([(str(number), Entry(b"", number, 100 if number else 5))])
    assert await database.cache_rows.purge(50, 3) == 3
    left = [n for n in range(6) if await database.cache_rows.fetch(str(n), 0)]
    assert left == [3, 4, 5]
    assert await database.cache_rows.purge(50, 3) == 0


async def test_clear_leaves_no_cache_row(database: Database) -> None:
    await database.cache_rows.upsert([("d", Entry(b"", 1, 10))])
    await database.cache_rows.clear()
    assert await database.cache_rows.fetch("d", 5) is None


async def test_a_kept_answer_is_its_owners_alone(database: Database) -> None:
    answer = await database.answers.keep(OWNER, b"whole", 100, 3600)
    assert await database.answers.load(OWNER, answer, 101) == b"whole"
    for stranger in (("acme", "hermes"), ("evil", "artemis"), ("", "")):
        assert await database.answers.load(stranger, answer, 101) is None
    assert await database.answers.load(OWNER, "unknown", 101) is None


async def test_the_same_answer_of_the_same_owner_keeps_its_id_and_lives_longer(database: Database) -> None:
    first = await database.answers.keep(OWNER, b"same", 100, 10)
    assert await database.answers.keep(OWNER, b"same", 105, 10) == first
    assert await database.answers.load(OWNER, first, 112) == b"same"
    others = [(OWNER, b"other"), (("acme", "hermes"), b"same"), (("acme\n", "artemis"), b"same")]
    assert len({first, *[await database.answers.keep(o, payload, 100, 10) for o, payload in others]}) == 4


async def test_a_kept_answer_expires_and_is_purged_by_the_next(database: Database) -> None:
    old = await database.answers.keep(OWNER, b"old", 100, 10)
    assert await database.answers.load(OWNER, old, 110) is None
    await database.answers.keep(OWNER, b"new", 110, 10)
    assert await database.answers.load(OWNER, old, 100) is None


async def test_kept_answers_are_bounded_in_bytes_and_the_newest_stay(database: Database) -> None:
    answers = bounded(database, 100)
    ids = [await answers.keep(OWNER, bytes([n]) * 40, 100 + n, 1000) for n in range(4)]
    assert [await answers.load(OWNER, i, 200) is not None for i in ids] == [False, False, True, True]
    huge = await answers.keep(OWNER, b"x" * 101, 300, 1000)
    assert await answers.load(OWNER, huge, 300) is None


async def test_a_catalogue_comes_back_by_the_identity_of_its_server(database: Database) -> None:
    tools = [{"name": "read", "inputSchema": {"type": "object"}, "description": "nul \0 and \ud800"}]
    await database.catalogue.save_catalogue("id1", "git", [{"name": "old"}])
    await database.catalogue.save_catalogue("id1", "git", tools)
    await database.catalogue.save_catalogue("id2", "git", [])
    assert await database.catalogue.load_catalogue() == {"id1": tools, "id2": []}


async def test_totals_add_up_whoever_adds(database: Database) -> None:
    await database.totals.add_totals({})
    assert await database.totals.read_totals() == {}
    async with anyio.create_task_group() as tasks:
        for _ in range(20):
            tasks.start_soon(database.totals.add_totals, {"calls": 1, "tokens": 0.5})
            tasks.start_soon(database.totals.add_totals, {"tokens": 0.5, "calls": 1})
    assert await database.totals.read_totals() == {"calls": 40, "tokens": 20}
