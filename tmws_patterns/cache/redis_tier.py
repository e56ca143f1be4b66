"""The second tier: Redis, with which several processes share their answers.

A get costs no more than its deadline, whatever Redis does: the gets of one moment share an MGET, a
lost or slow connection is a miss, and after THRESHOLD failures in a row gets are misses at once until
a PING in the background has come back. Writes wait in a bounded queue, never in a request.
"""

from __future__ import annotations

import logging
import re
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from typing import Any, Literal, Self, cast

import anyio
from redis.asyncio.connection import ConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ResponseError

from tmws_patterns.cache import frame
from tmws_patterns.cache.redis_lane import CONNECT_DEADLINE, Lane, Wire
from tmws_patterns.cache.redis_news import RedisNews
from tmws_patterns.cache.redis_replies import Command
from tmws_patterns.cache.redis_turns import Commands, Gets, Turn
from tmws_patterns.cache.write_behind import WriteBehind
from tmws_patterns.errors import InvalidInput
from tmws_patterns.ports import Entry, Epochs
from tmws_patterns.tasks import background_tasks

_LOG = logging.getLogger(__name__)

THRESHOLD = 3  # failures in a row that open the breaker
MAX_GATHERED = 256  # gets that may wait for one MGET; more are misses
MAX_FRAME = 2**20  # bytes; larger answers would not come back within a deadline of 20 ms while others read
WRITE_DEADLINE = 0.25  # seconds for one batch of writes; no request waits for it
CLOSING = 0.25  # seconds that leaving may spend on what still waits to be written
_WAIVED = 2
# A lease is taken where it is free; "-" in it says that its last holder came to nothing.
_TAKE = """
local holder = redis.call('GET', KEYS[1])
if holder == '-' then return 2 end
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""
_OWN = "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end "
_RENEW = _OWN + "return redis.call('PEXPIRE', KEYS[1], ARGV[2])"
_WAIVE = _OWN + "redis.call('SET', KEYS[1], '-', 'PX', ARGV[2]) return 1"
_RELEASE = _OWN + "return redis.call('DEL', KEYS[1])"
SCAN_COUNT, SCAN_ROUNDS = 500, 2000  # a clear looks at a million keys at most


class RedisTier:
    """An async context manager. Every key is `tmws:{namespace}:{digest}`.

    Entering returns at once: the tier becomes available when a connection has been opened.

    Raises:
        InvalidInput: from the constructor, where `url` is no URL of Redis.
    """

    name = "redis"

    def __init__(
        self,
        url: str,
        timeout: float = 0.02,
        max_connections: int = 4,
        namespace: str = "default",
        clock: Callable[[], float] = time.time,
        grace: float = 0.0,
    ) -> None:
        self._deadline = timeout
        self._grace = grace
        self._clock = clock
        self._prefix = f"tmws:{namespace}:"
        self._new_wire = _wires(url)
        self._lanes = [Lane(self, self._new_wire, timeout) for _ in range(max_connections)]
        self._open_lanes = 0
        self._failures = 0
        self._turns: deque[Turn] = deque()
        self._gathering: Gets | None = None  # what a get may still join
        self.writes = WriteBehind(self._write)
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        tasks = self._tasks = await self._stack.enter_async_context(background_tasks())
        for lane in self._lanes:
            tasks.start_soon(lane.run)
        tasks.start_soon(self.writes.run)
        return self

    async def __aexit__(self, *exc: Any) -> bool | None:
        with anyio.move_on_after(CLOSING, shield=True):
            await self.writes.flushed()
        self._open_lanes = 0
        self._abandon_turns()
        return await self._stack.__aexit__(*exc)

    @property
    def available(self) -> bool:
        """True while a connection is open and the last failures were fewer than three in a row."""
        return self._open_lanes > 0 and self._failures < THRESHOLD

    @property
    def dropped(self) -> int:
        """Entries that were not written because too many waited."""
        return self.writes.dropped

    async def get(self, digest: str) -> Entry | None:
        """The entry; None where there is none, it is too old, or Redis does not answer in time."""
        if not self.available:
            return None
        gathering = self._gathering
        if gathering is None or not gathering.is_open:
            # A lane counts the deadline from the sending; who waits counts it from here, whatever the lanes do.
            gathering = self._gathering = Gets(self._deadline)
            self._add(gathering)
        if len(gathering) >= MAX_GATHERED:
            return None
        found = await gathering.add(self._prefix + digest)
        entry = None if found is None else frame.decode(found)
        return entry if entry is not None and entry.expires_at + self._grace > self._clock() else None

    async def put(self, digest: str, entry: Entry) -> None:
        """Queue the entry; dropped while Redis is away."""
        if self.available and len(entry.payload) < MAX_FRAME:
            self.writes.put(digest, entry)

    async def publish(self, digest: str, entry: Entry) -> None:
        """Set the entry, and return when it can be read; dropped while Redis is away."""
        if self.available and len(entry.payload) < MAX_FRAME:
            self.writes.discard(digest)
            await self._write([(digest, entry)])

    async def lease(self, name: str, token: str, seconds: float) -> bool | Literal["waived"] | None:
        """See ports.Leasing."""
        reply = await self._lease(_TAKE, name, token, seconds)
        return "waived" if reply == _WAIVED else None if reply is None else reply == 1

    async def renew(self, name: str, token: str, seconds: float) -> bool | None:
        """See ports.Leasing."""
        reply = await self._lease(_RENEW, name, token, seconds)
        return None if reply is None else reply == 1

    async def waive(self, name: str, token: str, seconds: float) -> None:
        """See ports.Leasing."""
        await self._lease(_WAIVE, name, token, seconds)

    async def release(self, name: str, token: str) -> None:
        """Give a lease back; one that cannot be given back ends by itself."""
        await self._lease(_RELEASE, name, token, 0)

    async def _lease(self, script: str, name: str, token: str, seconds: float) -> Any:
        replies = await self.ask([("EVAL", script, 1, f"{self._prefix}lease:{name}", token, int(seconds * 1000))])
        return None if replies is None else replies[0]

    def share(self, epochs: Epochs) -> None:
        """Tell other processes of raised epochs, and hear of theirs, from now on; only while the tier is open."""
        news = RedisNews(self, self._new_wire, self._prefix, epochs.hear)
        if epochs.follow(news.tell):
            self._tasks.start_soon(news.run)

    async def clear(self) -> None:
        """Remove this namespace's keys and no others."""
        self.writes.clear()
        await self.writes.flushed()
        pattern = re.sub(r"([\\*?\[\]])", r"\\\1", self._prefix) + "*"
        cursor: bytes | int = 0
        for _ in range(SCAN_ROUNDS):
            found = await self.ask([("SCAN", cursor, "MATCH", pattern, "COUNT", SCAN_COUNT)])
            if found is None:
                break
            cursor, keys = found[0]
            if keys and await self.ask([("UNLINK", *keys)]) is None:
                break
            if int(cursor) == 0:
                return
        _LOG.warning("Redis was not cleared: it does not answer, or holds too many keys")

    # --- what the lanes see -----------------------------------------------------------------------

    def lane_free(self, lane: Lane) -> None:
        """A connection waits for a turn."""
        while self._turns:
            turn = self._turns.popleft()
            if not turn.is_over:  # else nobody waits for it any more
                lane.give(turn)
                return

    def lane_opened(self) -> None:
        """A connection is open and has answered a PING, which closes the breaker."""
        self._open_lanes += 1
        self.lane_answered()

    def lane_answered(self) -> None:
        """An open connection has answered: failures before it and after it are not in a row."""
        self._failures = 0

    def lane_failed(self, *, was_open: bool) -> None:
        """A connection is gone, or could not be opened."""
        was_available = self.available
        self._open_lanes -= was_open
        self._failures += 1
        if was_open:
            # What closed this connection has most likely closed them all: one miss is enough to find out.
            for lane in self._lanes:
                lane.give(None)
        if not self.available:
            self._abandon_turns()
            if was_available:
                _LOG.warning("Redis is unavailable: answers come from the other tiers until it returns")

    # --- turns ------------------------------------------------------------------------------------

    def _add(self, turn: Turn) -> None:
        """Give the turn to a free connection, which begins it when all who run in this moment have asked."""
        self._turns.append(turn)
        free = next((lane for lane in self._lanes if lane.is_free), None)
        if free is not None:
            self.lane_free(free)

    def _abandon_turns(self) -> None:
        while self._turns:
            self._turns.popleft().end(None)

    async def ask(self, commands: list[Command]) -> list[Any] | None:
        """The replies; None where there is no connection, or a reply is an error."""
        if not self.available:
            return None
        turn = Commands(commands, WRITE_DEADLINE)
        self._add(turn)
        replies = await turn.replies()
        refused = next((reply for reply in replies or () if isinstance(reply, ResponseError)), None)
        if refused is not None:
            _LOG.warning("Redis refuses a command: %s", refused)
            return None
        return replies

    async def _write(self, batch: Sequence[tuple[str, Entry]]) -> None:
        now = self._clock()
        ages = ((digest, entry, int((entry.expires_at + self._grace - now) * 1000)) for digest, entry in batch)
        commands: list[Command] = [
            ("SET", self._prefix + digest, frame.encode(entry), "PX", milliseconds)
            for digest, entry, milliseconds in ages
            if milliseconds > 0
        ]
        if commands:
            await self.ask(commands)


def _wires(url: str) -> Callable[[], Wire]:
    """A maker of connections that are not open yet."""
    # RESP2: every server speaks it, and it spares the handshake of redis-py 8 for notifications.
    try:
        pool = ConnectionPool.from_url(
            url,
            protocol=2,
            retry=Retry(NoBackoff(), 0),
            socket_timeout=None,
            socket_connect_timeout=CONNECT_DEADLINE,
            health_check_interval=0,
        )
    except ValueError as exc:
        hint = "TMWS_REDIS_URL looks like redis://host:6379/0, rediss://... or unix:///path"
        raise InvalidInput(f"the URL of Redis cannot be used: {exc}", hint=hint) from exc
    make: Any = pool.make_connection  # redis-py leaves it untyped
    return lambda: cast(Wire, make())
