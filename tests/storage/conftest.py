"""One database of each engine, fresh for every test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tmws_patterns.settings import Settings
from tmws_patterns.storage import Database, open_database


@pytest.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    async with open_database(settings) as opened:
        yield opened
