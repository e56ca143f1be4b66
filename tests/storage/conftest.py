"""One database of each engine, fresh for every test."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import anyio
import pytest
from storage_rows import run_sql

from tmws_patterns.settings import Settings
from tmws_patterns.storage import Database, open_database


@pytest.fixture(scope="session")
def own_postgres(postgres_url: str) -> Iterator[str]:
    """A database of these tests' own, on the run's PostgreSQL."""
    name = f"tmws_{uuid.uuid4().hex}"
    anyio.run(run_sql, postgres_url, f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'")
    yield urlunsplit(urlsplit(postgres_url)._replace(path=f"/{name}"))
    anyio.run(run_sql, postgres_url, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def fresh_postgres(own_postgres: str) -> str:
    anyio.run(run_sql, own_postgres, "DROP SCHEMA IF EXISTS tmws_patterns CASCADE")
    return own_postgres


@pytest.fixture(params=["sqlite", "postgresql"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """Settings of an empty database."""
    url = request.getfixturevalue("fresh_postgres") if request.param == "postgresql" else ""
    return Settings.load({}, data_dir=tmp_path / "data", database_url=url)


@pytest.fixture
def sqlite_settings(tmp_path: Path) -> Settings:
    return Settings.load({}, data_dir=tmp_path / "data")


@pytest.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    async with open_database(settings) as opened:
        yield opened
