"""One App for all connections of the process, opened when it is first needed and closed with the server.

`initialize` and `tools/list` need no engine, so a client is answered before the database driver,
numpy and the patterns are loaded.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Protocol

import anyio

from tmws_patterns.errors import TmwsError
from tmws_patterns.executor import PatternExecutionEngine
from tmws_patterns.tasks import background_tasks

logger = logging.getLogger(__name__)

_IDLE = 0.2  # seconds after tools/list before the App is opened unasked: the client's next line comes first


class Served(Protocol):
    """The App, as the server sees it."""

    @property
    def engine(self) -> PatternExecutionEngine: ...

    async def health(self) -> dict[str, Any]: ...

    async def all_time(self) -> dict[str, Any]: ...

    def discovered(self, tokens: int) -> None: ...

    def metrics_page(self) -> tuple[bytes, str]: ...


Opener = Callable[[], AbstractAsyncContextManager[Served]]


class Host:
    """Hands out the App. A failure to open is told to whoever asked, and tried again for the next."""

    def __init__(self, open_app: Opener) -> None:
        self._open_app = open_app
        self._hinted = anyio.Event()
        self._wanted = anyio.Event()
        self._settled = anyio.Event()
        self._app: Served | None = None
        self._failure: TmwsError | None = None

    async def app(self) -> Served:
        """The App, opened if need be.

        Raises:
            TmwsError: it cannot be opened.
        """
        if self._app is None:
            self._hinted.set()
            self._wanted.set()
            await self._settled.wait()
        if self._app is None:
            raise self._failure or TmwsError("the server is shutting down")
        return self._app

    def warm_up(self) -> None:
        """Open the App soon, though nobody has asked for it yet."""
        self._hinted.set()

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[Host, None]:
        """Own the App for as long as the context lasts."""
        async with background_tasks() as tasks:
            tasks.start_soon(self._own)
            yield self

    async def _own(self) -> None:
        while True:
            await self._hinted.wait()
            with anyio.move_on_after(_IDLE):
                await self._wanted.wait()
            try:
                async with self._open_app() as app:
                    self._app = app
                    self._settled.set()
                    await anyio.sleep_forever()
            except TmwsError as exc:
                logger.error("cannot start: %s %s", exc, exc.hint)  # noqa: TRY400 - the message says it all
                self._failure = exc
            self._hinted, self._wanted, told, self._settled = anyio.Event(), anyio.Event(), self._settled, anyio.Event()
            told.set()
