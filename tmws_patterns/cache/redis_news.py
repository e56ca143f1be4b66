"""News of raised epochs between processes that share a Redis: pub/sub with sequence numbers, where a gap forgets all.

The database holds the epochs, and is read now and then whatever happens here; news only come sooner, and where the
database's own notifications do not arrive, as behind a pooler that knows no LISTEN. Each message has a number that
Redis counts. Who listens anew, or finds that a number was left out, has missed something, and what he knew of the
epochs counts no more until he has read them.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import anyio
import orjson
from redis.exceptions import InvalidResponse, ResponseError

from tmws_patterns.cache.redis_lane import CONNECT_DEADLINE, HEARTBEAT, LONGEST_PAUSE, OUTAGES, UNREADABLE, Wire
from tmws_patterns.cache.redis_replies import Command
from tmws_patterns.ports import told_epochs

_LOG = logging.getLogger(__name__)

_QUIET = 2.5 * HEARTBEAT  # seconds without a message or the answer to a PING after which a connection counts as lost
_REFUSED = 60.0  # seconds before a server is asked again that does not let this user listen
_DIGITS = 19  # of the largest number that Redis counts to
_TELL = """
local number = redis.call('INCR', KEYS[1])
redis.call('PUBLISH', KEYS[2], number .. ' ' .. ARGV[1])
return number
"""

Epochs = Mapping[str, int]
Hear = Callable[[Epochs | None], None]


class Asks(Protocol):
    """Sends commands on some connection; None where there is none, or a command is refused."""

    async def ask(self, commands: list[Command]) -> list[Any] | None: ...


class RedisNews:
    """`run` belongs in a background task. `hear` is called with what another process raised, or None after a gap."""

    def __init__(self, asks: Asks, new_wire: Callable[[], Wire], name: str, hear: Hear) -> None:
        self._asks = asks
        self._new_wire = new_wire
        self._channel = f"{name}epochs"
        self._counter = f"{name}epochs:number"
        self._hear = hear
        self._number: int | None = None
        self._untold: dict[str, int] = {}
        self._something = anyio.Event()
        self._listening = self._refused = False

    def tell(self, epochs: Epochs) -> None:
        """Tell the others soon; what cannot be told they read in the database."""
        self._untold.update(epochs)
        self._something.set()

    async def run(self) -> None:
        """Tell and listen until cancelled."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._speak)
            while True:
                await self._listen()
                pause = _REFUSED if self._refused else LONGEST_PAUSE
                await anyio.sleep(pause * random.uniform(0.25, 1))  # noqa: S311 - spreads processes

    async def _speak(self) -> None:
        while True:
            await self._something.wait()
            self._something = anyio.Event()
            told, self._untold = orjson.dumps(self._untold), {}
            await self._asks.ask([("EVAL", _TELL, 2, self._counter, self._channel, told)])

    async def _listen(self) -> None:
        """Until the connection is lost, or could not be opened."""
        wire = self._new_wire()
        try:
            async with asyncio.timeout(CONNECT_DEADLINE):
                await wire.connect()
                await _send(wire, ("SUBSCRIBE", self._channel))
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(_keep_awake, wire)
                while True:
                    async with asyncio.timeout(_QUIET):
                        self._take(await _read(wire))
        except* ResponseError as group:
            if not self._refused:
                _LOG.warning("Redis lets nobody listen to %s, so the database alone tells: %s", self._channel, group)
            self._refused = True
        except* OUTAGES as group:
            _LOG.debug("news of epochs are not heard: %r", group.exceptions[0])
        finally:
            if self._listening:
                self._listening = False
                self._miss()
            with anyio.CancelScope(shield=True):
                await wire.disconnect(True)  # without waiting for the other side

    def _take(self, reply: Any) -> None:
        match reply:
            case [b"subscribe", *_]:
                self._listening, self._refused = True, False
                self._miss()  # what was told before this moment
            case [b"message", _, bytes(message)]:
                self._take_message(message)
            case [b"pong", *_]:
                pass
            case _:
                raise InvalidResponse("the reply is no news")

    def _take_message(self, message: bytes) -> None:
        number, _, told = message.partition(b" ")
        epochs = told_epochs(told)
        if epochs is None or not number.isdigit() or len(number) > _DIGITS:  # anybody may send on a channel
            _LOG.warning("a message on %s is none of ours", self._channel)
            return
        current = int(number)
        if self._number is not None and current != self._number + 1:
            self._miss()
        self._number = current
        self._hear(epochs)

    def _miss(self) -> None:
        self._number = None
        self._hear(None)


async def _keep_awake(wire: Wire) -> None:
    while True:
        await anyio.sleep(HEARTBEAT)
        await _send(wire, ("PING",))


async def _send(wire: Wire, command: Sequence[str]) -> None:
    await wire.send_packed_command(wire.pack_commands([command]), False)


async def _read(wire: Wire) -> Any:
    try:
        return await wire.read_response()
    except UNREADABLE as exc:
        raise InvalidResponse("the reply is no RESP") from exc
