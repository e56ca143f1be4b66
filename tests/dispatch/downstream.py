"""What the tests of dispatch share: a store that stores, servers to start, web servers in this process."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import anyio
import uvicorn

from tmws_patterns.dispatch.config import ServerConfig
from tmws_patterns.dispatch.connection import Deadlines
from tmws_patterns.dispatch.dispatcher import Dispatcher, open_dispatcher
from tmws_patterns.errors import StoreUnavailable

SERVERS = Path(__file__).parent.parent / "servers"
ENVIRONMENT = dict(os.environ)


class Shelf:
    """CatalogueRows in a dict; `is_down` makes it unavailable."""

    def __init__(self) -> None:
        self.rows: dict[str, list[dict[str, Any]]] = {}
        self.is_down = False

    async def load_catalogue(self) -> dict[str, list[dict[str, Any]]]:
        self._check()
        return dict(self.rows)

    async def save_catalogue(self, identity: str, server: str, tools: Sequence[Mapping[str, Any]]) -> None:
        self._check()
        self.rows[identity] = [dict(tool) for tool in tools]

    def _check(self) -> None:
        if self.is_down:
            raise StoreUnavailable("the disk is on fire")


def script(name: str, *args: str, called: str | None = None, **more: Any) -> ServerConfig:
    """A server of tests/servers."""
    return ServerConfig(called or name, command=sys.executable, args=(str(SERVERS / f"{name}.py"), *args), **more)


def dispatcher(*configs: ServerConfig, **more: Any) -> AbstractAsyncContextManager[Dispatcher]:
    given = {"catalogue": Shelf(), "environment": ENVIRONMENT, "deadlines": Deadlines(connect=8)}
    return open_dispatcher({config.name: config for config in configs}, **{**given, **more})


def status(opened: Dispatcher, name: str) -> dict[str, Any]:
    return next(row for row in opened.status() if row["name"] == name)


def is_running(pid: int) -> bool:
    """Whether a process lives; a zombie does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


@asynccontextmanager
async def remote(transport: str, port: int) -> AsyncIterator[str]:
    """tests/servers/remote.py in a process of its own, which is killed at the end of the block."""
    command = [sys.executable, str(SERVERS / "remote.py"), str(port), transport]
    process = await anyio.open_process(command, stdin=None, stdout=None, stderr=subprocess.DEVNULL)
    try:
        with anyio.fail_after(10):
            while not await _accepts(port):
                await anyio.sleep(0.05)
        yield f"http://127.0.0.1:{port}/{'sse' if transport == 'sse' else 'mcp'}"
    finally:
        with anyio.CancelScope(shield=True):
            with suppress(ProcessLookupError):
                process.kill()
            await process.aclose()


async def _accepts(port: int) -> bool:
    try:
        stream = await anyio.connect_tcp("127.0.0.1", port)
    except OSError:
        return False
    await stream.aclose()
    return True


@asynccontextmanager
async def serving(app: Any, port: int) -> AsyncIterator[str]:
    """A real uvicorn with the app, for as long as the block runs."""
    web = uvicorn.Server(
        uvicorn.Config(app, port=port, log_level="critical", ws="none", timeout_graceful_shutdown=0, lifespan="on")
    )
    web.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(web._serve)
        with anyio.fail_after(10):
            while not web.started:
                await anyio.lowlevel.checkpoint()
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            web.should_exit = web.force_exit = True
