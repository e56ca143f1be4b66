"""One server's connection: opened on first use, shared by all callers, opened anew after a death.

A Client belongs to the task that entered it. So each link, one generation of the connection, has an
owner task that enters a new Client, waits, and exits it; callers in any task share the Client between.
A link that is going down is withdrawn synchronously, so that no later caller meets it.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import anyio
from anyio.abc import TaskGroup
from mcp import Client, MCPError
from mcp.client.session import IncomingMessage
from mcp.client.subscriptions import ListenNotSupportedError, SubscriptionLost
from mcp.types import (
    METHOD_NOT_FOUND,
    Implementation,
    PaginatedRequestParams,
    ToolListChangedNotification,
)
from pydantic import ValidationError

from tmws_patterns import __version__
from tmws_patterns.dispatch.config import ServerConfig
from tmws_patterns.dispatch.failures import backing_off, connect_timeout, not_connected
from tmws_patterns.dispatch.stdio import ChildTransport
from tmws_patterns.dispatch.transports import open_target
from tmws_patterns.errors import ServerUnavailable

logger = logging.getLogger(__name__)

MAX_PAGES = 100  # a paginator that never ends must not hang a connection
FIRST_BACKOFF = 0.5  # s; doubled with every failure in a row; the first failure costs no wait at all
MAX_BACKOFF = 30.0  # s
SHORT_REST = 0.25  # s of a back-off that a caller rather waits than is refused for
_OURSELVES = Implementation(name="tmws-patterns", version=__version__)
RELISTEN = 5.0  # s between two attempts to listen for changes of a modern server's tools


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Seconds that dispatch allows.

    Attributes:
        connect: from the start of a server to the end of its first tools/list. A caller waits only as
            long as its own timeout; the connecting goes on for the next one.
        close: all servers together, side by side; the process has 2 s from SIGTERM to its end.
        silence: of calls given up with no sign of life between; then the server is asked for its tools.
        probe: to answer that; a server that does not is started anew.
    """

    connect: float = 15.0
    close: float = 1.5
    silence: float = 60.0
    probe: float = 5.0


class Link:
    """One generation of a connection, and what became of it.

    `answers` counts signs of life; `mute` are the seconds for which callers waited in vain since the
    last of them, up to `mute_until`.
    """

    def __init__(self) -> None:
        self.client: Client | None = None
        self.child: ChildTransport | None = None
        self.error: ServerUnavailable | None = None
        self.scope = anyio.CancelScope()
        self.ready = anyio.Event()
        self.done = anyio.Event()
        self.wake = anyio.Event()
        self.over = False
        self.ended = False
        self.stale = False
        self.answers = 0
        self.mute = 0.0
        self.mute_until = 0.0

    def open(self, client: Client) -> None:
        """Hand the client to those who wait for it.

        Raises:
            ConnectionError: the server ended while it was being connected.
        """
        if self.ended:
            raise ConnectionError("it ended while it was connected")
        self.client = client
        self.ready.set()

    def alive(self) -> None:
        """Note a sign of life."""
        self.answers += 1
        self.mute = 0.0


Publish = Callable[[ServerConfig, list[dict[str, Any]]], Awaitable[None]]


class Connection:
    """The one connection to one server. `publish` is awaited with the tools whenever they were listed."""

    def __init__(
        self,
        config: ServerConfig,
        environment: Mapping[str, str],
        *,
        tasks: TaskGroup,
        publish: Publish,
        deadlines: Deadlines,
        clock: Callable[[], float],
    ) -> None:
        self.config = config
        self.last_error: ServerUnavailable | None = None
        self.since = clock()
        self.calls = 0
        self._environment = environment
        self._tasks = tasks
        self._publish = publish
        self._deadlines = deadlines
        self._clock = clock
        self._link: Link | None = None
        self._links: set[Link] = set()
        self._failures = 0
        self._retry_at = 0.0
        self._closed = False

    @property
    def current(self) -> Link | None:
        """The link that a call would use now, if it is connected."""
        return self._link if self._link and self._link.client else None

    async def link(self) -> Link:
        """A connected link; waits while one is being connected.

        Raises:
            ServerUnavailable: it does not connect, or failed so often that it is left alone for now.
        """
        rest = self._retry_at - anyio.current_time()
        if self._link is None and 0 < rest <= SHORT_REST:
            await anyio.sleep(rest)
        link = self._link or self._start()
        await link.ready.wait()
        if link.error is not None:
            raise ServerUnavailable(link.error.message, hint=link.error.hint, **link.error.details) from link.error
        return link

    def _start(self) -> Link:
        if self._closed:
            raise ServerUnavailable(f"server {self.config.name!r}: this program is closing", hint="start it again")
        wait = self._retry_at - anyio.current_time()
        if wait > 0 and self.last_error is not None:
            raise backing_off(self.config, self.last_error, wait)
        link = self._link = Link()
        self._links.add(link)
        self._tasks.start_soon(self._own, link, name=f"mcp server {self.config.name}")
        return link

    def answered(self, link: Link) -> None:
        """The server did its work on this link: whatever failed before is forgotten."""
        link.alive()
        self._failures = 0
        self.last_error = None

    def timed_out(self, link: Link, began: float, answers: int) -> None:
        """A call that began at `began` had to be given up; look after a server that has been mute for long."""
        if link.answers != answers or link.over or self._closed:
            return
        now = anyio.current_time()
        link.mute += now - max(began, link.mute_until)
        link.mute_until = now
        if link.mute >= self._deadlines.silence:
            link.mute = 0.0
            self._tasks.start_soon(self._probe, link, name=f"probe {self.config.name}")

    async def _probe(self, link: Link) -> None:
        """Whether the server answers anything at all: a tool may be slow, a frozen process must go."""
        if link.client is None:
            return
        try:
            with anyio.fail_after(self._deadlines.probe):
                await link.client.session.list_tools()
        except TimeoutError:
            message = f"server {self.config.name!r} ({self.config.shown}) answers nothing any more"
            self.withdraw(link, ServerUnavailable(message, hint="the next call starts it anew"))
        except (MCPError, ValidationError):
            link.alive()
        else:
            link.alive()

    def withdraw(self, link: Link, error: ServerUnavailable | None = None) -> None:
        """Take a link out of use, at once; its owner then closes it. With an error it counts as a failure."""
        if self._link is link:
            self._link = None
            self.since = self._clock()
            if error is not None:
                self._failed(error)
        link.over = True
        link.wake.set()

    def _failed(self, error: ServerUnavailable) -> None:
        self.last_error = error
        self._failures += 1
        doubled = FIRST_BACKOFF * 2 ** min(self._failures - 2, 10) if self._failures > 1 else 0.0
        self._retry_at = anyio.current_time() + min(doubled, MAX_BACKOFF)

    def _ended(self, link: Link) -> None:
        """Nothing more can come on this link."""
        link.ended = True
        if not link.over and link.client is not None:
            message = f"server {self.config.name!r} ({self.config.shown}) ended by itself"
            self.withdraw(link, ServerUnavailable(message, hint="the next call starts it anew"))

    def close(self) -> None:
        """Begin to close; `closed` tells when it is done."""
        self._closed = True
        for link in self._links:
            self.withdraw(link)
            if link.client is None:
                link.scope.cancel()

    async def closed(self) -> None:
        """Wait until every owner task has ended."""
        for link in list(self._links):
            await link.done.wait()

    async def _own(self, link: Link) -> None:
        """Enter the Client, keep it, exit it: the life of one link, in one task."""
        limit = max(self._deadlines.connect, self.config.timeout or 0)
        try:
            link.scope.deadline = anyio.current_time() + limit
            with link.scope:
                async with self._new_client(link) as client:
                    await self._list(client)
                    link.scope.deadline = float("inf")
                    link.open(client)
                    self.since = self._clock()
                    await self._keep(link, client)
                    # HTTP says goodbye to the server, which may be frozen.
                    link.scope.deadline = anyio.current_time() + self._deadlines.close
            if link.client is None and not self._closed:
                link.error = connect_timeout(self.config, limit, link.child)
        except Exception as exc:  # the top of this task: the other servers run on
            logger.debug("connection to %s failed", self.config.name, exc_info=True)
            error = not_connected(self.config, exc, link.child)
            if link.client is None:
                link.error = error
            else:
                self.withdraw(link, error)
        finally:
            self._finish(link)

    def _finish(self, link: Link) -> None:
        if link.client is None:
            closing = ServerUnavailable(f"server {self.config.name!r}: this program is closing", hint="start it again")
            link.error = link.error or closing
            self.withdraw(link, link.error)
        link.ready.set()
        link.done.set()
        self._links.discard(link)

    def _new_client(self, link: Link) -> Client:
        async def heard(message: IncomingMessage) -> None:
            link.alive()
            if isinstance(message, ToolListChangedNotification):
                link.stale = True
                link.wake.set()

        target = open_target(self.config, self._environment, lambda: self._ended(link))
        link.child = target if isinstance(target, ChildTransport) else None
        return Client(target, message_handler=heard, client_info=_OURSELVES, cache=None)

    async def _keep(self, link: Link, client: Client) -> None:
        """Hold the client open until the link is over; list the tools again whenever they changed."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._listen, link, client)
            while not link.over:
                await link.wake.wait()
                link.wake = anyio.Event()
                if link.stale and not link.over:
                    link.stale = False
                    await self.relist(client)
            tasks.cancel_scope.cancel()

    async def _listen(self, link: Link, client: Client) -> None:
        """A modern server announces changes only to those who listen for them."""
        tools = client.server_capabilities.tools
        if tools is None or not tools.list_changed:
            return
        while True:
            try:
                async with client.listen(tools_list_changed=True) as changes:
                    async for _ in changes:
                        link.stale = True
                        link.wake.set()
            except SubscriptionLost:
                link.stale = True  # there is no replay of what was missed
            except (ListenNotSupportedError, MCPError) as exc:
                logger.debug("%s announces no changes of its tools: %s", self.config.name, exc)
                return
            await anyio.sleep(RELISTEN)
            link.wake.set()

    async def relist(self, client: Client) -> None:
        """List the tools again. What cannot be listed stays as it was, with a warning."""
        try:
            with anyio.fail_after(self._deadlines.connect):
                await self._list(client)
        except (MCPError, ValidationError, TimeoutError) as exc:
            logger.warning("the tools of %r cannot be listed again: %s", self.config.name, exc)

    async def _list(self, client: Client) -> None:
        """List all tools, around the client's own cache, and pass them on."""
        found: list[dict[str, Any]] = []
        cursor: str | None = None
        for _ in range(MAX_PAGES):
            try:
                page = await client.session.list_tools(params=PaginatedRequestParams(cursor=cursor))
            except MCPError as exc:
                if exc.code == METHOD_NOT_FOUND and not found:
                    break  # a server of prompts and resources alone
                raise
            found += [
                tool.model_dump(by_alias=True, mode="json", exclude_none=True, exclude={"icons"}) for tool in page.tools
            ]
            if not page.next_cursor or page.next_cursor == cursor:
                break
            cursor = page.next_cursor
        await self._publish(self.config, found)
