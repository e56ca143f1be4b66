"""One server and one client for each transport and each mode of the client, shared by a module's tests."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from mcp import Client, StdioServerParameters
from mcp.client.sse import sse_client
from served import COMMAND, Served, environment, http_server

TRANSPORTS = [(transport, mode) for transport in ("stdio", "http", "sse") for mode in ("auto", "legacy")]


@pytest.fixture(scope="module", params=TRANSPORTS, ids="-".join)
async def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    transport, mode = request.param
    folder = tmp_path_factory.mktemp(transport)
    env = environment(folder)
    if transport == "stdio":
        async with Client(StdioServerParameters(command=COMMAND[0], args=COMMAND[1:], env=env), mode=mode) as client:
            yield Served(client, folder)
        return
    async with http_server(env) as (_, port):
        base = f"http://127.0.0.1:{port}"
        async with Client(sse_client(f"{base}/sse") if transport == "sse" else f"{base}/mcp", mode=mode) as client:
            yield Served(client, folder)
