"""Serving over HTTP: /mcp, /sse, /health and /metrics from one process with one App behind them.

Until there is authentication, only loopback addresses are served.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import anyio
import uvicorn
from mcp.server import Server
from mcp.server.runner import serve_dual_era_loop
from mcp.server.sse import SseServerTransport
from mcp.server.transport_security import TransportSecuritySettings
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from tmws_patterns.errors import Forbidden, TmwsError
from tmws_patterns.server.build import build_server, initialization
from tmws_patterns.server.host import Host, Opener
from tmws_patterns.server.stdio import serve_until_signalled

_IDLE_SESSION = 600.0  # seconds; an abandoned legacy session holds about 50 KiB
_SESSIONS = 200
_MESSAGES = "/messages/"


class _Uvicorn(uvicorn.Server):
    """uvicorn without its signal handlers, which would end the process by the signal instead of with status 0."""

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


def run_http(open_app: Opener, host: str, port: int) -> None:
    """Serve until a signal comes.

    Raises:
        Forbidden: the host is not a loopback address.
    """
    if not is_loopback(host):
        raise Forbidden(
            f"serving on {host} needs authentication, which is not there yet",
            hint="use --host 127.0.0.1, and a tunnel or a proxy that authenticates",
        )
    anyio.run(serve_until_signalled, lambda: _serve(http_app(open_app), host, port))


def is_loopback(host: str) -> bool:
    """True for an address that only this machine can reach."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def http_app(open_app: Opener) -> Starlette:
    """The ASGI application. Its lifespan holds the App."""
    server, host = build_server(open_app)
    security = _security()
    app = server.streamable_http_app(
        transport_security=security, session_idle_timeout=_IDLE_SESSION, max_sessions=_SESSIONS
    )
    app.router.routes += [*_sse_routes(server, host, security), *_pages(host)]
    return app


async def _serve(app: Starlette, host: str, port: int) -> None:
    config = uvicorn.Config(app, host, port, log_level="warning", timeout_graceful_shutdown=1)
    service = _Uvicorn(config)
    try:
        await service.serve()
    finally:
        service.should_exit = True


def _security() -> TransportSecuritySettings:
    """A browser page on another site must not reach us by a name that resolves to this machine."""
    names = ("127.0.0.1", "localhost", "[::1]")
    return TransportSecuritySettings(
        enable_dns_rebinding_protection=True,
        allowed_hosts=[f"{name}{port}" for name in names for port in ("", ":*")],
        allowed_origins=[f"http://{name}{port}" for name in names for port in ("", ":*")],
    )


def _sse_routes(server: Server[Host], host: Host, security: TransportSecuritySettings) -> list[Route | Mount]:
    """HTTP+SSE, deprecated by the specification and still spoken by clients."""
    transport = SseServerTransport(_MESSAGES, security_settings=security)

    async def connect(request: Request) -> Response:
        async with transport.connect_sse(request.scope, request.receive, request._send) as (incoming, outgoing):  # noqa: SLF001 - the SDK's own way
            await serve_dual_era_loop(
                server, incoming, outgoing, lifespan_state=host, init_options=initialization(server)
            )
        return Response()

    return [Route("/sse", connect, methods=["GET"]), Mount(_MESSAGES, app=transport.handle_post_message)]


def _pages(host: Host) -> list[Route]:
    async def health(_: Request) -> Response:
        try:
            found: dict[str, Any] = await (await host.app()).health()
        except TmwsError as exc:
            found = {"status": "unavailable", "error": exc.info.to_dict()}
        return JSONResponse(found, status_code=200 if found["status"] == "ok" else 503)

    async def metrics(_: Request) -> Response:
        page, kind = (await host.app()).metrics_page()
        return Response(page, headers={"content-type": kind})

    return [Route("/health", health), Route("/metrics", metrics)]
