"""What twelve tasks cost an agent in tokens, by five ways to its tools.

Everything that enters its context is charged once: definitions, what it says to call, what comes back. A way that has
not shown the evidence that a task needs has failed. An agent is taken to be ideal: it asks for the right thing at once.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from mcp import Client

from bench.replay_server import recorded
from bench.token_tasks import Task
from tmws_patterns.registry import PatternRegistry
from tmws_patterns.server.surface import EXECUTE, LIST, surface_tokens
from tmws_patterns.shaping import compact, count_tokens

MOST_TURNS = 12
_FOUND = 5  # tools that a search gives, as clients that defer their tools do
SEARCH = {
    "name": "tool_search",
    "description": "Search the tools of all servers by what is needed. Gives the definitions of the best matches, "
    "which can then be called.",
    "inputSchema": {"type": "object", "properties": {"query": {"type": "string"}}, "required": ["query"]},
}
"""A tool to find tools with, as short as it can be."""


@dataclass(slots=True)
class Spent:
    """What one task cost: definitions apart, since a session pays for them once."""

    definitions: int = 0
    said: int = 0
    read: int = 0
    turns: int = 0
    shown: str = ""

    @property
    def total(self) -> int:
        """Tokens of a session that does this task and nothing else."""
        return self.definitions + self.said + self.read

    @property
    def beside(self) -> int:
        """Tokens without the definitions."""
        return self.said + self.read

    def turn(self, tool: str, arguments: Mapping[str, Any], answer: str) -> None:
        """Charge a call and what came back."""
        self.said += count_tokens(compact({"name": tool, "arguments": arguments}))
        self.read += count_tokens(answer)
        self.turns += 1
        self.shown += answer

    def proves(self, task: Task) -> bool:
        """True once all that the task needs has been read."""
        return all(words in self.shown for words in task.evidence)


def definitions(servers: Iterable[str]) -> int:
    """o200k tokens of what a model is shown of the tools of some servers."""
    kept = recorded()
    return count_tokens(compact([_shown(tool) for name in servers for tool in kept[name]["tools"]]))


def with_all(task: Task, needed_only: bool) -> Spent:
    """All definitions of all eight servers, or of those that the task needs, and raw results."""
    kept = recorded()
    names = {server for server, _, _ in task.calls} if needed_only else set(kept)
    spent = Spent(definitions=definitions(sorted(names)))
    _call_raw(task, spent)
    return spent


def with_search(task: Task, registry: PatternRegistry) -> Spent:
    """A client that defers its tools: a search, the definitions of five, and raw results.

    `registry` knows the tools and no patterns; it searches them by their words (BM25), as such clients do. Where it
    misses, the agent searches again by the tool's name.
    """
    spent = Spent(definitions=count_tokens(compact([SEARCH])))
    kept = recorded()
    server, tool, _ = task.calls[0]
    for query in (task.need, f"{server} {tool}"):
        found = [c.pattern for c in registry.index.candidates(query, 50) if c.pattern.is_tool][:_FOUND]
        named = [p.name for p in found]
        listed = [_shown(t) for s in kept for t in kept[s]["tools"] if f"{s}.{t['name']}" in named]
        spent.turn("tool_search", {"query": query}, compact(listed))
        if f"{server}.{tool}" in named:
            break
    _call_raw(task, spent)
    return spent


async def with_discovery(task: Task, client: Client) -> Spent:
    """Ours, by an agent that asks first what there is: list_patterns, then a named call."""
    spent = Spent(definitions=surface_tokens())
    await _ask(spent, client, LIST, {"query": task.need})
    server, tool, arguments = task.calls[0]
    name, given = f"{server}.{tool}", dict(arguments)
    if task.pattern and f'"{task.pattern}(' in spent.shown:
        name, given = task.pattern, dict(task.arguments)
    elif f'"{name}(' not in spent.shown:
        await _ask(spent, client, LIST, {"query": f"{server} {tool}"})
    said: dict[str, Any] = {"pattern": name, "arguments": given}
    await _read(spent, client, said | ({"select": task.select} if task.select else {}), task)
    return spent


async def with_sentence(task: Task, client: Client) -> Spent:
    """Ours, by an agent that just says it; where that leads to candidates, it calls the right one of them."""
    spent = Spent(definitions=surface_tokens())
    said: dict[str, Any] = {"query": task.need}
    said |= {"select": task.select} if task.select else {}
    said |= {"context": dict(task.context)} if task.context else {}
    await _read(spent, client, said, task)
    if not spent.proves(task):
        server, tool, arguments = task.calls[0]
        if f"{server}.{tool}" not in spent.shown:
            await _ask(spent, client, LIST, {"query": task.need})
        named: dict[str, Any] = {"pattern": f"{server}.{tool}", "arguments": dict(arguments)}
        await _read(spent, client, named | ({"select": task.select} if task.select else {}), task)
    return spent


async def _read(spent: Spent, client: Client, said: dict[str, Any], task: Task) -> None:
    """A call and as many further pages as the evidence needs."""
    page = await _ask(spent, client, EXECUTE, said)
    while not spent.proves(task) and spent.turns < MOST_TURNS:
        cursor = page.get("metadata", {}).get("next_cursor")
        if cursor is None:
            return
        page = await _ask(spent, client, EXECUTE, {"cursor": cursor})


async def _ask(spent: Spent, client: Client, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
    result = await client.call_tool(tool, arguments)
    text = result.content[0].text  # type: ignore[union-attr]
    spent.turn(tool, arguments, text)
    return dict(result.structured_content or {})


def _call_raw(task: Task, spent: Spent) -> None:
    """The calls of the task, with what the servers answered: the text alone, or the structure where there is none."""
    for server, kept in recorded().items():
        for answer in kept["answers"]:
            if answer["task"] == task.name:
                spent.turn(f"{server}__{answer['tool']}", answer["arguments"], _text(answer["result"]))


def _text(result: Mapping[str, Any]) -> str:
    """What a client shows of a result; JSON without its spaces, which is the baseline."""
    texts = [block["text"] for block in result.get("content", ()) if block.get("type") == "text"]
    text = "\n".join(texts) or compact(result.get("structuredContent"))
    try:
        return compact(json.loads(text))
    except ValueError:
        return text


def _shown(tool: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tool[name] for name in ("name", "description", "inputSchema") if name in tool}
