"""One call on a connection: sent, waited for, and sent once more where that is safe.

Safe means that the request never reached the server, or that the tool only reads. Deadlines are the
dispatcher's: whoever calls is cancelled from outside, and the SDK then tells the server to stop.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum, auto
from typing import Any

import anyio
from mcp import MCPError
from mcp.shared.dispatcher import ProgressFnT
from mcp.types import (
    CONNECTION_CLOSED,
    HEADER_MISMATCH,
    CallToolRequest,
    CallToolRequestParams,
    CallToolResult,
)
from pydantic import ValidationError

from tmws_patterns.call import Progress
from tmws_patterns.dispatch.config import Transport
from tmws_patterns.dispatch.connection import Connection, Link
from tmws_patterns.dispatch.failures import died, refused
from tmws_patterns.dispatch.web import REFUSED, UNREACHABLE
from tmws_patterns.errors import ServerUnavailable, TmwsError
from tmws_patterns.pattern import ToolDefinition
from tmws_patterns.targets import Effect

_ENDING = 0.3  # s; how long a death may take to show its exit status, for the error message

# What servers say of a session they no longer know: the Python SDK with -32600, the TypeScript one
# with -32001 or -32000, so the words decide.
_SESSION_LOST = ("session not found", "session terminated", "no valid session id")


Find = Callable[[Effect | None], ToolDefinition]
"""The tool as it is known now. Raises where it may do more than the given effect, or the caller's, allows."""


class _Verdict(Enum):
    """What an error says of the request: whether it was refused, never arrived, or may have run."""

    ANSWERED = auto()
    NOT_SENT = auto()
    SESSION_LOST = auto()
    SCHEMA_CHANGED = auto()
    MAY_HAVE_RUN = auto()


def _verdict(link: Link, transport: Transport, error: MCPError) -> _Verdict:
    if error.code == HEADER_MISMATCH:
        return _Verdict.SCHEMA_CHANGED
    if error.code in (UNREACHABLE, REFUSED):
        was_sent = isinstance(error.data, dict) and error.data.get("sent")
        return _Verdict.MAY_HAVE_RUN if was_sent else _Verdict.NOT_SENT
    remote = transport in (Transport.HTTP, Transport.SSE)
    if remote and any(words in error.message.lower() for words in _SESSION_LOST):
        return _Verdict.SESSION_LOST
    # Some servers use the code of a closed connection for errors of their own.
    if error.code == CONNECTION_CLOSED and (remote or link.over):
        return _Verdict.MAY_HAVE_RUN
    return _Verdict.ANSWERED


async def call_tool(
    connection: Connection, tool: str, arguments: dict[str, Any], *, find: Find, progress: Progress | None
) -> CallToolResult:
    """The tool's result, also where it is an error of the tool's own.

    `find` is asked once the server is connected, each time anew: connecting lists its tools, and it
    may have become another server since. A read that may have run is repeated only as a read.

    Raises:
        ServerUnavailable: the server does not connect, or went away and the call may not be repeated.
        ToolFailed: the server refused the request itself.
        ConfirmationRequired, InvalidInput: from `find`.
    """
    only: Effect | None = None
    for is_last in (False, True):
        link = await connection.link()
        reads = find(only).effect is Effect.READ
        try:
            return await _send(connection, link, tool, arguments, progress)
        except ValidationError as exc:
            raise refused(connection.config, tool, "its answer is not a valid MCP tool result") from exc
        except MCPError as exc:
            verdict = _verdict(link, connection.config.transport, exc)
            again = await _recover(connection, link, verdict, exc)
            if is_last or not (again or (verdict is _Verdict.MAY_HAVE_RUN and reads)):
                raise await _translated(connection, link, tool, verdict, exc) from exc
            only = None if again else Effect.READ
    raise AssertionError("unreachable")


async def _send(
    connection: Connection, link: Link, tool: str, arguments: dict[str, Any], progress: Progress | None
) -> CallToolResult:
    """One attempt. Not Client.call_tool: that validates the answer again, which takes long for many rows."""
    assert link.client is not None  # noqa: S101 - a link is handed out connected
    began, answers = anyio.current_time(), link.answers
    request = CallToolRequest(params=CallToolRequestParams(name=tool, arguments=arguments))
    connection.calls += 1
    try:
        result = await link.client.session.send_request(
            request, CallToolResult, progress_callback=_noting(link, progress)
        )
    except anyio.get_cancelled_exc_class():
        connection.timed_out(link, began, answers)
        raise
    connection.answered(link)
    return result


def _noting(link: Link, progress: Progress | None) -> ProgressFnT | None:
    """The caller's callback, which also tells that the server is alive."""
    if progress is None:
        return None
    told = progress

    async def note(progress: float, total: float | None, message: str | None) -> None:
        link.alive()
        await told(progress, total, message)

    return note


async def _recover(connection: Connection, link: Link, verdict: _Verdict, error: MCPError) -> bool:
    """Put right what can be; True where the request did not run and another attempt makes sense."""
    match verdict:
        case _Verdict.SESSION_LOST:
            connection.withdraw(link)
            return True
        case _Verdict.SCHEMA_CHANGED if link.client is not None:
            await connection.relist(link.client)
            return True
        case _Verdict.ANSWERED:
            connection.answered(link)
        case _ if link.over:
            connection.withdraw(link)
        case _:
            connection.last_error = ServerUnavailable(error.message)
    return False


async def _translated(connection: Connection, link: Link, tool: str, verdict: _Verdict, error: MCPError) -> TmwsError:
    config = connection.config
    if verdict is _Verdict.NOT_SENT:
        return ServerUnavailable(
            f"server {config.name!r} ({config.shown}) cannot be reached: {error.message}",
            hint=f"start that server, or correct `url` and `headers` of {config.name!r} in servers.json",
            server=config.name,
        )
    if verdict in (_Verdict.MAY_HAVE_RUN, _Verdict.SESSION_LOST):
        with anyio.move_on_after(_ENDING if link.over and link.child else 0):
            await link.done.wait()
        return died(config, error.message, link.child)
    return refused(config, tool, f"{error.message} ({error.code})")
