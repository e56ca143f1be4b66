from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

import pytest

from tmws_patterns.settings import Settings
from tmws_patterns.storage import Database, open_database


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.load({}, data_dir=tmp_path / "data")


@pytest.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    async with open_database(settings) as opened:
        yield opened


@pytest.fixture
def outage(settings: Settings) -> Callable[[], AbstractContextManager[None]]:
    """Takes the table of the totals away for a while."""

    @contextmanager
    def away() -> Iterator[None]:
        with closing(sqlite3.connect(settings.data_dir / "memory.db", isolation_level=None, timeout=5)) as connection:
            connection.execute("ALTER TABLE totals RENAME TO hidden_totals")
            try:
                yield
            finally:
                connection.execute("ALTER TABLE hidden_totals RENAME TO totals")

    return away
