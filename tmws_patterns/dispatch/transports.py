"""From a server's configuration to something the SDK's Client can enter: one function, four transports."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Self

import anyio
from mcp.client import Transport as ClientTransport
from mcp.client._transport import TransportStreams
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client
from mcp.server import MCPServer, Server
from mcp.shared._stream_protocols import ReadStream
from mcp.shared.message import SessionMessage

from tmws_patterns.dispatch.children import child_environment, program
from tmws_patterns.dispatch.config import ServerConfig, Transport
from tmws_patterns.dispatch.stdio import ChildTransport
from tmws_patterns.dispatch.web import http_client

Message = SessionMessage | Exception
Target = MCPServer[Any] | Server[Any] | ClientTransport


def open_target(config: ServerConfig, environment: Mapping[str, str], on_end: Callable[[], None]) -> Target:
    """What a new Client is made of.

    `on_end` is called, synchronously, as soon as nothing more can come from the server; for an
    in-process server, and for HTTP, where each call has a connection of its own, that is never.
    """
    if config.in_process is not None:
        return config.in_process
    if config.transport is Transport.STDIO:
        given = child_environment(config, environment)
        command = program(config, given)
        return ChildTransport(command, given, cwd=config.cwd, name=config.name, on_end=on_end)
    if config.transport is Transport.SSE:
        return _watched_sse(config, on_end)
    return _streamable_http(config)


@asynccontextmanager
async def _streamable_http(config: ServerConfig) -> AsyncGenerator[TransportStreams, None]:
    async with (
        http_client(config.headers) as http,
        streamable_http_client(config.url, http_client=http) as streams,
    ):
        yield streams


@asynccontextmanager
async def _watched_sse(config: ServerConfig, on_end: Callable[[], None]) -> AsyncGenerator[TransportStreams, None]:
    async with sse_client(config.url, headers=dict(config.headers)) as (inbox, outbox):
        yield _Watched(inbox, on_end), outbox


class _Watched:
    """A stream of messages that tells when it ends, before its reader can tell anybody else."""

    def __init__(self, inner: ReadStream[Message], on_end: Callable[[], None]) -> None:
        self._inner = inner
        self._on_end = on_end

    @property
    def last_context(self) -> Any:
        """The sender's context variables, in which the SDK handles the message."""
        return getattr(self._inner, "last_context", None)

    async def receive(self) -> Message:
        try:
            return await self._inner.receive()
        except (anyio.EndOfStream, anyio.ClosedResourceError):
            self._on_end()
            raise

    async def aclose(self) -> None:
        await self._inner.aclose()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Message:
        try:
            return await self._inner.__anext__()
        except (StopAsyncIteration, anyio.ClosedResourceError):
            self._on_end()
            raise

    async def __aenter__(self) -> Self:
        await self._inner.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return await self._inner.__aexit__(kind, error, trace)
