"""A Redis peer whose replies belong to other commands, or are no replies at all: misses, and no failed call."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from inspect import unwrap

import anyio
import pytest
from anyio.abc import SocketAttribute, SocketStream
from cache_parts import Backend, ask, entry, until
from redis._parsers import _AsyncRESP2Parser
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ResponseError

from tmws_patterns.cache import open_cache
from tmws_patterns.cache.redis_replies import belongs
from tmws_patterns.cache.redis_tier import RedisTier

pytestmark = pytest.mark.anyio

Peer = Callable[[SocketStream], Awaitable[None]]


@asynccontextmanager
async def peer_of(serve: Peer) -> AsyncIterator[str]:
    """The URL of a TCP peer that treats every connection in this way."""

    async def handle(stream: SocketStream) -> None:
        async with stream:
            try:
                await serve(stream)
            except (anyio.BrokenResourceError, anyio.EndOfStream, anyio.ClosedResourceError):
                return  # the other side has had enough

    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    port = listener.extra(SocketAttribute.local_port)
    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, handle)
        yield f"redis://127.0.0.1:{port}"
        tasks.cancel_scope.cancel()


async def pong_without_end(stream: SocketStream) -> None:
    while True:
        await stream.send(b"+PONG\r\n" * 50)


async def three_replies_to_each(stream: SocketStream) -> None:
    while await stream.receive():
        await stream.send(b"*1\r\n$5\r\nhello\r\n+OK\r\n:5\r\n")


def answering(reply: bytes) -> Peer:
    """A Redis until it is asked for something: then it sends these bytes."""

    async def serve(stream: SocketStream) -> None:
        while asked := await stream.receive():
            for _ in range(asked.count(b"CLIENT")):
                await stream.send(b"+OK\r\n")
            if b"PING" in asked:
                await stream.send(b"+PONG\r\n")
            elif b"CLIENT" not in asked:
                await stream.send(reply)

    return serve


WRONG = {
    "a word": b"+PONG\r\n",
    "a number": b":5\r\n",
    "nothing": b"$-1\r\n",
    "numbers in a list": b"*1\r\n:5\r\n",
    "lists in a list": b"*1\r\n*1\r\n$1\r\na\r\n",
    "an empty list": b"*0\r\n",
    "too long a list": b"*2\r\n$-1\r\n$-1\r\n",
    "a number that is none": b":five\r\n",
    "a length that is none": b"$five\r\n",
    "lists without end": b"*1\r\n" * 5000,
    "no RESP": b"hello\r\n",
}
PEERS = {"pong without end": pong_without_end, "three replies to each": three_replies_to_each} | {
    name: answering(reply) for name, reply in WRONG.items()
}


@pytest.mark.parametrize("peer", PEERS.values(), ids=PEERS)
async def test_a_peer_out_of_step_fails_no_get_and_no_call(settings, database, clock, peer) -> None:
    async with peer_of(peer) as url:
        out_of_step = settings.model_copy(update={"redis_url": url, "redis_timeout": 0.2})
        async with open_cache(out_of_step, None, database.epochs, "test", clock) as cache:
            (tier,) = cache._lower
            for number in range(5):
                with anyio.move_on_after(0.3):
                    await until(lambda: tier.available)
                assert await tier.get("name") is None
                assert (await ask(cache, Backend(), number)).payload == b"answer"
            with anyio.fail_after(5):
                await cache.clear()


@pytest.mark.parametrize("reply", WRONG.values(), ids=WRONG)
async def test_a_reply_that_belongs_to_another_command_closes_its_connection(reply, caplog) -> None:
    caplog.set_level("DEBUG", logger="tmws_patterns.cache")
    async with peer_of(answering(reply)) as url, RedisTier(url, 0.2, max_connections=1) as tier:
        await until(lambda: tier.available)
        assert await tier.get("name") is None
        await until(lambda: "a connection to Redis failed" in caplog.text)
        await until(lambda: tier.available)  # a new connection, which has answered a PING


@pytest.mark.parametrize("reply", WRONG.values(), ids=WRONG)
async def test_without_hiredis_a_wrong_reply_is_a_failed_connection_too(reply, monkeypatch) -> None:
    monkeypatch.setitem(unwrap(AbstractConnection.__init__).__kwdefaults__, "parser_class", _AsyncRESP2Parser)
    async with peer_of(answering(reply)) as url, RedisTier(url, 0.2, max_connections=1) as tier:
        await until(lambda: tier.available)
        assert await tier.get("name") is None
        await until(lambda: tier.available)


async def test_a_peer_that_never_answers_a_ping_with_pong_is_not_available() -> None:
    async with peer_of(three_replies_to_each) as url, RedisTier(url, 0.2) as tier:
        await until(lambda: tier._failures >= 4)
        assert not tier.available


async def test_a_write_with_a_wrong_reply_fails_nothing(clock) -> None:
    async with peer_of(answering(b"*0\r\n")) as url, RedisTier(url, 0.2, clock=clock) as tier:
        await until(lambda: tier.available)
        await tier.put("name", entry(clock))
        with anyio.fail_after(5):
            await tier.writes.flushed()


@pytest.mark.parametrize(
    ("command", "right", "wrong"),
    [
        (("MGET", "a", "b"), [None, b"x"], [None]),
        (("SCAN", 0), [b"0", [b"k"]], [b"0", b"k"]),
        (("SCAN", 0), [b"17", []], [b"x", []]),
        (("UNLINK", "a"), 1, b"1"),
        (("SET", "a", b"x"), b"OK", None),
        (("PING",), b"PONG", b"OK"),
        (("OTHER",), ResponseError("unknown command"), None),
    ],
)
def test_a_reply_is_known_by_its_form(command, right, wrong) -> None:
    assert belongs(command, right)
    assert not belongs(command, wrong)
