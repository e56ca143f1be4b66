"""From a tool's result to plain data. Pure.

The answer is the structured content where there is one, else the text, read as JSON where it is an
object or a list. Whatever is neither is kept as a small dict: nothing a server says is thrown away.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from mcp.types import CallToolResult, ContentBlock, TextContent

from tmws_patterns.dispatch.writable import deeper_than

LONGEST_ERROR = 2_000  # characters of a server's error text that reach the caller
DEEPEST_ANSWER = 200  # levels, as pydantic reads structured content; orjson writes 254, with what we put around it


def plain(result: CallToolResult, output_schema: Mapping[str, Any]) -> Any:
    """The answer as plain JSON data; None where the tool said nothing at all."""
    if result.structured_content is not None:
        return _unwrapped(result.structured_content, output_schema)
    blocks = [_block(block) for block in result.content]
    return blocks[0] if len(blocks) == 1 else blocks or None


def failure_text(result: CallToolResult) -> str:
    """What the server says went wrong, bounded."""
    texts = [block.text for block in result.content if isinstance(block, TextContent)]
    said = "\n".join(filter(None, texts)) or "the tool failed and did not say why"
    return said if len(said) <= LONGEST_ERROR else f"{said[: LONGEST_ERROR - 1]}…"


def _unwrapped(content: Any, schema: Mapping[str, Any]) -> Any:
    """The SDKs wrap what is not an object as {"result": ...}; a tool's own single field stays."""
    if not isinstance(content, dict) or content.keys() != {"result"}:
        return content
    properties = schema.get("properties")
    is_declared = isinstance(properties, Mapping) and properties.keys() == {"result"}
    is_wrap = is_declared or schema.get("x-fastmcp-wrap-result")
    return content["result"] if is_wrap else content


def _block(block: ContentBlock) -> Any:
    if isinstance(block, TextContent):
        return _text(block.text)
    return block.model_dump(mode="json", by_alias=True, exclude_none=True, exclude={"meta"})


def _text(text: str) -> Any:
    if not text.lstrip().startswith(("{", "[")):
        return text
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return text
    could_be_deep = text.count("[") + text.count("{") > DEEPEST_ANSWER
    return text if could_be_deep and deeper_than(value, DEEPEST_ANSWER) else value
