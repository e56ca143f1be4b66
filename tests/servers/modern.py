"""A server of the SDK: progress, structured answers, an error, a picture."""

import asyncio

from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import ImageContent, TextContent, ToolAnnotations

server = MCPServer("modern", log_level="ERROR")


@server.tool(annotations=ToolAnnotations(read_only_hint=True))
async def count(to: int, ctx: Context) -> list[int]:
    """Count, and report on the way."""
    for number in range(1, to + 1):
        await ctx.report_progress(number, to, f"number {number}")
    return list(range(1, to + 1))


@server.tool()
def fail() -> str:
    """Always fails."""
    raise ToolError("no such " + "thing " * 1000)


@server.tool()
async def wait() -> str:
    """Takes longer than anyone waits."""
    await asyncio.Event().wait()
    return ""


@server.tool()
def picture() -> list[TextContent | ImageContent]:
    """A text and an image."""
    return [TextContent(text="a dot"), ImageContent(data="AA==", mime_type="image/png")]


if __name__ == "__main__":
    server.run("stdio")
