"""What a client sees over stdio: round trips beside the downstream's own, and the first tools/list after a start."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mcp import Client, StdioServerParameters

from bench.parts import ECHO, Workplace, write_servers
from bench.timing import Report, Work, percentile, settled_heap, turn_by_turn

_GROUP = "stdio"
_SERVERS = 8
_STARTS = 7
_REPEATED = "echo the same words again"
_OURS, _BARE = "tmws_patterns, eight servers configured", "bare SDK server, three tools"


async def measure(place: Workplace, report: Report, effort: float) -> None:
    """All rows of this module."""
    await _round_trips(place, report, int(150 * effort))
    await _starts(place, report)
    _ends(place, report)


async def _round_trips(place: Workplace, report: Report, calls: int) -> None:
    ours = _serve(place.environment("serve"))
    proxy = _program([sys.executable, str(Path(__file__).parent / "bare_proxy.py"), *ECHO])
    async with Client(_program(ECHO)) as direct, Client(proxy) as bare, Client(ours) as client:

        async def ask(query: str, *, use_cache: bool = True, hit: bool = False) -> None:
            result = await client.call_tool("execute_pattern", {"query": query, "use_cache": use_cache})
            if result.is_error or result.structured_content["cache_hit"] is not hit:
                raise RuntimeError(f"{query} was not answered as expected: {result}")

        await ask("echo the first call, which connects the server and so makes its tools known")
        await ask(_REPEATED)
        works: dict[str, Work] = {
            "echo called directly": lambda n: direct.call_tool("echo", {"text": _text(n)}),
            "through a bare SDK proxy": lambda n: bare.call_tool("echo", {"text": _text(n)}),
            "miss through us": lambda n: ask(f"echo {_text(n)}"),
            "the same without cache": lambda n: ask(f"echo {_text(n)}", use_cache=False),
            "hit through us": lambda _: ask(_REPEATED, hit=True),
        }
        found = await turn_by_turn(works, rounds=5, calls=calls)
    alone = found["echo called directly"].p50
    for name, times in found.items():
        note = (
            "" if times.p50 == alone else f"{times.p50 - alone:+.2f} ms, {times.p50 / alone:.2f} times the direct call"
        )
        report.row(_GROUP, name, times, note)
    report.bar("stdio_miss_over_direct_p50", found["miss through us"].p50 - alone, "ms", 1.5)


async def _starts(place: Workplace, report: Report) -> None:
    servers = place.folder / "eight.json"
    write_servers(servers, echoes=_SERVERS - 3)
    ours = _serve(place.environment("start", TMWS_SERVERS_CONFIG=str(servers)))
    programs = {_OURS: ours, _BARE: _program(ECHO)}
    spans: dict[str, list[float]] = {name: [] for name in programs}
    for number in range(_STARTS + 1):
        for name, program in programs.items() if number % 2 else reversed(programs.items()):
            took = await _first_list(program)
            if number:  # the first of each fills the file cache
                spans[name].append(took)
    medians = {name: statistics.median(values) for name, values in spans.items()}
    ratio = medians[_OURS] / medians[_BARE]
    for name, values in spans.items():
        shown = f"{medians[name]:.0f} ms, {min(values):.0f} to {percentile(values, 100):.0f}, of {_STARTS} starts"
        report.row("first tools/list", name, None, shown + (f"; {ratio:.2f} times the bare" if name == _OURS else ""))
    report.bar("first_tools_list_over_bare", ratio, "times", 1.5)


def _ends(place: Workplace, report: Report) -> None:
    """Seconds from SIGTERM to the end of a server that has a child."""
    spans = []
    for _ in range(_STARTS):
        command = [sys.executable, "-m", "tmws_patterns", "serve"]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        with subprocess.Popen(command, env=dict(place.environment("end")), **pipes) as server:
            client = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "b", "version": "1"}}
            _say(server, "initialize", client, 1)
            _say(server, "notifications/initialized", {})
            asked = {"name": "execute_pattern", "arguments": {"query": "echo a word, so that there is a child"}}
            if b'"success":true' not in _say(server, "tools/call", asked, 2):
                raise RuntimeError("the echo was not answered")
            began = time.perf_counter()
            server.terminate()
            status = server.wait(timeout=10)
            spans.append(time.perf_counter() - began)
        if status != 0:
            raise RuntimeError(f"the server ended with status {status}")
    shown = f"{statistics.median(spans):.2f} s, {min(spans):.2f} to {max(spans):.2f}, of {_STARTS} ends"
    report.row("end by SIGTERM", "a server with a child, connected", None, shown)
    report.bar("sigterm_to_end", statistics.median(spans), "s", 2)


def _say(server: subprocess.Popen[bytes], method: str, params: dict[str, Any], number: int | None = None) -> bytes:
    """Send a message; the answer's line where it has a number."""
    message = {"jsonrpc": "2.0", "method": method, "params": params, **({"id": number} if number else {})}
    server.stdin.write(json.dumps(message).encode() + b"\n")
    server.stdin.flush()
    return server.stdout.readline().replace(b'\\"', b'"') if number else b""


async def _first_list(program: StdioServerParameters) -> float:
    """Milliseconds from before the process is started until tools/list is answered."""
    with settled_heap():
        began = time.perf_counter()
        async with Client(program, mode="legacy") as client:  # initialize, then tools/list
            tools = await client.list_tools()
            took = (time.perf_counter() - began) * 1000
    if len(tools.tools) != 3:
        raise RuntimeError(f"three tools were expected: {tools}")
    return took


def _serve(environment: Mapping[str, str]) -> StdioServerParameters:
    return _program([sys.executable, "-m", "tmws_patterns", "serve"], environment)


def _program(command: list[str], environment: Mapping[str, str] | None = None) -> StdioServerParameters:
    more: dict[str, Any] = {} if environment is None else {"env": dict(environment)}
    return StdioServerParameters(command=command[0], args=command[1:], cwd=Path(__file__).parents[2], **more)


def _text(number: int) -> str:
    return f"item {number:05d} of a list that somebody wants to hear again"
