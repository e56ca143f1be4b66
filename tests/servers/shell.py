"""What a person may configure as `shell`: one tool that runs a command line."""

import subprocess

from mcp.server import MCPServer

server = MCPServer("shell", log_level="ERROR")


@server.tool()
def run_command(command: str) -> str:
    """Run a command line and return what it prints."""
    return subprocess.run(command, shell=True, check=False, capture_output=True, text=True, timeout=10).stdout


if __name__ == "__main__":
    server.run("stdio")
