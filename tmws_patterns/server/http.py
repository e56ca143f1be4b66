"""Serving over HTTP: /mcp, /sse, /health and /metrics from one process with one App behind them.

Until there is authentication, only loopback addresses are served.
"""

from __future__ import annotations

import ipaddress
import socket
import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import anyio
import uvicorn
from mcp.server import Server
from mcp.server.runner import serve_dual_era_loop
from mcp.server.sse import SseServerTransport
from mcp.server.transport_security import TransportSecurityMiddleware, TransportSecuritySettings
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from tmws_patterns.errors import Forbidden, InvalidInput, TmwsError
from tmws_patterns.server.build import build_server, initialization
from tmws_patterns.server.host import Host, Opener
from tmws_patterns.server.signals import on_signal

_IDLE_SESSION = 600.0  # seconds; an abandoned legacy session holds about 50 KiB
_SESSIONS = 200
_MESSAGES = "/messages/"
_GRACE = 0.4  # seconds that calls under way get when the process is told to end; uvicorn takes fractions

Streams = set[anyio.CancelScope]
"""Open SSE connections, which would otherwise keep the process from ending."""


class _Asgi:
    """An ASGI callable that starlette does not take for a function from request to response."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)


class _Uvicorn(uvicorn.Server):
    """uvicorn without its signal handlers, which would end the process by the signal instead of with status 0."""

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


def run_http(open_app: Opener, host: str, port: int) -> None:
    """Serve until a signal comes.

    Raises:
        Forbidden: the host is not a loopback address.
        InvalidInput: the port cannot be listened on.
    """
    if not is_loopback(host):
        raise Forbidden(
            f"serving on {host} needs authentication, which is not there yet",
            hint="use --host 127.0.0.1, and a tunnel or a proxy that authenticates",
        )
    streams: Streams = set()
    with _bound(host, port) as listening:
        sys.stderr.write(f"serving MCP at http://{host}:{port}/mcp (and /sse, /health, /metrics); Ctrl-C ends\n")
        anyio.run(_serve, http_app(open_app, streams), streams, listening)


def is_loopback(host: str) -> bool:
    """True for an address that only this machine can reach."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def http_app(open_app: Opener, streams: Streams) -> Starlette:
    """The ASGI application. Its lifespan holds the App; `streams` is kept filled with open SSE connections."""
    server, host = build_server(open_app)
    security = _security()
    app = server.streamable_http_app(
        transport_security=security, session_idle_timeout=_IDLE_SESSION, max_sessions=_SESSIONS
    )
    app.router.routes += [*_sse_routes(server, host, security, streams), *_pages(host, security)]
    return app


def _bound(host: str, port: int) -> socket.socket:
    """A listening socket, so that a port in use is a sentence and no traceback."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as exc:
        raise InvalidInput(f"cannot listen on {host}:{port}: {exc.strerror}", hint="choose another --port") from exc


async def _serve(app: Starlette, streams: Streams, listening: socket.socket) -> None:
    config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=_GRACE)  # type: ignore[arg-type]
    service = _Uvicorn(config)

    def end() -> None:
        service.should_exit = True
        for scope in tuple(streams):
            scope.cancel()

    async with anyio.create_task_group() as group:
        group.start_soon(on_signal, end)
        await service.serve(sockets=[listening])
        group.cancel_scope.cancel()


def _security() -> TransportSecuritySettings:
    """A browser page on another site must not reach us by a name that resolves to this machine."""
    names = ("127.0.0.1", "localhost", "[::1]")
    return TransportSecuritySettings(
        enable_dns_rebinding_protection=True,
        allowed_hosts=[f"{name}{port}" for name in names for port in ("", ":*")],
        allowed_origins=[f"http://{name}{port}" for name in names for port in ("", ":*")],
    )


def _sse_routes(
    server: Server[Host], host: Host, security: TransportSecuritySettings, streams: Streams
) -> list[Route | Mount]:
    """HTTP+SSE, deprecated by the specification and still spoken by clients."""
    transport = SseServerTransport(_MESSAGES, security_settings=security)

    async def connect(scope: Scope, receive: Receive, send: Send) -> None:
        with anyio.CancelScope() as stream:
            streams.add(stream)
            try:
                async with transport.connect_sse(scope, receive, send) as (incoming, outgoing):
                    await serve_dual_era_loop(
                        server, incoming, outgoing, lifespan_state=host, init_options=initialization(server)
                    )
            finally:
                streams.discard(stream)
        if stream.cancelled_caught:  # the process ends: tell the client that nothing more comes
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    return [Route("/sse", _Asgi(connect), methods=["GET"]), Mount(_MESSAGES, app=transport.handle_post_message)]


def _pages(host: Host, security: TransportSecuritySettings) -> list[Route]:
    guard = TransportSecurityMiddleware(security)

    async def health(request: Request) -> Response:
        if refusal := await guard.validate_request(request):
            return refusal
        try:
            found: dict[str, Any] = await (await host.app()).health()
        except TmwsError as exc:
            found = {"status": "unavailable", "error": exc.info.to_dict()}
        return JSONResponse(found, status_code=200 if found["status"] == "ok" else 503)

    async def metrics(request: Request) -> Response:
        if refusal := await guard.validate_request(request):
            return refusal
        try:
            page, kind = (await host.app()).metrics_page()
        except TmwsError as exc:
            return JSONResponse(exc.info.to_dict(), status_code=503)
        return Response(page, headers={"content-type": kind})

    return [Route("/health", health), Route("/metrics", metrics)]
