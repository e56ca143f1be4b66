"""What a client reads before it asks anything: the three tools and the instructions.

Every session of every agent pays for these words, so they are few: instructions, names, descriptions
and input schemas as compact JSON cost at most 400 o200k tokens; output schemas, annotations and icons
at most 300 (scripts/bench_engine.py holds both).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from mcp.types import Icon, Tool, ToolAnnotations

from tmws_patterns.shaping import compact, count_tokens

EXECUTE, LIST, STATS = "execute_pattern", "list_patterns", "pattern_stats"

INSTRUCTIONS = (
    "One door to all your tools and your memory. Say what you need to execute_pattern in one sentence, e.g. "
    '"what time is it in Tokyo", "recall why we chose Postgres", "remember that ...". '
    "An error's hint holds the exact next call. Long answers come in pages: pass next_cursor as cursor."
)

ICON = Icon(
    src="data:image/svg+xml,%3Csvg%20xmlns='http://www.w3.org/2000/svg'%20viewBox='0%200%209%209'%3E"
    "%3Cpath%20d='M0%200h9L4%209z'/%3E%3C/svg%3E",
    mime_type="image/svg+xml",
)

_TEXT: dict[str, Any] = {"type": "string"}
_WHOLE: dict[str, Any] = {"type": "integer", "minimum": 1}
_OBJECT: dict[str, Any] = {"type": "object"}


def _schema(**properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "additionalProperties": False}


TOOLS = (
    Tool(
        name=EXECUTE,
        title="Execute",
        description=(
            "Answer a sentence, or run a named pattern with arguments. mode fast: tools only; comprehensive: tool and "
            "memory. select: fields or a JMESPath; of text lines:/regex/+2, lines:10-40, head, tail, outline. "
            "context: {agent, namespace}."
        ),
        input_schema=_schema(
            query=_TEXT,
            pattern=_TEXT,
            arguments=_OBJECT,
            execution_mode={"type": "string", "enum": ["fast", "balanced", "comprehensive"]},
            context=_OBJECT,
            use_cache={"type": "boolean"},
            select={"type": "array", "items": _TEXT},
            max_tokens=_WHOLE,
            cursor=_TEXT,
        ),
        output_schema={
            "type": "object",
            "properties": {
                "success": {"type": "boolean"},
                "pattern_name": _TEXT,
                "result": {},
                "error": _OBJECT,
                "tokens_used": {"type": "integer"},
                "metadata": _OBJECT,
            },
            "required": ["success"],
        },
        annotations=ToolAnnotations(
            read_only_hint=False, destructive_hint=True, idempotent_hint=False, open_world_hint=True
        ),
        icons=[ICON],
    ),
    Tool(
        name=LIST,
        title="Find patterns",
        description="Patterns and tools with call signatures, best for the query first. detail: whole schemas.",
        input_schema=_schema(
            query=_TEXT,
            pattern_type={"type": "string", "enum": ["infrastructure", "memory", "hybrid"]},
            server=_TEXT,
            detail={"type": "boolean"},
            limit=_WHOLE,
            cursor=_TEXT,
        ),
        output_schema={"type": "object", "properties": {"patterns": {"type": "array"}}, "required": ["patterns"]},
        annotations=ToolAnnotations(
            read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False
        ),
    ),
    Tool(
        name=STATS,
        title="Statistics",
        description="Calls, cache hits, tokens used and saved.",
        input_schema=_schema(
            section={
                "type": "string",
                "enum": ["session", "all_time", "patterns", "servers", "cache", "router", "registry", "health"],
            }
        ),
        output_schema=_OBJECT,
        annotations=ToolAnnotations(
            read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False
        ),
    ),
)


@lru_cache(maxsize=1)
def surface_tokens() -> int:
    """o200k tokens that each session pays before its first call: instructions, names, descriptions, input schemas."""
    tools = [{"name": t.name, "description": t.description, "inputSchema": t.input_schema} for t in TOOLS]
    return count_tokens(compact({"instructions": INSTRUCTIONS, "tools": tools}))
