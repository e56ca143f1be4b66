"""Transactions without SQLAlchemy's machinery: the same statements, the same rows, all of them or none."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Column, Integer, MetaData, Table, Text, bindparam, create_engine, delete, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from tmws_patterns.storage.direct_writes import DirectWrites, Running
from tmws_patterns.storage.prepared import SQLITE, prepared

THINGS = Table("things", MetaData(), Column("id", Integer, primary_key=True), Column("name", Text, nullable=False))
NAMED = select(THINGS).where(
    THINGS.c.name.in_(bindparam("names", expanding=True)), THINGS.c.id.notin_(bindparam("not_ids", expanding=True))
)
EXCEPT = NAMED.where(THINGS.c.id != 3, THINGS.c.name.concat("") != bindparam("other"))
RAISED = update(THINGS).where(THINGS.c.id == bindparam("which")).values(name=THINGS.c.name + "!").returning(THINGS)
OR_MORE = upsert(THINGS).values(id=bindparam("id"), name="new")
MERGED = OR_MORE.on_conflict_do_update(index_elements=["id"], set_={"name": "again"}).returning(THINGS.c.name)
ROWS = [{"id": number, "name": f"n{number % 4}"} for number in range(12)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    with sqlite3.connect(tmp_path / "things.db") as connection:
        connection.execute("CREATE TABLE things (id INTEGER PRIMARY KEY, name TEXT NOT NULL)")
    connection.close()
    return tmp_path / "things.db"


@pytest.fixture
def writes(path: Path) -> Iterator[DirectWrites]:
    found = DirectWrites(path, ["PRAGMA foreign_keys = ON"], 1.0)
    yield found
    found.close()


def names(path: Path) -> list[str]:
    connection = sqlite3.connect(path)
    try:
        return [name for (name,) in connection.execute("SELECT name FROM things ORDER BY id")]
    finally:
        connection.close()


def test_what_is_written_is_there_and_what_it_returns_comes_back(writes, path) -> None:
    def work(transaction: Running) -> list[object]:
        transaction.execute(insert(THINGS), ROWS[:2])
        transaction.execute(insert(THINGS), ROWS[2])
        raised = transaction.execute(RAISED, {"which": 1}).scalar_one()
        merged = [transaction.scalar(MERGED, {"id": number}) for number in (7, 7)]
        gone = transaction.execute(delete(THINGS).where(THINGS.c.id < bindparam("under")), {"under": 1}).rowcount
        return [raised, merged, gone, list(transaction.execute(select(THINGS.c.id)))]

    assert writes.transact(work) == [1, ["new", "again"], 1, [(1,), (2,), (7,)]]
    assert names(path) == ["n1!", "n2", "again"]


def test_nothing_is_kept_of_a_transaction_that_raises_and_the_next_one_works(writes, path) -> None:
    def failing(transaction: Running) -> None:
        transaction.execute(insert(THINGS), ROWS)
        raise LookupError

    with pytest.raises(LookupError):
        writes.transact(failing)
    assert names(path) == []
    with pytest.raises(sqlite3.IntegrityError):
        writes.transact(lambda transaction: transaction.execute(insert(THINGS), [*ROWS[:2], ROWS[0]]))
    assert names(path) == []
    writes.transact(lambda transaction: transaction.execute(insert(THINGS), ROWS[:1]))
    assert names(path) == ["n0"]


def test_a_writer_who_waits_too_long_is_told(writes, path) -> None:
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    writes._timeout = 0.01
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        writes.transact(lambda transaction: transaction.execute(insert(THINGS), ROWS[:1]))
    other.execute("ROLLBACK")
    other.close()
    writes.transact(lambda transaction: transaction.execute(insert(THINGS), ROWS[:1]))
    assert names(path) == ["n0"]


def test_a_file_that_cannot_be_opened_is_tried_again(tmp_path, path) -> None:
    writes = DirectWrites(tmp_path / "later" / "things.db", [], 1.0)
    with pytest.raises(sqlite3.OperationalError):
        writes.transact(lambda transaction: transaction.execute(insert(THINGS), ROWS[:1]))
    (tmp_path / "later").mkdir()
    path.rename(tmp_path / "later" / "things.db")
    writes.transact(lambda transaction: transaction.execute(insert(THINGS), ROWS[:1]))
    writes.close()
    assert names(tmp_path / "later" / "things.db") == ["n0"]


def test_threads_take_turns_and_closing_waits_for_the_one_at_work(writes, path) -> None:
    begun, ended = Event(), []

    def slow(transaction: Running) -> None:
        transaction.execute(insert(THINGS), ROWS[0])
        begun.set()
        time.sleep(0.05)
        transaction.execute(insert(THINGS), ROWS[1])
        ended.append("slow")

    def quick(transaction: Running) -> None:
        transaction.execute(insert(THINGS), ROWS[2])
        ended.append("quick")

    first = Thread(target=writes.transact, args=(slow,))
    first.start()
    begun.wait()
    second = Thread(target=writes.transact, args=(quick,))
    second.start()
    writes.close()
    assert ended[0] == "slow"
    first.join()
    second.join()
    assert ended == ["slow", "quick"]
    assert names(path) == ["n0", "n1", "n2"]


def test_one_row_that_is_not_there_is_an_error_of_the_database(writes) -> None:
    with pytest.raises(sqlite3.DatabaseError, match="0 rows"):
        writes.transact(lambda transaction: transaction.execute(RAISED, {"which": 99}).scalar_one())


@given(
    names=st.lists(st.sampled_from(["n0", "n1", "n2", "n3", "n'4", ":names_1"]), max_size=6),
    not_ids=st.lists(st.integers(0, 12), max_size=6),
    other=st.sampled_from(["n1", "n2", ""]),
)
def test_lists_of_any_length_find_what_core_finds(names: list[str], not_ids: list[int], other: str) -> None:
    engine = create_engine("sqlite://")
    THINGS.metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(insert(THINGS), ROWS)
        for statement in (NAMED, EXCEPT):
            values = {"names": names, "not_ids": not_ids, "other": other}
            wanted = {name: value for name, value in values.items() if statement is EXCEPT or name != "other"}
            expected = [tuple(row) for row in connection.execute(statement, wanted)]
            ready = prepared(SQLITE, statement, values)
            driver = connection.connection.driver_connection
            assert driver is not None
            assert list(driver.execute(ready.text, ready.named(values))) == expected
    engine.dispose()
