"""PostgreSQL: one database for all tables, reached through asyncpg, which is loaded only here."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

import anyio
from sqlalchemy import make_url
from sqlalchemy.ext.asyncio import create_async_engine

from tmws_patterns.errors import InvalidInput, StoreUnavailable
from tmws_patterns.settings import Settings
from tmws_patterns.storage.connections import POOL_TIMEOUT, Connections
from tmws_patterns.storage.postgres_versions import SCHEMA

CONNECT_TIMEOUT = 5.0
"""Seconds to reach the server: a start-up that cannot should say so soon."""

COMMAND_TIMEOUT = 30.0
"""Seconds for one statement, as long as the longest default deadline of a call."""

Connect = Callable[[], Awaitable[Any]]
"""Opens a connection of asyncpg's own. Raises StoreUnavailable."""


def place(url: str) -> str:
    """The database without its password, as `host/name`."""
    parts = make_url(url)
    host = parts.host or parts.query.get("host") or "localhost"
    port = f":{parts.port}" if parts.port else ""
    return f"{host}{port}/{parts.database or ''}"


def open_server(settings: Settings) -> tuple[Connections, Connect]:
    """The server's connections, none of which is opened before the first statement, and what opens one of its own.

    Raises:
        InvalidInput: the URL is not the same to SQLAlchemy and to asyncpg: a password is not escaped.
        StoreUnavailable: asyncpg is not installed. Connecting raises it later, from the first statement.
    """
    driver = _driver()
    _check(settings.database_url)
    where = place(settings.database_url)
    # the URL is asyncpg's own, so that each of its parameters (sslmode, passfile, ...) means what it says there
    dsn = "postgresql://" + settings.database_url.partition("://")[2]

    connect = _connector(driver, dsn, where)
    engine = create_async_engine(
        "postgresql+asyncpg://",
        async_creator=connect,
        pool_size=settings.db_max_connections,
        max_overflow=0,
        pool_timeout=POOL_TIMEOUT,
        pool_use_lifo=True,
        pool_pre_ping=settings.db_pool_pre_ping,
        skip_autocommit_rollback=True,
    )
    return Connections(engine.execution_options(isolation_level="AUTOCOMMIT"), engine, where), connect


@asynccontextmanager
async def listening(connect: Connect, channel: str, hear: Callable[[str], None]) -> AsyncIterator[anyio.Event]:
    """Hands what is sent on a channel to `hear`; the event is set when the connection has ended.

    Raises:
        StoreUnavailable: there is no connection, or it ended before it listened.
    """
    connection = await connect()
    ended = anyio.Event()
    try:
        connection.add_termination_listener(lambda _: ended.set())
        with told(channel):
            await connection.add_listener(channel, lambda _connection, _pid, _channel, told: hear(told))
        yield ended
    finally:
        connection.terminate()


def _driver() -> Any:
    try:
        return import_module("asyncpg")
    except ImportError as exc:
        raise StoreUnavailable(
            "TMWS_DATABASE_URL names PostgreSQL, and its driver is not installed",
            hint="pip install 'tmws-patterns[postgres]'",
        ) from exc


def _check(url: str) -> None:
    # No cause is chained and nothing of the URL is told: what looks like a port may be half of a password.
    try:
        parts = urlsplit(url)
        is_clear = parts.port != 0 and not parts.fragment and parts.netloc.count("@") <= 1
    except ValueError:
        is_clear = False
    else:
        stray = parts.path if "@" in parts.netloc else parts.path + parts.query.partition("=")[0]
        is_clear = is_clear and "@" not in stray
    if not is_clear:
        raise InvalidInput(
            "TMWS_DATABASE_URL cannot be read: its port is no number, or its password is not escaped",
            hint="in a user name or password write / as %2F, @ as %40, : as %3A, ? as %3F, # as %23, [ as %5B",
        )


def _connector(driver: Any, dsn: str, where: str) -> Connect:
    async def connect() -> Any:
        with told(where):
            return await driver.connect(
                dsn,
                timeout=CONNECT_TIMEOUT,
                command_timeout=COMMAND_TIMEOUT,
                server_settings={"search_path": SCHEMA, "application_name": "tmws-patterns"},
            )

    return connect


@contextmanager
def told(where: str, what: str = "no connection") -> Iterator[None]:
    """Turn what the driver raises by itself, without SQLAlchemy, into StoreUnavailable."""
    driver = _driver()
    try:
        yield
    except (OSError, ValueError, driver.PostgresError, driver.InterfaceError, driver.InternalClientError) as exc:
        raise StoreUnavailable(
            f"{where}: {what}: {exc or type(exc).__name__}",
            hint="check TMWS_DATABASE_URL, and that PostgreSQL is running and lets this user in",
        ) from exc
