from __future__ import annotations

from typing import Any

import pytest
from mcp.types import CallToolResult, EmbeddedResource, ImageContent, ResourceLink, TextContent, TextResourceContents

from tmws_patterns.dispatch.answers import failure_text, plain

WRAP = {"type": "object", "properties": {"result": {"type": "array"}}}


def texts(*words: str) -> CallToolResult:
    return CallToolResult(content=[TextContent(text=word) for word in words])


def structured(value: Any) -> CallToolResult:
    return CallToolResult(content=[TextContent(text="ignored")], structured_content=value)


@pytest.mark.parametrize(
    ("result", "schema", "answer"),
    [
        (structured({"a": 1}), {}, {"a": 1}),
        (structured({"result": [1]}), WRAP, [1]),
        (structured({"result": [1]}), {"x-fastmcp-wrap-result": True}, [1]),
        (structured({"result": [1]}), {}, {"result": [1]}),
        (structured({"result": 1, "more": 2}), WRAP, {"result": 1, "more": 2}),
        (structured([1, 2]), {}, [1, 2]),
        (structured({}), {}, {}),
        (texts("hello"), {}, "hello"),
        (texts('{"a": [1]}'), {}, {"a": [1]}),
        (texts(" [1, 2]"), {}, [1, 2]),
        (texts("{not json"), {}, "{not json"),
        (texts("[link](x)"), {}, "[link](x)"),
        (texts("42"), {}, "42"),
        (texts(""), {}, ""),
        (texts("a", '{"b": 1}'), {}, ["a", {"b": 1}]),
        (CallToolResult(content=[]), {}, None),
    ],
)
def test_an_answer_becomes_plain_data(result: CallToolResult, schema: dict[str, Any], answer: Any) -> None:
    assert plain(result, schema) == answer


def test_what_is_no_text_is_kept_as_a_small_dict() -> None:
    inner = TextResourceContents(uri="file:///a", text="t", mime_type="text/plain")
    result = CallToolResult(
        content=[
            ImageContent(data="AA==", mime_type="image/png"),
            ResourceLink(uri="file:///b", name="b"),
            EmbeddedResource(resource=inner),
        ]
    )
    image, link, embedded = plain(result, {})
    assert image == {"type": "image", "data": "AA==", "mimeType": "image/png"}
    assert link == {"type": "resource_link", "uri": "file:///b", "name": "b"}
    assert embedded["resource"] == {"uri": "file:///a", "text": "t", "mimeType": "text/plain"}


def test_a_failure_carries_the_servers_words_bounded() -> None:
    assert failure_text(texts("no", "really not")) == "no\nreally not"
    assert len(failure_text(texts("x" * 5_000))) == 2_000
    assert "did not say why" in failure_text(CallToolResult(content=[]))
