"""Answers calls in ways that are wrong, each tool in its own."""

import json
import sys

from wire import send, text, tool

ERRORS = {
    "refuse": {"code": -32602, "message": "that argument is not for me"},
    "borrow": {"code": -32000, "message": "an error of my own under a borrowed code"},
}
for line in sys.stdin:
    message = json.loads(line)
    method, params, number = message.get("method"), message.get("params") or {}, message.get("id")
    if method == "initialize":
        info = {"name": "odd", "version": "1"}
        send({"id": number, "result": {"protocolVersion": "2025-06-18", "capabilities": {}, "serverInfo": info}})
    elif method == "tools/list" and sys.argv[1:] != ["without"]:
        send({"id": number, "result": {"tools": [tool("refuse"), tool("borrow"), tool("babble"), tool("fine")]}})
    elif method == "tools/call" and params["name"] in ERRORS:
        send({"id": number, "error": ERRORS[params["name"]]})
    elif method == "tools/call":
        send({"id": number, "result": text("fine") if params["name"] == "fine" else {"nonsense": True}})
    elif number is not None:
        send({"id": number, "error": {"code": -32601, "message": "Method not found"}})
