"""A memory of one agent over a real SQLite database, at a moment that tests may change."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from moments import Moment

from tmws_patterns.call import Principal
from tmws_patterns.encoder import static_encoder
from tmws_patterns.memory import MemoryService, open_memory
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
async def memory(database: Database, moment: Moment) -> AsyncIterator[MemoryService]:
    principal = Principal("acme", "artemis", teams=frozenset({"ops"}))
    async with open_memory(database, principal, static_encoder(), moment) as service:
        yield service
