"""A bare server of the SDK with three small tools: the downstream of the round trips and the reference at start-up."""

from mcp.server import MCPServer
from mcp.types import ToolAnnotations

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
def count_words(text: str) -> int:
    """Count the words of a text."""
    return len(text.split())


if __name__ == "__main__":
    server.run("stdio")
