"""Odd schemas, and answers that a strict reader of JSON refuses."""

import json
import sys

from wire import NO_ANSWER, serve, text, tool

SCHEMAS = {
    "everything": {
        "type": "object",
        "properties": {
            "a": {"type": "array", "items": 7, "required": "yes"},
            "b": {"type": 3, "enum": "xy", "anyOf": [1, {"type": "null"}], "maximum": 2**70},
        },
        "required": ["a", "gone"],
    },
    "nothing": {"type": "object", "properties": {}, "required": ["a"], "anyOf": {"a": 1}},
}
ANSWERS = {
    "bytes": b'{"a": "\xff"}',
    "half": rb'{"a": "\ud800 \u00e9 \\ud800 \ud83d\ude00"}',
    "deep": b'{"a": ' + b"[" * 250 + b"]" * 250 + b"}",
    "deepest": b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "broken": b'{"a": ',
}


def call(name, arguments, params):
    if name in ANSWERS:
        head = b'{"jsonrpc": "2.0", "id": %d, "result": {"content": [], "structuredContent": ' % params["number"]
        sys.stdout.buffer.write(head + ANSWERS[name] + b"}}\n")
        sys.stdout.flush()
        return NO_ANSWER
    return text(json.dumps({"got": arguments}))


def numbered():
    """The lines of stdin, each call with its message's number among its parameters."""
    for line in real:
        message = json.loads(line)
        message.setdefault("params", {})["number"] = message.get("id")
        yield json.dumps(message)


real, sys.stdin = sys.stdin, numbered()
odd = [{"name": name, "description": f"Tangle {name}.", "inputSchema": schema} for name, schema in SCHEMAS.items()]
serve([*odd, *(tool(name) for name in ANSWERS), tool("echo")], call)
