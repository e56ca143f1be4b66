"""What a connection to Redis is given to do at a time, and who waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Protocol

from redis.exceptions import ResponseError

from tmws_patterns.cache.redis_replies import Command


class Turn(Protocol):
    """Commands sent together, done within `deadline` seconds of their sending.

    `begin` is called as it is sent: nothing is added to it any more. `end` tells who waits, if anyone still does, and
    may be called again. It is given one reply for each command (an error reply is a ResponseError among them), or None
    where the connection failed or a reply belongs to another command; never an exception.
    """

    @property
    def commands(self) -> Sequence[Command]: ...

    @property
    def deadline(self) -> float: ...

    @property
    def is_over(self) -> bool: ...

    def begin(self) -> None: ...

    def end(self, replies: list[Any] | None) -> None: ...


class Commands:
    """Some commands of one caller."""

    def __init__(self, commands: Sequence[Command], deadline: float) -> None:
        self.commands = commands
        self.deadline = deadline
        self._replies: asyncio.Future[list[Any] | None] = asyncio.get_running_loop().create_future()

    @property
    def is_over(self) -> bool:
        """True where nobody waits any more."""
        return self._replies.done()

    def begin(self) -> None:
        """See Turn."""

    def end(self, replies: list[Any] | None) -> None:
        """See Turn."""
        if not self._replies.done():
            self._replies.set_result(replies)

    async def replies(self) -> list[Any] | None:
        """Wait for the end. To be called once; a caller who is cancelled gives the turn up."""
        return await self._replies


class Gets:
    """The gets of one moment: one MGET, and a future for each, so that one may be given up without the others.

    They end `deadline` seconds from now, whatever becomes of the turn.
    """

    def __init__(self, deadline: float) -> None:
        self._command: list[str | bytes | int] = ["MGET"]
        self.commands = [self._command]
        self.deadline = deadline
        self.is_open = True
        self.is_over = False
        self._waiting: list[asyncio.Future[bytes | None]] = []
        self._loop = asyncio.get_running_loop()
        self._timer = self._loop.call_later(deadline, self.end, None)

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, key: str) -> asyncio.Future[bytes | None]:
        """Ask for one key more; only while it is open."""
        self._command.append(key)
        future: asyncio.Future[bytes | None] = self._loop.create_future()
        self._waiting.append(future)
        return future

    def begin(self) -> None:
        """See Turn."""
        self.is_open = False

    def end(self, replies: list[Any] | None) -> None:
        """See Turn; without a reply everybody has a miss."""
        if self.is_over:
            return
        self.is_open, self.is_over = False, True
        self._timer.cancel()
        answered = replies is not None and not isinstance(replies[0], ResponseError)
        values = replies[0] if replies is not None and answered else [None] * len(self._waiting)
        for future, value in zip(self._waiting, values, strict=True):
            if not future.done():
                future.set_result(value)
