"""Serving on stdin and stdout without threads, so that a signal ends the process at once and cleanly.

The SDK reads stdin in a thread that nothing can interrupt: on SIGINT such a server hangs, on SIGTERM
it leaves its children behind. Here both ends wait for readiness in the event loop.
"""

from __future__ import annotations

import os
import re
import stat
import sys
from typing import Any, Self

import anyio
import orjson
from mcp.server import Server
from mcp.server.stdio import stdio_server
from mcp.types import PARSE_ERROR, jsonrpc_message_adapter

from tmws_patterns.server.build import build_server, initialization
from tmws_patterns.server.host import Opener
from tmws_patterns.server.signals import on_signal
from tmws_patterns.shaping import compact

_READ = 65_536
_LONE = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])|(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F][0-9a-fA-F]{2}"
)
_ID = re.compile(r'"id"\s*:\s*(-?\d{1,15}|"[^"\\]{0,100}")')
_WRITE = 4_096  # PIPE_BUF on Linux: this much can be written without blocking once a pipe is writable


class LineReader:
    """Messages of a file descriptor, a line each, as an async iterator of text.

    A line that is no message is answered with a JSON-RPC error through `answers`, so that nobody
    waits for it in vain; without `answers` every line is handed on as it is.
    """

    def __init__(self, fd: int, answers: LineWriter | None = None) -> None:
        self._fd = fd
        self._answers = answers
        self._waits = not _is_file(fd)
        self._buffer = bytearray()
        self._searched = 0

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> str:
        while True:
            line = await self._line()
            if self._answers is None:
                return line
            message, refusal = readable(line)
            if message is not None:
                return message
            await self._answers.write(f"{refusal}\n")

    async def _line(self) -> str:
        while (end := self._buffer.find(b"\n", self._searched)) < 0:
            self._searched = len(self._buffer)
            if self._waits:
                await anyio.wait_readable(self._fd)
            chunk = os.read(self._fd, _READ)
            if not chunk:
                if not self._buffer:
                    raise StopAsyncIteration
                chunk = b"\n"  # the last line may lack its end
            self._buffer += chunk
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        self._searched = 0
        return line.decode("utf-8", "replace")


def readable(line: str) -> tuple[str | None, str]:
    """(the message, "") where the SDK will be able to read a line, else (None, what to answer).

    Half a surrogate pair, which JavaScript writes for an emoji cut in two, becomes a replacement mark.
    """
    try:
        jsonrpc_message_adapter.validate_json(line, by_name=False)
    except ValueError:
        mended = _LONE.sub(r"\\ufffd", line)
        try:
            jsonrpc_message_adapter.validate_json(mended, by_name=False)
        except ValueError as exc:
            found = _ID.search(line)
            reason = str(exc).split("\n")[0][:200]
            error = {"code": PARSE_ERROR, "message": f"this line is no JSON-RPC message: {reason}"}
            return None, compact({"jsonrpc": "2.0", "id": orjson.loads(found[1]) if found else None, "error": error})
        return mended, ""
    return line, ""


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
            try:
                left = left[os.write(self._fd, left[:_WRITE]) :]
            except BrokenPipeError:  # the client has gone; its end of stdin will say so too
                return

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
    writer = LineWriter(outgoing)
    return LineReader(incoming, writer), writer


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
