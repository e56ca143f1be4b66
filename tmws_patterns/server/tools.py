"""The three tools: arguments checked strictly, the engine asked, the answer as text and as structure.

Clients differ: some show the model only the text, some only the structure, on errors only the text.
So both carry the complete page, compact.
"""

from __future__ import annotations

import logging
import time
from typing import Any, Literal, TypeVar

from mcp.server import ServerRequestContext
from mcp.types import (
    CallToolRequestParams,
    CallToolResult,
    ContentBlock,
    ListToolsResult,
    PaginatedRequestParams,
    ResourceLink,
    TextContent,
)
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tmws_patterns.call import Call
from tmws_patterns.errors import InvalidInput, TmwsError
from tmws_patterns.executor import PatternExecutionEngine
from tmws_patterns.pattern import PatternType
from tmws_patterns.server.host import Host, Served
from tmws_patterns.server.listing import list_patterns
from tmws_patterns.server.surface import EXECUTE, LIST, STATS, TOOLS, surface_tokens
from tmws_patterns.shaping import ENCODING, compact, count_tokens

logger = logging.getLogger(__name__)

JSON = "application/json"


class _Arguments(BaseModel):
    """Nothing is dropped in silence, and "7" is no 7."""

    model_config = ConfigDict(extra="forbid", strict=True)


class ExecuteArguments(_Arguments):
    query: str | None = None
    pattern: str | None = None
    arguments: dict[str, Any] | None = None
    execution_mode: str | None = None
    context: dict[str, Any] | None = None
    use_cache: bool = True
    select: list[str] | str | None = None
    max_tokens: int | None = Field(default=None, ge=1)
    cursor: str | None = None


class ListArguments(_Arguments):
    query: str | None = None
    pattern_type: PatternType | None = Field(default=None, strict=False)
    server: str | None = None
    detail: bool = False
    limit: int | None = Field(default=None, ge=1)
    cursor: str | None = None


class StatsArguments(_Arguments):
    section: Literal["session", "all_time", "patterns", "servers", "cache", "router", "registry", "health"] | None = (
        None
    )


_A = TypeVar("_A", bound=_Arguments)  # Python 3.11 has no other way to say it


class Tools:
    """Handlers of tools/list and tools/call."""

    def __init__(self, host: Host) -> None:
        self._host = host

    async def list(self, ctx: ServerRequestContext[Any], params: PaginatedRequestParams | None) -> ListToolsResult:
        """The three tools. Needs no engine, but the next call will: it is opened meanwhile."""
        del ctx, params
        self._host.warm_up()
        return ListToolsResult(tools=list(TOOLS))

    async def call(self, ctx: ServerRequestContext[Any], params: CallToolRequestParams) -> CallToolResult:
        """Run one of the three. A failure is an answer with is_error, never a protocol error."""
        run = {EXECUTE: self._execute, LIST: self._list, STATS: self._stats}.get(params.name)
        try:
            if run is None:
                raise InvalidInput(f"there is no tool {params.name!r}", hint=f"use {EXECUTE}, {LIST} or {STATS}")
            return await run(ctx, params.arguments or {})
        except TmwsError as exc:
            failure = {"success": False, "error": exc.info.to_dict()}
        except Exception:
            logger.exception("a call of %s failed in a way nobody foresaw", params.name)
            info = TmwsError("something failed inside the server", hint="the server's log tells more").info
            failure = {"success": False, "error": info.to_dict()}
        return _result(compact(failure), failure, is_error=True)

    async def _execute(self, ctx: ServerRequestContext[Any], arguments: dict[str, Any]) -> CallToolResult:
        started = time.perf_counter()
        engine = (await self._host.app()).engine
        try:
            call = self._read(ctx, engine, arguments)
        except TmwsError as exc:
            answer = engine.refused(exc.info, started)
        else:
            answer = await engine.answer(call, started)
        return _result(answer.text, dict(answer.structured or {}), is_error=not answer.result.success)

    def _read(self, ctx: ServerRequestContext[Any], engine: PatternExecutionEngine, arguments: dict[str, Any]) -> Call:
        given = _checked(ExecuteArguments, arguments)
        return engine.call(
            given.query,
            given.execution_mode,
            given.context,
            given.use_cache,
            given.pattern,
            given.arguments,
            given.select,
            given.max_tokens,
            given.cursor,
            progress=ctx.session.report_progress,  # does nothing where the client did not ask for it
            enveloped=True,
        )

    async def _list(self, ctx: ServerRequestContext[Any], arguments: dict[str, Any]) -> CallToolResult:
        del ctx
        given = _checked(ListArguments, arguments)
        app = await self._host.app()
        found = await list_patterns(app.engine, **given.model_dump())
        text = compact(found)
        app.discovered(count_tokens(text))
        return _result(text, found)

    async def _stats(self, ctx: ServerRequestContext[Any], arguments: dict[str, Any]) -> CallToolResult:
        del ctx
        found = await statistics(await self._host.app(), _checked(StatsArguments, arguments).section)
        return _result(compact(found), found)


async def statistics(app: Served, section: str | None) -> dict[str, Any]:
    """One section of the statistics; None gives those of the session without their long tables."""
    found: dict[str, Any] = _rounded(await _section(app, section))
    return found


async def _section(app: Served, section: str | None) -> dict[str, Any]:
    if section == "all_time":
        return await app.all_time()
    if section == "health":
        return await app.health()
    stats = app.engine.get_stats()
    stats |= {"encoding": ENCODING, "surface_tokens": surface_tokens()}
    stats["tokens_if_a_client_forwards_both"] = 2 * stats["total_tokens_used"]  # the text and the structure
    parts = {name: stats.pop(f"{name}_stats") for name in ("cache", "router", "registry")}
    tables = {name: stats.pop(name, {}) for name in ("patterns", "servers")}
    if section == "session":
        return {**stats, **tables}
    return stats if section is None else {section: parts.get(section, tables.get(section))}


def _rounded(data: Any) -> Any:
    """Numbers with three decimals at most: more would only cost tokens."""
    if isinstance(data, dict):
        return {name: _rounded(value) for name, value in data.items()}
    return round(data, 3) if isinstance(data, float) else data


def _checked(model: type[_A], arguments: dict[str, Any]) -> _A:
    try:
        return model.model_validate(arguments)
    except ValidationError as exc:
        faults = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in exc.errors())
        known = ", ".join(model.model_fields)
        raise InvalidInput(f"the arguments cannot be used: {faults}", hint=f"the arguments are: {known}") from exc


def _result(text: str, structured: dict[str, Any], *, is_error: bool = False) -> CallToolResult:
    content: list[ContentBlock] = [TextContent(type="text", text=text)]
    if address := structured.get("metadata", {}).get("resource"):
        content.append(ResourceLink(type="resource_link", uri=address, name="the whole answer", mime_type=JSON))
    return CallToolResult(content=content, structured_content=structured, is_error=is_error)
