"""The same tools over HTTP: remote.py PORT http|sse."""

import asyncio
import os
import sys

from mcp.server import MCPServer
from mcp.types import ToolAnnotations

server = MCPServer("adder", log_level="CRITICAL")


@server.tool(annotations=ToolAnnotations(read_only_hint=True))
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@server.tool()
def pid() -> int:
    """The process."""
    return os.getpid()


@server.tool()
async def wait() -> str:
    """Takes longer than anyone waits."""
    await asyncio.Event().wait()
    return ""


port, transport = int(sys.argv[1]), sys.argv[2]
if transport == "sse":
    server.run("sse", port=port)
else:
    server.run("streamable-http", port=port)
