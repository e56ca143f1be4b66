"""Real parts: both databases, Valkey, and a clock that stands until a test moves it."""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

import pytest
from cache_parts import Clock

from tmws_patterns.settings import Settings
from tmws_patterns.storage import Database, open_database


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """SQLite and no Redis. The deadline is long, so that a busy machine fails no test but those of outages."""
    return Settings.load({}, data_dir=tmp_path / "data", redis_timeout=2.0)


@pytest.fixture(params=["sqlite", "postgresql"])
def each_settings(request: pytest.FixtureRequest, settings: Settings) -> Settings:
    url = request.getfixturevalue("own_postgres") if request.param == "postgresql" else ""
    return settings.model_copy(update={"database_url": url})


@pytest.fixture
async def each_database(each_settings: Settings) -> AsyncIterator[Database]:
    async with open_database(each_settings) as opened:
        yield opened


@pytest.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    async with open_database(settings) as opened:
        yield opened


@pytest.fixture
def unique() -> str:
    """Keeps the keys of one test apart from those of others in a shared store."""
    return uuid.uuid4().hex


@pytest.fixture
def hide_table(settings: Settings) -> Callable[[str, str], AbstractContextManager[None]]:
    """Takes a table away for a while, which is an outage of everything that needs it."""

    @contextmanager
    def hidden(file: str, table: str) -> Iterator[None]:
        with closing(sqlite3.connect(settings.data_dir / file, isolation_level=None, timeout=5)) as connection:
            connection.execute(f"ALTER TABLE {table} RENAME TO hidden_{table}")
            try:
                yield
            finally:
                connection.execute(f"ALTER TABLE hidden_{table} RENAME TO {table}")

    return hidden
