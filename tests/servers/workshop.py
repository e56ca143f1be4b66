"""A server that keeps a log of every call in the file it is given: reads, writes, and worse.

Without the SDK, whose import takes longer than most tests: a stdio server of the 2025 era that answers many calls at
once, reports progress and heeds cancellations. Servers of the SDK stand in tests/dispatch and tests/e2e.
"""

import asyncio
import json
import sys
from pathlib import Path

log = Path(sys.argv[1])

READ = {"readOnlyHint": True, "destructiveHint": False}
WRITE = {"readOnlyHint": False, "destructiveHint": False}
DESTROY = {"readOnlyHint": False, "destructiveHint": True}
KINDS = {"string": str, "integer": int, "number": (int, float)}
TOOLS = {}


class ToolError(Exception):
    """What a tool says went wrong."""


def tool(annotations=None, **properties):
    """A tool of the decorated function's name and docstring; a property is (type,) or (type, default)."""
    shapes = {
        name: {"type": kind, **({"default": rest[0]} if rest else {})} for name, (kind, *rest) in properties.items()
    }
    schema = {
        "type": "object",
        "properties": shapes,
        "required": [n for n, shape in shapes.items() if "default" not in shape],
    }

    def add(function):
        shown = {"name": function.__name__, "description": function.__doc__, "inputSchema": schema}
        TOOLS[function.__name__] = (function, {**shown, **({"annotations": annotations} if annotations else {})})
        return function

    return add


def note(name, key):
    with log.open("a") as file:
        file.write(f"{name} {key}\n")
    return len([line for line in log.read_text().splitlines() if line.startswith(f"{name} ")])


@tool(READ, key=("string",), wait=("number", 0.05))
async def look(report, key, wait=0.05):
    """Look at a thing on the bench."""
    count = note("look", key)
    await asyncio.sleep(wait)
    return {"key": key, "looked": count}


@tool(WRITE, key=("string",))
async def put(report, key):
    """Put a thing on the bench."""
    count = note("put", key)
    await asyncio.sleep(0.02)
    return {"put": count}


@tool(WRITE, key=("string",))
async def lay(report, key):
    """Lay a thing down, which takes its time."""
    note("lay", f"{key} begins")
    await asyncio.sleep(0.05)
    note("lay", f"{key} ends")
    return key


@tool(DESTROY, key=("string",))
async def smash(report, key):
    """Smash a thing on the bench to pieces."""
    note("smash", key)
    return f"smashed {key}"


@tool(key=("string",))
async def meddle(report, key):
    """Meddle with a thing in an undeclared way."""
    note("meddle", key)
    return f"meddled with {key}"


@tool(READ)
async def tide(report):
    """Tell the tide; at ebb, which is where a file of that name lies beside the log, it takes for ever."""
    if log.with_name("ebb").exists():
        await asyncio.sleep(60)
    return "flood"


@tool(READ, rows=("integer",))
async def shelf(report, rows):
    """List the rows of the shelf."""
    return [{"row": i, "label": f"label of row number {i}", "empty": None} for i in range(rows)]


@tool(READ)
async def break_down(report):
    """Fail."""
    note("break_down", "-")
    raise ToolError("the lathe is broken")


@tool(READ, steps=("integer",))
async def plane(report, steps):
    """Plane a board, step by step."""
    for step in range(1, steps + 1):
        report(step, steps, f"stroke {step}")
    return "smooth"


@tool(READ)
async def doze(report):
    """Never answer."""
    note("doze", "begun")
    try:
        await asyncio.Event().wait()
    finally:
        note("doze", "cancelled")
    return ""


def send(message):
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    sys.stdout.flush()


async def call(number, params):
    """Run a tool and send what it says; a call that is cancelled gets no answer."""
    token = (params.get("_meta") or {}).get("progressToken")

    def report(progress, total, message):
        if token is not None:
            told = {"progressToken": token, "progress": progress, "total": total, "message": message}
            send({"method": "notifications/progress", "params": told})

    try:
        value = await TOOLS[params["name"]][0](report, **checked(params))
        text = value if isinstance(value, str) else json.dumps(value)
        send({"id": number, "result": {"content": [{"type": "text", "text": text}]}})
    except ToolError as exc:
        send({"id": number, "result": {"content": [{"type": "text", "text": str(exc)}], "isError": True}})


def checked(params):
    """The arguments, if they are those of the tool's schema."""
    schema, given = TOOLS[params["name"]][1]["inputSchema"], params.get("arguments") or {}
    for name in {*schema["required"], *given}:
        shape = schema["properties"].get(name)
        if name not in given or shape is None or not isinstance(given[name], KINDS[shape["type"]]):
            raise ToolError(f"{params['name']}: {name} cannot be used")
    return given


async def main():
    lines = asyncio.StreamReader(limit=2**26)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    running = {}
    while line := await lines.readline():
        message = json.loads(line)
        method, params, number = message.get("method"), message.get("params") or {}, message.get("id")
        if method == "notifications/cancelled" and params["requestId"] in running:
            running[params["requestId"]].cancel()
        elif method == "tools/call":
            running[number] = asyncio.create_task(call(number, params))
            running[number].add_done_callback(lambda _, number=number: running.pop(number))
        elif method == "initialize":
            told = {"protocolVersion": params["protocolVersion"], "capabilities": {"tools": {}}}
            send({"id": number, "result": {**told, "serverInfo": {"name": "workshop", "version": "1"}}})
        elif method == "tools/list":
            send({"id": number, "result": {"tools": [shown for _, shown in TOOLS.values()]}})
        elif number is not None:
            known = method == "ping"
            unknown = {"error": {"code": -32601, "message": f"no method {method}"}}
            send({"id": number, **({"result": {}} if known else unknown)})


if __name__ == "__main__":
    asyncio.run(main())
