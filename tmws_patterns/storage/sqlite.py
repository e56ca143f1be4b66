"""SQLite files: where they lie and how they are opened.

WAL, so that readers and the writer never wait for each other. A process has two writing connections,
for single statements and for transactions of several, and every write begins with BEGIN IMMEDIATE:
they and other processes queue for the lock within BUSY_TIMEOUT and none fails half-way for having
read first.
"""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from anyio import to_thread
from sqlalchemy import URL, Connection, Engine, event, make_url
from sqlalchemy.ext.asyncio import create_async_engine

from tmws_patterns.errors import InvalidInput
from tmws_patterns.settings import Settings
from tmws_patterns.storage.connections import POOL_TIMEOUT, Connections
from tmws_patterns.storage.direct_writes import DirectWrites
from tmws_patterns.storage.failures import translated

BUSY_TIMEOUT = 5.0
"""Seconds to wait for another process's write to end: writes take milliseconds."""

_WAL_PAUSE = 0.02
"""Seconds between attempts to switch to WAL, for which SQLite itself does not wait."""


def file_paths(settings: Settings) -> tuple[Path, Path]:
    """Where the memories and the cache are kept.

    Without a URL `memory.db` and `cache.db` in the data folder; `sqlite:///path/notes.db` keeps the
    memories there and the cache beside it, in `notes.cache.db`.
    """
    if not settings.database_url:
        return settings.data_dir / "memory.db", settings.data_dir / "cache.db"
    name = make_url(settings.database_url).database
    if not name or name == ":memory:":
        raise InvalidInput(
            "TMWS_DATABASE_URL names a SQLite database without a file", hint="use sqlite:////path/to/memory.db"
        )
    path = Path(name)
    return path, path.with_name(f"{path.stem}.cache.db")


def _prepare(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    deadline = time.monotonic() + BUSY_TIMEOUT
    with closing(sqlite3.connect(path, timeout=BUSY_TIMEOUT)) as connection:
        while True:
            try:
                connection.execute("PRAGMA journal_mode = WAL")
            except sqlite3.OperationalError as exc:
                if "locked" not in str(exc) or time.monotonic() > deadline:
                    raise
                time.sleep(_WAL_PAUSE)
            else:
                return


async def open_file(path: Path, settings: Settings, *, synchronous: str) -> Connections:
    """The file's connections, the file made if missing. `synchronous` is SQLite's pragma: FULL or NORMAL.

    Raises:
        StoreUnavailable: the file cannot be opened or is no SQLite database.
    """
    with translated(str(path)):
        await to_thread.run_sync(_prepare, path)
    url = URL.create("sqlite+aiosqlite", database=str(path))
    options: dict[str, Any] = {
        "connect_args": {"timeout": BUSY_TIMEOUT, "isolation_level": None},
        "max_overflow": 0,
        "pool_timeout": POOL_TIMEOUT,
    }
    reader = create_async_engine(
        url,
        isolation_level="AUTOCOMMIT",
        skip_autocommit_rollback=True,
        pool_size=settings.db_max_connections,
        pool_use_lifo=True,  # as few threads as the load needs
        pool_pre_ping=settings.db_pool_pre_ping,
        **options,
    )
    _on_connect(reader.sync_engine, "PRAGMA query_only = ON")
    writer = create_async_engine(url, pool_size=1, **options)
    pragmas = (f"PRAGMA synchronous = {synchronous}", "PRAGMA foreign_keys = ON")
    _on_connect(writer.sync_engine, *pragmas)
    event.listen(writer.sync_engine, "begin", _begin_immediate)
    return Connections(reader, writer, str(path), DirectWrites(path, pragmas, BUSY_TIMEOUT))


def copied(path: Path, file: Path) -> None:
    """Write a copy of a database that is in use: whole, as of one moment. Raises sqlite3.Error."""
    with closing(sqlite3.connect(path, timeout=BUSY_TIMEOUT)) as source, closing(sqlite3.connect(file)) as target:
        source.backup(target)


def file_number(path: Path) -> int | None:
    """What tells the file from another one that takes its place; None where there is none."""
    try:
        return path.stat().st_ino
    except OSError:
        return None


def set_aside(path: Path, number: int | None) -> None:
    """Rename the file and what belongs to it to `<name>.damaged`, in the place of older ones.

    Nothing happens unless the file is still the one of `number`: another process may have been quicker.
    """
    if file_number(path) != number:
        return
    for suffix in ("", "-wal", "-shm"):
        aside = path.with_name(f"{path.name}.damaged{suffix}")
        aside.unlink(missing_ok=True)
        part = path.with_name(f"{path.name}{suffix}")
        if part.exists():
            part.rename(aside)


def _begin_immediate(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _on_connect(engine: Engine, *pragmas: str) -> None:
    def run(connection: Any, _: Any) -> None:
        cursor = connection.cursor()
        for pragma in pragmas:
            cursor.execute(pragma)
        cursor.close()

    event.listen(engine, "connect", run)
