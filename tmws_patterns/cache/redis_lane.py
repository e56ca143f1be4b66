"""One connection to Redis and the task that owns it: opened in the background, replaced after any failure.

Callers never touch a connection. They hand in a Turn and wait for its end as long as they like, so that a
caller who is cancelled or gives up cannot leave half a reply on the wire.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

import anyio
from redis.exceptions import InvalidResponse, RedisError, ResponseError

from tmws_patterns.cache.redis_replies import Command, belongs
from tmws_patterns.cache.redis_turns import Turn
from tmws_patterns.tasks import background_tasks

_LOG = logging.getLogger(__name__)

CONNECT_DEADLINE = 1.0  # seconds; nobody waits for it
HEARTBEAT = 1.0  # seconds without a turn after which a PING asks whether Redis is still there
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 1.0  # seconds between attempts to connect: doubling, and shortened by jitter
OUTAGES = (RedisError, OSError, TimeoutError)
UNREADABLE = (ValueError, IndexError, RecursionError)  # what redis-py's parser raises for bytes that are no RESP


class Wire(Protocol):
    """What is used of a redis-py connection."""

    async def connect(self) -> None: ...

    async def disconnect(self, _nowait: bool, /) -> None: ...

    def pack_commands(self, commands: Iterable[Command]) -> list[bytes]: ...

    async def send_packed_command(self, command: list[bytes], _check_health: bool, /) -> None: ...

    async def read_response(self) -> Any: ...


class LaneOwner(Protocol):
    """Whom a lane serves and tells of its fortunes."""

    def lane_free(self, lane: Lane) -> None: ...

    def lane_opened(self) -> None: ...

    def lane_answered(self) -> None: ...

    def lane_failed(self, *, was_open: bool) -> None: ...


class Lane:
    """Serves turns on one connection at a time, for as long as `run` runs."""

    def __init__(self, owner: LaneOwner, new_wire: Callable[[], Wire], deadline: float) -> None:
        self._owner = owner
        self._new_wire = new_wire
        self._deadline = deadline
        self._given: asyncio.Future[Turn | None] | None = None
        self._served = 0  # turns, of which the beat wants to see one now and then

    @property
    def is_free(self) -> bool:
        """True while the lane waits for a turn."""
        return self._given is not None and not self._given.done()

    def give(self, turn: Turn | None) -> None:
        """The next turn of a free lane; None sends a PING."""
        if self._given is not None and not self._given.done():
            self._given.set_result(turn)

    async def run(self) -> None:
        """Connect, serve until something fails, pause, and again; until cancelled."""
        pause = FIRST_PAUSE
        async with background_tasks() as tasks:
            tasks.start_soon(self._beat)
            while True:
                was_open = await self._serve_one_connection()
                pause = FIRST_PAUSE if was_open else min(2 * pause, LONGEST_PAUSE)
                await anyio.sleep(pause * random.uniform(0.75, 1))  # noqa: S311 - spreads processes, guards nothing

    async def _serve_one_connection(self) -> bool:
        """Ends with the connection's failure; True where it had been of use before."""
        wire = self._new_wire()
        is_open = False
        try:
            async with asyncio.timeout(CONNECT_DEADLINE):
                await wire.connect()
            await self._ping(wire)
            is_open = True
            self._owner.lane_opened()
            while True:
                await self._serve(wire)
        except OUTAGES as exc:
            _LOG.debug("a connection to Redis failed: %r", exc)
            self._owner.lane_failed(was_open=is_open)
        finally:
            with anyio.CancelScope(shield=True):
                await wire.disconnect(True)  # without waiting for the other side
        return is_open

    async def _serve(self, wire: Wire) -> None:
        turn = await self._next_turn()
        if turn is None:
            await self._ping(wire)
        else:
            self._served += 1
            await self._take_turn(wire, turn)
        self._owner.lane_answered()

    async def _next_turn(self) -> Turn | None:
        """What the owner gives; None for a PING."""
        self._given = asyncio.get_running_loop().create_future()
        try:
            self._owner.lane_free(self)
            return await self._given
        finally:
            self._given = None

    async def _beat(self) -> None:
        """Have a PING sent where there was no turn for HEARTBEAT seconds, or nearly twice that."""
        while True:
            served = self._served
            await anyio.sleep(HEARTBEAT)
            if served == self._served:
                self.give(None)

    async def _take_turn(self, wire: Wire, turn: Turn) -> None:
        replies = None
        turn.begin()
        try:
            async with asyncio.timeout(turn.deadline):
                replies = await _exchange(wire, turn.commands)
        finally:
            turn.end(replies)

    async def _ping(self, wire: Wire) -> None:
        async with asyncio.timeout(self._deadline):
            (reply,) = await _exchange(wire, [("PING",)])
        if isinstance(reply, ResponseError):
            raise reply


async def _exchange(wire: Wire, commands: Sequence[Command]) -> list[Any]:
    await wire.send_packed_command(wire.pack_commands(commands), False)  # no PING of its own before it
    return [await _reply(wire, command) for command in commands]


async def _reply(wire: Wire, command: Command) -> Any:
    try:
        reply = await wire.read_response()
    except ResponseError as exc:  # the reply was read whole: the connection is in step
        return exc
    except UNREADABLE as exc:
        raise InvalidResponse("the reply is no RESP") from exc
    if not belongs(command, reply):
        raise InvalidResponse(f"the reply does not belong to {command[0]!r}")
    return reply
