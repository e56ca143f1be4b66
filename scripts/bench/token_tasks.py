"""Twelve things that an agent is asked to do, with the calls that answer them and the words that prove it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

SHARE = "/tmp/harbour"
REPO, LOG, CODE, DATABASE = f"{SHARE}/repo", f"{SHARE}/files/server.log", f"{SHARE}/files/code", f"{SHARE}/shop.db"
GRAPH, PAGE = f"{SHARE}/graph.jsonl", "http://127.0.0.1:8765/argparse.html"

SERVERS: dict[str, list[str]] = {
    "time": ["{python}", "-m", "mcp_server_time"],
    "git": ["{python}", "-m", "mcp_server_git"],
    "fetch": ["{python}", "-m", "mcp_server_fetch", "--allow-private-ips", "--ignore-robots-txt"],
    "sqlite": ["{uv}", "tool", "run", "--with", "mcp<2", "mcp-server-sqlite@2025.4.25", "--db-path", DATABASE],
    "filesystem": ["npx", "-y", "@modelcontextprotocol/server-filesystem@2026.8.31", f"{SHARE}/files"],
    "memory": ["npx", "-y", "@modelcontextprotocol/server-memory"],
    "everything": ["npx", "-y", "@modelcontextprotocol/server-everything"],
    "playwright": ["npx", "-y", "@playwright/mcp"],
}
"""Eight servers that start without a network, as their makers tell to start them."""

EFFECTS = {
    "sqlite": {"read_query": "read", "list_tables": "read", "describe_table": "read"},
    "memory": {"read_graph": "read", "search_nodes": "read", "open_nodes": "read"},
    "everything": {"get-sum": "read", "echo": "read"},
}
"""Of tools whose servers do not say that they only read: what a user writes into servers.json."""


@dataclass(frozen=True, slots=True)
class Task:
    """`calls` are (server, tool, arguments) without us; `select` and `pattern` are what an agent says to us.

    A call's arguments may be a function of the texts of the answers before it. `evidence` must all appear in what the
    agent has read. `covered` is True where a shipped pattern is meant to do it in one call.
    """

    name: str
    need: str
    calls: tuple[tuple[str, str, Mapping[str, Any]], ...]
    evidence: tuple[str, ...]
    select: str | None = None
    context: Mapping[str, Any] = field(default_factory=dict)
    pattern: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    covered: bool = False
    shown: int = 0
    """Commits of the log that are shown one by one after the first call."""


TASKS = (
    Task(
        "time in a city",
        "what time is it in Tokyo",
        (("time", "get_current_time", {"timezone": "Asia/Tokyo"}),),
        ("Asia/Tokyo", "+09:00"),
        pattern="current_time",
        arguments={"timezone": "Tokyo"},
        covered=True,
    ),
    Task(
        "time between cities",
        "convert 3 pm from London to Tokyo",
        (
            (
                "time",
                "convert_time",
                {"source_timezone": "Europe/London", "time": "15:00", "target_timezone": "Asia/Tokyo"},
            ),
        ),
        ("Asia/Tokyo",),
        pattern="convert_time",
        arguments={"source_timezone": "London", "time": "15:00", "target_timezone": "Tokyo"},
        covered=True,
    ),
    Task(
        "state of a repository",
        "git status",
        (("git", "git_status", {"repo_path": REPO}),),
        ("mast.md",),
        context={"repo_path": REPO},
        pattern="git_status",
        arguments={"repo_path": REPO},
        covered=True,
    ),
    Task(
        "find a commit",
        "show the last 40 commits",
        (("git", "git_log", {"repo_path": REPO, "max_count": 40}),),
        ("Mend the rudder, part 7",),
        select="lines:/rudder/i",
        context={"repo_path": REPO},
        pattern="git_log",
        arguments={"repo_path": REPO, "max_count": 40},
        covered=True,
    ),
    Task(
        "files of the latest commits",
        "which files did the last 5 commits change",
        (("git", "git_log", {"repo_path": REPO, "max_count": 5}),),
        ("rudder.md", "sail.md", "keel.md"),
        context={"repo_path": REPO},
        pattern="changed_files",
        arguments={"repo_path": REPO, "max_count": 5},
        covered=True,
        shown=5,
    ),
    Task(
        "look up in a manual",
        f"fetch {PAGE}",
        (("fetch", "fetch", {"url": PAGE, "max_length": 50000}),),
        ("nargs",),
        select="lines:/nargs/",
        pattern="fetch_page",
        arguments={"url": PAGE},
        covered=True,
    ),
    Task(
        "errors in a log",
        f"read the text file {LOG}",
        (("filesystem", "read_text_file", {"path": LOG}),),
        ("ERROR lock 4711 was not released",),
        select="lines:/ERROR/",
    ),
    Task(
        "find a file",
        f"search for files matching **/*.py in {CODE}",
        (("filesystem", "search_files", {"path": CODE, "pattern": "**/*.py"}),),
        ("headerregistry.py",),
        select="lines:/registry/",
    ),
    Task(
        "query a database",
        'run the sqlite read query "SELECT city, COUNT(*) AS orders, SUM(total) AS total FROM orders GROUP BY city"',
        (
            (
                "sqlite",
                "read_query",
                {"query": "SELECT city, COUNT(*) AS orders, SUM(total) AS total FROM orders GROUP BY city"},
            ),
        ),
        ("Porto",),
        select="find(@, \"\\\\{'city': 'Porto'[^}]*\")",
    ),
    Task(
        "columns of a table",
        "describe the sqlite table orders",
        (("sqlite", "describe_table", {"table_name": "orders"}),),
        ("customer",),
    ),
    Task(
        "ask a knowledge graph",
        "read the whole knowledge graph",
        (("memory", "read_graph", {}),),
        ("Anna signs off each release",),
        select="entities[?name=='Anna'].observations[]",
    ),
    Task(
        "a sum",
        "use the everything server to get the sum of 7 and 35",
        (("everything", "get-sum", {"a": 7, "b": 35}),),
        ("42",),
    ),
)
