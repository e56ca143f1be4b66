"""A server that keeps a log of every call in the file it is given: reads, writes, and worse."""

import asyncio
import sys
from pathlib import Path

from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import ToolAnnotations

log = Path(sys.argv[1])
server = MCPServer("workshop", log_level="ERROR")

READ = ToolAnnotations(read_only_hint=True, destructive_hint=False)
WRITE = ToolAnnotations(read_only_hint=False, destructive_hint=False)
DESTROY = ToolAnnotations(read_only_hint=False, destructive_hint=True)


def note(tool: str, key: str) -> int:
    with log.open("a") as file:
        file.write(f"{tool} {key}\n")
    return len([line for line in log.read_text().splitlines() if line.startswith(f"{tool} ")])


@server.tool(annotations=READ)
async def look(key: str, wait: float = 0.05) -> dict:
    """Look at a thing on the bench."""
    count = note("look", key)
    await asyncio.sleep(wait)
    return {"key": key, "looked": count}


@server.tool(annotations=WRITE)
async def put(key: str) -> dict:
    """Put a thing on the bench."""
    count = note("put", key)
    await asyncio.sleep(0.02)
    return {"put": count}


@server.tool(annotations=WRITE)
async def lay(key: str) -> str:
    """Lay a thing down, which takes its time."""
    note("lay", f"{key} begins")
    await asyncio.sleep(0.05)
    note("lay", f"{key} ends")
    return key


@server.tool(annotations=DESTROY)
def smash(key: str) -> str:
    """Smash a thing on the bench to pieces."""
    note("smash", key)
    return f"smashed {key}"


@server.tool()
def meddle(key: str) -> str:
    """Meddle with a thing in an undeclared way."""
    note("meddle", key)
    return f"meddled with {key}"


@server.tool(annotations=READ)
async def tide() -> str:
    """Tell the tide; at ebb, which is where a file of that name lies beside the log, it takes for ever."""
    if log.with_name("ebb").exists():
        await asyncio.sleep(60)
    return "flood"


@server.tool(annotations=READ)
def shelf(rows: int) -> list[dict]:
    """List the rows of the shelf."""
    return [{"row": i, "label": f"label of row number {i}", "empty": None} for i in range(rows)]


@server.tool(annotations=READ)
def break_down() -> str:
    """Fail."""
    note("break_down", "-")
    raise ToolError("the lathe is broken")


@server.tool(annotations=READ)
async def plane(steps: int, ctx: Context) -> str:
    """Plane a board, step by step."""
    for step in range(1, steps + 1):
        await ctx.report_progress(step, steps, f"stroke {step}")
    return "smooth"


@server.tool(annotations=READ)
async def doze() -> str:
    """Never answer."""
    note("doze", "begun")
    try:
        await asyncio.Event().wait()
    finally:
        note("doze", "cancelled")
    return ""


if __name__ == "__main__":
    server.run("stdio")
