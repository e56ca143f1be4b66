"""Record what eight real MCP servers say of their tools, and what they answer to the tasks of scripts/bench_tokens.py.

    .venv/bin/python scripts/record_tools.py

Writes scripts/bench/data/tool_answers.json. Needs npx (Node 18 or newer) and what `uv` may install; nothing of it goes
over the network once the packages are there. It lays out a repository, files, a database, a graph and a manual page
in /tmp/harbour, always the same.
"""

from __future__ import annotations

import functools
import http.server
import json
import os
import platform
import pydoc
import re
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from random import Random
from typing import Any

import anyio
from bench.token_tasks import CODE, DATABASE, GRAPH, LOG, PAGE, REPO, SERVERS, SHARE, TASKS, Task
from mcp import Client, StdioServerParameters

OUT = Path(__file__).parent / "bench" / "data" / "tool_answers.json"
_PARTS = "keel sail rudder mast anchor deck hull rope".split()
_CITIES = "Porto Lisbon Oslo Bergen Kyoto Tokyo Lima Quito Accra Lagos Cork Galway Split Bari Nantes Brest".split()


def main() -> None:
    """Lay out, record, write."""
    lay_out()
    with manual():
        found = anyio.run(record)
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps(found, indent=1, ensure_ascii=False, sort_keys=True) + "\n")
    print(f"{OUT}: {OUT.stat().st_size:,} bytes")


async def record() -> dict[str, Any]:
    """Definitions and answers of every server, with where they are from."""
    servers: dict[str, Any] = {}
    for name, command in SERVERS.items():
        words = [word.format(python=sys.executable, uv=str(Path(sys.executable).with_name("uv"))) for word in command]
        target = StdioServerParameters(command=words[0], args=words[1:], env={**os.environ, "MEMORY_FILE_PATH": GRAPH})
        async with Client(target) as client:
            info = client.server_info
            tools = (await client.list_tools()).tools
            servers[name] = {
                "origin": f"{' '.join(w for w in command if not w.startswith('{'))}: {info.name} {info.version}",
                "tools": [tool.model_dump(mode="json", by_alias=True, exclude_none=True) for tool in tools],
                "answers": [a for task in TASKS if task.calls[0][0] == name for a in await answers(client, task)],
            }
            print(f"{name}: {len(tools)} tools, {len(servers[name]['answers'])} answers")
    return {
        "recorded": datetime.now(UTC).date().isoformat(),
        "with": f"mcp {version('mcp')}, Python {platform.python_version()}",
        "servers": servers,
    }


async def answers(client: Client, task: Task) -> list[dict[str, Any]]:
    """What a server answers to the calls of one task."""
    calls = [(tool, dict(arguments)) for _, tool, arguments in task.calls]
    found = []
    while calls:
        tool, arguments = calls.pop(0)
        result = await client.call_tool(tool, arguments)
        if result.is_error:
            raise SystemExit(f"{tool} {arguments}: {result.content}")
        plain = result.model_dump(mode="json", by_alias=True, exclude_none=True)
        found.append({"task": task.name, "tool": tool, "arguments": arguments, "result": plain})
        if tool == "git_log" and task.shown:
            hashes = re.findall(r"Commit: '?(\w+)", plain["content"][0]["text"])[: task.shown]
            calls += [("git_show", {"repo_path": REPO, "revision": commit}) for commit in hashes]
    return found


@contextmanager
def manual() -> Iterator[None]:
    """Python's manual page of argparse, served on this machine."""
    folder = Path(SHARE) / "web"
    folder.mkdir()
    (folder / "argparse.html").write_text(pydoc.HTMLDoc().page("argparse", pydoc.html.document(__import__("argparse"))))
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=folder)
    port = int(PAGE.split(":")[2].split("/")[0])
    with http.server.ThreadingHTTPServer(("127.0.0.1", port), handler) as web:
        thread = threading.Thread(target=web.serve_forever)
        thread.start()
        try:
            yield
        finally:
            web.shutdown()
            thread.join()


def lay_out() -> None:
    """What the servers read, the same each time."""
    shutil.rmtree(SHARE, ignore_errors=True)
    Path(f"{SHARE}/files").mkdir(parents=True)
    random = Random(7)
    repository(random)
    log(random)
    shop(random)
    graph(random)
    library = Path(os.__file__).parent
    for package in ("email", "json", "http", "unittest", "concurrent", "logging"):
        shutil.copytree(library / package, Path(CODE) / package, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))


def repository(random: Random) -> None:
    """Sixty commits to eight files, and a file that is not committed."""
    folder = Path(REPO)
    folder.mkdir()
    for command in ("init --quiet --initial-branch=main", "config user.name Ann", "config user.email ann@example.org"):
        git(*command.split())
    for number in range(1, 61):
        part = _PARTS[number % len(_PARTS)]
        for name in {part, random.choice(_PARTS)}:
            file = folder / f"{name}.md"
            lines = file.read_text().splitlines() if file.exists() else [f"# The {name}", ""]
            lines += [f"Day {number}: the {name} got {random.randint(2, 9)} new {random.choice(_PARTS)} fittings."] * 3
            lines[1:2] = [f"Last seen on day {number}."]
            file.write_text("\n".join(lines) + "\n")
        git("add", ".")
        git("commit", "--quiet", "--message", f"Mend the {part}, part {number // len(_PARTS) + 1}", day=number)
    (folder / "mast.md").write_text("# The mast\n\nIt fell.\n")


def git(*arguments: str, day: int = 1) -> None:
    """Git in the repository, on a given day."""
    date = f"2026-{1 + day // 28:02d}-{1 + day % 28:02d}T12:00:00+00:00"
    dated = {**os.environ, "GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date}
    subprocess.run(["git", *arguments], cwd=REPO, check=True, env=dated, capture_output=True)


def log(random: Random) -> None:
    """Twelve hundred lines of a server's log, three of them errors."""
    said = "GET /berths 200", "GET /boats 200", "POST /moor 201", "GET /tide 304", "PUT /lamp 200"
    lines = [
        f"2026-03-01T{i // 50:02d}:{i % 50:02d}:00Z INFO {random.choice(said)} in {random.randint(1, 90)} ms"
        for i in range(1_200)
    ]
    for at, what in ((210, "berth 12 is taken twice"), (640, "lock 4711 was not released"), (1_100, "tide is unknown")):
        lines[at] = f"2026-03-01T{at // 50:02d}:{at % 50:02d}:00Z ERROR {what}"
    Path(LOG).write_text("\n".join(lines) + "\n")


def shop(random: Random) -> None:
    """A database of orders."""
    with sqlite3.connect(DATABASE) as database:
        database.execute(
            "CREATE TABLE orders (id INTEGER PRIMARY KEY, customer TEXT NOT NULL, city TEXT, total REAL, placed TEXT)"
        )
        rows = [
            (
                i,
                f"customer {random.randint(1, 90)}",
                random.choice(_CITIES),
                round(random.uniform(5, 500), 2),
                "2026-03-01",
            )
            for i in range(1, 601)
        ]
        database.executemany("INSERT INTO orders VALUES (?, ?, ?, ?, ?)", rows)


def graph(random: Random) -> None:
    """A knowledge graph of forty people, as server-memory keeps it."""
    names = ["Anna", *(f"Person {i}" for i in range(39))]
    entities = [
        {
            "type": "entity",
            "name": name,
            "entityType": "person",
            "observations": [
                f"{name} looks after the {random.choice(_PARTS)} in {random.choice(_CITIES)}",
                f"{name} {'signs off each release' if name == 'Anna' else 'prefers mail to calls'}",
            ],
        }
        for name in names
    ]
    relations = [
        {"type": "relation", "from": name, "to": random.choice(names), "relationType": "works with"} for name in names
    ]
    Path(GRAPH).write_text("\n".join(map(json.dumps, [*entities, *relations])) + "\n")


if __name__ == "__main__":
    main()
