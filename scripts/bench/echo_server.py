"""A bare server of the SDK with three small tools: the downstream of the round trips and the reference at start-up."""

import anyio
from mcp.server import MCPServer
from mcp.types import ToolAnnotations

LATENCY = 0.025  # seconds
server = MCPServer("echo", log_level="ERROR")
READS = ToolAnnotations(read_only_hint=True)


@server.tool(annotations=READS)
def echo(text: str) -> str:
    """Say the text again."""
    return text


@server.tool(annotations=READS)
def add(first: int, second: int) -> int:
    """Add two whole numbers."""
    return first + second


@server.tool(annotations=READS)
async def look_up(text: str) -> str:
    """Answer as late as a web service in the same country does."""
    await anyio.sleep(LATENCY)
    return text


if __name__ == "__main__":
    server.run("stdio")
