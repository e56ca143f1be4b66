"""The server as a client meets it: a real process on each transport."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import anyio
from mcp import Client
from real_parts import free_port

from tmws_patterns import Settings
from tmws_patterns.app import open_app
from tmws_patterns.server.build import build_server

SERVERS = Path(__file__).parent.parent / "servers"
COMMAND = [sys.executable, "-m", "tmws_patterns", "serve"]


@dataclass(frozen=True)
class Served:
    """A connected client, and the folder that its server works in."""

    client: Client
    folder: Path

    @property
    def log(self) -> list[str]:
        """The calls that reached the workshop server."""
        file = self.folder / "log"
        return file.read_text().splitlines() if file.exists() else []


def environment(folder: Path, **more: str) -> dict[str, str]:
    """Variables of a server whose data, patterns and downstream servers lie in one folder."""
    configured = folder / "servers.json"
    if not configured.exists():
        servers = {
            "workshop": {"command": sys.executable, "args": [str(SERVERS / "workshop.py"), str(folder / "log")]},
            "time": {"command": "python", "args": ["-m", "mcp_server_time"]},
            "git": {"command": "python", "args": ["-m", "mcp_server_git"]},
        }
        configured.write_text(json.dumps({"mcpServers": servers}))
    own = {"TMWS_DATA_DIR": str(folder / "data"), "TMWS_SERVERS_CONFIG": str(configured)}
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TMWS_")} | {
        "TMWS_ROUTE_EMBEDDINGS": "false"
    }
    return {**kept, **own, **more}


async def accepts(port: int) -> None:
    """Return once something listens."""
    with anyio.fail_after(20):
        while True:
            try:
                stream = await anyio.connect_tcp("127.0.0.1", port)
            except OSError:
                await anyio.sleep(0.05)
            else:
                await stream.aclose()
                return


@asynccontextmanager
async def http_server(env: dict[str, str]) -> AsyncIterator[tuple[anyio.abc.Process, int]]:
    """`serve --transport http` on a free port; ended by SIGTERM."""
    port = free_port()
    async with await anyio.open_process(
        [*COMMAND, "--transport", "http", "--port", str(port)], env=env, stderr=None
    ) as process:
        try:
            await accepts(port)
            yield process, port
        finally:
            if process.returncode is None:
                process.terminate()
            with anyio.fail_after(10):  # learning, which a stop waits for, takes a while on a busy machine
                await process.wait()


async def get(port: int, path: str) -> tuple[int, str]:
    """Status and body of a page."""
    async with await anyio.connect_tcp("127.0.0.1", port) as stream:
        await stream.send(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n".encode())
        received = b""
        try:
            while True:
                received += await stream.receive()
        except anyio.EndOfStream:
            pass
    head, _, body = received.decode().partition("\r\n\r\n")
    return int(head.split()[1]), body


@asynccontextmanager
async def in_memory_client(folder: Path, mode: str) -> AsyncIterator[Client]:
    """A client of a server in this process, where the transport is not what matters."""
    settings = Settings.load(environment(folder))
    server, _ = build_server(lambda: open_app(settings))
    async with Client(server, mode=mode) as client:
        yield client
