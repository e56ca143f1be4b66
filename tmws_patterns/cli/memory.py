"""`tmws-patterns memory`: add, search, change and forget memories; export, import and back them up."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from tmws_patterns.cli.output import as_json, show_json, show_table
from tmws_patterns.cli.running import with_app
from tmws_patterns.errors import InvalidInput

memory_commands = typer.Typer(no_args_is_help=True, help="The agent's memories.")

Agent = Annotated[str | None, typer.Option(help="whose memories; TMWS_AGENT without")]
Json = Annotated[bool, typer.Option("--json")]
_AT_ONCE = 1_000  # memories of one transaction


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
    json_output: Json = False,
) -> None:
    """Recall memories about something."""

    async def work(app: Any) -> list[dict[str, Any]]:
        found = await app.engine.memory.recall(query, agent_id=agent, namespace=namespace, limit=limit)
        return [memory.to_dict() for memory in found]

    _show(with_app(work), json_output)


@memory_commands.command()
def forget(
    query: str,
    yes: Annotated[bool, typer.Option("--yes", help="delete what is shown")] = False,
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 10,
    agent: Agent = None,
    json_output: Json = False,
) -> None:
    """Show the agent's own memories about something, and with --yes delete them."""

    async def work(app: Any) -> tuple[list[dict[str, Any]], int]:
        found = await app.engine.memory.forget_matching(query, agent_id=agent, limit=limit)
        ids = [memory.id for memory in found]
        gone = await app.engine.memory.forget(ids, agent_id=agent) if yes and ids else 0
        return [memory.to_dict() for memory in found], gone

    found, gone = with_app(work)
    _show(found, json_output)
    sys.stderr.write(f"{gone} memories forgotten\n" if yes else "nothing was deleted: add --yes to delete these\n")


@memory_commands.command("export")
def export_(file: Annotated[Path, typer.Argument(help="a JSONL file; - for stdout")], agent: Agent = None) -> None:
    """Write all memories that the agent can see, one JSON object a line."""

    async def work(app: Any) -> int:
        written = 0
        with _output(file) as output, _progress("exporting", await app.engine.memory.count()) as advance:
            async for portion in app.engine.memory.exported(agent_id=agent):
                output.write(b"".join(orjson.dumps(memory.to_row()) + b"\n" for memory in portion))
                written += len(portion)
                advance(len(portion))
        return written

    sys.stderr.write(f"{with_app(work)} memories written to {file}\n")


@memory_commands.command("import")
def import_(file: Path, agent: Agent = None) -> None:
    """Store the memories of a file: our own export, a graph of server-memory, or an export of mcp-memory-service.

    The whole file is checked first. What is there already is not stored again, what has expired not at all.
    """
    from tmws_patterns.memory.formats import rows_of  # noqa: PLC0415 - it loads numpy, which --version does not need

    rows = [{**row, **({"agent_id": agent} if agent else {})} for row in rows_of(_text(file), str(file))]

    async def work(app: Any) -> int:
        memory = app.engine.memory
        lasting = memory.storable(rows)
        before = await memory.count()
        with _progress("importing", len(lasting)) as advance:
            for start in range(0, len(lasting), _AT_ONCE):
                portion = lasting[start : start + _AT_ONCE]
                await memory.store_many(portion)
                advance(len(portion))
        return int(await memory.count()) - int(before)

    stored = with_app(work)
    left = len(rows) - stored
    sys.stdout.write(f"{stored} memories stored" + (f", {left} were known or have expired\n" if left else "\n"))


@memory_commands.command()
def backup(file: Annotated[Path, typer.Argument(help="a new SQLite file")]) -> None:
    """Write a copy of the memories, while others use them: a file that TMWS_DATABASE_URL can name."""

    async def work(app: Any) -> None:
        await app.database.backup(file)

    with_app(work)
    sys.stderr.write(f"the memories are in {file}\n")


@memory_commands.command()
def reindex() -> None:
    """Make the index of words and meanings anew from the memories."""

    async def work(app: Any) -> int:
        await app.engine.memory.rebuild_index()
        return int(await app.engine.memory.count())

    sys.stderr.write(f"{with_app(work)} memories indexed\n")


def _show(found: list[dict[str, Any]], json_output: bool) -> None:
    if as_json(json_output):
        show_json(found)
    else:
        columns = ("score", "content", "tags", "created_at", "id")
        show_table("", columns, [[row.get(c, "") for c in columns] for row in found])


@contextmanager
def _progress(what: str, total: int) -> Iterator[Any]:
    """A bar on stderr that grows by each call of what is given; none where nobody looks."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(what, total=total)
        yield lambda done: progress.advance(task, done)


@contextmanager
def _output(file: Path) -> Iterator[Any]:
    if str(file) == "-":
        yield sys.stdout.buffer
        return
    try:
        with file.open("wb") as output:
            yield output
    except OSError as exc:
        raise InvalidInput(
            f"{file} cannot be written: {exc.strerror}", hint="give a path that you may write to"
        ) from exc


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise InvalidInput(f"{file} cannot be read: {exc}", hint="give the path of a file of memories") from exc
