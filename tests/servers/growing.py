"""Has one tool more after each call, and says so; lists them one a page."""

import json
import sys

from wire import send, text, tool

names = ["grow"]
for line in sys.stdin:
    message = json.loads(line)
    method, params, number = message.get("method"), message.get("params") or {}, message.get("id")
    if method == "initialize":
        capabilities = {"tools": {"listChanged": True}}
        result = {
            "protocolVersion": "2024-11-05",
            "capabilities": capabilities,
            "serverInfo": {"name": "g", "version": "1"},
        }
        send({"id": number, "result": result})
    elif method == "tools/list":
        at = int(params.get("cursor", "0"))
        page = {"tools": [tool(names[at])]}
        if at + 1 < len(names):
            page["nextCursor"] = str(at + 1)
        send({"id": number, "result": page})
    elif method == "tools/call":
        names.append(f"leaf{len(names)}")
        send({"id": number, "result": text("grown")})
        send({"method": "notifications/tools/list_changed"})
    elif number is not None:
        send({"id": number, "error": {"code": -32601, "message": "Method not found"}})
