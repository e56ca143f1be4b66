"""Where the data lies, what an opened database tells of itself, and how it says that it cannot be opened."""

from __future__ import annotations

import re
import sqlite3
import stat
import subprocess
import sys
import traceback
from pathlib import Path

import pytest
from real_parts import run_sql
from sqlalchemy import text
from storage_rows import memory

from tmws_patterns.errors import InvalidInput, StoreUnavailable
from tmws_patterns.ports import Entry
from tmws_patterns.settings import Settings
from tmws_patterns.storage import Database, open_database
from tmws_patterns.storage.postgres import place
from tmws_patterns.storage.sqlite import file_number, set_aside

pytestmark = pytest.mark.anyio


async def test_a_store_keeps_its_id_and_its_rows(settings: Settings) -> None:
    async with open_database(settings) as database:
        first = database.store_id
        await database.memories.add([memory()], [])
    async with open_database(settings) as database:
        assert database.store_id == first
        assert await database.memories.count() == 1
    assert re.fullmatch("[0-9a-f]{32}", first)


async def test_a_database_tells_its_health(database: Database, settings: Settings) -> None:
    await database.memories.add([memory()], [])
    health = await database.check()
    assert health.pop("latency_ms") > 0
    where = str(settings.data_dir / "memory.db") if database.engine_name == "sqlite" else place(settings.database_url)
    assert health == {
        "engine": database.engine_name,
        "place": where,
        "migrations": 2,
        "vectors": database.vectors_kept_as,
        "status": "ok",
        "memories": 1,
    }


async def test_the_pool_tells_the_truth_while_connections_are_out(settings: Settings) -> None:
    async with open_database(settings.model_copy(update={"db_max_connections": 4})) as database:
        assert database.get_pool_status() == {"size": 4, "checked_out": 0, "overflow": 0, "utilization": 0.0}
        reader = database._connections.reader
        async with reader.connect(), reader.connect():
            assert database.get_pool_status() == {"size": 4, "checked_out": 2, "overflow": 0, "utilization": 50.0}


async def test_files_lie_in_a_folder_that_only_the_user_may_enter(sqlite_settings: Settings) -> None:
    async with open_database(sqlite_settings):
        pass
    folder = sqlite_settings.data_dir
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert sorted(p.name for p in folder.iterdir()) == ["cache.db", "memory.db"]


async def test_a_sqlite_url_names_the_memories_and_the_cache_lies_beside_them(tmp_path: Path) -> None:
    settings = Settings.load({}, database_url=f"sqlite:///{tmp_path}/made/notes.db")
    async with open_database(settings) as database:
        await database.memories.add([memory()], [])
        await database.cache_rows.upsert([("d", Entry(b"", 1, 2))])
    assert sorted(p.name for p in (tmp_path / "made").iterdir()) == ["notes.cache.db", "notes.db"]


async def test_acknowledged_memories_are_on_disk_and_cache_rows_need_not_be(sqlite_settings: Settings) -> None:
    async with open_database(sqlite_settings) as database:
        found = []
        for rows in (database.memories, database.cache_rows):
            async with rows._connections.write() as connection:
                found.append((await connection.execute(text("PRAGMA synchronous"))).scalar())
                assert (await connection.execute(text("PRAGMA journal_mode"))).scalar() == "wal"
                assert (await connection.execute(text("PRAGMA busy_timeout"))).scalar() == 5000
        assert found == [2, 1]  # FULL, NORMAL


async def test_a_reading_connection_cannot_write(sqlite_settings: Settings) -> None:
    async with open_database(sqlite_settings) as database:
        with pytest.raises(StoreUnavailable, match="readonly"):
            await database._connections.rows(text("DELETE FROM memories"))


@pytest.mark.parametrize("url", ["mysql://host/name", "nonsense", "sqlite://", "sqlite:///:memory:"])
async def test_another_url_is_refused_with_the_forms_that_work(tmp_path: Path, url: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        async with open_database(Settings.load({}, data_dir=tmp_path, database_url=url)):
            pass
    assert "sqlite:///" in caught.value.hint


async def test_a_damaged_file_is_reported_with_its_name_and_a_way_out(sqlite_settings: Settings) -> None:
    sqlite_settings.data_dir.mkdir()
    (sqlite_settings.data_dir / "memory.db").write_bytes(b"no database at all " * 100)
    with pytest.raises(StoreUnavailable, match=r"memory\.db: file is not a database") as caught:
        async with open_database(sqlite_settings):
            pass
    assert "damaged" in caught.value.hint


def spoil(path: Path, how: str) -> None:
    """Make a real database into one that is no database at all, or that is broken inside."""
    if how == "not a database":
        path.write_bytes(b"no database at all " * 100)
        return
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("UPDATE sqlite_schema SET sql = 'CREATE TABLE nonsense (' WHERE name = 'cache_entries'")
    connection.close()


@pytest.mark.parametrize("how", ["not a database", "malformed"])
async def test_a_damaged_cache_is_set_aside_and_the_memories_are_there(
    sqlite_settings: Settings, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_database(sqlite_settings) as database:
        await database.memories.add([memory()], [])
    path = sqlite_settings.data_dir / "cache.db"
    aside = path.with_name("cache.db.damaged")
    aside.write_bytes(b"an older one")
    spoil(path, how)
    damaged = path.read_bytes()
    async with open_database(sqlite_settings) as database:
        assert await database.memories.count() == 1
        await database.cache_rows.upsert([("d", Entry(b"kept", 1, 9))])
        assert await database.cache_rows.fetch("d", 2) == Entry(b"kept", 1, 9)
    assert aside.read_bytes()[100:] == damaged[100:]
    assert how in caplog.text
    assert "cache.db" in caplog.text


async def test_a_damaged_cache_takes_its_log_along(sqlite_settings: Settings) -> None:
    sqlite_settings.data_dir.mkdir()
    path = sqlite_settings.data_dir / "cache.db"
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).write_bytes(b"no database at all " * 100)
    number = file_number(path)
    set_aside(path, number)
    names = ["cache.db.damaged", "cache.db.damaged-shm", "cache.db.damaged-wal"]
    assert sorted(p.name for p in sqlite_settings.data_dir.iterdir()) == names


async def test_a_new_cache_that_another_process_has_put_in_place_is_left_there(tmp_path: Path) -> None:
    path = tmp_path / "cache.db"
    path.write_bytes(b"damaged")
    number = file_number(path)
    other = tmp_path / "made by another process"
    other.write_bytes(b"new")
    other.rename(path)
    set_aside(path, number)
    assert path.read_bytes() == b"new"


async def test_a_cache_of_a_newer_release_is_refused_and_not_set_aside(sqlite_settings: Settings) -> None:
    async with open_database(sqlite_settings):
        pass
    with sqlite3.connect(sqlite_settings.data_dir / "cache.db") as newer:
        newer.execute("INSERT INTO schema_versions VALUES ('cache', 99, 0)")
    newer.close()
    with pytest.raises(StoreUnavailable, match="version 99"):
        async with open_database(sqlite_settings):
            pass
    assert sorted(p.name for p in sqlite_settings.data_dir.iterdir()) == ["cache.db", "memory.db"]


async def test_a_folder_that_cannot_be_made_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreUnavailable, match="file"):
        async with open_database(Settings.load({}, data_dir=tmp_path / "file" / "data")):
            pass


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://someone:sesame@127.0.0.1:1/name",
        "postgresql://someone:sesame@/name?host=/nowhere",
        "postgresql://someone:sesame@127.0.0.1:1/name?sslmode=nonsense",
    ],
)
async def test_a_postgres_that_is_not_there_is_reported_without_its_password(url: str) -> None:
    with pytest.raises(StoreUnavailable, match="name: no connection") as caught:
        async with open_database(Settings.load({}, database_url=url)):
            pass
    assert "sesame" not in f"{caught.value.message} {caught.value.hint}"
    assert "PostgreSQL is running" in caught.value.hint


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://h:port/x",
        "postgresql://someone:sesame@h:port/x",
        "postgresql://someone:ses/ame@127.0.0.1:1/name",
        "postgresql://someone:12/sesame@127.0.0.1:1/name",
        "postgresql://someone:ses@me@127.0.0.1:1/name",
        "postgresql://someone:ses?ame@127.0.0.1:1/name",
        "postgresql://someone:12?sesame@127.0.0.1:1/name",
        "postgresql://someone:ses#ame@127.0.0.1:1/name",
        "postgresql://someone:ses[ame@127.0.0.1:1/name",
    ],
)
async def test_a_postgres_url_that_cannot_be_read_is_refused_without_any_of_its_password(url: str) -> None:
    with pytest.raises(InvalidInput, match="TMWS_DATABASE_URL") as caught:
        async with open_database(Settings.load({}, database_url=url)):
            pass
    trace = "".join(traceback.format_exception_only(caught.value))
    assert not re.search("ses|ame|12", trace)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


async def test_a_password_that_is_escaped_is_no_part_of_the_message() -> None:
    with pytest.raises(StoreUnavailable, match="name: no connection") as caught:
        async with open_database(Settings.load({}, database_url="postgresql://u:s%2Fsame%40@127.0.0.1:1/name")):
            pass
    assert "same" not in caught.value.message


async def test_a_postgres_user_that_does_not_exist_is_reported(fresh_postgres: str) -> None:
    url = fresh_postgres.replace("postgres:", "nobody_such:", 1)
    with pytest.raises(StoreUnavailable, match="no connection"):
        async with open_database(Settings.load({}, database_url=url)):
            pass


async def test_a_postgres_that_goes_away_is_reported_by_check_and_by_calls(fresh_postgres: str) -> None:
    settings = Settings.load({}, database_url=fresh_postgres)
    async with open_database(settings) as database:
        async with database._connections.write() as connection:
            await connection.exec_driver_sql("DROP SCHEMA tmws_patterns CASCADE")
        health = await database.check()
        assert health["status"] == "unavailable"
        assert "memories" in health["error"]
        with pytest.raises(StoreUnavailable):
            await database.epochs.read(["a"])


async def test_connections_that_postgres_has_ended_are_replaced_unnoticed(fresh_postgres: str) -> None:
    async with open_database(Settings.load({}, database_url=fresh_postgres)) as database:
        await database.memories.count()
        await run_sql(
            fresh_postgres,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()",
        )
        assert await database.memories.count() == 0
        await database.epochs.bump(["a"])


async def test_tables_of_the_same_name_in_public_are_left_alone(fresh_postgres: str) -> None:
    settings = Settings.load({}, database_url=fresh_postgres)
    async with open_database(settings) as database:
        async with database._connections.write() as connection:
            await connection.exec_driver_sql("CREATE TABLE public.memories (mine TEXT)")
        assert await database.memories.count() == 0
        async with database._connections.write() as connection:
            await connection.exec_driver_sql("DROP TABLE public.memories")


NO_DRIVER = """
import sys
sys.modules["asyncpg"] = None
import anyio
from tmws_patterns.errors import StoreUnavailable
from tmws_patterns.settings import Settings
from tmws_patterns.storage import open_database

async def main():
    try:
        async with open_database(Settings.load({}, database_url="postgresql://localhost/x")):
            pass
    except StoreUnavailable as exc:
        print(exc.hint)

anyio.run(main)
"""


def test_without_the_driver_the_error_names_the_command_that_installs_it() -> None:
    found = subprocess.run([sys.executable, "-c", NO_DRIVER], capture_output=True, text=True, check=True, timeout=20)
    assert found.stdout == "pip install 'tmws-patterns[postgres]'\n"


def test_importing_storage_loads_no_postgres_driver() -> None:
    script = "import sys, tmws_patterns.storage; sys.exit('asyncpg' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False, timeout=20).returncode == 0


async def test_a_newer_database_is_refused(settings: Settings) -> None:
    async with open_database(settings) as database, database._connections.write() as connection:
        await connection.execute(text("INSERT INTO schema_versions VALUES ('memory', 9, 0)"))
    with pytest.raises(StoreUnavailable, match="version 9, and this release knows 2") as caught:
        async with open_database(settings):
            pass
    assert "pip install --upgrade" in caught.value.hint


async def test_a_migration_that_fails_leaves_nothing_behind(sqlite_settings: Settings) -> None:
    sqlite_settings.data_dir.mkdir()
    path = sqlite_settings.data_dir / "memory.db"
    with sqlite3.connect(path) as foreign:
        foreign.execute("CREATE TABLE memory_tags (mine TEXT)")
    foreign.close()
    with pytest.raises(StoreUnavailable, match="memory_tags already exists"):
        async with open_database(sqlite_settings):
            pass
    left = sqlite3.connect(path)
    assert [name for (name,) in left.execute("SELECT name FROM sqlite_master")] == ["memory_tags"]
    left.close()
