"""Every downstream server behind one door: call, discover, and what is known of their tools."""

from __future__ import annotations

import inspect
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any

import anyio
from mcp.server import MCPServer, Server

from tmws_patterns.call import Progress
from tmws_patterns.dispatch.answers import failure_text, plain
from tmws_patterns.dispatch.calls import call_tool
from tmws_patterns.dispatch.catalogue import Catalogue
from tmws_patterns.dispatch.config import BUILTIN, ServerConfig, Transport
from tmws_patterns.dispatch.connection import Connection, Deadlines, Publish
from tmws_patterns.dispatch.failures import does_more, no_such_server, no_such_tool, refused, too_late, unwritable
from tmws_patterns.dispatch.writable import fault_of
from tmws_patterns.errors import Forbidden, TmwsError
from tmws_patterns.pattern import ToolDefinition
from tmws_patterns.ports import CatalogueRows
from tmws_patterns.targets import Effect
from tmws_patterns.tasks import background_tasks

logger = logging.getLogger(__name__)

OnChange = Callable[[str], Awaitable[None] | None]
DEADLINES = Deadlines()


class Dispatcher:
    """Calls downstream tools, from any task of the loop it was opened in. See `ports.ToolCaller`."""

    def __init__(
        self, connections: Mapping[str, Connection], catalogue: Catalogue, default_timeout: float, close: float
    ) -> None:
        self._connections = connections
        self._catalogue = catalogue
        self._default_timeout = default_timeout
        self._close_within = close

    async def call(
        self,
        server: str,
        tool: str,
        arguments: Mapping[str, Any],
        *,
        timeout: float | None = None,
        progress: Progress | None = None,
        effect: Effect | None = None,
    ) -> Any:
        """Call a tool and return its answer as plain data.

        `timeout` None means the default; a `tmws.timeout` of the server can only shorten it.
        `effect` is the most that the tool may do, judged by what its server says once it is connected;
        None for a call that somebody named, or whose effect somebody declared.

        Raises:
            Forbidden: servers.json denies the tool.
            InvalidInput: the server has no such tool, or the arguments cannot be sent as JSON.
            ConfirmationRequired: the tool may do more than `effect`.
            ServerUnavailable, CallTimeout, ToolFailed: see `ports.ToolCaller`.
        """
        connection = self._connection(server)
        config = connection.config
        if tool in config.deny:
            raise Forbidden(f"{server}.{tool} is denied", hint=f"it stands in `deny` of {server!r} in servers.json")
        if fault := fault_of(arguments):
            raise unwritable(config, tool, fault)
        limit = min(self._default_timeout if timeout is None else timeout, config.timeout or float("inf"))
        with anyio.move_on_after(limit):
            find = partial(self._find, config, tool, arguments, effect)
            result = await call_tool(connection, tool, dict(arguments), find=find, progress=progress)
            if result.is_error:
                raise refused(config, tool, failure_text(result))
            return plain(result, self._catalogue.output_schema(config, tool))
        raise too_late(config, tool, limit, connected=connection.current is not None)

    def _find(
        self,
        config: ServerConfig,
        tool: str,
        arguments: Mapping[str, Any],
        effect: Effect | None,
        only: Effect | None = None,
    ) -> ToolDefinition:
        """The tool as it is known now, if it does no more than it may; to be asked on a connected server."""
        found = self._catalogue.tool(config.name, tool)
        if found is None:
            raise no_such_tool(config, tool, self._catalogue.nearest(config, tool))
        for allowed in (effect, only):
            if allowed is not None and (found.effect or Effect.DESTRUCTIVE).exceeds(allowed):
                raise does_more(found, arguments, allowed)
        return found

    def _connection(self, server: str) -> Connection:
        try:
            return self._connections[server]
        except KeyError as exc:
            raise no_such_server(server, self._connections) from exc

    async def discover(self, timeout: float, servers: Sequence[str] | None = None) -> list[str]:
        """Connect servers whose tools are not known yet, side by side; returns those still unknown."""
        wanted = [name for name in self.unknown() if servers is None or name in servers]
        with anyio.move_on_after(timeout):
            async with anyio.create_task_group() as tasks:
                for name in wanted:
                    tasks.start_soon(self._connect, self._connections[name])
        return [name for name in wanted if not self._catalogue.knows(self._connections[name].config)]

    async def _connect(self, connection: Connection) -> None:
        try:
            await connection.link()
        except TmwsError as exc:
            logger.warning("%s", exc)

    def why(self, server: str) -> str:
        """Why a server cannot be reached: the message of its last connection error; "" without one."""
        connection = self._connections.get(server)
        return connection.last_error.message if connection and connection.last_error else ""

    def tools(self) -> Mapping[str, ToolDefinition]:
        """Every known tool by `server.tool`; a snapshot."""
        return self._catalogue.tools

    def servers(self) -> Mapping[str, str]:
        """Every configured server's name, with its identity."""
        return {name: connection.config.identity for name, connection in self._connections.items()}

    def unknown(self) -> list[str]:
        """Configured servers whose tools are not known yet."""
        return [name for name, connection in self._connections.items() if not self._catalogue.knows(connection.config)]

    def status(self) -> list[dict[str, Any]]:
        """Each server's name, transport, state, tools, last_error, calls, pid, and since when (UTC, to the second)."""
        return [self._status(connection) for connection in self._connections.values()]

    def _status(self, connection: Connection) -> dict[str, Any]:
        link, config = connection.current, connection.config
        known = "known" if self._catalogue.knows(config) else "unknown"
        state = "connected" if link else "failed" if connection.last_error else known
        return {
            "name": config.name,
            "transport": str(config.transport),
            "state": state,
            "tools": self._catalogue.count(config),
            "last_error": connection.last_error.message if connection.last_error else None,
            "calls": connection.calls,
            "pid": link.child.pid if link and link.child else None,
            "since": datetime.fromtimestamp(connection.since, UTC).isoformat(timespec="seconds"),
        }

    async def aclose(self) -> None:
        """Close all servers side by side, within the deadline."""
        for connection in self._connections.values():
            connection.close()
        with anyio.move_on_after(self._close_within):
            for connection in self._connections.values():
                await connection.closed()


def _publisher(known: Catalogue, on_change: OnChange | None) -> Publish:
    """What a connection does with the tools it was told of."""

    async def publish(config: ServerConfig, tools: list[dict[str, Any]]) -> None:
        if await known.replace(config, tools) and on_change is not None:
            try:
                told = on_change(config.identity)
                if inspect.isawaitable(told):
                    await told
            except Exception:  # a listener's fault is not the server's
                logger.exception("on_change failed for %s", config.name)

    return publish


@asynccontextmanager
async def open_dispatcher(
    configs: Mapping[str, ServerConfig],
    *,
    catalogue: CatalogueRows,
    environment: Mapping[str, str],
    builtin: MCPServer[Any] | Server[Any] | None = None,
    on_change: OnChange | None = None,
    clock: Callable[[], float] = time.time,
    default_timeout: float = 30.0,
    deadlines: Deadlines = DEADLINES,
) -> AsyncGenerator[Dispatcher, None]:
    """A dispatcher over the configured servers, none of them started, with the tools known from earlier runs.

    In-process servers, the built-in one among them, are connected at once: there is nothing to start.
    `on_change` is called with a server's identity whenever its tools are others than before, the
    first time too; it must not call the dispatcher and wait for the same server.
    """
    everything = dict(configs)
    if builtin is not None:
        everything[BUILTIN] = ServerConfig(BUILTIN, in_process=builtin)
    known = Catalogue(everything, catalogue)
    await known.load()
    publish = _publisher(known, on_change)
    async with background_tasks() as tasks:
        made = {
            name: Connection(config, environment, tasks=tasks, publish=publish, deadlines=deadlines, clock=clock)
            for name, config in everything.items()
        }
        dispatcher = Dispatcher(made, known, default_timeout, deadlines.close)
        try:
            local = [name for name, config in everything.items() if config.transport is Transport.IN_PROCESS]
            await dispatcher.discover(deadlines.connect, local)
            yield dispatcher
        finally:
            with anyio.CancelScope(shield=True):
                await dispatcher.aclose()
