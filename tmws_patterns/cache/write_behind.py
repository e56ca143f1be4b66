"""A bounded queue of entries on their way into a slower tier, so that no request waits for a write."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import anyio

from tmws_patterns.ports import Entry

MAX_ENTRIES = 256  # what a burst may leave behind; more is dropped, which costs a load and nothing else
MAX_BYTES = 16 * 2**20
PAUSE = 0.2  # seconds: the answer goes out first, and what comes in meanwhile is written with it
BATCH = 64  # entries handed over at once: one pipeline of Redis, one transaction of a database

Write = Callable[[Sequence[tuple[str, Entry]]], Awaitable[None]]


class WriteBehind:
    """Keeps the newest entry of each digest until `run`, in a task of its own, has handed it to `write`.

    `write` must not raise for an outage, and must end within a deadline.
    """

    def __init__(self, write: Write) -> None:
        self._write = write
        self._waiting: dict[str, Entry] = {}
        self._bytes = 0
        self._wake = anyio.Event()
        self._hurry = anyio.Event()
        self._idle = anyio.Event()
        self._idle.set()
        self._ended = False
        self.dropped = 0

    def put(self, digest: str, entry: Entry) -> None:
        """Queue the entry; where the queue is full or no longer written it is dropped."""
        self.discard(digest)
        if self._ended or len(self._waiting) >= MAX_ENTRIES or self._bytes + len(entry.payload) > MAX_BYTES:
            self.dropped += 1
            return
        self._waiting[digest] = entry
        self._bytes += len(entry.payload)
        if self._idle.is_set():
            self._idle = anyio.Event()
        self._wake.set()
        if len(self._waiting) >= BATCH:
            self._hurry.set()

    def discard(self, digest: str) -> None:
        """Take the entry back, if it still waits."""
        if (entry := self._waiting.pop(digest, None)) is not None:
            self._bytes -= len(entry.payload)

    def clear(self) -> None:
        """Take back everything that waits."""
        self._waiting.clear()
        self._bytes = 0

    async def run(self) -> None:
        """Hand over what comes in, until cancelled; what waits then is let go, and so is who waits for it."""
        try:
            while True:
                await self._wake.wait()
                with anyio.move_on_after(PAUSE):
                    await self._hurry.wait()
                self._wake, self._hurry = anyio.Event(), anyio.Event()
                while batch := self._take():
                    await self._write(batch)
                self._idle.set()
        finally:
            self._ended = True
            self.clear()
            self._idle.set()

    async def flushed(self) -> None:
        """Return once nothing waits and nothing is being written, without the pause."""
        if not self._idle.is_set():
            self._hurry.set()
        await self._idle.wait()

    def _take(self) -> list[tuple[str, Entry]]:
        batch = [(digest, self._waiting[digest]) for digest in list(self._waiting)[:BATCH]]
        for digest, _ in batch:
            self.discard(digest)
        return batch
