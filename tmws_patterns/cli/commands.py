"""The commands. Each opens what it needs, asks the same engine that agents ask, and shows the answer."""

from __future__ import annotations

import functools
import json
import shlex
import sys
from importlib import import_module
from typing import Annotated, Any

import typer

from tmws_patterns import __version__
from tmws_patterns.cli.memory import memory_commands
from tmws_patterns.cli.output import as_json, show_facts, show_json, show_table, show_value
from tmws_patterns.cli.running import open_app, settings, with_app
from tmws_patterns.errors import InvalidInput

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, help="One door to an agent's tools and memory.")
app.add_typer(memory_commands, name="memory")

Json = Annotated[bool, typer.Option("--json", help="print JSON, as a pipe gets it anyway")]


def _version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"tmws-patterns {__version__}\n")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="show the version")
    ] = False,
) -> None:
    """One door to an agent's tools and memory."""


@app.command()
def run(
    words: Annotated[list[str] | None, typer.Argument(help="what you want, in a sentence", show_default=False)] = None,
    pattern: Annotated[str | None, typer.Option(help="run this pattern instead of routing")] = None,
    arguments: Annotated[str | None, typer.Option(help="its arguments, as a JSON object")] = None,
    mode: Annotated[str | None, typer.Option(help="fast, balanced or comprehensive")] = None,
    agent: Annotated[str | None, typer.Option(help="the persona to act as")] = None,
    select: Annotated[str | None, typer.Option(help="fields to keep, separated by commas")] = None,
    max_tokens: Annotated[int | None, typer.Option(min=1, help="tokens of a page; all of it without")] = None,
    cursor: Annotated[str | None, typer.Option(help="read on where this points")] = None,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="compute the answer anew")] = False,
    explain: Annotated[bool, typer.Option("--explain", help="say why this pattern, with these arguments")] = False,
    json_output: Json = False,
) -> None:
    """Answer a sentence, or run a pattern by name."""
    given = _object(arguments)

    async def work(running: Any) -> Any:
        return await running.engine.execute(
            " ".join(words or ()),
            mode,
            {"agent": agent} if agent else None,
            not no_cache,
            pattern=pattern,
            arguments=given,
            select=select,
            max_tokens=max_tokens,
            cursor=cursor,
        )

    result = with_app(work)
    if as_json(json_output):
        show_json(_plain(result, explain))
    elif result.success:
        _show_answer(result)
    if explain and not as_json(json_output):
        _explain(result.metadata.get("explain", {}))
    if not result.success:
        _complain(result.error)
        raise typer.Exit(1)


def _show_answer(result: Any) -> None:
    """An answer for a person, and on stderr where it came from and what it cost."""
    show_value(result.result)
    where = f"cache: {result.metadata['cache_tier']}" if result.cache_hit else f"{result.execution_time_ms:.1f} ms"
    more = f", next page: --cursor {result.metadata['next_cursor']}" if "next_cursor" in result.metadata else ""
    sys.stderr.write(f"{result.pattern_name} · {where} · {result.tokens_used} tokens{more}\n")


@app.command()
def patterns(
    query: Annotated[str, typer.Argument(help="show the best for this first")] = "",
    server: Annotated[str | None, typer.Option(help="only those that call this server")] = None,
    limit: Annotated[int, typer.Option(min=1, help="how many")] = 100,
    detail: Annotated[bool, typer.Option("--detail", help="whole schemas")] = False,
    json_output: Json = False,
) -> None:
    """List patterns and tools with their call signatures."""

    async def work(running: Any) -> dict[str, Any]:
        listing = import_module("tmws_patterns.server.listing")
        found: dict[str, Any] = await listing.list_patterns(
            running.engine, query or None, None, server, detail, limit, None
        )
        return found

    found = with_app(work)
    if as_json(json_output) or detail:
        show_json(found)
    else:
        rows = [(p["call"], p["about"], p.get("effect", "read")) for p in found["patterns"]]
        show_table(f"{found['total']} patterns", ("call", "about", "effect"), rows)


@app.command()
def stats(
    json_output: Json = False,
) -> None:
    """Statistics of all sessions."""

    async def work(running: Any) -> dict[str, Any]:
        found: dict[str, Any] = await running.all_time()
        return found

    found = with_app(work)
    show_json(found) if as_json(json_output) else show_facts("statistics", found)


@app.command()
def servers(
    connect: Annotated[bool, typer.Option("--connect", help="connect those whose tools are not known yet")] = False,
    json_output: Json = False,
) -> None:
    """List the configured downstream servers."""

    async def work(running: Any) -> list[dict[str, Any]]:
        if connect:
            await running.dispatcher.discover(15.0)
        found: list[dict[str, Any]] = running.dispatcher.status()
        return found

    found = with_app(work)
    if as_json(json_output):
        show_json(found)
    else:
        columns = ("name", "transport", "state", "tools", "last_error")
        show_table("", columns, [[s.get(c) if s.get(c) is not None else "" for c in columns] for s in found])


@app.command()
def check(
    connect: Annotated[
        bool, typer.Option("--connect", help="connect the servers and prove tools and arguments")
    ] = False,
    notes: Annotated[bool, typer.Option("--notes", help="show overlaps and confusable pairs, too")] = False,
    json_output: Json = False,
) -> None:
    """Prove the pattern files and servers.json: every example must resolve to its own pattern."""

    async def work(running: Any) -> Any:
        await running.dispatcher.discover(15.0)
        return running.registry

    found = import_module("tmws_patterns.check").check_configuration(settings(), with_app(work) if connect else None)
    shown = [p for p in found if notes or not p.note]
    if as_json(json_output):
        names = ("file", "line", "field", "message", "mend", "note")
        show_json([{name: getattr(p, name) for name in names} for p in shown])
    elif shown:
        rows = [(f"{p.file}:{p.line}" if p.line else p.file, p.field, p.message, p.mend) for p in shown]
        show_table(f"{len(shown)} found", ("where", "field", "what", "mend"), rows)
    if not any(not p.note for p in found):
        more = f" ({len(found)} notes: --notes shows them)" if found and not notes else ""
        sys.stderr.write(f"all patterns and servers are right{more}\n")
        return
    raise typer.Exit(1)


@app.command()
def doctor(json_output: Json = False) -> None:
    """Say what works here, what does not, and what an extra would add."""

    async def work(running: Any) -> dict[str, Any]:
        health: dict[str, Any] = await running.health()
        if health["database"]["status"] == "ok":
            health["database"]["memories_to_be_encoded"] = await running.engine.memory.encoding_backlog()
        extras = import_module("tmws_patterns.check").extras()
        status = "degraded" if running.problems else health["status"]
        return {**health, "status": status, "problems": [str(p) for p in running.problems], "extras": extras}

    found = with_app(work)
    show_json(found) if as_json(json_output) else show_facts("doctor", found)
    if found["status"] != "ok":
        raise typer.Exit(1)


@app.command()
def serve(
    transport: Annotated[str, typer.Option(help="stdio or http")] = "stdio",
    host: Annotated[str, typer.Option(help="address for http; loopback only")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65_535, help="port for http")] = 8787,
) -> None:
    """Serve MCP: on stdio, or over HTTP at /mcp, /sse, /health and /metrics."""
    opener = functools.partial(open_app, settings())
    if transport == "stdio":
        import_module("tmws_patterns.server.stdio").run_stdio(opener)
    elif transport == "http":
        import_module("tmws_patterns.server.http").run_http(opener, host, port)
    else:
        raise InvalidInput(f"no transport {transport!r}", hint="use stdio or http")


def _object(text: str | None) -> dict[str, Any] | None:
    if text is None:
        return None
    try:
        value = json.loads(text)
    except ValueError as exc:
        raise InvalidInput(f"--arguments is no JSON: {exc}", hint='write it like {"name": "value"}') from exc
    if not isinstance(value, dict):
        raise InvalidInput("--arguments is no JSON object", hint='write it like {"name": "value"}')
    return value


def _plain(result: Any, explain: bool) -> dict[str, Any]:
    error = result.error.to_dict() if result.error else None
    names = ("pattern_name", "success", "result", "execution_time_ms", "tokens_used", "cache_hit")
    metadata = {n: value for n, value in result.metadata.items() if explain or n not in ("explain", "cache")}
    return {**{n: getattr(result, n) for n in names}, "error": error, "metadata": metadata}


def _explain(why: Any) -> None:
    """Which stage decided, with the scores, what filled each argument, and what would change the outcome."""
    rows = [(c["pattern"], f"{c['confidence']:.2f}", c["stage"]) for c in why.get("candidates", ())]
    show_table(f"decided by: {why.get('stage', 'none')}", ("candidate", "confidence", "by"), rows)
    filled = [(name, source) for name, source in why.get("arguments", {}).items()]
    filled += [(name, "missing") for name in why.get("missing", ())]
    if filled:
        show_table("", ("argument", "filled by"), filled)
    sys.stdout.write(f"what would change it: {why.get('would_change', '')}\n")


def _complain(error: Any) -> None:
    """A failure on stderr, with what to do next."""
    sys.stderr.write(f"{error.code}: {error.message}\n")
    if error.hint:
        sys.stderr.write(f"hint: {error.hint}\n")
    for candidate in error.details.get("candidates", ()):
        sys.stderr.write(f"  {candidate['call']}  {candidate['about']}\n")
    for name in ("missing", "understood", "unknown_servers"):
        if error.details.get(name):
            sys.stderr.write(f"  {name}: {json.dumps(error.details[name], default=str)}\n")
    if error.code in ("confirmation_required", "missing_arguments"):
        known = error.details.get("arguments") or error.details.get("understood") or {}
        wanted = known | dict.fromkeys(error.details.get("missing", ()), "...")
        call = ["tmws-patterns", "run", "--pattern", error.details["pattern"], "--arguments", json.dumps(wanted)]
        sys.stderr.write(f"  {shlex.join(call)}\n")
