"""Measures the engine on real parts and holds it to its promises. Run it from a clone that ./scripts/test has set up:

    .venv/bin/python scripts/bench_engine.py [--quick]

Prints a table, then one line of JSON, and ends with status 1 where a bar does not hold. It takes about a
minute; --quick makes a third of the calls. It measures

- execute: `engine.execute` by the default asyncio loop, in this process, on SQLite: hits of local memory,
  of Valkey and of the database (the local tier switched off by TMWS_CACHE_LOCAL_TTL=0), misses to an
  in-memory server and to mcp-server-time, recalls over 10,000 memories, and three hybrids with each half
  alone. The bar of the halves is of the tool that waits 25 ms, as one that asks a web service does;
  git_log of mcp-server-git (the shipped pattern analyze_codebase) keeps two cores busy by itself, and
  an echo is over before the recall, so that these two show what the interpreter and the machine share;
- hit rate: the part of a Zipf trace that any tier answered, at the default cache size;
- routing: `engine.router.decide` of sentences never heard before;
- stdio: the SDK's client at `python -m tmws_patterns serve`, and at the same echo server directly;
- first tools/list: from before the process is started until tools/list is answered;
- surface: what a session reads before it asks anything, in o200k_base tokens.

What is compared runs turn by turn. A row is the median over five rounds or more of each round's percentile.
The collector runs, after the heap of the preparations has been frozen. "Beside it" is the least that
the same step costs with the same library and nothing of ours.
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from pathlib import Path

import anyio
from bench import engine_rows, routing_rows, stdio_rows
from bench.machine import machine
from bench.parts import workplace
from bench.timing import Report

from tmws_patterns.server.surface import INSTRUCTIONS, TOOLS
from tmws_patterns.shaping import compact, count_tokens

_QUICK = 1 / 3


def main() -> int:
    """Measure, print, and return the exit status."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that being told to end cleans up, too
    effort = _QUICK if "--quick" in sys.argv[1:] else 1.0
    report, load = Report(), os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="tmws-bench-") as folder, workplace(Path(folder)) as place:
        anyio.run(engine_rows.measure, place, report, effort)
        anyio.run(routing_rows.measure, place, report, effort)
        anyio.run(stdio_rows.measure, place, report, effort)
    _surface(report)
    print(f"{machine()}; the load was {load:.1f} before, and is {os.getloadavg()[0]:.1f} now\n")
    return report.finish("engine")


def _surface(report: Report) -> None:
    tools = [tool.model_dump(by_alias=True, exclude_none=True, mode="json") for tool in TOOLS]
    front = [{name: tool[name] for name in ("name", "description", "inputSchema")} for tool in tools]
    rest = [{name: tool[name] for name in ("outputSchema", "annotations", "icons") if name in tool} for tool in tools]
    tokens = count_tokens(compact({"instructions": INSTRUCTIONS, "tools": front}))
    beside = count_tokens(compact(rest))
    report.row("surface", f"instructions, names, descriptions, input schemas: {tokens} tokens")
    report.row("surface", f"output schemas, annotations, icons: {beside} tokens")
    report.bar("surface", tokens, "tokens", 400)
    report.bar("surface_beside", beside, "tokens", 300)


if __name__ == "__main__":
    sys.exit(main())
