"""What an agent over MCP reads of an answer: what it selected, in the shortest form, a page at a time."""

from __future__ import annotations

from typing import Any

import anyio
import orjson
import pytest
from tables import untabled

from tmws_patterns import PatternDefinition, PatternExecutionEngine
from tmws_patterns.server.listing import list_patterns
from tmws_patterns.shaping import count_tokens

pytestmark = pytest.mark.anyio

BOOK = "# Book\n\n" + "\n".join(f"## Chapter {i}\nwords of chapter {i}\n" for i in range(200))


@pytest.fixture
async def engine(workshop) -> PatternExecutionEngine:
    found = await workshop.engine()
    await found.discover()
    return found


async def read(engine: PatternExecutionEngine, query: str | None = None, **said: Any) -> dict[str, Any]:
    """The page as an MCP client gets it; its text and its structure are the same, and cost what they say."""
    call = engine.call(query, enveloped=True, **said)
    with anyio.fail_after(20):
        answer = await engine.answer(call)
    page = orjson.loads(answer.text)
    assert page == orjson.loads(orjson.dumps(answer.structured))
    assert page["tokens_used"] == count_tokens(answer.text)
    return page


async def test_rows_come_as_a_table_over_mcp_and_as_they_are_in_python(engine) -> None:
    page = await read(engine, "shelf of 5")
    plain = (await engine.execute("shelf of 5")).result
    assert untabled(page["result"]) == plain
    assert plain[0] == {"row": 0, "label": "label of row number 0", "empty": None}


async def test_compaction_can_be_turned_off_by_a_setting_and_by_a_pattern(engine, workshop) -> None:
    off = await workshop.engine(compaction="off")
    assert isinstance((await read(off, "shelf of 5"))["result"], list)
    for how, expected in (
        ("off", {"row": 0, "label": "label of row number 0", "empty": None}),
        ("lossy", [0, "label of row number 0"]),
    ):
        pattern = {
            "name": f"shelf_{how}",
            "pattern_type": "infrastructure",
            "description": "x",
            "effect": "read",
            "compaction": how,
            "call": {"server": "workshop", "tool": "shelf", "arguments": {"rows": 3}},
        }
        engine.registry.register(PatternDefinition.from_config(pattern))
        page = await read(engine, pattern=f"shelf_{how}")
        first = page["result"][0] if how == "off" else page["result"]["rows"][0]
        assert first == expected
        assert page["metadata"].get("lossy", False) is (how == "lossy")


async def test_a_long_answer_tells_its_shape_and_the_next_call_selects_from_it(engine, workshop) -> None:
    page = await read(engine, "shelf of 200")
    assert page["metadata"]["shape"] == "200 × {row: number, label: text, empty: null}"
    chosen = await read(engine, "shelf of 200", select="[?row > `197`].label")
    assert chosen["result"] == ["label of row number 198", "label of row number 199"]
    assert "next_cursor" not in chosen["metadata"]
    assert chosen["metadata"]["tokens_saved"] > 1_000
    assert chosen["tokens_used"] < 150
    assert chosen["cache_hit"], "the raw answer was kept, whatever was selected of it"


async def test_all_pages_joined_are_the_answer_after_other_calls_and_a_restart(engine, workshop) -> None:
    page = await read(engine, "shelf of 200", max_tokens=300)
    rows, pages = untabled(page["result"]), 1
    reader = engine
    while cursor := page["metadata"].get("next_cursor"):
        await read(reader, "tide")
        page = await read(reader, cursor=cursor, max_tokens=300)
        assert set(page["result"]) == {"cols", "rows"}, "later pages have the form of the first"
        rows, pages = rows + untabled(page["result"]), pages + 1
        if pages == 2:
            await engine.aclose()
            reader = await workshop.engine()
        assert page["tokens_used"] < 300 + 150
    assert rows == [{"row": i, "label": f"label of row number {i}", "empty": None} for i in range(200)]
    assert pages > 3


async def test_a_cursor_goes_on_with_what_was_selected(engine) -> None:
    page = await read(engine, "shelf of 200", select=["[*].label"], max_tokens=200)
    labels = list(page["result"])
    while cursor := page["metadata"].get("next_cursor"):
        page = await read(engine, cursor=cursor, max_tokens=200)
        labels += page["result"]
    assert labels == [f"label of row number {i}" for i in range(200)]


async def test_both_halves_of_a_hybrid_answer_are_on_its_first_page_with_their_sources(engine) -> None:
    for i in range(20):
        await engine.memory.store(f"note {i} about the shelf: " + f"words of note number {i} " * 12)
    pattern = {
        "name": "shelf_and_notes",
        "pattern_type": "hybrid",
        "description": "x",
        "effect": "read",
        "call": {"server": "workshop", "tool": "shelf", "arguments": {"rows": 150}},
        "memory": {"operation": "recall", "query": "shelf", "limit": 20},
    }
    engine.registry.register(PatternDefinition.from_config(pattern))
    page = await read(engine, pattern="shelf_and_notes")
    rows, notes = untabled(page["result"]["tool"]), untabled(page["result"]["memory"])
    assert page["metadata"]["sources"] == {"tool": "workshop.shelf", "memory": "recall"}
    assert len(rows) > 10
    assert len(notes) >= 2
    while cursor := page["metadata"].get("next_cursor"):
        page = await read(engine, cursor=cursor)
        for name, kept in (("tool", rows), ("memory", notes)):
            kept.extend(untabled(page["result"].get(name, [])))
    assert [row["row"] for row in rows] == list(range(150))
    assert len({note["id"] for note in notes}) == 20


@pytest.mark.parametrize("select", ["[?", "lines:/(/", "nix(@)", "lines:many"])
async def test_a_selection_that_cannot_be_read_is_refused_before_anything_runs(engine, workshop, select) -> None:
    refused = await engine.execute("look at vice", select=select)
    assert refused.error.code == "invalid_input"
    assert refused.error.hint
    assert workshop.calls("look") == 0


async def test_a_selection_of_what_is_not_there_says_what_is(engine) -> None:
    found = await engine.execute("shelf of 3", select="nix")
    assert found.error.code == "invalid_input"
    assert found.error.hint == "its fields are: empty, label, row"


async def test_a_text_is_read_by_its_outline_and_then_by_its_lines(engine) -> None:
    await engine.memory.store(BOOK, importance=0.9)
    whole = await engine.execute("recall chapter 120", select="[0].content | @")
    assert whole.result == BOOK
    outline = await engine.execute("recall chapter 120", select=["[0].content", "outline", "lines:/Chapter 120$/"])
    line = int(outline.result.split(":")[1])
    found = await engine.execute("recall chapter 120", select=["[0].content", f"lines:{line}-{line + 1}"])
    assert found.result == "## Chapter 120\nwords of chapter 120\n"


async def test_lines_are_selected_from_a_memory_as_a_whole_over_mcp_too(engine) -> None:
    await engine.memory.store("\n".join(f"line {i} {'of the zeppelin runbook' if i < 3 else ''}" for i in range(120)))
    page = await read(engine, "recall zeppelin runbook", select=["[0].content", "lines:110-111"])
    assert page["result"] == "line 109 \nline 110 \n"


async def test_a_hybrid_answer_is_read_on_to_its_end_without_a_limit(engine) -> None:
    for i in range(6):
        await engine.memory.store(f"note {i} about the vice: " + f"words of note number {i} " * 12)
    page = await engine.execute("study vice", max_tokens=150)
    rest = await engine.execute(cursor=page.metadata["next_cursor"])
    assert "next_cursor" not in rest.metadata
    notes = [row for part in (page.result, rest.result) for row in part.get("memory", [])]
    assert "".join(row.get("content", "") for row in notes).count("about the vice") == 6


async def test_steps_that_return_two_halves_are_read_on_as_what_they_are(engine) -> None:
    pattern = {
        "name": "halves",
        "pattern_type": "hybrid",
        "description": "x",
        "effect": "read",
        "steps": [
            {"name": "rows", "call": {"server": "workshop", "tool": "shelf", "arguments": {"rows": 40}}},
            {"name": "old", "memory": {"operation": "recent"}},
        ],
        "returns": {"tool": "rows[*].label", "memory": "rows[*].row", "more": "old"},
    }
    engine.registry.register(PatternDefinition.from_config(pattern))
    page = await engine.execute(pattern="halves", max_tokens=60)
    labels, numbers = list(page.result.get("tool", [])), list(page.result.get("memory", []))
    while cursor := page.metadata.get("next_cursor"):
        page = await engine.execute(cursor=cursor, max_tokens=60)
        labels += page.result.get("tool", [])
        numbers += page.result.get("memory", [])
    assert (len(labels), numbers) == (40, list(range(40)))


async def test_a_lossy_answer_goes_on_in_python_where_its_page_over_mcp_ended(engine) -> None:
    rows = "[{nothing: `null`, rows: rows}]"
    pattern = {
        "name": "lossy",
        "pattern_type": "infrastructure",
        "description": "x",
        "effect": "read",
        "compaction": "lossy",
        "steps": [{"name": "rows", "call": {"server": "workshop", "tool": "shelf", "arguments": {"rows": 60}}}],
        "returns": rows,
    }
    engine.registry.register(PatternDefinition.from_config(pattern))
    page = await read(engine, pattern="lossy", max_tokens=200)
    first = untabled(page["result"])[0]["rows"]
    rest = (await engine.execute(cursor=page["metadata"]["next_cursor"])).result[0]["rows"]
    assert [row["row"] for row in [*first, *rest]] == list(range(60))


@pytest.mark.parametrize(
    "select",
    [
        "to_string([" * 60 + "@" + "])" * 60,
        "join(@, split(@, ''))" + " | join(@, split(@, ''))" * 3,
        "&key",
        "keys(&a)",
    ],
)
async def test_an_expression_that_would_eat_memory_or_is_no_value_is_refused(engine, select: str) -> None:
    await engine.memory.store("a text of a hundred characters " * 4)
    found = await engine.execute("recall text", select=f"[0].content | {select}" if "@" in select else select)
    assert found.error.code == "invalid_input"


async def test_a_list_for_a_query_ends_before_it_costs_more_than_300_tokens(engine) -> None:
    for i in range(6):
        slots = {f"argument_number_{j}_of_a_long_name": {} for j in range(12)}
        fields = {"name": f"zeppelin_{i}", "pattern_type": "memory", "description": "Fly a zeppelin", "slots": slots}
        engine.registry.register(PatternDefinition.from_config({**fields, "memory": {"operation": "recent"}}))
    found = await list_patterns(engine, "fly a zeppelin")
    assert count_tokens(orjson.dumps(found).decode()) <= 300
    assert 1 <= len(found["patterns"]) < 5
    assert found["next_cursor"] == str(len(found["patterns"]))
    assert len((await list_patterns(engine, "fly a zeppelin", limit=5))["patterns"]) == 5
