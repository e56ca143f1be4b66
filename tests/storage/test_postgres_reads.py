"""The quick way to read from PostgreSQL: a lost, busy or cancelled connection costs no read and leaves none behind."""

from __future__ import annotations

from collections.abc import AsyncIterator

import anyio
import pytest
from real_parts import run_sql
from sqlalchemy import func, select, text

from tmws_patterns.errors import StoreUnavailable
from tmws_patterns.settings import Settings
from tmws_patterns.storage.postgres import open_server
from tmws_patterns.storage.postgres_reads import MOST, PostgresReads

pytestmark = pytest.mark.anyio

ONE = select(func.length("a"))
SLOW = select(func.pg_sleep(0.3))
OTHERS = "FROM pg_stat_activity WHERE application_name = 'tmws-patterns' AND datname = current_database()"


@pytest.fixture
async def reads(fresh_postgres: str) -> AsyncIterator[PostgresReads]:
    main, connect = open_server(Settings.load({}, database_url=fresh_postgres))
    reads = PostgresReads(main, connect)
    yield reads
    await reads.close()
    await main.close()


async def test_one_connection_serves_one_read_after_the_other(reads: PostgresReads) -> None:
    for _ in range(5):
        assert [tuple(row) for row in await reads.rows(ONE)] == [(1,)]
    assert (reads._open, len(reads._free)) == (1, 1)


async def test_many_reads_at_once_are_all_answered(reads: PostgresReads) -> None:
    answers: list[int] = []

    async def ask() -> None:
        answers.append((await reads.rows(SLOW)) is not None)

    with anyio.fail_after(20):
        async with anyio.create_task_group() as tasks:
            for _ in range(3 * MOST):
                tasks.start_soon(ask)
    assert len(answers) == 3 * MOST
    assert reads._open <= MOST


async def test_an_ended_connection_costs_no_read(reads: PostgresReads, fresh_postgres: str) -> None:
    await reads.rows(ONE)
    await run_sql(fresh_postgres, f"SELECT pg_terminate_backend(pid) {OTHERS}")
    assert [tuple(row) for row in await reads.rows(ONE)] == [(1,)]
    assert reads._open == 0
    reads._rested = 0.0
    await reads.rows(ONE)
    assert reads._open == 1


async def test_a_caller_who_is_cancelled_leaves_a_connection_that_can_be_used(reads: PostgresReads) -> None:
    with anyio.move_on_after(0.05):
        await reads.rows(SLOW)
    while reads._busy:
        await anyio.sleep(0.01)
    assert (reads._open, len(reads._free)) == (1, 1)
    assert [tuple(row) for row in await reads.rows(ONE)] == [(1,)]


async def test_a_statement_that_fails_is_told_as_the_pool_tells_it(reads: PostgresReads) -> None:
    with pytest.raises(StoreUnavailable, match="nowhere"):
        await reads.rows(select(text("x")).select_from(text("nowhere")))


async def test_closing_waits_for_what_is_under_way_and_leaves_no_connection(
    reads: PostgresReads, fresh_postgres: str
) -> None:
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(reads.rows, SLOW)
        await anyio.sleep(0.05)
        await reads.close()
    assert reads._free == []
    await run_sql(
        fresh_postgres, f"DO $$ BEGIN WHILE EXISTS (SELECT {OTHERS}) LOOP PERFORM pg_sleep(0.01); END LOOP; END $$"
    )
