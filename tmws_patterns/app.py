"""The composition root: Settings in, a running App out. The only file that names concrete classes.

What opens first closes last: database, cache, downstream servers, statistics.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Generator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio

from tmws_patterns.branches import Branches
from tmws_patterns.cache import TieredCache, open_cache
from tmws_patterns.dispatch import Dispatcher, ServerConfig, builtin_server, load_servers, open_dispatcher
from tmws_patterns.encoder import PassageEncoder, is_installed, passage_encoder, sentence_encoder, static_encoder
from tmws_patterns.errors import InvalidInput, Problem, StoreUnavailable
from tmws_patterns.executor import Neighbours, PatternExecutionEngine
from tmws_patterns.learner import Learner
from tmws_patterns.ledger import Ledger
from tmws_patterns.loader import load_packs
from tmws_patterns.memory import MemoryService, Model, open_memory
from tmws_patterns.pattern import PatternType
from tmws_patterns.presentation import Presenter
from tmws_patterns.registry import PatternRegistry
from tmws_patterns.routing import Bands, Limits, Planner, Router, trigger_fault
from tmws_patterns.settings import Settings
from tmws_patterns.shaping import count_tokens
from tmws_patterns.storage import Database, open_database
from tmws_patterns.tasks import background_tasks
from tmws_patterns.telemetry import Observers, PrometheusExporter, Statistics

logger = logging.getLogger(__name__)

_opened_last: Database | None = None
"""For DatabaseHealthCheck, whose interface of old knows no engine."""


@dataclass(frozen=True, slots=True)
class App:
    """Everything that runs. `problems` are the faults of the configuration files that it runs on without."""

    settings: Settings
    engine: PatternExecutionEngine
    registry: PatternRegistry
    database: Database
    cache: TieredCache
    dispatcher: Dispatcher
    statistics: Statistics
    metrics: PrometheusExporter
    problems: tuple[Problem, ...]

    async def all_time(self) -> dict[str, Any]:
        """Totals of all sessions, those not yet flushed included."""
        return await self.statistics.all_time()

    def discovered(self, tokens: int) -> None:
        """Count a list of patterns that an agent read, in o200k tokens."""
        self.statistics.discovered(tokens)

    def metrics_page(self) -> tuple[bytes, str]:
        """Prometheus' page and its content type."""
        return self.metrics.render()

    async def health(self) -> dict[str, Any]:
        """The state of the parts: database, cache, servers; `status` is "ok" or "degraded"."""
        database = await self.database.check()
        servers = self.dispatcher.status()
        failed = [s["name"] for s in servers if s["state"] == "failed"]
        healthy = database["status"] == "ok"
        return {
            "status": "ok" if healthy else "degraded",
            "database": database,
            "cache": self.cache.get_stats(),
            "servers": {"configured": len(servers), "failed": failed},
            "patterns": len(self.registry.patterns),
        }


class DatabaseHealthCheck:
    """The connection pool of the engine opened last; `engine.database` tells of a given one."""

    @staticmethod
    async def get_pool_status() -> dict[str, Any]:
        """Connections: size, checked_out, overflow, and utilization in percent.

        Raises:
            StoreUnavailable: no engine is open.
        """
        if _opened_last is None:
            raise StoreUnavailable("no engine is open", hint="await create_pattern_execution_engine() first")
        return _opened_last.get_pool_status()


@asynccontextmanager
async def open_app(settings: Settings, close: Callable[[], Awaitable[None]] | None = None) -> AsyncGenerator[App, None]:
    """Wire everything and keep it running until the context ends.

    `close` is what `engine.aclose()` awaits; None where leaving the context is the only way to close.

    Raises:
        StoreUnavailable: the database cannot be opened.
        InvalidInput: a path in the settings does not exist.
    """
    global _opened_last  # noqa: PLW0603 - DatabaseHealthCheck is asked without an engine
    for path in (settings.pattern_path, settings.servers_path):
        if not path.exists():
            raise InvalidInput(f"{path} does not exist", hint="correct TMWS_PATTERN_CONFIG or TMWS_SERVERS_CONFIG")
    count_tokens("")  # its first use takes 0.3 s and stops the loop: better before anything has a deadline
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(open_database(settings))
        _opened_last = database
        cache = await stack.enter_async_context(
            open_cache(settings, database.cache_rows, database.epochs, database.store_id)
        )
        registry = PatternRegistry(load_packs(settings.pattern_path, trigger_fault))
        servers, server_problems = load_servers(settings.servers_path, settings.environment)
        dispatcher = await stack.enter_async_context(_dispatcher(settings, servers, database, cache, registry))
        statistics = Statistics(database.totals)
        metrics = PrometheusExporter(lambda: statistics.snapshot()["cache_hit_rate"] / 100)
        await stack.enter_async_context(_running(statistics.run))
        fine = sentence_encoder if settings.route_embeddings and is_installed() else None
        learner = Learner(registry, database.learned, static_encoder, fine)
        await stack.enter_async_context(_running(learner.run))
        model = Model(PassageEncoder.name, passage_encoder) if fine else None
        memory = await stack.enter_async_context(
            open_memory(database, settings.principal, static_encoder(), fine=model)
        )
        engine = _engine(settings, database, cache, registry, dispatcher, statistics, metrics, learner, memory, close)
        problems = (*registry.problems, *server_problems)
        for problem in problems:
            logger.warning("%s", problem)
        try:
            yield App(settings, engine, registry, database, cache, dispatcher, statistics, metrics, problems)
        finally:
            _opened_last = None if _opened_last is database else _opened_last


class EngineOpening:
    """What `create_pattern_execution_engine` gives: await it, or enter it with `async with`."""

    def __init__(self, settings: Settings | None) -> None:
        self._settings = settings
        self._engine: PatternExecutionEngine | None = None

    def __await__(self) -> Generator[Any, None, PatternExecutionEngine]:
        return _create(self._settings).__await__()

    async def __aenter__(self) -> PatternExecutionEngine:
        self._engine = await _create(self._settings)
        return self._engine

    async def __aexit__(self, *_: object) -> None:
        if self._engine is not None:
            await self._engine.aclose()


def create_pattern_execution_engine(settings: Settings | None = None) -> EngineOpening:
    """Start an engine. Await what this returns, or enter it with `async with`.

    It lives in a task of its own, so that it may be closed (`await engine.aclose()`) from another
    task than the one that made it.

    Args:
        settings: None reads the TMWS_* environment.

    Raises:
        TmwsError: it cannot be started; the error says why and what to do.
    """
    return EngineOpening(settings)


async def _create(settings: Settings | None) -> PatternExecutionEngine:
    ready: asyncio.Future[PatternExecutionEngine] = asyncio.get_running_loop().create_future()
    stop = anyio.Event()

    async def own() -> None:
        try:
            async with open_app(settings or Settings.load(), close) as app:
                ready.set_result(app.engine)
                await stop.wait()
        except BaseException as exc:
            if ready.done():
                raise
            ready.set_exception(exc)

    async def close() -> None:
        stop.set()
        await asyncio.shield(owner)

    owner = asyncio.create_task(own(), name="tmws_patterns engine")
    try:
        return await asyncio.shield(ready)
    except asyncio.CancelledError:
        owner.cancel()
        raise


@asynccontextmanager
async def _dispatcher(
    settings: Settings,
    servers: Mapping[str, ServerConfig],
    database: Database,
    cache: TieredCache,
    registry: PatternRegistry,
) -> AsyncGenerator[Dispatcher, None]:
    """The downstream side, telling the registry and the cache of every change of a catalogue."""
    opened: list[Dispatcher] = []

    def publish() -> None:
        registry.set_tools(opened[0].tools(), _places(servers, opened[0].servers()))

    async def changed(identity: str) -> None:
        if opened:
            publish()
            stale = [f"server:{name}" for name, known in opened[0].servers().items() if known == identity]
            await cache.invalidate(stale)

    async with open_dispatcher(
        servers,
        catalogue=database.catalogue,
        environment=settings.environment,
        builtin=builtin_server(_probes(opened, settings, database, cache)),
        on_change=changed,
        default_timeout=settings.pattern_infra_timeout,
    ) as dispatcher:
        opened.append(dispatcher)
        publish()
        yield dispatcher


def _probes(
    opened: list[Dispatcher], settings: Settings, database: Database, cache: TieredCache
) -> dict[str, Callable[[], Awaitable[dict[str, Any]]]]:
    """What the built-in server reports of this process. `opened` is filled before anybody asks."""

    async def server_health() -> dict[str, Any]:
        states = opened[0].status()
        failed = [s["name"] for s in states if s["state"] == "failed"]
        return {"status": "degraded" if failed else "ok", "failed": failed, "servers": states}

    async def list_servers() -> dict[str, Any]:
        return {"servers": opened[0].status()}

    async def database_health() -> dict[str, Any]:
        return {**await database.check(), "pool": database.get_pool_status()}

    async def cache_health() -> dict[str, Any]:
        return {"status": "ok" if settings.cache_enabled else "disabled", **cache.get_stats()}

    return {
        "database_health": database_health,
        "cache_health": cache_health,
        "server_health": server_health,
        "list_servers": list_servers,
    }


def _places(servers: Mapping[str, ServerConfig], identities: Mapping[str, str]) -> dict[str, str]:
    """What makes a server's answers its own: its configuration and, for a child, the folder that it runs in."""
    here = str(Path.cwd())
    return {
        name: f"{identity} {servers[name].cwd or here}" if name in servers and servers[name].command else identity
        for name, identity in identities.items()
    }


@asynccontextmanager
async def _running(service: Callable[[], Coroutine[Any, Any, None]]) -> AsyncGenerator[None, None]:
    """A background service for as long as the context lasts."""
    async with background_tasks() as tasks:
        tasks.start_soon(service)
        yield


def _limits(settings: Settings) -> Limits:
    return Limits(
        settings.cache_ttl if settings.cache_enabled else 0,
        {
            PatternType.INFRASTRUCTURE: settings.pattern_infra_timeout,
            PatternType.MEMORY: settings.pattern_memory_timeout,
            PatternType.HYBRID: settings.pattern_hybrid_timeout,
        },
    )


def _engine(
    settings: Settings,
    database: Database,
    cache: TieredCache,
    registry: PatternRegistry,
    dispatcher: Dispatcher,
    statistics: Statistics,
    metrics: PrometheusExporter,
    learner: Learner,
    memory: MemoryService,
    close: Callable[[], Awaitable[None]] | None,
) -> PatternExecutionEngine:
    async def nothing() -> None:
        """Leaving the context closes."""

    bands = Bands(settings.route_read, settings.route_write, settings.route_candidate)
    router = Router(registry, bands, learner.ready)
    planner = Planner(router, registry, _limits(settings))
    around = Neighbours(
        registry=registry,
        router=router,
        planner=planner,
        learner=learner,
        cache=cache,
        tools=dispatcher,
        memory=memory,
        branches=Branches(dispatcher, memory, planner, settings.pattern_memory_timeout),
        presenter=Presenter(cache, database.answers, time.time, settings.compaction),
        ledger=Ledger(Observers(statistics, metrics)),
        statistics=statistics,
    )
    return PatternExecutionEngine(
        around,
        principal=settings.principal,
        default_mode=settings.pattern_default_mode,
        memory=memory,
        database=database,
        close=close or nothing,
    )
