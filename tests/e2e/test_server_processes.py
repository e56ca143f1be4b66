"""The server as a process: signals, old revisions, one state behind all HTTP routes, hosts, noise."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path

import anyio
import orjson
import pytest
from mcp import Client, StdioServerParameters
from mcp.client.sse import sse_client
from served import COMMAND, environment, get, http_server
from tables import untabled

pytestmark = pytest.mark.anyio

_SOON = 10  # seconds, on a busy machine: scripts/bench_engine.py holds the promised 2, where nothing else runs beside


def children_of(pid: int) -> set[int]:
    """Process ids of the children that live, by /proc."""
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
            except (OSError, IndexError):
                continue
            if int(fields[1]) == pid and fields[0] != "Z":
                found.add(int(entry.name))
    return found


def is_there(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


class StdioProcess:
    """The server on stdio, spoken to by hand."""

    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen(
            COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment(folder), stderr=subprocess.PIPE
        )

    def send(self, method: str, params: dict, number: int | None = None) -> dict | None:
        message = {"jsonrpc": "2.0", "method": method, "params": params, **({"id": number} if number else {})}
        self.process.stdin.write(orjson.dumps(message) + b"\n")
        self.process.stdin.flush()
        return orjson.loads(self.process.stdout.readline()) if number else None

    def initialize(self, version: str) -> dict:
        client = {"protocolVersion": version, "capabilities": {}, "clientInfo": {"name": "hand", "version": "1"}}
        answer = self.send("initialize", client, 1)
        self.send("notifications/initialized", {})
        return answer["result"]

    def execute(self, query: str, number: int = 2) -> dict:
        params = {"name": "execute_pattern", "arguments": {"query": query}}
        return self.send("tools/call", params, number)["result"]["structuredContent"]

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            pipe.close()
        self.process.wait()


@pytest.fixture
def stdio(tmp_path: Path):
    process = StdioProcess(tmp_path)
    yield process
    process.end()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_stdio_with_status_0_and_leaves_no_child(stdio: StdioProcess, number: signal.Signals) -> None:
    stdio.initialize("2025-11-25")
    assert stdio.execute("what time is it in Tokyo")["success"]
    children = children_of(stdio.process.pid)
    assert children
    started = time.monotonic()
    stdio.process.send_signal(number)
    assert stdio.process.wait(timeout=15) == 0
    assert time.monotonic() - started < _SOON
    assert not any(is_there(child) for child in children)


def test_closing_stdin_ends_stdio_with_status_0(stdio: StdioProcess) -> None:
    stdio.initialize("2025-11-25")
    stdio.process.stdin.close()
    assert stdio.process.wait(timeout=15) == 0


@pytest.mark.parametrize("version", ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"])
def test_every_revision_with_a_handshake_is_spoken(stdio: StdioProcess, version: str) -> None:
    answer = stdio.initialize(version)
    assert answer["protocolVersion"] == version
    assert answer["serverInfo"]["name"] == "tmws-patterns"
    assert stdio.execute("calculate 6*7")["result"] == 42


def test_nothing_but_the_protocol_is_printed_on_stdout(stdio: StdioProcess) -> None:
    stdio.initialize("2025-11-25")
    for number in range(2, 8):
        assert stdio.execute("calculate 1/0", number)["error"]["code"] == "tool_error"
    stdio.process.send_signal(signal.SIGTERM)
    rest, complaints = stdio.process.communicate(timeout=5)
    assert rest == b""
    assert b"Traceback" not in complaints


def test_tools_are_listed_before_any_server_or_database_is_opened(tmp_path: Path) -> None:
    process = StdioProcess(tmp_path)
    try:
        process.initialize("2025-11-25")
        assert len(process.send("tools/list", {}, 2)["result"]["tools"]) == 3
        assert children_of(process.process.pid) == set()
    finally:
        process.end()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_http_with_status_0_and_leaves_no_child(tmp_path: Path, number: signal.Signals) -> None:
    async with http_server(environment(tmp_path)) as (process, port):
        async with (
            Client(f"http://127.0.0.1:{port}/mcp") as client,
            await anyio.connect_tcp("127.0.0.1", port) as stream,
        ):
            await stream.send(f"GET /sse HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
            assert b"200 OK" in await stream.receive()
            await client.call_tool("execute_pattern", {"query": "what time is it in Tokyo"})
            children = children_of(process.pid)
            assert children
            started = time.monotonic()
            process.send_signal(number)
            with anyio.fail_after(15):
                assert await process.wait() == 0
            assert time.monotonic() - started < _SOON
        assert not any(is_there(child) for child in children)


async def test_one_http_process_serves_four_routes_from_one_state(tmp_path: Path) -> None:
    async with http_server(environment(tmp_path)) as (_, port):
        base = f"http://127.0.0.1:{port}"
        async with Client(f"{base}/mcp") as new, Client(sse_client(f"{base}/sse"), mode="legacy") as old:
            first = await new.call_tool("execute_pattern", {"query": "calculate 2*3"})
            again = await old.call_tool("execute_pattern", {"query": "calculate 2*3"})
            assert (first.structured_content["cache_hit"], again.structured_content["cache_hit"]) == (False, True)
        status, health = await get(port, "/health")
        assert (status, orjson.loads(health)["status"]) == (200, "ok")
        status, metrics = await get(port, "/metrics")
        assert status == 200
        assert 'tmws_pattern_executions_total{pattern_type="infrastructure",success="true"} 2.0' in metrics
        assert "tmws_pattern_cache_hit_rate 0.5" in metrics
        assert "tmws_pattern_tokens_used_total" in metrics
        assert "tmws_pattern_execution_duration_seconds_bucket" in metrics


async def test_a_page_of_another_site_cannot_reach_the_server(tmp_path: Path) -> None:
    async with (
        http_server(environment(tmp_path)) as (_, port),
        await anyio.connect_tcp("127.0.0.1", port) as stream,
    ):
        body = b'{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{}}'
        head = f"POST /mcp HTTP/1.1\r\nHost: evil.example:{port}\r\nContent-Type: application/json\r\n"
        await stream.send(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        assert (await stream.receive()).startswith(b"HTTP/1.1 421")


@pytest.mark.parametrize("path", ["/health", "/metrics"])
async def test_the_pages_for_operators_are_kept_from_other_sites_too(tmp_path: Path, path: str) -> None:
    async with (
        http_server(environment(tmp_path)) as (_, port),
        await anyio.connect_tcp("127.0.0.1", port) as stream,
    ):
        await stream.send(f"GET {path} HTTP/1.1\r\nHost: evil.example\r\n\r\n".encode())
        assert (await stream.receive()).startswith(b"HTTP/1.1 421")


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "example.com", "::"])
def test_http_refuses_every_host_but_loopback(host: str, tmp_path: Path) -> None:
    command = [*COMMAND, "--transport", "http", "--host", host]
    refused = subprocess.run(
        command, env=environment(tmp_path), capture_output=True, text=True, timeout=20, check=False
    )
    assert refused.returncode == 1
    assert "forbidden" in refused.stderr
    assert "hint" in refused.stderr


async def test_a_database_that_cannot_be_opened_is_told_to_the_client_and_tried_again(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "memory.db").write_bytes(b"this is no database" * 100)
    parameters = StdioServerParameters(command=COMMAND[0], args=COMMAND[1:], env=environment(tmp_path))
    async with Client(parameters) as client:
        broken = await client.call_tool("execute_pattern", {"query": "calculate 1+1"})
        assert broken.structured_content["error"]["code"] == "store_unavailable"
        (data / "memory.db").unlink()
        mended = await client.call_tool("execute_pattern", {"query": "calculate 1+1"})
        assert mended.structured_content["result"] == 2


async def test_two_processes_share_memories_and_see_each_others_writes_at_once(tmp_path: Path) -> None:
    parameters = StdioServerParameters(command=COMMAND[0], args=COMMAND[1:], env=environment(tmp_path))

    async def ask(client: Client, query: str) -> dict:
        return (await client.call_tool("execute_pattern", {"query": query})).structured_content

    async with Client(parameters) as one, Client(parameters) as two:
        assert (await ask(two, "recall the harbour"))["result"] == []
        assert (await ask(two, "recall the harbour"))["cache_hit"]
        for number in range(1, 6):
            await ask(one, f"remember that harbour fact {number} holds")
            assert len(untabled((await ask(two, "recall the harbour"))["result"])) == number
