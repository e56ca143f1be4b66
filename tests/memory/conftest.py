"""A memory of one agent over a real SQLite database, at a moment that tests may change."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from moments import Moment

from tmws_patterns.call import Principal
from tmws_patterns.memory import MemoryService
from tmws_patterns.settings import Settings
from tmws_patterns.storage import Database, open_database


@pytest.fixture
def moment() -> Moment:
    return Moment()


@pytest.fixture
async def database(tmp_path: Path, moment: Moment) -> AsyncIterator[Database]:
    async with open_database(Settings.load({}, data_dir=tmp_path / "data"), moment) as opened:
        yield opened


@pytest.fixture
def memory(database: Database, moment: Moment) -> MemoryService:
    return MemoryService(database.memories, Principal("acme", "artemis", teams=frozenset({"ops"})), moment)
