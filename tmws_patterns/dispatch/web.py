"""HTTP for the remote transports: a failed request costs its own call and nothing else.

In the SDK's streamable HTTP client one refused POST ends the whole client and every call on it. Here
the failure comes back as an HTTP answer that carries a JSON-RPC error, which fails just that call.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping

import httpx2

UNREACHABLE = -32010  # -32000 to -32019 are free for implementations
REFUSED = -32011
_SERVICE_UNAVAILABLE = 503
_REFUSALS = (401, 403, 407)
_SERVER_ERRORS = 500

TIMEOUT = httpx2.Timeout(10, read=300)  # s; a server may hold an event stream open without a word
NOTIFICATION_TIMEOUT = 2.0  # s; the SDK posts notifications one by one, before any later call
_NOTIFICATION = b'"method":"notifications/'


class EnclosingTransport(httpx2.AsyncBaseTransport):
    """Turns what fails on the socket, and refusals without a JSON-RPC body, into JSON-RPC errors.

    `data.sent` of the error tells whether the request may have reached the server.
    """

    def __init__(self) -> None:
        self._inner = httpx2.AsyncHTTPTransport()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send the request; never raises for a failure of the network."""
        if request.method == "POST" and _NOTIFICATION in request.content:
            limits = dict.fromkeys(("connect", "read", "write", "pool"), NOTIFICATION_TIMEOUT)
            request.extensions = {**request.extensions, "timeout": limits}
        try:
            response = await self._inner.handle_async_request(request)
        except httpx2.TransportError as exc:
            sent = not isinstance(exc, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.PoolTimeout)
            said = f": {exc}" if str(exc) else ""
            return _error(request, _SERVICE_UNAVAILABLE, UNREACHABLE, f"{type(exc).__name__}{said}", sent=sent)
        if _is_refusal(response):
            await response.aclose()
            message = f"HTTP {response.status_code} {response.reason_phrase}".strip()
            return _error(request, response.status_code, REFUSED, message, sent=False)
        return httpx2.Response(
            response.status_code,
            headers=response.headers,
            stream=_Body(response),
            extensions=response.extensions,
            request=request,
        )

    async def aclose(self) -> None:
        """Close the connections."""
        await self._inner.aclose()


class _Body(httpx2.AsyncByteStream):
    """A response's body; where the connection breaks, it ends early, and its reader reports that."""

    def __init__(self, response: httpx2.Response) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._response.stream:  # type: ignore[union-attr]
                yield chunk
        except httpx2.TransportError:
            return

    async def aclose(self) -> None:
        await self._response.aclose()


def _is_refusal(response: httpx2.Response) -> bool:
    if response.status_code in _REFUSALS:
        return True
    is_json = response.headers.get("content-type", "").lower().startswith("application/json")
    return response.status_code >= _SERVER_ERRORS and not is_json


def _error(request: httpx2.Request, status: int, code: int, message: str, *, sent: bool) -> httpx2.Response:
    error = {"code": code, "message": message, "data": {"sent": sent}}
    return httpx2.Response(status, json={"jsonrpc": "2.0", "id": None, "error": error}, request=request)


def http_client(headers: Mapping[str, str]) -> httpx2.AsyncClient:
    """A client for streamable HTTP whose requests fail one by one."""
    return httpx2.AsyncClient(transport=EnclosingTransport(), headers=dict(headers), timeout=TIMEOUT)
