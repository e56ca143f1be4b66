"""What `engine.memory` does, and what a planned memory operation returns."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import anyio
import orjson
import pytest
from moments import Moment

from tmws_patterns.call import MemoryBranch, Principal, Scope
from tmws_patterns.encoder import static_encoder
from tmws_patterns.errors import InvalidInput
from tmws_patterns.memory import MemoryService, open_memory, recall
from tmws_patterns.storage import Database
from tmws_patterns.targets import MemoryOperation, MemoryTarget

pytestmark = pytest.mark.anyio


def branch(operation: str, *, agent: str = "artemis", teams: tuple[str, ...] = (), **arguments: Any) -> MemoryBranch:
    return MemoryBranch(MemoryOperation(operation), arguments, Scope("acme", agent, frozenset(teams)))


async def test_what_is_stored_is_found_by_the_very_next_recall_in_other_words(memory: MemoryService) -> None:
    stored = await memory.store("Optimised the café's database queries", tags=["perf", "sql"], importance=0.9)
    (found,) = await memory.recall("please recall how we did the optimisation of a database query")
    assert (found.id, found.agent_id, found.tags, found.score) == (stored, "artemis", ("perf", "sql"), found.score)
    assert 0.5 < found.score <= 1
    assert found.parts["coverage"] == 1
    assert found.content == "Optimised the café's database queries"


async def test_a_recall_without_words_gives_the_newest(memory: MemoryService, moment: Moment) -> None:
    for name in ("first", "second"):
        await memory.store(name)
        moment.pass_by(minutes=1)
    assert [m.content for m in await memory.recall("")] == ["second", "first"]
    assert [m.content for m in await memory.recent(limit=1)] == ["second"]


async def test_recall_narrows_by_tags_importance_time_and_namespace(memory: MemoryService, moment: Moment) -> None:
    await memory.store("cache old", tags=["a"], importance=0.2, namespace="x")
    moment.pass_by(days=2)
    await memory.store("cache new", tags=["b"], importance=0.8)
    for narrowed in (
        {"tags": ["B"]},
        {"min_importance": 0.5},
        {"since": "yesterday"},
        {"since": moment.now - timedelta(days=1), "until": moment.now + timedelta(days=1)},
        {"namespace": "default"},
        {"limit": 1, "tags": "b"},
    ):
        assert [m.content for m in await memory.recall("cache", **narrowed)] == ["cache new"]
    assert [m.content for m in await memory.recall("cache", until="2 days ago")] == ["cache old"]


async def test_what_meets_a_condition_is_found_behind_many_that_fit_better_and_do_not(
    memory: MemoryService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recall, "SELECTIVE", 30)  # more meet the condition, so that it is looked at afterwards
    other = "harbour kettle lantern meadow orchid pepper quarry ribbon saddle thimble umbrella violin walnut"
    long = f"{other} {other} the berlin deploy failed {other} {other} {other}"
    rows = [{"content": f"{long} {n}", "tags": ["keep"]} for n in range(20)]
    rows += [{"content": "berlin deploy failed, " + " ".join(f"v{n}x{m}" for m in range(9))} for n in range(150)]
    rows += [{"content": f"a rollout to the capital broke {n}", "tags": ["keep"]} for n in range(100)]  # fit by meaning
    await memory.store_many(rows)
    for asked in ("berlin deploy", "has the berlin deploy failed"):
        found = await memory.recall(asked, tags=["keep"], limit=10)
        assert [one.content[:28] for one in found] == [other[:28]] * 10, asked


async def test_the_other_ways_of_reading(memory: MemoryService, moment: Moment) -> None:
    for content, importance in (("one disk", 0.9), ("two disk", 0.8), ("three", 0.7), ("four", 0.1)):
        await memory.store(content, importance=importance, tags=["Even"] if importance in (0.8, 0.1) else [])
        moment.pass_by(days=1)
    assert [m.content for m in await memory.by_tag("even")] == ["four", "two disk"]
    assert [m.content for m in await memory.by_importance()] == ["one disk", "two disk", "three"]
    assert [m.content for m in await memory.by_importance(0.85)] == ["one disk"]
    assert [m.content for m in await memory.over_time(since="3 days ago")] == ["two disk", "three", "four"]
    assert [m.content for m in await memory.over_time("disk over the last week")] == ["one disk", "two disk"]
    assert {m.content for m in await memory.similar("a disk that fails")} == {"one disk", "two disk"}


async def test_an_agent_named_by_the_program_is_trusted(memory: MemoryService) -> None:
    await memory.store("of hermes", agent_id="hermes")
    assert await memory.recall("hermes") == []
    (found,) = await memory.recall("hermes", agent_id="hermes")
    assert found.agent_id == "hermes"
    assert await memory.forget([found.id]) == 0
    assert await memory.forget([found.id], agent_id="hermes") == 1


async def test_team_shared_and_public_memories_reach_whom_they_should(
    memory: MemoryService, database: Database, moment: Moment
) -> None:
    await memory.store("for ops", access_level="team")  # the principal's only team
    await memory.store("for dev", access_level="team", team="dev")
    await memory.store("for athena", access_level="shared", shared_with=["athena"])
    await memory.store("for all", access_level="public")
    await memory.store("for none")

    async def seen(agent: str, *teams: str) -> set[str]:
        principal = Principal("acme", agent, teams=frozenset(teams))
        async with open_memory(database, principal, static_encoder(), moment) as other:
            found = {m.content for m in await other.recent()}
            assert found == {m.content for m in await other.recall("for", limit=100)}
            return found

    assert await seen("hermes") == {"for all"}
    assert await seen("hermes", "ops") == {"for all", "for ops"}
    assert await seen("hermes", "ops", "dev") == {"for all", "for ops", "for dev"}
    assert await seen("athena") == {"for all", "for athena"}


async def test_many_rows_are_stored_in_order_or_not_at_all(memory: MemoryService, database: Database) -> None:
    ids = await memory.store_many([{"content": "a"}, {"content": "b", "tags": ("t",), "agent_id": None}])
    assert len(set(ids)) == 2
    with pytest.raises(InvalidInput, match="content is empty"):
        await memory.store_many([{"content": "c"}, {"content": " "}])
    with pytest.raises(InvalidInput, match="a memory has no colour"):
        await memory.store_many([{"content": "c", "colour": "red"}])
    assert await memory.store_many([]) == []
    assert await database.memories.count() == 2


async def test_an_expired_memory_is_not_recalled(memory: MemoryService, moment: Moment) -> None:
    await memory.store("passing", expires_at=moment.now + timedelta(minutes=1))
    assert len(await memory.recall("passing")) == 1
    moment.pass_by(minutes=1)
    assert await memory.recall("passing") == []


async def test_every_write_makes_answers_of_its_tenant_stale(memory: MemoryService, database: Database) -> None:
    (tag,) = memory.tags(branch("recall").scope)
    assert tag == "memory:acme"
    stored = await memory.store("a")
    assert database.epochs.peek([tag]) == (1,)
    await memory.forget([stored])
    assert database.epochs.peek([tag]) == (2,)
    await memory.recall("a")
    assert database.epochs.peek([tag]) == (2,)


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"content": ""}, "content is empty"),
    ({"content": " \n"}, "content is empty"),
    ({"content": "x" * 100_001}, "100,001 characters"),
    ({"content": "a\0b"}, "NUL"),
    ({"content": "\ud800"}, "surrogate"),
    ({"content": 5}, "content is int, not text"),
    ({"tags": ["a\0"]}, "tags holds a NUL"),
    ({"tags": [""]}, "tags is empty"),
    ({"tags": 5}, "not a list"),
    ({"agent_id": "x" * 257}, "agent_id"),
    ({"namespace": "\0"}, "namespace holds a NUL"),
    ({"importance": 1.01}, "importance 1.01"),
    ({"importance": -0.1}, "importance -0.1"),
    ({"importance": float("nan")}, "importance nan"),
    ({"importance": "high"}, "importance 'high'"),
    ({"importance": True}, "importance True"),
    ({"access_level": "secret"}, "no access level 'secret'"),
    ({"access_level": "shared"}, "needs shared_with"),
    ({"expires_at": datetime(2030, 1, 1)}, "no time with a time zone"),  # noqa: DTZ001
    ({"expires_at": "soon"}, "'soon' is no time"),
    ({"expires_at": "2020-01-01T00:00:00Z"}, "has passed"),
]


@pytest.mark.parametrize(("fields", "message"), WRONG, ids=range(len(WRONG)))
async def test_a_wrong_memory_is_refused_with_what_to_do(
    memory: MemoryService, database: Database, fields: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidInput, match=message) as caught:
        await memory.store(**{"content": "fine", **fields})
    assert caught.value.hint
    assert await database.memories.count() == 0


async def test_team_level_without_one_team_to_choose_is_refused(database: Database) -> None:
    for teams in (frozenset(), frozenset({"a", "b"})):
        principal = Principal("acme", "artemis", teams=frozenset(teams))
        async with open_memory(database, principal, static_encoder()) as service:
            with pytest.raises(InvalidInput, match="needs a team"):
                await service.store("x", access_level="team")


@pytest.mark.parametrize("limit", [0, -1, 1001, "many", 1.5, True, float("inf")])
async def test_a_wrong_limit_is_refused(memory: MemoryService, limit: Any) -> None:
    with pytest.raises(InvalidInput, match="no whole number from 1 to 1000"):
        await memory.recall("x", limit=limit)


async def test_reading_needs_what_its_operation_needs(memory: MemoryService) -> None:
    with pytest.raises(InvalidInput, match="nothing to compare"):
        await memory.similar("?")
    with pytest.raises(InvalidInput, match="no tag"):
        await memory.by_tag([])
    with pytest.raises(InvalidInput, match="query is int"):
        await memory.recall(5)  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="0 ids"):
        await memory.forget([])


async def test_a_planned_store_and_forget_say_what_they_did(memory: MemoryService) -> None:
    done = await memory.run(branch("store", content="X", tags="a, b", importance="0.8", limit=10, ids=()))
    assert done == {"id": done["id"], "stored": True}
    (found,) = await memory.run(branch("recall", query="recall x"))
    assert (found["tags"], found["importance"]) == (["a", "b"], 0.8)
    assert await memory.run(branch("forget", ids=f"{done['id']}, unknown")) == {"forgotten": 1}


async def test_a_planned_store_without_content_keeps_what_its_sentence_says(memory: MemoryService) -> None:
    await memory.run(branch("store", query="please remember that the sky is blue", content=None))
    (found,) = await memory.run(branch("recall", query="sky"))
    assert found["content"] == "the sky is blue"


async def test_a_planned_read_returns_compact_plain_data(memory: MemoryService, moment: Moment) -> None:
    stored = await memory.store("plain")
    (found,) = await memory.run(branch("recent"))
    assert found == {
        "id": stored,
        "content": "plain",
        "score": 1.0,
        "agent_id": "artemis",
        "importance": 0.5,
        "created_at": "2026-11-23T12:00:00Z",
    }
    expiry = moment.now + timedelta(days=1)
    await memory.store("full", namespace="n", tags=["t"], access_level="team", team="ops", expires_at=expiry)
    (found,) = await memory.run(branch("by_tag", query="tagged t"))
    assert {**found, "id": 0} == {
        "id": 0,
        "content": "full",
        "score": 1.0,
        "agent_id": "artemis",
        "namespace": "n",
        "tags": ["t"],
        "importance": 0.5,
        "access_level": "team",
        "team": "ops",
        "created_at": "2026-11-23T12:00:00Z",
        "expires_at": "2026-11-24T12:00:00Z",
    }


@pytest.mark.parametrize("operation", ["recall", "similar", "recent", "by_tag", "by_importance", "over_time"])
async def test_every_read_takes_the_fields_of_a_pattern_as_they_are(memory: MemoryService, operation: str) -> None:
    await memory.store("disk failure", tags=["disk"], importance=0.9)
    target = MemoryTarget(operation=MemoryOperation(operation), query="disk", limit="5").model_dump()
    fields = {name: value for name, value in target.items() if name != "operation"}
    found = await memory.run(branch(operation, **fields))
    assert [m["content"] for m in found] == ["disk failure"]
    assert orjson.loads(orjson.dumps(found)) == found
    assert await memory.run(branch(operation, agent="hermes", **fields)) == []


async def test_listings_narrowed_by_words_keep_their_own_order(memory: MemoryService, moment: Moment) -> None:
    for content, importance in (("cache cache cache", 0.7), ("a note of a cache and more", 0.9), ("else", 1.0)):
        await memory.store(content, importance=importance)
        moment.pass_by(hours=1)
    for operation in ("recent", "by_importance"):
        found = await memory.run(branch(operation, query="recent important notes about the cache", limit=1))
        assert [m["content"] for m in found] == ["a note of a cache and more"]


async def test_a_time_in_a_sentence_filters_what_happened_over_time(memory: MemoryService, moment: Moment) -> None:
    for content in ("cache one", "disk two", "cache three"):
        await memory.store(content)
        moment.pass_by(days=30)
    found = await memory.run(branch("over_time", query="what happened to the cache since December?"))
    assert [m["content"] for m in found] == ["cache three"]
    found = await memory.run(branch("over_time", since="2026-11-01", until="2026-12-31"))
    assert [m["content"] for m in found] == ["cache one", "disk two"]
    with pytest.raises(InvalidInput, match="'whenever' is not understood"):
        await memory.run(branch("over_time", since="whenever"))


@pytest.mark.parametrize("text", ['" OR *', "%", "_", "\0", "NEAR(", "\ud800", "x" * 10**6, "\u202eabc"])
async def test_no_sentence_breaks_a_read(memory: MemoryService, text: str) -> None:
    await memory.store("harmless")
    for operation in ("recall", "recent", "by_importance", "over_time"):
        await memory.run(branch(operation, query=text))


async def test_fifty_different_memory_calls_at_once_all_succeed(memory: MemoryService) -> None:
    async def one(number: int) -> None:
        stored = await memory.store(f"note number{number}")
        assert (await memory.recall(f"number{number}"))[0].id == stored

    with anyio.fail_after(20):
        async with anyio.create_task_group() as tasks:
            for number in range(50):
                tasks.start_soon(one, number)
