"""`tmws-patterns memory`: add, search, export and import memories."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from tmws_patterns.call import Scope
from tmws_patterns.cli.output import as_json, show_json, show_table
from tmws_patterns.cli.running import with_app
from tmws_patterns.errors import InvalidInput
from tmws_patterns.ports import MemoryQuery

memory_commands = typer.Typer(no_args_is_help=True, help="The agent's memories.")

Agent = Annotated[str | None, typer.Option(help="whose memories; TMWS_AGENT without")]
_ALL = 10_000_000
_FIELDS = ("content", "namespace", "tags", "importance", "access_level", "expires_at", "team", "shared_with")


@memory_commands.command()
def add(
    content: str,
    tag: Annotated[list[str] | None, typer.Option(help="may be given several times")] = None,
    importance: Annotated[float, typer.Option(min=0, max=1)] = 0.5,
    namespace: Annotated[str | None, typer.Option()] = None,
    agent: Agent = None,
) -> None:
    """Remember something."""

    async def work(app: Any) -> str:
        stored: str = await app.engine.memory.store(
            content, agent_id=agent, namespace=namespace, tags=tag or (), importance=importance
        )
        return stored

    sys.stdout.write(with_app(work) + "\n")


@memory_commands.command()
def search(
    query: str,
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 10,
    namespace: Annotated[str | None, typer.Option()] = None,
    agent: Agent = None,
    json_output: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Recall memories about something."""

    async def work(app: Any) -> list[dict[str, Any]]:
        found = await app.engine.memory.recall(query, agent_id=agent, namespace=namespace, limit=limit)
        return [memory.to_dict() for memory in found]

    found = with_app(work)
    if as_json(json_output):
        show_json(found)
    else:
        columns = ("score", "content", "tags", "created_at", "id")
        show_table("", columns, [[row.get(c, "") for c in columns] for row in found])


@memory_commands.command("export")
def export_(file: Annotated[Path, typer.Argument(help="a JSONL file; - for stdout")], agent: Agent = None) -> None:
    """Write all memories that the agent can see, one JSON object a line."""

    async def work(app: Any) -> list[dict[str, Any]]:
        own = app.settings.principal
        scope = Scope(own.tenant, agent or own.agent, own.teams)
        found = await app.database.reads.listed(MemoryQuery(scope, datetime.now(UTC), limit=_ALL))
        return [asdict(memory) for memory in found]

    lines = b"".join(orjson.dumps(row) + b"\n" for row in with_app(work))
    if str(file) == "-":
        sys.stdout.buffer.write(lines)
    else:
        _write(file, lines)
        sys.stderr.write(f"{len(lines.splitlines())} memories written to {file}\n")


@memory_commands.command("import")
def import_(file: Path, agent: Agent = None) -> None:
    """Store the memories of a JSONL file, all or none. They are as old as their import."""
    rows = list(_rows(file, agent))

    async def work(app: Any) -> int:
        return len(await app.engine.memory.store_many(rows))

    sys.stdout.write(f"{with_app(work)} memories stored\n")


def _write(file: Path, lines: bytes) -> None:
    try:
        file.write_bytes(lines)
    except OSError as exc:
        raise InvalidInput(
            f"{file} cannot be written: {exc.strerror}", hint="give a path that you may write to"
        ) from exc


def _rows(file: Path, agent: str | None) -> Iterator[dict[str, Any]]:
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise InvalidInput(f"{file} cannot be read: {exc}", hint="give the path of a JSONL file") from exc
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = orjson.loads(line)
            kept = {name: row[name] for name in _FIELDS if row.get(name) is not None}
            if "expires_at" in kept:
                kept["expires_at"] = datetime.fromisoformat(kept["expires_at"])
        except (ValueError, TypeError, AttributeError) as exc:
            raise InvalidInput(f"{file}:{number}: {exc}", hint="each line is a JSON object with `content`") from exc
        owner = agent or row.get("agent_id")
        yield {**kept, "agent_id": owner} if owner else kept
