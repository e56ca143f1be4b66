"""Opening a database: the connections, the migrations, and one object that holds every kind of rows."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anyio import to_thread
from sqlalchemy import Select, make_url, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError

from tmws_patterns.errors import InvalidInput, StoreUnavailable
from tmws_patterns.ports import (
    CacheRows,
    CatalogueRows,
    Epochs,
    IndexRows,
    KeptAnswers,
    LearnedRows,
    MemoryReads,
    MemoryRows,
    Totals,
    VectorRows,
)
from tmws_patterns.settings import Settings
from tmws_patterns.storage import postgres_versions, sqlite_versions
from tmws_patterns.storage.cache_rows import SqlCacheRows
from tmws_patterns.storage.catalogue import SqlCatalogueRows
from tmws_patterns.storage.connections import Connections, Reads
from tmws_patterns.storage.direct_reads import DirectReads
from tmws_patterns.storage.epochs import EpochLedger, SqliteEpochs
from tmws_patterns.storage.failures import tells_damage, translated
from tmws_patterns.storage.index_rows import SqlIndexRows, postgres_chunks, sqlite_chunks
from tmws_patterns.storage.kept_answers import SqlKeptAnswers
from tmws_patterns.storage.learned import SqlLearnedRows
from tmws_patterns.storage.memory_rows import SqlMemoryRows
from tmws_patterns.storage.memory_search import SqlMemoryReads
from tmws_patterns.storage.migrations import migrate
from tmws_patterns.storage.pgvector import open_halfvecs
from tmws_patterns.storage.postgres import open_server
from tmws_patterns.storage.postgres_epochs import open_epochs
from tmws_patterns.storage.postgres_reads import PostgresReads
from tmws_patterns.storage.schema import meta
from tmws_patterns.storage.sqlite import copied, file_number, file_paths, open_file, set_aside
from tmws_patterns.storage.totals import SqlTotals
from tmws_patterns.storage.vector_rows import ByteTable, SqlVectorRows, VectorTable

_LOG = logging.getLogger(__name__)

_STORE_ID = select(meta.c.value).where(meta.c.name == "store_id")


@dataclass(frozen=True, slots=True)
class Database:
    """An open database.

    Attributes:
        store_id: 32 hexadecimal digits that tell this store from every other; kept with the memories.
        engine_name: "sqlite" or "postgresql".
        place: the file of the memories, or host and name of the database; never a password.
        version: of the memory tables.
        vectors_kept_as: "bytes", or "pgvector" with its version.
    """

    memories: MemoryRows
    reads: MemoryReads
    index: IndexRows
    vectors: VectorRows
    epochs: Epochs
    cache_rows: CacheRows
    catalogue: CatalogueRows
    answers: KeptAnswers
    totals: Totals
    learned: LearnedRows
    store_id: str
    engine_name: str
    place: str
    version: int
    vectors_kept_as: str
    _connections: Connections

    async def backup(self, file: Path) -> None:
        """Copy the memories into a new file, while they are used.

        Raises:
            InvalidInput: the file is there already, or this is PostgreSQL, which has a tool for it.
            StoreUnavailable: it cannot be written.
        """
        if self.engine_name != "sqlite":
            raise InvalidInput("this database is PostgreSQL", hint="use pg_dump --schema tmws_patterns")
        if file_number(file) is not None:
            raise InvalidInput(f"{file} is there already", hint="name a new file")
        with translated(str(file)):
            await to_thread.run_sync(copied, Path(self.place), file)

    def get_pool_status(self) -> dict[str, float]:
        """The pool of reading connections: size, checked_out, overflow, utilization in percent (0 to 100)."""
        return self._connections.pool_status()

    async def check(self) -> dict[str, Any]:
        """Health: engine, place, migrations (the version), vectors (how they are kept), status, latency_ms, memories.

        Never raises: a database that does not answer has status "unavailable" and an error.
        """
        known = {
            "engine": self.engine_name,
            "place": self.place,
            "migrations": self.version,
            "vectors": self.vectors_kept_as,
        }
        started = time.perf_counter()
        try:
            memories = await self.memories.count()
        except StoreUnavailable as exc:
            return {**known, "status": "unavailable", "error": exc.message, "hint": exc.hint}
        latency = round((time.perf_counter() - started) * 1000, 3)
        return {**known, "status": "ok", "latency_ms": latency, "memories": memories}


@asynccontextmanager
async def open_database(settings: Settings, clock: Callable[[], float] = time.time) -> AsyncIterator[Database]:
    """The database that the settings name, made and brought up to date if need be; closed on leaving.

    `clock` gives seconds since 1970, against which expired memories are cleared away.

    Raises:
        InvalidInput: TMWS_DATABASE_URL is no URL of SQLite or PostgreSQL.
        StoreUnavailable: it cannot be reached, is damaged, or belongs to a newer release.
    """
    opened = _open_postgres if _engine_name(settings.database_url) == "postgresql" else _open_sqlite
    async with AsyncExitStack() as stack:
        yield await opened(settings, clock, stack)


def _engine_name(url: str) -> str:
    try:
        name = make_url(url).get_backend_name() if url else "sqlite"
    except (ArgumentError, ValueError):  # ValueError: a port that is no number
        name = ""
    if name not in ("sqlite", "postgresql", "postgres"):
        raise InvalidInput(
            "TMWS_DATABASE_URL is no URL of a known database",
            hint="use sqlite:////path/to/memory.db or postgresql://user:password@host/name, or unset it",
        )
    return "sqlite" if name == "sqlite" else "postgresql"


async def _open_sqlite(settings: Settings, clock: Callable[[], float], stack: AsyncExitStack) -> Database:
    memory_path, cache_path = file_paths(settings)
    main = await open_file(memory_path, settings, synchronous="FULL")
    stack.push_async_callback(main.close)
    version = await migrate(main, sqlite_versions.MEMORY, clock)
    kept = await _open_cache(cache_path, settings, clock)
    stack.push_async_callback(kept.close)
    epochs = SqliteEpochs(main, memory_path)
    stack.callback(epochs.close)
    reads = await DirectReads.open(cache_path)
    stack.push_async_callback(reads.close)
    words = await DirectReads.open(memory_path)
    stack.push_async_callback(words.close)
    return await _assemble(
        engine_name="sqlite",
        main=main,
        kept=kept,
        epochs=epochs,
        quick=words,
        chunks=sqlite_chunks(),
        stamp=epochs.stamp,
        cache_rows=SqlCacheRows(kept, sqlite.insert, clock, reads, reads.at_once),
        insert=sqlite.insert,
        clock=clock,
        version=version,
    )


async def _open_cache(path: Path, settings: Settings, clock: Callable[[], float]) -> Connections:
    """The cache's connections. A damaged file makes way for a new one: what it held can be had again."""
    found = await to_thread.run_sync(file_number, path)
    try:
        return await _open_migrated_cache(path, settings, clock)
    except StoreUnavailable as exc:
        if not tells_damage(exc):
            raise
        _LOG.warning("%s; it is set aside, and a new one is made", exc.message)
    with translated(str(path)):
        await to_thread.run_sync(set_aside, path, found)
    return await _open_migrated_cache(path, settings, clock)


async def _open_migrated_cache(path: Path, settings: Settings, clock: Callable[[], float]) -> Connections:
    kept = await open_file(path, settings, synchronous="NORMAL")
    try:
        await migrate(kept, sqlite_versions.CACHE, clock)
    except BaseException:
        await kept.close()
        raise
    return kept


async def _open_postgres(settings: Settings, clock: Callable[[], float], stack: AsyncExitStack) -> Database:
    main, connect = open_server(settings)
    stack.push_async_callback(main.close)
    version = await migrate(main, postgres_versions.MEMORY, clock)
    await migrate(main, postgres_versions.CACHE, clock)
    epochs = await stack.enter_async_context(open_epochs(main, connect))
    reads = PostgresReads(main, connect)
    stack.push_async_callback(reads.close)
    halfvecs = await open_halfvecs(main, reads)
    return await _assemble(
        engine_name="postgresql",
        main=main,
        kept=main,
        epochs=epochs,
        quick=reads,
        chunks=postgres_chunks(),
        cache_rows=SqlCacheRows(main, postgresql.insert, clock, reads),
        insert=postgresql.insert,
        vector_tables=[halfvecs] if halfvecs else [],
        clock=clock,
        version=version,
    )


async def _assemble(
    *,
    engine_name: str,
    main: Connections,
    kept: Connections,
    epochs: EpochLedger,
    quick: Reads,
    chunks: Select[Any],
    stamp: Callable[[], object] | None = None,
    cache_rows: CacheRows,
    insert: Callable[..., Any],
    vector_tables: Sequence[VectorTable] = (),
    clock: Callable[[], float],
    version: int,
) -> Database:
    """`main` holds what must not be lost, `kept` what may; on PostgreSQL they are one.

    Vectors are kept in the first of `vector_tables`, and without one as bytes, where they are looked for in any case.
    """
    vectors = SqlVectorRows(main, [*vector_tables, ByteTable(quick, insert)])
    ((store_id,),) = await main.rows(_STORE_ID)
    return Database(
        memories=SqlMemoryRows(main, epochs, clock),
        reads=SqlMemoryReads(main, quick),
        index=SqlIndexRows(main, quick, chunks, stamp),
        vectors=vectors,
        epochs=epochs,
        cache_rows=cache_rows,
        catalogue=SqlCatalogueRows(main, insert, clock),
        answers=SqlKeptAnswers(kept, insert),
        totals=SqlTotals(main, insert),
        learned=SqlLearnedRows(kept, insert, clock),
        store_id=str(store_id),
        engine_name=engine_name,
        place=main.place,
        version=version,
        vectors_kept_as=vectors.kept_as,
        _connections=main,
    )
