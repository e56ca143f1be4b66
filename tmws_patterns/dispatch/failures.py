"""What goes wrong on the way to a server, said so that a person can mend it.

The one place where exceptions of the SDK, of HTTP and of processes become errors of ours. Messages
name the server and what its author wrote in servers.json, never an expanded secret.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import httpx2
from mcp import MCPError

from tmws_patterns.dispatch.config import ServerConfig, Transport
from tmws_patterns.dispatch.stdio import ChildTransport
from tmws_patterns.dispatch.web import REFUSED
from tmws_patterns.errors import CallTimeout, ConfirmationRequired, InvalidInput, ServerUnavailable, ToolFailed
from tmws_patterns.pattern import ToolDefinition
from tmws_patterns.targets import Effect

_TAIL = 600  # characters of a child's last words that go into a message


def first_cause(error: BaseException) -> BaseException:
    """The first real exception inside nested groups."""
    while isinstance(error, BaseExceptionGroup):
        real = [e for e in error.exceptions if isinstance(e, Exception)]
        error = (real or error.exceptions)[0]
    return error


def not_connected(config: ServerConfig, error: BaseException, child: ChildTransport | None) -> ServerUnavailable:
    """Why a server could not be connected."""
    cause = first_cause(error)
    verb = "did not start" if config.transport is Transport.STDIO else "cannot be reached"
    message = f"server {config.name!r} {verb} ({config.shown}): {_reason(cause, config, child)}"
    return ServerUnavailable(message, hint=_mend(cause, config), server=config.name)


def _reason(cause: BaseException, config: ServerConfig, child: ChildTransport | None) -> str:
    if isinstance(cause, FileNotFoundError | NotADirectoryError):
        missing = config.cwd if config.cwd and cause.filename == config.cwd else config.command
        return f"{missing!r} was not found"
    if isinstance(cause, httpx2.HTTPStatusError):
        return f"HTTP {cause.response.status_code} {cause.response.reason_phrase}".strip()
    said = str(cause) or type(cause).__name__
    return said if child is None else _ending(child, said)


def _ending(child: ChildTransport, otherwise: str) -> str:
    """How a child ended, with its last words."""
    if child.status is None:
        ended = otherwise
    elif child.status < 0:
        ended = f"it was ended by signal {-child.status}"
    else:
        ended = f"it exited with status {child.status}"
    return f"{ended}; it said: {child.last_words[-_TAIL:]}" if child.last_words else ended


def _mend(cause: BaseException, config: ServerConfig) -> str:
    where = f"of {config.name!r} in servers.json"
    if isinstance(cause, FileNotFoundError | NotADirectoryError | PermissionError):
        return f"install the program, or correct `command` and `cwd` {where}"
    is_refusal = isinstance(cause, MCPError) and cause.code == REFUSED
    if is_refusal or isinstance(cause, httpx2.HTTPStatusError):
        return f"the server refuses us: correct `url`, or the credentials in `headers` {where}"
    if config.transport is Transport.STDIO:
        return f"run its command by hand to see what is wrong, then correct `command`, `args` or `env` {where}"
    return f"start that server, or correct `url` {where}"


def connect_timeout(config: ServerConfig, seconds: float, child: ChildTransport | None) -> ServerUnavailable:
    """The server was started, or the connection opened, and then nothing came."""
    said = f"; it said: {child.last_words[-_TAIL:]}" if child and child.last_words else ""
    return ServerUnavailable(
        f"server {config.name!r} ({config.shown}) did not answer within {seconds:g} s of connecting{said}",
        hint=f"run it by hand; if it is only slow to start, raise `tmws.timeout` of {config.name!r} in servers.json",
        server=config.name,
    )


def died(config: ServerConfig, detail: str, child: ChildTransport | None) -> ServerUnavailable:
    """The server, or the way to it, went away while a call was under way."""
    why = detail if child is None else _ending(child, detail)
    return ServerUnavailable(
        f"server {config.name!r} ({config.shown}) went away during the call: {why}",
        hint="whether the call took effect is unknown; check, then call again: the server is connected anew",
        server=config.name,
    )


def backing_off(config: ServerConfig, last: ServerUnavailable, seconds: float) -> ServerUnavailable:
    """The server has failed again and again, so it is left alone for a while."""
    return ServerUnavailable(
        f"{last.message} (failed repeatedly; next attempt in {seconds:.1f} s)", hint=last.hint, server=config.name
    )


def too_late(config: ServerConfig, tool: str, seconds: float, *, connected: bool) -> CallTimeout:
    """The caller's deadline passed first."""
    name = f"{config.name}.{tool}"
    if not connected:
        return CallTimeout(
            f"{name}: server {config.name!r} ({config.shown}) was not connected within {seconds:g} s",
            hint="it is still starting: call again in a moment, with a longer timeout if need be",
            server=config.name,
        )
    return CallTimeout(
        f"{name} did not answer within {seconds:g} s ({config.shown})",
        hint="it was told to stop; ask for less, or allow more time; a write may have taken effect: check first",
        server=config.name,
    )


def no_such_server(name: str, configured: Collection[str]) -> ServerUnavailable:
    """Nobody configured a server of this name."""
    known = ", ".join(sorted(configured)) or "none"
    return ServerUnavailable(
        f"no server {name!r} is configured",
        hint=f'configured: {known}; add one to servers.json: {{"mcpServers": {{"{name}": {{"command": "..."}}}}}}',
        server=name,
    )


def no_such_tool(config: ServerConfig, tool: str, nearest: Collection[str]) -> InvalidInput:
    """The server is there and has no such tool."""
    known = ", ".join(f"{config.name}.{name}" for name in nearest)
    return InvalidInput(
        f"server {config.name!r} has no tool {tool!r}",
        hint=f"nearest: {known}" if known else "it offers no tools at all",
        server=config.name,
    )


def does_more(definition: ToolDefinition, arguments: Mapping[str, Any], planned: Effect) -> ConfirmationRequired:
    """The tool is not, or no longer, as harmless as the call was planned for; the details are routing's."""
    name, effect = f"{definition.server}.{definition.name}", str(definition.effect or "undeclared")
    return ConfirmationRequired(
        f"{name} was planned as a {planned}, and now its effect is {effect}: it was not run as that",
        hint="to run it, call execute_pattern with exactly this pattern and these arguments",
        pattern=name,
        arguments=dict(arguments),
        effect=effect,
    )


def unwritable(config: ServerConfig, tool: str, fault: str) -> InvalidInput:
    """The arguments could not be written, or not be read by the server."""
    return InvalidInput(
        f"{config.name}.{tool}: the arguments {fault}",
        hint="correct them, or pass that part as a string",
        server=config.name,
    )


def refused(config: ServerConfig, tool: str, text: str) -> ToolFailed:
    """The tool, or the server on its behalf, answered with an error."""
    return ToolFailed(
        f"{config.name}.{tool}: {text}",
        hint="this is the server's own answer: correct the arguments it names, then call again",
        server=config.name,
    )
