from __future__ import annotations

import json
import os
import re
import signal
from contextlib import AsyncExitStack
from typing import Any

import anyio
import pytest
from downstream import Shelf, dispatcher, remote, script, serving, status
from mcp.server import MCPServer
from mcp.shared.subscriptions import ToolsListChanged
from mcp.types import HEADER_MISMATCH, ToolAnnotations
from real_parts import free_port
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tmws_patterns.dispatch.config import ServerConfig, Transport
from tmws_patterns.errors import CallTimeout, ServerUnavailable, ToolFailed

pytestmark = pytest.mark.anyio


def adder() -> MCPServer[Any]:
    server = MCPServer("adder", log_level="ERROR")

    @server.tool(annotations=ToolAnnotations(read_only_hint=True))
    def add(a: int, b: int) -> int:
        return a + b

    @server.tool()
    async def wait() -> str:
        await anyio.sleep_forever()
        return ""

    return server


def at(url: str, transport: Transport, **more: Any) -> ServerConfig:
    return ServerConfig("adder", transport, url=url, **more)


@pytest.mark.parametrize("transport", [Transport.HTTP, Transport.SSE])
async def test_a_remote_server_is_called_and_called_again_after_it_was_away(transport: Transport) -> None:
    port = free_port()
    async with dispatcher(at(f"http://127.0.0.1:{port}/{'sse' if transport == 'sse' else 'mcp'}", transport)) as opened:
        async with remote(transport, port):
            assert await opened.discover(5) == []
            assert await opened.call("adder", "add", {"a": 1, "b": 2}, timeout=5) == 3
            with pytest.raises(CallTimeout):
                await opened.call("adder", "wait", {}, timeout=0.2)
            first = await opened.call("adder", "pid", {}, timeout=5)
            assert status(opened, "adder")["transport"] == transport
            assert status(opened, "adder")["state"] == "connected"
            assert status(opened, "adder")["pid"] is None
        with pytest.raises(ServerUnavailable, match="cannot be reached") as failure:
            await opened.call("adder", "add", {"a": 1, "b": 2}, timeout=5)
        assert "start that server" in failure.value.hint
        async with remote(transport, port):
            assert await opened.call("adder", "pid", {}, timeout=5) != first


@pytest.mark.parametrize("transport", [Transport.HTTP, Transport.SSE])
async def test_a_remote_server_killed_in_mid_call_fails_the_call_at_once(transport: Transport) -> None:
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(remote(transport, free_port()))
        opened = await stack.enter_async_context(dispatcher(at(url, transport)))
        pid = await opened.call("adder", "pid", {}, timeout=5)
        told = anyio.Event()

        async def wait() -> None:
            told.set()
            with pytest.raises(ServerUnavailable, match="went away during the call"):
                await opened.call("adder", "wait", {}, timeout=30)

        with anyio.fail_after(5):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(wait)
                await told.wait()
                assert await opened.call("adder", "add", {"a": 1, "b": 2}, timeout=5) == 3
                os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("transport", [Transport.HTTP, Transport.SSE])
async def test_a_port_where_nobody_listens_is_named(transport: Transport) -> None:
    async with dispatcher(at(f"http://127.0.0.1:{free_port()}/mcp", transport)) as opened:
        with pytest.raises(ServerUnavailable, match=r"adder.*cannot be reached \(http://127"):
            await opened.call("adder", "add", {}, timeout=5)


async def test_a_frozen_http_server_costs_each_caller_its_own_deadline_and_nobody_else() -> None:
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(remote(Transport.HTTP, free_port()))
        opened = await stack.enter_async_context(dispatcher(at(url, Transport.HTTP), script("mortal")))
        pid = await opened.call("adder", "pid", {}, timeout=5)
        await opened.discover(5)
        os.kill(pid, signal.SIGSTOP)
        for _ in range(2):
            began = anyio.current_time()
            with pytest.raises(CallTimeout):
                await opened.call("adder", "add", {"a": 1, "b": 2}, timeout=0.3)
            assert anyio.current_time() - began < 0.5
        await opened.call("mortal", "echo", {}, timeout=1)
        os.kill(pid, signal.SIGCONT)
        assert await opened.call("adder", "add", {"a": 1, "b": 2}, timeout=5) == 3


async def test_missing_credentials_are_said_to_be_missing() -> None:
    async def guarded(request: Request) -> Response:
        if request.headers.get("authorization") != "Bearer secret":
            return JSONResponse({"error": "who are you"}, status_code=401)
        return JSONResponse({"jsonrpc": "2.0", "id": None, "error": {"code": -32601, "message": "no"}}, status_code=404)

    app = Starlette(routes=[Route("/mcp", guarded, methods=["POST", "GET", "DELETE"])])
    async with serving(app, free_port()) as url:
        async with dispatcher(at(f"{url}/mcp", Transport.HTTP)) as opened:
            with pytest.raises(ServerUnavailable, match="HTTP 401 Unauthorized") as failure:
                await opened.call("adder", "add", {}, timeout=5)
            assert "headers" in failure.value.hint
        headers = {"Authorization": "Bearer secret"}
        async with dispatcher(at(f"{url}/mcp", Transport.HTTP, headers=headers)) as opened:
            with pytest.raises(ServerUnavailable) as failure:
                await opened.call("adder", "add", {}, timeout=5)
            assert re.search(r"\b401\b", failure.value.message) is None, "a port may hold these digits"
            assert "secret" not in failure.value.message


class LegacySessions:
    """A streamable HTTP server of 2025 that keeps sessions, and can forget them all."""

    def __init__(self) -> None:
        self.sessions: set[str] = set()
        self.started = 0
        self.rejects = 0
        self.calls = 0

    def app(self) -> Starlette:
        return Starlette(routes=[Route("/mcp", self.answer, methods=["POST", "GET", "DELETE"])])

    async def answer(self, request: Request) -> Response:  # noqa: PLR0911 - one a message
        if request.method != "POST":
            return Response(status_code=405)
        message = json.loads(await request.body())
        method, number = message["method"], message.get("id")
        if method == "initialize":
            self.started += 1
            session = f"session-{self.started}"
            self.sessions.add(session)
            info = {"name": "legacy", "version": "1"}
            result = {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo": info}
            return self._reply(number, result=result, headers={"mcp-session-id": session})
        if method == "server/discover":
            return self._reply(number, error={"code": -32601, "message": "Method not found"})
        if request.headers.get("mcp-session-id") not in self.sessions:
            return self._reply(number, error={"code": -32600, "message": "Session not found"}, status=404)
        if number is None:
            return Response(status_code=202)
        if method == "tools/list":
            return self._reply(number, result={"tools": [{"name": "write", "inputSchema": {"type": "object"}}]})
        if self.rejects:
            self.rejects -= 1
            return self._reply(number, error={"code": HEADER_MISMATCH, "message": "headers"}, status=400)
        self.calls += 1
        return self._reply(number, result={"content": [{"type": "text", "text": f"call {self.calls}"}]})

    def _reply(self, number: Any, status: int = 200, headers: dict[str, str] | None = None, **body: Any) -> Response:
        return JSONResponse({"jsonrpc": "2.0", "id": number, **body}, status_code=status, headers=headers)


async def test_a_session_that_the_server_forgot_is_made_anew_and_the_call_runs_once() -> None:
    legacy = LegacySessions()
    async with serving(legacy.app(), free_port()) as url, dispatcher(at(f"{url}/mcp", Transport.HTTP)) as opened:
        assert await opened.call("adder", "write", {}, timeout=5) == "call 1"
        legacy.sessions.clear()
        assert await opened.call("adder", "write", {}, timeout=5) == "call 2"
        assert (legacy.started, legacy.calls) == (2, 2)


async def test_a_call_rejected_for_a_changed_schema_is_sent_again_once() -> None:
    legacy = LegacySessions()
    async with serving(legacy.app(), free_port()) as url, dispatcher(at(f"{url}/mcp", Transport.HTTP)) as opened:
        legacy.rejects = 1
        assert await opened.call("adder", "write", {}, timeout=5) == "call 1"
        legacy.rejects = 2
        with pytest.raises(ToolFailed, match="headers"):
            await opened.call("adder", "write", {}, timeout=5)


async def test_a_modern_server_over_http_announces_its_new_tools() -> None:
    server = adder()

    @server.tool()
    async def grow() -> str:
        server.add_tool(lambda: "leaf", name="leaf")
        await server._subscriptions.publish(ToolsListChanged())
        return "grown"

    changed = anyio.Event()
    shelf = Shelf()

    def on_change(identity: str) -> None:
        if any(tool["name"] == "leaf" for tool in shelf.rows[identity]):
            changed.set()

    async with serving(server.streamable_http_app(), free_port()) as url:
        config = at(f"{url}/mcp", Transport.HTTP)
        async with dispatcher(config, catalogue=shelf, on_change=on_change) as opened:
            with anyio.fail_after(10):
                await opened.discover(5)
                while not changed.is_set():  # the subscription may still be on its way at the first call
                    await opened.call("adder", "grow", {}, timeout=5)
                    with anyio.move_on_after(0.3):
                        await changed.wait()
            assert "adder.leaf" in opened.tools()
