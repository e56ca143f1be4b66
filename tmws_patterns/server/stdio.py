"""Serving on stdin and stdout without threads, so that a signal ends the process at once and cleanly.

The SDK reads stdin in a thread that nothing can interrupt: on SIGINT such a server hangs, on SIGTERM
it leaves its children behind. Here both ends wait for readiness in the event loop.
"""

from __future__ import annotations

import os
import stat
import sys
from typing import Any, Self

import anyio
from mcp.server import Server
from mcp.server.stdio import stdio_server

from tmws_patterns.server.build import build_server, initialization
from tmws_patterns.server.host import Opener
from tmws_patterns.server.signals import on_signal

_READ = 65_536
_WRITE = 4_096  # PIPE_BUF on Linux: this much can be written without blocking once a pipe is writable


class LineReader:
    """Lines of a file descriptor, as an async iterator of text."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._waits = not _is_file(fd)
        self._buffer = bytearray()
        self._searched = 0

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> str:
        while (end := self._buffer.find(b"\n", self._searched)) < 0:
            self._searched = len(self._buffer)
            if self._waits:
                await anyio.wait_readable(self._fd)
            chunk = os.read(self._fd, _READ)
            if not chunk:
                raise StopAsyncIteration
            self._buffer += chunk
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        self._searched = 0
        return line.decode("utf-8", "replace")


class LineWriter:
    """The file-like end of a file descriptor that the SDK writes lines to."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._waits = not _is_file(fd)

    async def write(self, text: str) -> None:
        left = memoryview(text.encode())
        while left:
            if self._waits:
                await anyio.wait_writable(self._fd)
            left = left[os.write(self._fd, left[:_WRITE]) :]

    async def flush(self) -> None:
        """Nothing is buffered."""


def run_stdio(open_app: Opener) -> None:
    """Serve one client until it closes stdin or a signal comes. Returns normally in both cases."""
    server, _ = build_server(open_app)
    anyio.run(_serve, server, **_backend())


async def _serve(server: Server[Any]) -> None:
    async with anyio.create_task_group() as group:
        group.start_soon(on_signal, group.cancel_scope.cancel)
        async with stdio_server(*_claim()) as (incoming, outgoing):
            await server.run(incoming, outgoing, initialization(server))
        group.cancel_scope.cancel()


def _claim() -> tuple[Any, Any]:
    """Our own ends of stdin and stdout; None on Windows, where the SDK's must do.

    Descriptor 0 then reads nothing and descriptor 1 leads to stderr, so that nobody who prints
    disturbs the protocol.
    """
    if sys.platform == "win32":
        return None, None
    incoming, outgoing = os.dup(0), os.dup(1)
    os.set_inheritable(incoming, False)
    os.set_inheritable(outgoing, False)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return LineReader(incoming), LineWriter(outgoing)


def _is_file(fd: int) -> bool:
    """True for what is always ready and cannot be waited for."""
    mode = os.fstat(fd).st_mode
    return stat.S_ISREG(mode) or (stat.S_ISCHR(mode) and os.major(os.fstat(fd).st_rdev) == 1)  # 1: /dev/null and kin


def _backend() -> dict[str, Any]:
    """Uvloop where the extra [speed] brought it."""
    try:
        import uvloop  # noqa: F401, PLC0415 - only asked whether it is there
    except ImportError:
        return {}
    return {"backend": "asyncio", "backend_options": {"use_uvloop": True}}
