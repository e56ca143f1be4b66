"""Changing and forgetting, saying something twice, and files of other memory servers."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest
from moments import Moment

from tmws_patterns.errors import InvalidInput
from tmws_patterns.memory import MemoryService
from tmws_patterns.memory.formats import rows_of
from tmws_patterns.memory.likeness import alike
from tmws_patterns.settings import Settings
from tmws_patterns.storage import Database, open_database

pytestmark = pytest.mark.anyio


async def test_what_is_said_again_is_one_memory_with_a_count_and_both_times(
    memory: MemoryService, moment: Moment
) -> None:
    first = await memory.store("The deploys happen on Tuesdays.", tags=["deploy"], importance=0.4)
    said = moment.now
    moment.pass_by(days=2)
    again = await memory.store("deploys HAPPENED on tuesday!", tags=["ops"], importance=0.9)
    assert again == first
    (found,) = await memory.recall("deploys")
    assert (found.times, found.created_at, found.updated_at) == (2, said, moment.now)
    assert (set(found.tags), found.importance) == ({"deploy", "ops"}, 0.9)
    assert [one.id for one in await memory.by_tag("ops")] == [first]


async def test_the_same_words_for_other_readers_or_of_another_agent_are_another_memory(
    memory: MemoryService, database: Database
) -> None:
    text = "the staging vault is opened with two keys"
    ids = {
        await memory.store(text),
        await memory.store(text, access_level="public"),
        await memory.store(text, agent_id="hera"),
        await memory.store(text, namespace="other"),
    }
    assert len(ids) == 4
    assert await database.memories.count() == 4


LONG = "The nightly import of the supplier catalogue takes forty minutes because every row is checked twice"
ALIKE = [
    (LONG, LONG.replace("takes", "really takes"), True),
    (LONG, LONG.replace("forty", "60"), False),
    (LONG, LONG.replace("takes", "never takes"), False),
    (LONG, LONG.replace("supplier", "Contoso"), False),
    (LONG, "The nightly import of the supplier catalogue was moved to the weekend", False),
    ("we use tabs", "we use spaces", False),
    ("", "", False),
]


@pytest.mark.parametrize(("one", "other", "expected"), ALIKE, ids=range(len(ALIKE)))
def test_texts_are_alike_where_nothing_telling_differs(one: str, other: str, expected: bool) -> None:
    assert alike(one, other) is expected
    assert alike(other, one) is expected


async def test_nearly_the_same_text_of_one_owner_is_merged_and_the_longer_one_stays(memory: MemoryService) -> None:
    first = await memory.store(LONG)
    longer = LONG.replace("takes", "really takes")
    assert await memory.store(longer) == first
    assert await memory.store(LONG.replace("forty", "50")) != first
    found = await memory.get(first)
    assert found is not None
    assert (found.content, found.times) == (longer, 2)


async def test_a_batch_that_says_one_thing_thrice_stores_it_once(memory: MemoryService, database: Database) -> None:
    ids = await memory.store_many(
        [{"content": "same"}, {"content": "other"}, {"content": "Same!"}, {"content": "same"}]
    )
    assert ids[0] == ids[2] == ids[3] != ids[1]
    assert await database.memories.count() == 2
    found = await memory.get(ids[0])
    assert found is not None
    assert found.times == 3


async def test_only_the_owner_changes_a_memory_and_only_what_can_be_changed(
    memory: MemoryService, moment: Moment
) -> None:
    stored = await memory.store("old words", access_level="public", expires_at=moment.now + timedelta(days=1))
    assert not await memory.update(stored, agent_id="hera", content="taken over")
    assert not await memory.update("0" * 32, content="nobody's")
    moment.pass_by(hours=1)
    assert await memory.update(stored, content="new words", importance=0.9, expires_at=None)
    found = await memory.get(stored)
    assert found is not None
    assert (found.content, found.importance, found.expires_at) == ("new words", 0.9, None)
    assert found.updated_at - found.created_at == timedelta(hours=1)
    with pytest.raises(InvalidInput, match="created_at cannot be changed"):
        await memory.update(stored, created_at=moment.now)
    with pytest.raises(InvalidInput, match="content is empty"):
        await memory.update(stored, content=" ")


async def test_forgetting_by_a_query_shows_first_and_only_what_the_agent_owns(memory: MemoryService) -> None:
    mine = await memory.store("the old wifi password of the office")
    await memory.store("the wifi password of the guests", agent_id="hera", access_level="public")
    shown = await memory.forget_matching("wifi password")
    assert [one.id for one in shown] == [mine]
    assert len(await memory.recall("wifi password")) == 2
    assert await memory.forget([one.id for one in shown]) == 1


async def test_what_has_expired_can_be_swept_away(memory: MemoryService, database: Database, moment: Moment) -> None:
    await memory.store("passing", expires_at=moment.now + timedelta(minutes=1))
    await memory.store("staying")
    moment.pass_by(minutes=2)
    assert await memory.sweep() == 1
    assert await database.memories.count() == 1


async def test_an_export_comes_back_whole_and_only_once(memory: MemoryService, tmp_path: Path, moment: Moment) -> None:
    await memory.store("one", tags=["a"], importance=0.9, summary="short", expires_at=moment.now + timedelta(days=9))
    moment.pass_by(days=1)
    await memory.store("one", tags=["b"], expires_at=moment.now + timedelta(days=9), summary="short")
    await memory.store("two", access_level="shared", shared_with=["hera"], namespace="n")
    rows = [memory_.to_row() async for portion in memory.exported(portion=1) for memory_ in portion]
    assert len(rows) == 2
    text = "\n".join(json.dumps(row) for row in rows)
    async with open_database(Settings.load({}, data_dir=tmp_path / "other"), moment) as database:
        from tmws_patterns.call import Principal
        from tmws_patterns.encoder import static_encoder
        from tmws_patterns.memory import open_memory

        async with open_memory(database, Principal("acme", "artemis"), static_encoder(), moment) as other:
            for _ in range(2):
                await other.store_many(rows_of(text, "export"))
            again = [one.to_row() async for portion in other.exported() for one in portion]
    assert sorted(again, key=str) == sorted(rows, key=str)


async def test_an_import_under_the_name_of_another_agent_stores_copies_of_its_own(
    memory: MemoryService, database: Database
) -> None:
    await memory.store("one")
    rows = [one.to_row() async for portion in memory.exported() for one in portion]
    (copied,) = await memory.store_many([{**row, "agent_id": "hera"} for row in rows])
    assert copied != rows[0]["id"]
    assert await memory.store_many([{**rows[0], "content": "the same id twice"}] * 2) == [rows[0]["id"]] * 2
    new = {"id": "f" * 32, "content": "new"}
    assert await memory.store_many([new, {**new, "content": "and again"}]) == [new["id"]] * 2
    assert await database.memories.count() == 3


async def test_of_an_import_what_has_expired_is_left_out_and_what_is_wrong_refused(
    memory: MemoryService, moment: Moment
) -> None:
    gone = {"content": "gone", "expires_at": (moment.now - timedelta(days=1)).isoformat()}
    here = {"content": "here", "expires_at": (moment.now + timedelta(days=1)).isoformat()}
    assert memory.storable([gone, here]) == [here]
    with pytest.raises(InvalidInput, match="memory 2: expires_at 'soon' is no time"):
        memory.storable([here, {"content": "x", "expires_at": "soon"}])


async def test_a_memory_of_a_clock_that_is_ahead_can_be_changed(memory: MemoryService, moment: Moment) -> None:
    moment.pass_by(days=1)
    stored = await memory.store("said by a clock that is ahead")
    moment.pass_by(days=-1)
    assert await memory.update(stored, content="changed")
    found = await memory.get(stored)
    assert found is not None
    assert found.updated_at == found.created_at


def test_line_ends_inside_of_a_text_are_part_of_it() -> None:
    content = "one\u2028two\u2029three\x85four\x0bfive\rsix\nseven"
    assert [row["content"] for row in rows_of(orjson.dumps({"content": content}).decode() + "\n", "file")] == [content]


async def test_a_backup_is_a_database_that_can_be_opened(
    memory: MemoryService, database: Database, tmp_path: Path
) -> None:
    await memory.store("worth keeping")
    file = tmp_path / "copy.db"
    await database.backup(file)
    async with open_database(Settings.load({}, data_dir=tmp_path, database_url=f"sqlite:///{file}")) as copy:
        assert await copy.memories.count() == 1
    with pytest.raises(InvalidInput, match="is there already"):
        await database.backup(file)


def test_a_graph_of_server_memory_becomes_a_memory_for_each_observation_and_relation() -> None:
    lines = [
        {"type": "entity", "name": "Anna", "entityType": "person", "observations": ["likes tea", "owns the parser"]},
        {"type": "entity", "name": "Parser", "entityType": "module", "observations": []},
        {"type": "relation", "from": "Anna", "to": "Parser", "relationType": "works_on"},
    ]
    rows = list(rows_of("\n".join(map(json.dumps, lines)), "memory.jsonl"))
    assert [row["content"] for row in rows] == [
        "Anna (person): likes tea",
        "Anna (person): owns the parser",
        "Parser (module)",
        "Anna works on Parser",
    ]
    assert rows[0]["tags"] == ["Anna", "person"]


def test_an_export_of_mcp_memory_service_keeps_its_times_tags_and_types() -> None:
    kept = {"content": "x", "content_hash": "h", "tags": ["a"], "memory_type": "note", "created_at": 1_700_000_000.5}
    text = json.dumps({"export_metadata": {"source_machine": "m"}, "memories": [kept]})
    (row,) = rows_of(text, "export.json")
    moment = datetime.fromtimestamp(1_700_000_000.5, UTC)
    assert row == {"content": "x", "tags": ["a", "note"], "created_at": moment}


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('{"content": "fine"}\nnot json', "file:2"),
        ('{"other": 1}\n{"content": "x"}', "file:1"),
        ('{"memories": [{"content": "x", "created_at": "soon"}]}', "file: memory 1"),
        ("[1]", "file: memory 1"),
    ],
)
def test_a_file_of_another_form_is_refused_with_its_place(text: str, place: str) -> None:
    with pytest.raises(InvalidInput, match=place) as caught:
        list(rows_of(text, "file"))
    assert caught.value.hint
