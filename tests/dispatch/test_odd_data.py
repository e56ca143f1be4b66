"""Schemas, arguments and answers that a strict reader or writer of JSON chokes on."""

from __future__ import annotations

from functools import reduce
from typing import Any

import anyio
import orjson
import pytest
from downstream import ENVIRONMENT, dispatcher, script, status
from mcp.shared.message import SessionMessage
from mcp.types import CallToolResult, JSONRPCError, JSONRPCRequest, JSONRPCResponse, TextContent

from tmws_patterns.dispatch.answers import plain
from tmws_patterns.dispatch.catalogue import definition_hash
from tmws_patterns.dispatch.config import ServerConfig
from tmws_patterns.dispatch.messages import read_message
from tmws_patterns.dispatch.schemas import clean_schema
from tmws_patterns.dispatch.stdio import ChildTransport
from tmws_patterns.errors import InvalidInput, ToolFailed
from tmws_patterns.registry import PatternRegistry

pytestmark = pytest.mark.anyio


def nested(levels: int) -> Any:
    return reduce(lambda inner, _: [inner], range(levels - 1), [])


async def test_a_tool_with_an_odd_schema_is_listed_and_leaves_the_others_as_they_are() -> None:
    async with dispatcher(script("tangled"), script("mortal")) as opened:
        assert await opened.discover(8) == []
        tools = opened.tools()
        found = tools["tangled.everything"].input_schema
        assert found["properties"] == {
            "a": {"type": "array", "items": 7},
            "b": {"anyOf": [{"type": "null"}], "maximum": float(2**70)},
        }
        assert found["required"] == ["a"]
        assert tools["tangled.nothing"].input_schema == {"type": "object", "properties": {}, "required": []}
        registry = PatternRegistry()
        registry.set_tools(tools, opened.servers())
        assert registry.index.candidates("mortal echo")
        assert registry.index.candidates("tangle everything")


@pytest.mark.parametrize(
    "schema",
    [
        None,
        [],
        "object",
        {"properties": None, "required": None, "type": None, "enum": None, "anyOf": None},
        {"properties": {"a": {"properties": 5, "items": [1], "oneOf": [[]], "default": {"x": [2**70, "\ud800"]}}}},
        {"required": [["a"]], "properties": {"a": None, "b": True, "\ud800": {}}},
        {"properties": {"a": {"maximum": 10**400, "default": nested(300)}}},
        reduce(lambda inner, _: {"properties": {"a": inner}}, range(300), {}),
    ],
)
def test_whatever_a_schema_is_its_readers_and_every_writer_of_json_take_it(schema: Any) -> None:
    found = clean_schema(schema)
    orjson.dumps(found)
    assert isinstance(found.get("properties", {}), dict)
    assert all(isinstance(of, dict) for of in found.get("properties", {}).values())
    assert set(found.get("required", ())) <= set(found.get("properties", {}))


def test_a_sound_schema_is_kept_as_it_is() -> None:
    sound = {
        "type": "object",
        "properties": {
            "type": {"type": ["string", "null"], "enum": ["a", None], "default": None, "title": "T"},
            "rows": {"type": "array", "items": {"type": "integer", "maximum": 5}, "minItems": 1},
            "either": {"anyOf": [{"$ref": "#/$defs/x"}, {"type": "object", "required": ["y"]}]},
        },
        "required": ["type"],
        "additionalProperties": False,
        "$defs": {"x": {"const": 1}},
    }
    assert clean_schema(sound) == sound


@pytest.mark.parametrize("odd", [2**70, -(2**70), "\ud800", nested(260)])
def test_a_definition_that_orjson_refuses_has_a_hash(odd: Any) -> None:
    raw = {"name": "t", "inputSchema": {"type": "object", "x": odd}}
    assert len(definition_hash(raw)) == 16
    assert definition_hash(raw) == definition_hash(dict(reversed(raw.items())))
    assert definition_hash(raw) != definition_hash({**raw, "inputSchema": {"type": "object", "x": 1}})


@pytest.mark.parametrize("depth", [101, 255, 5_000])
async def test_arguments_nested_too_deeply_fail_their_own_call_and_no_other(depth: int) -> None:
    async with dispatcher(script("mortal")) as opened:
        pid = (await opened.call("mortal", "echo", {}, timeout=5))["pid"]
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(lambda: opened.call("mortal", "echo", {"a": 1}, timeout=5))
            with pytest.raises(InvalidInput, match="nested more than 100 levels"):
                await opened.call("mortal", "echo", {"x": nested(depth)}, timeout=5)
        assert (await opened.call("mortal", "echo", {"x": nested(99)}, timeout=5))["pid"] == pid


@pytest.mark.parametrize(
    "odd",
    ["\ud800", {"\ud800": 1}, float("inf"), 10**5_000, {("a", "b"): 1}, object()],
    ids=["half a character", "a key of half a character", "infinity", "5,001 digits", "a tuple for a key", "an object"],
)
async def test_arguments_that_are_no_json_are_refused_before_they_reach_any_server(odd: Any) -> None:
    async with dispatcher(script("mortal")) as opened:
        with pytest.raises(InvalidInput, match="cannot be written as JSON"):
            await opened.call("mortal", "echo", {"x": [odd]}, timeout=5)
        assert status(opened, "mortal")["pid"] is None


async def test_a_message_that_cannot_be_written_is_answered_and_the_next_one_is_sent() -> None:
    config = script("mortal")
    command = [config.command, *config.args]
    child = ChildTransport(command, ENVIRONMENT, cwd=None, name="mortal", on_end=lambda: None)
    with anyio.fail_after(8):
        async with child as (inbox, outbox):
            for number, odd in enumerate(("\ud800", nested(300), "sound")):
                params = {"name": "echo", "arguments": {"x": odd}}
                request = JSONRPCRequest(jsonrpc="2.0", id=number, method="tools/call", params=params)
                await outbox.send(SessionMessage(request))
            answers = [(await inbox.receive()).message for _ in range(3)]
    assert [answer.id for answer in answers] == [0, 1, 2]
    assert [type(answer) for answer in answers] == [JSONRPCError, JSONRPCError, JSONRPCResponse]
    assert "cannot be written as JSON" in answers[0].error.message


async def test_damaged_characters_cost_themselves_and_not_the_answer() -> None:
    async with dispatcher(script("tangled")) as opened:
        with anyio.fail_after(8):
            assert await opened.call("tangled", "bytes", {}, timeout=30) == {"a": "\ufffd"}
            assert await opened.call("tangled", "half", {}, timeout=30) == {"a": "\ufffd \u00e9 \\ud800 \U0001f600"}


async def test_an_answer_that_cannot_be_read_fails_its_call_at_once() -> None:
    async with dispatcher(script("tangled")) as opened:
        pid = None
        for tool in ("deep", "deepest", "broken"):
            with anyio.fail_after(8), pytest.raises(ToolFailed, match="not JSON that can be read"):
                await opened.call("tangled", tool, {}, timeout=30)
            pid = pid or status(opened, "tangled")["pid"]
        assert await opened.call("tangled", "echo", {"a": 1}, timeout=5) == {"got": {"a": 1}}
        assert status(opened, "tangled")["pid"] == pid


@pytest.mark.parametrize(
    ("line", "number"),
    [
        (b'{"jsonrpc":"2.0","id":3,"result":{"a":', 3),
        (b'{"id":3,"jsonrpc":"2.0","result":{"id":4,', 3),
        (b'{"result":{"id":4 oops},"id":3,"jsonrpc":"2.0"}', 3),
        (b'{"jsonrpc":"2.0","id":"three","result":7}', "three"),
        (b'{"jsonrpc":"2.0","result":{"id":4,', None),
        (b'{"level":30,"id":3,"msg":"a result"}', None),
        (b'{"level":30,"id":3,"msg":"a resu', None),
        (b'{"jsonrpc":"2.0","id":3,"method":7}', None),
        (b'{"jsonrpc":"2.0","id":true,"result":7}', None),
        (b"{}", None),
        (b"{not json}", None),
    ],
)
def test_only_an_answer_that_cannot_be_read_fails_a_call_and_only_its_own(line: bytes, number: Any) -> None:
    found = read_message(line)
    assert (found.id if isinstance(found, JSONRPCError) else found) == number


def test_a_sound_message_is_read_as_it_is() -> None:
    found = read_message(b'{"jsonrpc":"2.0","id":3,"result":{"a":1}}')
    assert isinstance(found, JSONRPCResponse)
    assert found.result == {"a": 1}


@pytest.mark.parametrize("depth", [201, 251, 300, 2_000])
def test_text_that_is_json_nested_too_deeply_stays_text(depth: int) -> None:
    text = "[" * depth + "]" * depth
    assert plain(CallToolResult(content=[TextContent(text=text)]), {}) == text


def test_text_that_is_json_of_many_rows_is_read() -> None:
    rows = [{"row": [n]} for n in range(1_000)]
    assert plain(CallToolResult(content=[TextContent(text=orjson.dumps(rows).decode())]), {}) == rows


@pytest.mark.parametrize("schema", [{"properties": ["result"]}, {"properties": None}])
def test_an_odd_output_schema_leaves_the_answer_whole(schema: Any) -> None:
    answer = CallToolResult(content=[], structured_content={"result": 1})
    assert plain(answer, schema) == {"result": 1}


def test_a_variable_that_is_no_utf_8_gives_a_server_an_identity() -> None:
    assert len(ServerConfig("s", command="x", env={"A": "\udcff"}).identity) == 32
