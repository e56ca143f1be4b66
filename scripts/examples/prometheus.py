"""Start the server over HTTP, call it as an MCP client does, and read what Prometheus would scrape from /metrics."""

import asyncio
import socket
import subprocess
import sys
import time
import urllib.request

from mcp import Client

CALLS = (
    "what is 6 * 7",
    "what is 6 * 7",
    "remember that metrics are scraped each minute",
    "what time is it in Lilliput",
)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=5) as page:
        return page.read().decode()


def wait_until_up(url: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60  # a busy machine takes its time
    while time.monotonic() < deadline and server.poll() is None:
        try:
            get(url)
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise SystemExit("the server did not start")


async def call(url: str) -> None:
    async with Client(url) as client:
        for query in CALLS:
            answer = await client.call_tool("execute_pattern", {"query": query})
            print(f"{query}: {'failed' if answer.is_error else 'answered'}")


def main() -> None:
    port = free_port()
    command = [sys.executable, "-m", "tmws_patterns", "serve", "--transport", "http", "--port", str(port)]
    with subprocess.Popen(command) as server:
        try:
            address = f"http://127.0.0.1:{port}"
            wait_until_up(f"{address}/health", server)
            asyncio.run(call(f"{address}/mcp"))
            print(f"\nGET {address}/metrics")
            for line in get(f"{address}/metrics").splitlines():
                if line.startswith("tmws_") and "_bucket" not in line and "_created" not in line:
                    print(f"  {line}")
        finally:
            server.terminate()
    print(f"\nthe server ended with status {server.returncode}")


if __name__ == "__main__":
    main()
