"""Resources: one for each pattern, each memory, and each answer that was too long for a page."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, unquote

from mcp.server import ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp.types import (
    INVALID_PARAMS,
    ListResourcesResult,
    ListResourceTemplatesResult,
    PaginatedRequestParams,
    ReadResourceRequestParams,
    ReadResourceResult,
    Resource,
    ResourceTemplate,
    TextResourceContents,
)

from tmws_patterns.errors import TmwsError
from tmws_patterns.executor import PatternExecutionEngine
from tmws_patterns.presentation import ANSWER_URI, MEMORY_URI
from tmws_patterns.server.host import Host
from tmws_patterns.server.listing import describe
from tmws_patterns.shaping import compact

PATTERN_URI = "tmws://patterns/"
LONGEST_CURSOR = 9  # digits of a place in a list
PAGE = 100  # entries of one page of a list
_JSON = "application/json"


class Resources:
    """Handlers of resources/list, resources/templates/list and resources/read."""

    def __init__(self, host: Host) -> None:
        self._host = host

    async def list(self, ctx: ServerRequestContext[Any], params: PaginatedRequestParams | None) -> ListResourcesResult:
        """The patterns, a page at a time."""
        del ctx
        patterns = (await self._host.app()).engine.registry.patterns
        start = page_start(params)
        found = [
            Resource(
                uri=f"{PATTERN_URI}{quote(p.name)}",
                name=p.name,
                title=p.name.replace("_", " "),
                description=p.description or None,
                mime_type=_JSON,
            )
            for p in patterns[start : start + PAGE]
        ]
        following = start + PAGE
        return ListResourcesResult(resources=found, next_cursor=str(following) if following < len(patterns) else None)

    async def templates(
        self, ctx: ServerRequestContext[Any], params: PaginatedRequestParams | None
    ) -> ListResourceTemplatesResult:
        """The forms of our addresses."""
        del ctx, params
        return ListResourceTemplatesResult(
            resource_templates=[
                ResourceTemplate(
                    uri_template=f"{PATTERN_URI}{{name}}",
                    name="pattern",
                    description="One pattern: how it is called and what it does",
                    mime_type=_JSON,
                ),
                ResourceTemplate(
                    uri_template=f"{MEMORY_URI}{{agent}}/{{id}}",
                    name="memory",
                    description="The whole of a memory that a page showed a passage of",
                    mime_type=_JSON,
                ),
                ResourceTemplate(
                    uri_template=f"{ANSWER_URI}{{agent}}/{{id}}",
                    name="answer",
                    description="The whole of an answer that came in pages, kept for an hour",
                    mime_type=_JSON,
                ),
            ]
        )

    async def read(self, ctx: ServerRequestContext[Any], params: ReadResourceRequestParams) -> ReadResourceResult:
        """A pattern or a kept answer as JSON."""
        del ctx
        uri = str(params.uri)
        engine = (await self._host.app()).engine
        text = compact(await _read(engine, uri))
        return ReadResourceResult(contents=[TextResourceContents(uri=uri, mime_type=_JSON, text=text)])


async def _read(engine: PatternExecutionEngine, uri: str) -> Any:
    try:
        if uri.startswith(ANSWER_URI):
            agent, _, answer_id = uri.removeprefix(ANSWER_URI).rpartition("/")
            return await engine.whole_answer(answer_id, engine.principal.acting_as(unquote(agent) or None))
        if uri.startswith(MEMORY_URI):
            agent, _, memory_id = uri.removeprefix(MEMORY_URI).rpartition("/")
            owner = engine.principal.acting_as(unquote(agent) or None).agent
            if (memory := await engine.memory.get(memory_id, agent_id=owner)) is not None:
                return memory.to_dict()
    except TmwsError as exc:
        raise MCPError(INVALID_PARAMS, f"{exc.message}: {exc.hint}", {"uri": uri}) from exc
    pattern = (
        engine.registry.index.named(unquote(uri.removeprefix(PATTERN_URI))) if uri.startswith(PATTERN_URI) else None
    )
    if pattern is None:
        raise MCPError(INVALID_PARAMS, f"no resource {uri}: list_patterns names the patterns", {"uri": uri})
    return describe(engine.registry, pattern)


def page_start(params: PaginatedRequestParams | None) -> int:
    """Where a page of a list begins.

    Raises:
        MCPError: the cursor is none of ours.
    """
    cursor = params.cursor if params else None
    if cursor is None:
        return 0
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) <= LONGEST_CURSOR):
        raise MCPError(INVALID_PARAMS, "this is no cursor of ours: pass nextCursor as it was given")
    return int(cursor)
