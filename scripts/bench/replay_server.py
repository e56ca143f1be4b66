"""One of the recorded servers: its tools as they were listed, its answers as they were given.

python replay_server.py NAME
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import anyio
from mcp.server import Server
from mcp.server.stdio import stdio_server
from mcp.types import CallToolRequestParams, CallToolResult, ListToolsResult, TextContent

RECORDED = Path(__file__).parent / "data" / "tool_answers.json"


def recorded() -> dict[str, Any]:
    """Servers by name: origin, tools, answers."""
    found: dict[str, Any] = json.loads(RECORDED.read_text())["servers"]
    return found


def key(tool: dict[str, Any], arguments: Any) -> str:
    """The identity of a call, whatever the order of its arguments, and whether or not defaults are written out."""
    defaults = {name: of.get("default") for name, of in tool["inputSchema"].get("properties", {}).items()}
    said = {name: value for name, value in (arguments or {}).items() if value != defaults.get(name)}
    return json.dumps([tool["name"], said], sort_keys=True)


async def main() -> None:
    """Serve on stdio."""
    kept = recorded()[sys.argv[1]]
    named = {tool["name"]: tool for tool in kept["tools"]}
    answers = {
        key(named[a["tool"]], a["arguments"]): CallToolResult.model_validate(a["result"]) for a in kept["answers"]
    }

    async def tools(_: Any, __: Any) -> ListToolsResult:
        return ListToolsResult.model_validate({"tools": kept["tools"]})

    async def call(_: Any, params: CallToolRequestParams) -> CallToolResult:
        found = answers.get(key(named[params.name], params.arguments))
        if found is not None:
            return found
        said = f"nothing was recorded for {params.name} with {json.dumps(params.arguments)}"
        return CallToolResult(content=[TextContent(type="text", text=said)], is_error=True)

    server = Server(sys.argv[1], on_list_tools=tools, on_call_tool=call)
    async with stdio_server() as (incoming, outgoing):
        await server.run(incoming, outgoing, server.create_initialization_options())


if __name__ == "__main__":
    anyio.run(main)
