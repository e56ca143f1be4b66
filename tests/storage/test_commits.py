"""What tells of commits to a SQLite file: SQLite's data_version, or the head of its WAL index read where it lies."""

from __future__ import annotations

import ctypes
import multiprocessing
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tmws_patterns.storage import commits
from tmws_patterns.storage.commits import Commits

WRITES = 200


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "a folder" / "kept.db"
    file.parent.mkdir()
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE written (number INTEGER)")
    return file


@pytest.fixture(params=["head", "data_version"])
def watch(request: pytest.FixtureRequest, path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Commits]:
    """Both ways to know of a commit; the second is what systems get who show no mappings."""
    if request.param == "data_version":
        monkeypatch.setattr(commits, "_MAPPINGS", path.with_name("nothing"))
    with closing(Commits(path)) as found:
        yield found


def insert(path: Path, count: int) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for number in range(count):
            connection.execute("INSERT INTO written VALUES (?)", (number,))


def test_a_stamp_stays_until_there_is_a_commit(watch: Commits, path: Path) -> None:
    before = watch.stamp()
    assert watch.stamp() == before
    watch.rows("SELECT number FROM written")
    assert watch.stamp() == before
    insert(path, 1)
    assert watch.stamp() != before


def test_a_transaction_that_is_taken_back_is_no_commit(watch: Commits, path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        before = watch.stamp()
        other.execute("BEGIN IMMEDIATE")
        other.execute("INSERT INTO written VALUES (1)")
        assert watch.stamp() == before
        other.execute("ROLLBACK")
        assert watch.stamp() == before


def test_each_commit_of_another_process_has_its_stamp_and_is_there_to_read(watch: Commits, path: Path) -> None:
    """And a checkpoint in between, from where on the WAL is written from its beginning again, hides none."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        seen = {watch.stamp()}
        for number in range(1, 21):
            pool.apply(insert, (path, 1))
            seen.add(watch.stamp())
            assert len(watch.rows("SELECT number FROM written")) == number
            if number % 5 == 0:
                with closing(sqlite3.connect(path)) as other:
                    other.execute("PRAGMA wal_checkpoint(RESTART)")
    assert len(seen) == 21


def test_a_change_is_missed_by_nobody_who_reads_while_another_process_writes(watch: Commits, path: Path) -> None:
    """Rows read after a stamp may be newer than it, never older: so the last stamp belongs to the last rows."""
    stamp, rows = None, 0
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        writing = pool.apply_async(insert, (path, WRITES))
        while not writing.ready():
            if (now := watch.stamp()) != stamp:
                stamp, rows = now, len(watch.rows("SELECT number FROM written"))
        writing.get()
    if watch.stamp() != stamp:
        rows = len(watch.rows("SELECT number FROM written"))
    assert rows == WRITES


def test_once_closed_it_says_so(watch: Commits) -> None:
    stamp = watch.stamp
    stamp()
    watch.close()
    with pytest.raises(sqlite3.ProgrammingError):
        stamp()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux shows a process its mappings")
def test_where_mappings_are_shown_sqlite_is_not_asked(path: Path) -> None:
    with closing(Commits(path)) as watch:
        assert isinstance(watch.stamp(), bytes)


def test_a_file_in_the_place_of_another_is_no_longer_the_same(path: Path, tmp_path: Path) -> None:
    """Who comes after a database was moved away reads the new one's index, while the old one is still watched."""
    with closing(Commits(path)) as old:
        aside = tmp_path / "aside"
        shutil.move(path.parent, aside)
        path.parent.mkdir()
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("CREATE TABLE written (number INTEGER)")
        with closing(Commits(path)) as new:
            before = old.stamp(), new.stamp()
            insert(path, 1)
            assert (old.stamp(), new.stamp()) == (before[0], new.stamp()) != before


@pytest.mark.parametrize("form", [b"", b"7f00-7f10 rw-s\n", b"not an address rw-s 00 0 0 /kept.db-shm\n\xff\n"])
def test_mappings_of_another_form_lead_back_to_data_version(
    path: Path, form: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    maps = tmp_path / "maps"
    maps.write_bytes(form)
    monkeypatch.setattr(commits, "_MAPPINGS", maps)
    with closing(Commits(path)) as watch:
        assert isinstance(watch.stamp(), int)


def test_a_head_of_another_format_is_not_trusted(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = ctypes.create_string_buffer(b"\x01\x02\x03\x04 some later format", 48)
    maps = path.with_name("maps")
    maps.write_text(f"{ctypes.addressof(other):x}-ffff rw-s 00000000 fe:00 7   {path.resolve()}-shm\n")
    monkeypatch.setattr(commits, "_MAPPINGS", maps)
    with closing(Commits(path)) as watch:
        assert isinstance(watch.stamp(), int)
