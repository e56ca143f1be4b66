"""A stdio MCP server of the 2025 era in a few lines and without imports that take time to load."""

import json
import sys


def send(message):
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    sys.stdout.flush()


def tool(name, **more):
    return {"name": name, "inputSchema": {"type": "object"}, **more}


def text(value):
    return {"content": [{"type": "text", "text": value if isinstance(value, str) else json.dumps(value)}]}


READ = {"annotations": {"readOnlyHint": True}}
NO_ANSWER = object()


def serve(tools, call, notified=lambda method, params: None):
    """`tools` is a list or a function; `call(name, arguments, params)` returns a result or NO_ANSWER."""
    for line in sys.stdin:
        message = json.loads(line)
        method, params, number = message.get("method"), message.get("params") or {}, message.get("id")
        if number is None:
            notified(method, params)
        elif method == "initialize":
            capabilities = {"tools": {"listChanged": True}}
            info = {"name": "wire", "version": "1"}
            version = params["protocolVersion"]
            send(
                {"id": number, "result": {"protocolVersion": version, "capabilities": capabilities, "serverInfo": info}}
            )
        elif method == "tools/list":
            send({"id": number, "result": {"tools": tools() if callable(tools) else tools}})
        elif method == "tools/call":
            result = call(params["name"], params.get("arguments") or {}, params)
            if result is not NO_ANSWER:
                send({"id": number, "result": result})
        else:
            send({"id": number, "error": {"code": -32601, "message": "Method not found"}})
