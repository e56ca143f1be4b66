"""Prices twelve real tasks in tokens, by five ways to the same tools. From a clone that ./scripts/test has set up:

    .venv/bin/python scripts/bench_tokens.py

The servers are eight real ones (git, time, fetch, sqlite, filesystem, memory, everything, playwright). What they say of
their tools and what they answer was recorded by scripts/record_tools.py; scripts/bench/data/tool_answers.json names
their versions. The ways are

- all: the definitions of all eight servers, and raw results;
- needed: the definitions of the servers that the task needs, and raw results;
- search: a client that defers its tools: one search, the definitions of five tools, and raw results;
- discovery: ours, asked with list_patterns first, then called by name;
- sentence: ours, told what is needed, and nothing before.

Charged is all that enters the context: definitions, the calls, every answer, every miss, every further page. The agent
is ideal in all of them, and with ours it selects. A way that never showed the evidence of a task is marked, and the run
fails. Counts are of o200k_base; Claude's newer vocabularies count 20 to 45% more on the same text, for all ways alike.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

import anyio
from bench import token_rows
from bench.machine import machine
from bench.parts import VOCABULARY
from bench.replay_server import RECORDED, recorded
from bench.timing import Report
from bench.token_tasks import EFFECTS, TASKS
from mcp import Client

from tmws_patterns import Settings
from tmws_patterns.app import App, open_app
from tmws_patterns.registry import PatternRegistry
from tmws_patterns.server.build import build_server
from tmws_patterns.server.surface import surface_tokens
from tmws_patterns.shaping import count_tokens

_REPLAY = Path(token_rows.__file__).with_name("replay_server.py")
Ways = dict[str, dict[str, token_rows.Spent]]
"""What each task cost by each way."""

_WAYS = ("all", "needed", "search", "discovery", "sentence")


def main() -> int:
    """Measure, print, and return the exit status."""
    report = Report()
    with tempfile.TemporaryDirectory(prefix="tmws-bench-") as folder:
        spent = anyio.run(_measure, Path(folder), report)
    _table(report, spent)
    _bars(report, spent)
    _counting(report)
    kept = json.loads(RECORDED.read_text())
    print(f"{machine()}; answers recorded on {kept['recorded']} with {kept['with']}\n")
    return report.finish("tokens")


async def _measure(folder: Path, report: Report) -> Ways:
    """What each task cost by each way."""
    found: Ways = {}
    async with _served(folder) as (app, client):
        tools = PatternRegistry()
        tools.set_tools(app.dispatcher.tools(), app.dispatcher.servers())
        for task in TASKS:
            found[task.name] = {
                "all": token_rows.with_all(task, needed_only=False),
                "needed": token_rows.with_all(task, needed_only=True),
                "search": token_rows.with_search(task, tools),
                "discovery": await token_rows.with_discovery(task, client),
                "sentence": await token_rows.with_sentence(task, client),
            }
        await _stops(report, app)
    return found


async def _stops(report: Report, app: App) -> None:
    """For how long the event loop stands still while a large answer is counted and cut."""
    random = Random(7)
    texts = [" ".join(random.choices(VOCABULARY, k=1_000)) for _ in range(100)]
    await app.engine.memory.store_many([{"content": text} for text in texts])
    began = time.perf_counter()
    count_tokens(" ".join(texts))
    counting, stops, done = time.perf_counter() - began, [0.0], anyio.Event()

    async def watch() -> None:
        while not done.is_set():
            last = time.perf_counter()
            await anyio.sleep(0.001)
            stops.append(time.perf_counter() - last)

    async with anyio.create_task_group() as group:
        group.start_soon(watch)
        call = app.engine.call(None, pattern="recent_memories", arguments={"limit": 100}, enveloped=True)
        answer = await app.engine.answer(call)
        done.set()
    size = answer.result.metadata["tokens_raw"]
    note = f"{1e3 * max(stops):.0f} ms at the longest; counting it alone takes {1e3 * counting:.0f} ms"
    report.row("event loop", f"stands still for an answer of {size:,} tokens", note=note)


@asynccontextmanager
async def _served(folder: Path) -> AsyncIterator[tuple[App, Client]]:
    """Our server in front of the eight, with a client of it."""
    servers = {
        name: {
            "command": sys.executable,
            "args": [str(_REPLAY), name],
            **({"tmws": {"effects": EFFECTS[name]}} if name in EFFECTS else {}),
        }
        for name in recorded()
    }
    (folder / "servers.json").write_text(json.dumps({"mcpServers": servers}))
    settings = Settings.load(data_dir=folder / "data", servers_config=str(folder / "servers.json"))
    async with open_app(settings) as app:
        await app.engine.discover()
        await app.engine.learned()

        @asynccontextmanager
        async def opened() -> AsyncIterator[App]:
            yield app

        server, _ = build_server(opened)
        async with Client(server) as client:
            yield app, client


def _table(report: Report, spent: Ways) -> None:
    for task in TASKS:
        costs = []
        for way in _WAYS:
            one = spent[task.name][way]
            mark = "" if one.proves(task) else " NO EVIDENCE"
            costs.append(f"{way} {one.total:,} ({one.turns}{mark})")
        report.row("tokens (turns)", task.name, note=", ".join(costs))
    for way in _WAYS:
        turns = statistics.mean(spent[task.name][way].turns for task in TASKS)
        middle = statistics.median(spent[task.name][way].total for task in TASKS)
        note = f"median {middle:,.0f}, in one session {_session(spent, way):,}, {turns:.1f} turns a task"
        report.row("way", way, note=note)
    all_eight = token_rows.definitions(recorded())
    report.row("definitions", "eight servers", note=f"{all_eight:,} tokens, ours {surface_tokens()}")
    for way in _WAYS[:-1]:
        middle = statistics.median(spent[task.name]["sentence"].total / spent[task.name][way].total for task in TASKS)
        note = f"{_saved(spent, way):.1f}% of all tasks together, {100 * (1 - middle):.1f}% of the median task"
        report.row("saved by a sentence", f"against {way}", note=note)


def _saved(spent: Ways, way: str) -> float:
    """Percent that sentences save of all tasks together, each in a session of its own."""
    ours, theirs = (sum(spent[task.name][w].total for task in TASKS) for w in ("sentence", way))
    return 100 * (1 - ours / theirs)


def _session(spent: Ways, way: str) -> int:
    """Tokens of all tasks in one session, whose definitions are paid once."""
    once = spent[TASKS[0].name][way].definitions
    if way == "needed":
        once = token_rows.definitions(sorted({server for task in TASKS for server, _, _ in task.calls}))
    return once + sum(spent[task.name][way].beside for task in TASKS)


def _bars(report: Report, spent: Ways) -> None:
    """Ours is the sentence: what an agent does that has read nothing but the three tools."""
    ours = [spent[task.name]["sentence"] for task in TASKS]
    missing = sum(not one.proves(task) for task in TASKS for one in spent[task.name].values())
    report.bar("without_evidence", missing, "ways", 0)
    report.bar("saved_against_all", _saved(spent, "all"), "%", 90, at_least=True)
    report.bar("saved_against_needed", _saved(spent, "needed"), "%", 70, at_least=True)
    in_a_session = 100 * (1 - _session(spent, "sentence") / _session(spent, "all"))
    report.bar("saved_in_a_session", in_a_session, "%", 80, at_least=True)
    worse = sum(one.total > spent[task.name]["all"].total for task, one in zip(TASKS, ours, strict=True))
    report.bar("worse_than_all", worse, "tasks", 0)
    report.bar("median_task", statistics.median(one.total for one in ours), "tokens", 800)
    several = sum(one.turns > 1 for task, one in zip(TASKS, ours, strict=True) if task.covered)
    report.bar("covered_in_more_than_one_call", several, "tasks", 0)


def _counting(report: Report) -> None:
    """Microseconds a kilobyte that counting takes, of plain and of hostile text; linear is a ratio of about one."""
    for what, text in (
        ("prose", "the tide comes in at noon and goes out again. "),
        ("one letter", "a"),
        ("spaces", " "),
    ):
        times = []
        for size in (20_000, 400_000):
            said = (text * (size // len(text) + 1))[:size]
            began = time.perf_counter()
            count_tokens(said)
            times.append((time.perf_counter() - began) / size * 1e9)
        report.row("counting", what, note=f"{times[0]:.0f} us a KB at 20 KB, {times[1]:.0f} at 400 KB")


if __name__ == "__main__":
    sys.exit(main())
