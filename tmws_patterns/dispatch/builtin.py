"""The server `tmws` that lives in this process: the health of its parts, its servers, and arithmetic.

A real MCP server, so that its tools are listed, routed and called like everybody's. It is made of the
SDK's low-level Server because an MCPServer sets up logging of its own as soon as it exists.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import orjson
from mcp.server import Server, ServerRequestContext
from mcp.types import (
    CallToolRequestParams,
    CallToolResult,
    ListToolsResult,
    PaginatedRequestParams,
    TextContent,
    Tool,
    ToolAnnotations,
)

from tmws_patterns.dispatch.calculator import as_json, calculate
from tmws_patterns.dispatch.config import BUILTIN
from tmws_patterns.errors import TmwsError

Probe = Callable[[], Awaitable[dict[str, Any]] | dict[str, Any]]

_PROBES = {
    "database_health": ("Database health", "State of the database: reachable, connection pool, sizes."),
    "cache_health": (
        "Cache health",
        "Counts of the cache: hits, misses, hit rate, hits by tier, and whether Redis answers.",
    ),
    "server_health": ("Server health", "State of every downstream server, and which of them failed."),
    "list_servers": ("List servers", "The configured MCP servers, whether each is connected, and its tools."),
}
_READS = ToolAnnotations(read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False)
_CALCULATE = Tool(
    name="calculate",
    title="Calculate",
    description="Value of an arithmetic expression, such as 2*(3+4), sqrt(2)^3 or 15% of 80.",
    input_schema={
        "type": "object",
        "properties": {"expression": {"type": "string", "description": "what to calculate"}},
        "required": ["expression"],
    },
    annotations=_READS,
)


def builtin_server(probes: Mapping[str, Probe]) -> Server[Any]:
    """The built-in server with one tool for each probe, and `calculate`.

    Args:
        probes: functions, sync or async, that return plain data, by tool name: database_health,
            cache_health, server_health, list_servers. A tool without its probe is not offered.
    """
    tools = [*(_probe_tool(name) for name in _PROBES if name in probes), _CALCULATE]

    async def list_tools(_: ServerRequestContext[Any], __: PaginatedRequestParams | None) -> ListToolsResult:
        return ListToolsResult(tools=tools)

    async def call_tool(_: ServerRequestContext[Any], params: CallToolRequestParams) -> CallToolResult:
        try:
            return _result(await _run(probes, params.name, params.arguments or {}))
        except TmwsError as exc:
            text = f"{exc.message}. {exc.hint}" if exc.hint else exc.message
            return CallToolResult(content=[TextContent(text=text)], is_error=True)

    return Server(BUILTIN, on_list_tools=list_tools, on_call_tool=call_tool)


def _probe_tool(name: str) -> Tool:
    title, description = _PROBES[name]
    nothing = {"type": "object", "properties": {}}
    return Tool(name=name, title=title, description=description, input_schema=nothing, annotations=_READS)


async def _run(probes: Mapping[str, Probe], name: str, arguments: Mapping[str, Any]) -> Any:
    if name == _CALCULATE.name:
        return as_json(calculate(str(arguments.get("expression", ""))))
    found = probes[name]()
    return await found if inspect.isawaitable(found) else found


def _result(value: Any) -> CallToolResult:
    """Plain data as structured content, and as text for the clients that read nothing else."""
    text = value if isinstance(value, str) else orjson.dumps(value, default=str).decode()
    return CallToolResult(content=[TextContent(text=text)], structured_content=value)
