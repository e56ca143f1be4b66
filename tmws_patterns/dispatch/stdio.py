"""A child process spoken to over its stdin and stdout.

The SDK's own transport reads os.environ, logs every line of noise as an error, and gives a child that
ignores the end of its input four seconds to die; this one takes the environment it is given, keeps the
last lines of what the child said for the error message, and ends it in under 1 s.
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
from collections import deque
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager, suppress
from types import TracebackType

import anyio
from anyio.abc import ByteReceiveStream, Process
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.client import Transport
from mcp.client._transport import TransportStreams
from mcp.shared.message import SessionMessage
from mcp.types import JSONRPCRequest

from tmws_patterns.dispatch.messages import read_message, unsendable
from tmws_patterns.forking import fork

logger = logging.getLogger(__name__)

OUTBOX = 1024  # messages; a frozen child then blocks no caller, whose deadline could not pass while writing
LARGEST_LINE = 64 * 2**20  # bytes; what prints more without a line break is not an MCP server
MOST_NOISE = 10_000  # lines in a row that are no messages; such a flood would slow everybody down
LAST_WORDS = 20  # lines kept for the error message
END_OF_INPUT_GRACE = 0.3  # s; a Python server needs about 0.1 to 0.3 to leave by itself, and SIGTERM harms none
TERMINATE_GRACE = 0.3  # s; with the others under 1 s, so that our own exit stays under 2 s
KILL_GRACE = 0.3  # s; only a process stuck in the kernel needs it
POLL = 0.01  # s; Process.wait() also waits for pipes that a grandchild may hold open

_GONE = (anyio.ClosedResourceError, anyio.BrokenResourceError, anyio.EndOfStream, OSError)


class ChildTransport(Transport):
    """One run of one child, as the SDK's Client wants it. Enter it once.

    `on_end` is called, synchronously, when the child's output ends, before any waiting call learns of it.
    """

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        *,
        cwd: str | None,
        name: str,
        on_end: Callable[[], None],
    ) -> None:
        self._command = command
        self._environment = environment
        self._cwd = cwd
        self._name = name
        self._on_end = on_end
        self._noise = 0
        self._said: deque[str] = deque(maxlen=LAST_WORDS)
        self._process: Process | None = None
        self._opened: AbstractAsyncContextManager[TransportStreams] | None = None

    @property
    def pid(self) -> int | None:
        """The process id, while there is a process."""
        return self._process.pid if self._process and self._process.returncode is None else None

    @property
    def status(self) -> int | None:
        """The exit status; negative for a signal; None before the end."""
        return self._process.returncode if self._process else None

    @property
    def last_words(self) -> str:
        """The last lines the child wrote to stderr, or to stdout without their being messages."""
        return "\n".join(self._said)

    async def __aenter__(self) -> TransportStreams:
        self._opened = self._open()
        return await self._opened.__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return await self._opened.__aexit__(kind, error, trace) if self._opened else None

    @asynccontextmanager
    async def _open(self) -> AsyncGenerator[TransportStreams, None]:
        # A session of its own, so that one signal reaches whatever the child starts, and none of
        # the terminal's (Ctrl-C) reaches the child before we have said goodbye.
        with fork():
            self._process = process = await anyio.open_process(
                self._command,
                env=self._environment,
                cwd=self._cwd,
                stderr=subprocess.PIPE,
                start_new_session=sys.platform != "win32",
            )
        # No await until the task group is entered: a cancellation in between would leak the process.
        arriving, inbox = anyio.create_memory_object_stream[SessionMessage | Exception](0)
        outbox, leaving = anyio.create_memory_object_stream[SessionMessage](OUTBOX)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._read, process, arriving)
            tasks.start_soon(self._write, process, leaving, arriving)
            tasks.start_soon(self._listen, process)
            try:
                yield inbox, outbox
            finally:
                with anyio.CancelScope(shield=True):
                    inbox.close()
                    outbox.close()
                    await _end(process)
                tasks.cancel_scope.cancel()

    async def _read(self, process: Process, inbox: MemoryObjectSendStream[SessionMessage | Exception]) -> None:
        """Pass on every message; read on when nobody listens any more, or the child blocks on its output."""
        assert process.stdout is not None  # noqa: S101 - asked for above
        try:
            async with aclosing(_lines(process.stdout)) as lines:
                async for line in lines:
                    message = self._parse(line)
                    if self._noise > MOST_NOISE:
                        break
                    if message is not None:
                        with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
                            await inbox.send(message)
        finally:
            self._on_end()
            inbox.close()

    def _parse(self, line: bytes) -> SessionMessage | None:
        if line.lstrip().startswith(b"{"):
            message = read_message(line)
            if message is not None:
                self._noise = 0
                return SessionMessage(message)
            logger.debug("%s wrote an object that is no message", self._name)
        self._noise += 1
        self._note("stdout", line)
        return None

    async def _write(
        self,
        process: Process,
        outbox: MemoryObjectReceiveStream[SessionMessage],
        inbox: MemoryObjectSendStream[SessionMessage | Exception],
    ) -> None:
        assert process.stdin is not None  # noqa: S101 - asked for above
        with outbox:
            async for item in outbox:
                try:
                    text = item.message.model_dump_json(by_alias=True, exclude_unset=True).encode()
                except (ValueError, RecursionError) as exc:  # its caller alone fails, and nobody else's call
                    await self._answer_unsent(item, exc, inbox)
                    continue
                try:
                    await process.stdin.send(text + b"\n")
                except _GONE:
                    self._on_end()
                    inbox.close()
                    return

    async def _answer_unsent(
        self, item: SessionMessage, error: Exception, inbox: MemoryObjectSendStream[SessionMessage | Exception]
    ) -> None:
        """Answer a request that cannot be written in the server's place."""
        logger.warning("a message to %s cannot be written: %s", self._name, error)
        if isinstance(item.message, JSONRPCRequest):
            with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
                await inbox.send(SessionMessage(unsendable(item.message.id, error)))

    async def _listen(self, process: Process) -> None:
        assert process.stderr is not None  # noqa: S101 - asked for above
        async with aclosing(_lines(process.stderr)) as lines:
            async for line in lines:
                self._note("stderr", line)

    def _note(self, stream: str, line: bytes) -> None:
        words = line.decode("utf-8", "replace").strip()[:500]
        if words:
            self._said.append(words)
            logger.debug("%s on %s: %s", self._name, stream, words)


async def _lines(stream: ByteReceiveStream) -> AsyncGenerator[bytes, None]:
    """The lines of a pipe, until it ends or one of them grows beyond all measure."""
    parts: list[bytes] = []
    size = 0
    with suppress(*_GONE):
        while size <= LARGEST_LINE:
            first, *others = (await stream.receive()).split(b"\n")
            parts.append(first)
            size += len(first)
            for other in others:
                yield b"".join(parts)
                parts, size = [other], len(other)


async def _end(process: Process) -> None:
    """Close the child's input, then ask it, then make it end, and whatever it started with it."""
    if process.stdin is not None:
        with suppress(*_GONE):
            await process.stdin.aclose()
    if not await _ended(process, END_OF_INPUT_GRACE):
        _signal(process, signal.SIGTERM)
        await _ended(process, TERMINATE_GRACE)
    _signal(process, signal.SIGKILL if sys.platform != "win32" else signal.SIGTERM)
    if not await _ended(process, KILL_GRACE):
        logger.warning("process %d outlived SIGKILL; left behind", process.pid)
    for output in (process.stdout, process.stderr):
        if output is not None:
            with suppress(*_GONE):
                await output.aclose()
    _release(process)


def _release(process: Process) -> None:
    """Close asyncio's hold on the pipes, which it keeps where a survivor, or a full buffer, hides their end.

    Nothing public reaches it, so the attributes are walked, as the SDK does.
    """
    close = getattr(getattr(getattr(process, "_process", None), "_transport", None), "close", None)
    if callable(close):
        with suppress(PermissionError):
            close()


async def _ended(process: Process, grace: float) -> bool:
    with anyio.move_on_after(grace):
        while process.returncode is None:  # noqa: ASYNC110 - there is no event for an end before its pipes end
            await anyio.sleep(POLL)
    return process.returncode is not None


def _signal(process: Process, number: signal.Signals) -> None:
    """Signal the child's whole group; its id is the leader's pid, also after the leader has gone."""
    with suppress(ProcessLookupError, PermissionError):
        if sys.platform == "win32":
            process.terminate()
        else:
            os.killpg(process.pid, number)
