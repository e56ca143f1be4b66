"""Epochs in PostgreSQL: read anew every BEAT seconds while anybody asks, and told by NOTIFY as they are raised.

A notification only brings forward what the next reading finds out, so one that is lost, as behind a pooler that
knows no LISTEN, costs BEAT seconds and nothing else. What was read counts for FRESH seconds; where reading takes
longer, or fails, nothing is known, and the caller asks the database himself.
"""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager

import anyio
import orjson
from anyio import Lock
from sqlalchemy import func, select
from sqlalchemy.dialects import postgresql

from tmws_patterns.errors import StoreUnavailable
from tmws_patterns.ports import told_epochs
from tmws_patterns.storage.connections import Connections, Transaction
from tmws_patterns.storage.epochs import ALL, bump_statement, by_tag, raise_epochs
from tmws_patterns.storage.postgres import Connect, listening
from tmws_patterns.tasks import background_tasks

_LOG = logging.getLogger(__name__)

FRESH = 0.08
"""Seconds that epochs read from PostgreSQL count as the present: less than the promised 100 ms."""

BEAT = 0.05  # seconds between two readings
IDLE = 1.0  # seconds after the last question in which the readings go on
RETRY = 1.0  # seconds before a listening connection that was lost is opened again
CHANNEL = "tmws_patterns_epochs"
_LONGEST = 7_900  # bytes of a notification; PostgreSQL takes fewer than 8,000


class PostgresEpochs:
    """`watch` belongs in a background task; without it every FRESH seconds one caller waits for a reading."""

    _BUMP = bump_statement(postgresql.insert)

    def __init__(self, connections: Connections, clock: Callable[[], float] = time.monotonic) -> None:
        self._connections = connections
        self._clock = clock
        self._asked_at = self._wanted_at = float("-inf")
        self._known: dict[str, int] = {}
        self._tell: Callable[[Mapping[str, int]], None] = lambda _: None
        self._reading = Lock()
        self._wanted = anyio.Event()

    def peek(self, tags: Sequence[str]) -> tuple[int, ...] | None:
        """The epochs if they were read at most FRESH seconds ago, else None."""
        self._want()
        return self._answer(tags) if self._clock() - self._asked_at <= FRESH else None

    async def read(self, tags: Sequence[str]) -> tuple[int, ...]:
        """The epochs. Who asks while another is reading takes that answer, unless it began too long ago."""
        self._want()
        came = self._clock()
        async with self._reading:
            if self._asked_at < came - FRESH:
                await self._read()
        return self._answer(tags)

    async def bump(self, tags: Iterable[str]) -> None:
        """Raise the epoch of each tag by one."""
        self.learn(await self._connections.transact(lambda connection: self.bump_within(connection, tags)))

    def bump_within(self, connection: Transaction, tags: Iterable[str]) -> Mapping[str, int]:
        """See EpochLedger. Every process is told as the transaction commits."""
        raised = raise_epochs(connection, self._BUMP, tags)
        told = orjson.dumps(raised).decode()
        if len(told) < _LONGEST:
            connection.execute(select(func.pg_notify(CHANNEL, told)))
        return raised

    def learn(self, epochs: Mapping[str, int]) -> None:
        """Take over what this process has raised, and tell of it."""
        self._take(epochs)
        self._tell(epochs)

    def follow(self, tell: Callable[[Mapping[str, int]], None]) -> bool:
        """True: see Epochs."""
        self._tell = tell
        return True

    def hear(self, epochs: Mapping[str, int] | None) -> None:
        """Read anew where another process has raised something, or None: something was missed.

        What is heard is not believed: a copy of this database may share the place where it was said.
        """
        if epochs is None or any(epoch > self._known.get(tag, 0) for tag, epoch in epochs.items()):
            self._asked_at = float("-inf")

    def _take(self, epochs: Mapping[str, int]) -> None:
        # the higher ones: an answer that was under way during a bump never undoes it
        for tag, epoch in epochs.items():
            self._known[tag] = max(epoch, self._known.get(tag, 0))

    async def watch(self) -> None:
        """Read every BEAT seconds while anybody asks, until cancelled."""
        while True:
            if self._clock() - self._wanted_at > IDLE:
                self._wanted = anyio.Event()
                await self._wanted.wait()
            try:
                async with self._reading:
                    await self._read()
            except StoreUnavailable as exc:
                _LOG.info("epochs cannot be read ahead: %s", exc)
            await anyio.sleep(BEAT)

    async def listen(self, connect: Connect) -> None:
        """Take over what other processes raise as they do, until cancelled."""
        while True:
            try:
                async with listening(connect, CHANNEL, self._hear) as ended:
                    await ended.wait()
            except StoreUnavailable as exc:
                _LOG.info("epochs are not heard of, and read every %g s: %s", BEAT, exc)
            await anyio.sleep(RETRY)

    def _hear(self, told: str) -> None:
        epochs = told_epochs(told)
        if epochs is None:  # anybody may send on a channel
            _LOG.warning("a notification on %s is none of ours", CHANNEL)
        else:
            self._take(epochs)

    async def _read(self) -> None:
        asked = self._clock()
        self._take(by_tag(await self._connections.rows(ALL)))
        self._asked_at = asked

    def _want(self) -> None:
        self._wanted_at = self._clock()
        self._wanted.set()

    def _answer(self, tags: Sequence[str]) -> tuple[int, ...]:
        return tuple([self._known.get(tag, 0) for tag in tags])


@asynccontextmanager
async def open_epochs(connections: Connections, connect: Connect) -> AsyncIterator[PostgresEpochs]:
    """Epochs that are read ahead and listened for, over a connection of their own, until the context is left."""
    epochs = PostgresEpochs(connections)
    async with background_tasks() as tasks:
        tasks.start_soon(epochs.watch)
        tasks.start_soon(epochs.listen, connect)
        yield epochs
