"""One body of tests over stdio, SSE and streamable HTTP, with the SDK's client in its old and its new mode."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import orjson
import pytest
from mcp import Client, MCPError
from mcp.types import CallToolResult, ResourceTemplateReference
from served import Served, in_memory_client
from tables import untabled

from tmws_patterns.shaping import compact, count_tokens

pytestmark = pytest.mark.anyio


async def execute(client: Client, query: str = "", **more: Any) -> CallToolResult:
    arguments = {"query": query, **more} if query else more
    with anyio.fail_after(20):
        return await client.call_tool("execute_pattern", arguments)


def page(answer: CallToolResult) -> dict[str, Any]:
    """The answer as a client reads it, having seen that text and structure say the same."""
    content, *links = answer.content
    assert [str(link.uri) for link in links] == [
        u for u in [answer.structured_content["metadata"].get("resource")] if u
    ]
    assert orjson.loads(content.text) == answer.structured_content
    assert answer.structured_content["tokens_used"] == count_tokens(content.text)
    assert answer.structured_content["success"] is not answer.is_error
    return answer.structured_content


async def test_a_client_lists_asks_reads_on_and_sees_what_it_cost(served: Served) -> None:
    client = served.client
    assert client.protocol_version == ("2026-07-28" if client.mode == "auto" else "2025-11-25")
    assert "execute_pattern" in client.instructions
    tools = (await client.list_tools()).tools
    assert [t.name for t in tools] == ["execute_pattern", "list_patterns", "pattern_stats"]
    for tool in tools:
        hints = tool.annotations
        assert None not in (
            hints.read_only_hint,
            hints.destructive_hint,
            hints.idempotent_hint,
            hints.open_world_hint,
        )
        assert tool.title
        assert tool.output_schema

    before = (await client.call_tool("pattern_stats", {})).structured_content
    tokyo = page(await execute(client, "what time is it in Tokyo"))
    assert tokyo["result"]["timezone"] == "Asia/Tokyo"
    assert tokyo["metadata"]["pattern_type"] == "infrastructure"

    stored = page(await execute(client, "remember that the billing service uses Postgres because of row locks"))
    recalled = page(await execute(client, "recall why billing uses Postgres"))
    assert recalled["result"][0]["id"] == stored["result"]["id"]
    assert page(await execute(client, "recall why billing uses Postgres"))["cache_hit"]

    found = (await client.call_tool("list_patterns", {"query": "what time it is in a city"})).structured_content
    assert found["patterns"][0]["call"] == "current_time(timezone?: string)"
    after = (await client.call_tool("pattern_stats", {})).structured_content
    assert after["total_executions"] - before["total_executions"] == 4
    assert after["cache_hits"] - before["cache_hits"] == 1
    assert after["discoveries"] - before["discoveries"] == 1
    assert after["discovery_tokens"] - before["discovery_tokens"] == count_tokens(compact(found))
    assert after["encoding"] == "o200k_base"
    assert after["surface_tokens"] <= 400


async def test_a_long_answer_comes_in_pages_without_running_the_tool_again(served: Served) -> None:
    client = served.client
    answer = page(await execute(client, pattern="workshop.shelf", arguments={"rows": 200}))
    rows, whole = untabled(answer["result"]), answer["metadata"]["resource"]
    assert answer["metadata"]["shape"] == "200 × {row: number, label: text, empty: null}"
    assert answer["tokens_used"] < 1_200
    while cursor := answer["metadata"].get("next_cursor"):
        answer = page(await execute(client, cursor=cursor))
        assert answer["pattern_name"] == "workshop.shelf"
        rows += untabled(answer["result"])
    assert [row["row"] for row in rows] == list(range(200))
    (resource,) = (await client.read_resource(whole)).contents
    assert len(orjson.loads(resource.text)) == 200
    chosen = page(await execute(client, pattern="workshop.shelf", arguments={"rows": 3}, select=["row"]))
    assert untabled(chosen["result"]) == [{"row": 0}, {"row": 1}, {"row": 2}]
    labels = page(await execute(client, pattern="workshop.shelf", arguments={"rows": 3}, select="[?row>`1`].label"))
    assert labels["result"] == ["label of row number 2"]


async def test_a_list_for_a_query_costs_at_most_300_tokens_and_details_are_asked_for(served: Served) -> None:
    client = served.client
    for query in ("commits and files of a repository", "shelf", "what is remembered about boats", "time"):
        found = await client.call_tool("list_patterns", {"query": query})
        assert count_tokens(found.content[0].text) <= 300
        assert 1 <= len(found.structured_content["patterns"]) <= 5
        assert all(entry["call"].endswith(")") for entry in found.structured_content["patterns"])
    more = (await client.call_tool("list_patterns", {"query": "shelf", "limit": 12})).structured_content
    assert len(more["patterns"]) == 12
    one = (await client.call_tool("list_patterns", {"query": "shelf", "limit": 1, "detail": True})).structured_content
    assert one["patterns"][0]["arguments"]["required"] == ["rows"]


async def test_a_failure_tells_code_hint_and_candidates_in_its_text(served: Served) -> None:
    client = served.client
    nothing = await execute(client, "order me a pizza")
    assert nothing.is_error
    error = page(nothing)["error"]
    assert (error["code"], error["candidates"]) == ("no_match", [])
    assert "pizza" in error["unmatched"]
    assert error["hint"]
    unknown = page(await execute(client, "what time is it in Blarghville"))["error"]
    assert (unknown["code"], unknown["missing"]) == ("missing_arguments", ["timezone"])
    assert "timezone" in unknown["schema"]["properties"]


@pytest.mark.parametrize("mode", ["auto", "legacy"])
@pytest.mark.parametrize(
    ("tool", "arguments", "word"),
    [
        ("execute_pattern", {"quer": "x"}, "quer"),
        ("execute_pattern", {"query": "x", "max_tokens": "7"}, "max_tokens"),
        ("execute_pattern", {}, "nothing was asked"),
        ("execute_pattern", {"query": "x", "execution_mode": "turbo"}, "turbo"),
        ("execute_pattern", {"cursor": "bogus"}, "cursor"),
        ("list_patterns", {"limit": 0}, "limit"),
        ("pattern_stats", {"section": "gossip"}, "section"),
        ("no_such_tool", {}, "no_such_tool"),
    ],
)
async def test_arguments_that_cannot_be_used_are_named(
    mode: str, tool: str, arguments: dict[str, Any], word: str, tmp_path: Path
) -> None:
    async with in_memory_client(tmp_path, mode) as client:
        refused = await client.call_tool(tool, arguments)
        assert refused.is_error
        assert refused.structured_content["error"]["code"] == "invalid_input"
        assert refused.structured_content["error"]["hint"]
        assert word in refused.content[0].text


async def test_a_destructive_call_needs_its_exact_name_and_then_runs(served: Served) -> None:
    client = served.client
    for tool in ("smash", "meddle"):
        asked = page(await execute(client, f'run the tool {tool} on workshop with {{"key": "vase"}}'))["error"]
        assert asked["code"] == "confirmation_required"
        done = page(await execute(client, pattern=asked["pattern"], arguments=asked["arguments"]))
        assert "vase" in done["result"]
    assert [line for line in served.log if "vase" in line] == ["smash vase", "meddle vase"]


async def test_patterns_are_resources_personas_are_prompts_and_names_complete(served: Served) -> None:
    client = served.client
    resources = (await client.list_resources()).resources
    assert "tmws://patterns/recall_memory" in {str(r.uri) for r in resources}
    (content,) = (await client.read_resource("tmws://patterns/recall_memory")).contents
    assert orjson.loads(content.text)["call"] == "recall_memory(query: string, limit?: integer)"
    assert len((await client.list_resource_templates()).resource_templates) == 3
    with pytest.raises(MCPError, match="no resource"):
        await client.read_resource("tmws://patterns/none")
    prompts = (await client.list_prompts()).prompts
    assert [p.name for p in prompts] == ["artemis", "athena", "hera"]
    artemis = await client.get_prompt("artemis", {"topic": "the importer"})
    assert "recall past optimizations of the importer" in artemis.messages[0].content.text
    with pytest.raises(MCPError, match="topic"):
        await client.get_prompt("artemis", {})
    reference = ResourceTemplateReference(uri="tmws://patterns/{name}")
    names = (await client.complete(reference, {"name": "name", "value": "git_"})).completion.values
    assert names[:3] == ["git_status", "git_log", "git_diff"]


async def test_a_long_memory_is_shown_by_its_passage_and_is_a_resource_as_a_whole(served: Served) -> None:
    client = served.client
    filler = "Nothing of note happened on that day either. " * 40
    content = f"{filler}The glacier sensor froze after the firmware update. {filler}"
    stored = page(await execute(client, pattern="store_memory", arguments={"content": content}))
    assert stored["result"]["stored"]
    (row, *_) = page(await execute(client, "recall the glacier sensor"))["result"]
    assert "sensor froze after the firmware" in row["content"]
    assert len(row["content"]) < 800
    assert row["age"] == "now"
    (whole,) = (await client.read_resource(row["whole"])).contents
    assert orjson.loads(whole.text)["content"] == content
    with pytest.raises(MCPError, match="no resource"):
        await client.read_resource(row["whole"].replace(row["id"], "0" * 32))


async def test_progress_of_a_downstream_tool_reaches_the_client(served: Served) -> None:
    seen: list[tuple[float, float | None, str | None]] = []

    async def progressed(progress: float, total: float | None, message: str | None) -> None:
        seen.append((progress, total, message))

    client = served.client
    answer = await client.call_tool(
        "execute_pattern",
        {"pattern": "workshop.plane", "arguments": {"steps": 3}, "use_cache": False},
        progress_callback=progressed,
    )
    assert page(answer)["result"] == "smooth"
    with anyio.fail_after(5):
        while len(seen) < 3:
            await anyio.sleep(0.01)
    assert seen == [(1, 3, "stroke 1"), (2, 3, "stroke 2"), (3, 3, "stroke 3")]


async def test_cancelling_a_call_cancels_it_downstream(served: Served) -> None:
    async def until(word: str) -> None:
        with anyio.fail_after(10):
            while not any(word in line for line in served.log):
                await anyio.sleep(0.02)

    client = served.client
    async with anyio.create_task_group() as group:
        group.start_soon(client.call_tool, "execute_pattern", {"pattern": "workshop.doze", "arguments": {}})
        await until("begun")
        group.cancel_scope.cancel()
    await until("cancelled")
    assert page(await execute(client, "calculate 1+1"))["result"] == 2
