"""The index of words and meanings, on both engines: against a plain reckoning, over restarts, deletes and damage."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import anyio
import numpy as np
import pytest
from sqlalchemy import text

from tmws_patterns.call import Principal, Scope
from tmws_patterns.encoder import static_encoder
from tmws_patterns.memory import MemoryService, open_memory
from tmws_patterns.memory.index import MemoryIndex, live, looking
from tmws_patterns.memory.index import segment as segments
from tmws_patterns.memory.index.looking import CLOSEST
from tmws_patterns.memory.index.ranking import FEWEST, USUAL, Ranked, rarity
from tmws_patterns.memory.index.segment import K1, LONGEST, B
from tmws_patterns.memory.index.terms import codes, stems
from tmws_patterns.ports import MemoryQuery
from tmws_patterns.settings import Settings
from tmws_patterns.storage import Database, open_database, postgres_versions, sqlite_versions
from tmws_patterns.storage.migrations import migrate
from tmws_patterns.storage.postgres import open_server
from tmws_patterns.storage.sqlite import open_file

pytestmark = pytest.mark.anyio

WORDS = "harbour kettle lantern meadow orchid pepper quarry ribbon saddle thimble umbrella violin walnut".split()
ME = Scope("acme", "artemis")
NOW = datetime.now(UTC)


@pytest.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    """Each engine's, empty."""
    async with open_database(settings) as opened:
        yield opened


def sentences(count: int, seed: int = 1) -> list[str]:
    draw = random.Random(seed)
    return [" ".join(draw.choices(WORDS, k=draw.randint(3, 12))) + f" n{n}" for n in range(count)]


@asynccontextmanager
async def memory_of(database: Database, agent: str = "artemis") -> AsyncIterator[MemoryService]:
    async with open_memory(database, Principal("acme", agent), static_encoder()) as service:
        yield service


async def ranked(index: MemoryIndex, words: Sequence[str], scope: Scope = ME, count: int = 20) -> list[Ranked]:
    wanted = [code for word in words for code in codes(word)]
    return await index.search(index.asked(wanted, " ".join(words), scope, count))


def bm25(contents: Sequence[str], words: Sequence[str]) -> list[float]:
    """The share of what BM25 could give, for each of some texts."""
    said = [stems(content) for content in contents]
    usual = sum(map(len, said)) / len(said)
    asked = [stem for word in words for stem in stems(word)]
    rarities = {word: rarity(len(said), sum(word in one for one in said)) for word in asked}
    found = []
    for one in said:
        length = 1 - B + B * min(LONGEST, len(one) / usual)
        parts = [rarities[w] * one.count(w) * (K1 + 1) / (one.count(w) + K1 * length) for w in asked if w in one]
        found.append(sum(parts) / (sum(rarities.values()) * USUAL))
    return found


async def test_the_index_ranks_words_as_bm25_does(database: Database) -> None:
    contents = sentences(400)
    async with memory_of(database) as memory:
        await memory.store_many([{"content": content} for content in contents])
        await memory.rebuild_index()
        index = MemoryIndex(database.index, static_encoder())
        for words in (["harbour", "n7"], ["violin", "walnut", "quarry"], ["nowhere", "kettles"]):
            expected = bm25(contents, words)
            found = await ranked(index, words)
            best = sorted(expected, reverse=True)[: len(found)]
            by_words = sorted((one.words for one in found), reverse=True)
            assert by_words[:10] == pytest.approx(best[:10], abs=0.02)
            for one in found:
                assert one.words == pytest.approx(expected[one.number - 1], abs=0.02)


async def test_short_and_long_memories_stored_apart_rank_as_in_an_index_made_of_all(database: Database) -> None:
    short = [f"violin walnut n{n}" for n in range(150)]
    long = [f"violin {' '.join(WORDS * 2)} n{n}" for n in range(150)]
    async with memory_of(database) as memory:
        await memory.store_many([{"content": content} for content in [*short, *long]])
        index = MemoryIndex(database.index, static_encoder())
        before = {one.number: one.words for one in await ranked(index, ["violin", "n7", "n170"])}
        await memory.rebuild_index()
        after = {one.number: one.words for one in await ranked(index, ["violin", "n7", "n170"])}
    assert before
    assert before == pytest.approx(after, abs=0.02)


async def test_the_vectors_tell_what_the_best_mean_and_signs_what_the_others_do(database: Database) -> None:
    contents = sentences(300)
    async with memory_of(database) as memory:
        await memory.store_many([{"content": content} for content in contents])
        await memory.rebuild_index()
        found = await ranked(MemoryIndex(database.index, static_encoder()), ["violin", "kettle"], count=150)
    truly = static_encoder().encode_all(contents) @ static_encoder().encode_all(["violin kettle"])[0]
    off = [abs(one.meaning - truly[one.number - 1]) for one in found]
    assert len(found) > 2 * CLOSEST
    assert sum(one < 0.01 for one in off) >= CLOSEST
    assert max(off[:10]) < 0.01
    assert 0.01 < max(off) < 0.4
    read = sum(one < 0.01 for one in off)
    assert read >= 150 * 3 // 4
    assert all(one < 0.01 for one in off[: read - 5]), "what only signs speak for comes behind"


async def test_rarity_falls_with_each_memory_that_holds_a_word_and_is_never_nothing() -> None:
    found = [rarity(1000, holding) for holding in range(0, 1001, 50)]
    assert found == sorted(found, reverse=True)
    assert found[-1] > 0
    assert rarity(2, 1) == rarity(FEWEST, 1)


async def test_a_memory_is_found_by_its_meaning_without_any_word_in_common(database: Database) -> None:
    wanted = "Payment screen latency dropped after we batched the price lookups"
    others = ["The cat sleeps on the warm roof", "Passwords rotate each quarter", "Olaf prefers tea without sugar"]
    async with memory_of(database) as memory:
        await memory.store_many([{"content": content} for content in (wanted, *others)])
        found = await memory.recall("how did checkout get faster")
        assert found[0].content == wanted
        assert found[0].parts["coverage"] == 0
        assert found[0].parts["meaning"] > 0.2


async def test_a_long_memory_is_found_by_two_words_of_it_among_short_ones(database: Database) -> None:
    filler = "Nothing of note happened on that day either. " * 60
    async with memory_of(database) as memory:
        await memory.store_many([{"content": content} for content in sentences(50)])
        stored = await memory.store(f"{filler}The glacier sensor froze. {filler}")
        assert [one.id for one in await memory.recall("recall the glacier sensor")][:1] == [stored]


async def test_both_engines_give_the_same_order(sqlite_settings: Settings, fresh_postgres: str) -> None:
    contents = sentences(300, seed=5)
    orders = []
    for settings in (sqlite_settings, Settings.load({}, database_url=fresh_postgres)):
        async with open_database(settings) as database, memory_of(database) as memory:
            for start in range(0, 300, 75):
                await memory.store_many([{"content": content} for content in contents[start : start + 75]])
            found = [await memory.recall(f"{a} and {b}", limit=15) for a, b in zip(WORDS, WORDS[3:], strict=False)]
            orders.append([[(one.content, round(one.score, 6)) for one in some] for some in found])
    assert orders[0] == orders[1]


async def test_segments_are_made_and_joined_and_nothing_is_lost(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "FULL", 40)
    contents = sentences(300, seed=2)
    async with memory_of(database) as memory, memory_of(database) as other:
        for start in range(0, 300, 20):
            await memory.store_many([{"content": content} for content in contents[start : start + 20]])
            newest = start + 19
            for one in (memory, other):  # the very next recall finds it, in either process
                assert (await one.recall(f"n{newest}"))[0].content == contents[newest]
            await memory._recall.index.catch_up()
        state = await database.index.state(0, 10)
        assert 1 <= len(state.segments) <= 5
        assert len(state.recent) < 40
        spans = [(segment.first, segment.last) for segment in state.segments]
        assert spans[0][0] == 0
        assert spans[-1][1] > 260
        assert all(one[1] + 1 == other[0] for one, other in pairwise(spans))
        for number in range(0, 300, 7):
            assert (await other.recall(f"n{number}"))[0].content == contents[number]


@pytest.fixture
async def divided(database: Database, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[MemoryService]:
    """280 memories in three segments, of which each was too small to take in what was before."""
    monkeypatch.setattr(live, "FULL", 10)
    contents = sentences(300, seed=2)
    async with memory_of(database) as memory:
        for first, end in ((0, 200), (200, 260), (260, 280)):
            await memory.store_many([{"content": content} for content in contents[first:end]])
            await memory._recall.index.catch_up()
        await memory.recall("harbour")
        yield memory


async def test_in_quiet_times_segments_become_one_and_answers_stay(
    database: Database, divided: MemoryService, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert len((await database.index.state(0, 10)).segments) == 3
    before = [await ranked(divided._recall.index, [word, other]) for word, other in pairwise(WORDS)]
    never_asked = MemoryIndex(database.index, static_encoder())
    await never_asked.settle()
    assert len((await database.index.state(0, 10)).segments) == 3
    monkeypatch.setattr(live, "FULL", 1_000)
    monkeypatch.setattr(live, "QUIET", 0.05)
    divided._recall.index._full.set()  # ends the wait that has begun
    with anyio.fail_after(10):
        while len((await database.index.state(0, 10)).segments) > 1:
            await anyio.sleep(0.02)
    after = [await ranked(divided._recall.index, [word, other]) for word, other in pairwise(WORDS)]
    assert [[one.number for one in found] for found in after] == [[one.number for one in found] for found in before]
    assert (await divided.recall("n270"))[0].content == sentences(300, seed=2)[270]


async def test_a_search_while_segments_are_joined_finds_what_they_hold(
    database: Database, divided: MemoryService, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, read = database.index, database.index.head

    async def head(segment: int) -> bytes | None:
        monkeypatch.setattr(rows, "head", read)
        await divided._recall.index.settle()  # between this process's look at the segments and its reading of one
        return await read(segment)

    monkeypatch.setattr(rows, "head", head)
    other = MemoryIndex(rows, static_encoder())
    assert len(await ranked(other, ["harbour"])) == len(await ranked(divided._recall.index, ["harbour"])) > 0


async def test_what_another_process_has_joined_is_not_joined_again_for_one_new_memory(
    database: Database, divided: MemoryService
) -> None:
    late = MemoryIndex(database.index, static_encoder())
    for index in (divided._recall.index, late):
        await ranked(index, ["harbour"])
    await divided._recall.index.settle()
    joined = (await database.index.state(0, 10)).segments
    await divided.store("one harbour more")
    await late.settle()
    assert (await database.index.state(0, 10)).segments == joined
    assert len(joined) == 1


async def test_two_processes_that_make_a_segment_at_once_make_one(database: Database) -> None:
    async with memory_of(database) as memory:
        await memory.store_many([{"content": content} for content in sentences(100)])
        indexes = [MemoryIndex(database.index, static_encoder()) for _ in range(4)]
        for index in indexes:
            await ranked(index, ["harbour"])
        async with anyio.create_task_group() as tasks:
            for index in indexes:
                tasks.start_soon(index._keeper.store, index._view)
        state = await database.index.state(0, 10)
        assert [(segment.first, segment.last) for segment in state.segments] == [(0, 100)]
        for index in indexes:
            assert len(await ranked(index, ["n42"])) > 0


async def test_deleted_memories_do_not_crowd_out_those_that_are_left(database: Database) -> None:
    async with memory_of(database) as memory:
        crowd = await memory.store_many([{"content": f"harbour harbour harbour n{n}"} for n in range(300)])
        left = await memory.store("a harbour among many other words that make it rank below all of them, by far")
        await memory.rebuild_index()
        for start in range(0, 300, 100):
            await memory.forget(crowd[start : start + 100])
        assert [one.id for one in await memory.recall("harbour", limit=3)][:1] == [left]
        await memory.rebuild_index()
        assert len(await database.index.numbers(1, 1000)) == 1


async def test_a_changed_memory_is_found_by_its_new_words_only(database: Database) -> None:
    async with memory_of(database) as memory:
        stored = await memory.store("the lantern hangs in the hall")
        await memory.store_many([{"content": content} for content in sentences(60)])
        await memory.rebuild_index()
        assert await memory.update(stored, content="the bicycle stands in the shed", tags=["vehicle"])
        found = (await memory.recall("bicycle"))[0]
        assert (found.id, found.tags, found.parts["coverage"]) == (stored, ("vehicle",), 1)
        assert stored not in [one.id for one in await memory.recall("lantern", limit=100) if one.parts["coverage"]]


DAMAGE = {
    "a head": "UPDATE index_segments SET head = {garbage}",
    "chunks": "UPDATE index_chunks SET data = {garbage}",
    "lost chunks": "DELETE FROM index_chunks",
    "a lost segment": "DELETE FROM index_segments",
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
async def test_a_damaged_index_mends_itself_from_the_memories(database: Database, damage: str) -> None:
    contents = sentences(200, seed=3)
    async with memory_of(database) as memory:
        await memory.store_many([{"content": content} for content in contents])
        await memory.rebuild_index()
        garbage = "x'00ff00ff'" if database.engine_name == "sqlite" else "'\\x00ff00ff'::bytea"
        async with database._connections.write() as connection:
            await connection.execute(text(damage.replace("{garbage}", garbage).replace("'\\x", "'\\\\x")))
        assert (await memory.recall("n123"))[0].content == contents[123]
    async with memory_of(database) as memory:  # a process that knows nothing yet
        for number in (0, 77, 199):
            assert (await memory.recall(f"n{number}"))[0].content == contents[number]


async def test_damage_in_a_segment_that_is_to_be_joined_is_mended_in_the_background(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "FULL", 40)
    monkeypatch.setattr(live, "_SPREAD", 0.0)
    contents = sentences(120, seed=4)
    async with memory_of(database) as memory:
        await memory.store_many([{"content": content} for content in contents[:60]])
        await memory.rebuild_index()
        async with database._connections.write() as connection:
            await connection.execute(text("DELETE FROM index_chunks"))
        await memory.store_many([{"content": content} for content in contents[60:]])
        await memory._recall.index._refreshed()  # nothing is looked for in what is damaged
        with anyio.fail_after(10):
            while (await database.index.state(0, 1)).segments[-1].last < 120:
                await anyio.sleep(0.02)
        for number in (3, 59, 60, 119):
            assert (await memory.recall(f"n{number}"))[0].content == contents[number]


async def test_memories_of_the_first_release_are_found_after_an_upgrade(settings: Settings) -> None:
    versions = sqlite_versions if settings.database_url == "" else postgres_versions
    first = replace(versions.MEMORY, versions=versions.MEMORY.versions[:1])
    if settings.database_url == "":
        connections = await open_file(settings.data_dir / "memory.db", settings, synchronous="FULL")
    else:
        connections, _ = open_server(settings)
    await migrate(connections, first, lambda: 0.0)
    more, value = ("", "") if settings.database_url == "" else (", words", ", to_tsvector('old')")
    async with connections.write() as connection:
        for number in range(1, 31):
            row = f"{number}, 'id{number}', 'acme', 'artemis', 'default', 'private', NULL, 0.5, 1, 1, NULL, '[]', '[]'"
            names = (
                "number, id, tenant, agent_id, namespace, access_level, team, importance, created_at, updated_at,"
                f" expires_at, tags, shared_with, content{more}"
            )
            await connection.execute(text(f"INSERT INTO memories ({names}) VALUES ({row}, 'kettle n{number}'{value})"))
    await connections.close()
    async with open_database(settings) as database, memory_of(database) as memory:
        assert database.version == 2
        assert (await memory.recall("kettle n17"))[0].id == "id17"
        stored = await memory.store("kettle n31")
        assert (await memory.recall("n31"))[0].id == stored
        assert await memory.forget(["id17"]) == 1
        assert "id17" not in [one.id for one in await memory.recall("kettle n17", limit=100)]


OWNERS: list[dict[str, Any]] = [
    {"agent_id": agent, **level}
    for agent in ("artemis", "hera")
    for level in (
        {},
        {"namespace": "other"},
        {"access_level": "public"},
        {"access_level": "team", "team": "ops"},
        {"access_level": "team", "team": "dev"},
        {"access_level": "shared", "shared_with": ["artemis"]},
        {"access_level": "shared", "shared_with": ["zeus"]},
    )
]
SCOPES = [
    Scope(tenant, agent, frozenset(teams), namespace)
    for tenant in ("acme", "evil")
    for agent in ("artemis", "hera", "zeus")
    for teams in ((), ("ops",))
    for namespace in (None, "other")
]


async def test_a_word_that_no_memory_holds_is_never_taken_for_the_first_that_one_holds(database: Database) -> None:
    async with memory_of(database) as memory:
        await memory.store_many([{"content": " ".join(WORDS)}])
        await memory.rebuild_index()
        for _ in range(2):  # the lists are read, and then those that are kept
            for word in WORDS:  # the list of one of them begins where those of unknown words do
                for asked in ([word, "zzyzx"], ["zzyzx", word]):
                    (found,) = await ranked(memory._recall.index, asked)
                    assert 0 < found.coverage < 1


async def test_a_search_that_is_given_up_spoils_no_other(
    sqlite_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looking, "_HEAVY", 0)  # each is reckoned in a thread, which nothing cancels
    async with open_database(sqlite_settings) as database, memory_of(database) as memory:
        await memory.store_many([{"content": sentence} for sentence in sentences(3_000)])
        await memory.rebuild_index()
        index = memory._recall.index
        expected = {word: await ranked(index, [word, "n7"]) for word in WORDS}
        wrong = 0
        for number in range(150):
            given_up = asyncio.ensure_future(ranked(index, WORDS))
            await asyncio.sleep(0.0005 * (number % 5))
            given_up.cancel()
            word = WORDS[number % len(WORDS)]
            wrong += await ranked(index, [word, "n7"]) != expected[word]
            await asyncio.gather(given_up, return_exceptions=True)
        assert wrong == 0


async def test_the_index_itself_gives_nothing_that_the_asker_may_not_see(database: Database) -> None:
    async with memory_of(database) as memory:
        await memory.store_many([{"content": f"harbour n{n}", **owner} for n, owner in enumerate(OWNERS)])
        index = MemoryIndex(database.index, static_encoder())
        for scope in SCOPES:
            expected = {memory.id for memory in await database.reads.listed(MemoryQuery(scope, NOW, limit=100))}
            found = await ranked(index, ["harbour"], scope)
            there = await database.reads.after(0, MemoryQuery(Scope("acme", "hera"), NOW, limit=100))
            there += await database.reads.after(0, MemoryQuery(Scope("acme", "artemis"), NOW, limit=100))
            ids = {number: memory.id for number, memory in there}
            assert {ids.get(one.number, f"hidden {one.number}") for one in found} == expected, scope


async def test_no_agent_finds_what_another_agent_keeps_to_itself(database: Database) -> None:
    async with memory_of(database) as memory:
        await memory.store_many([{"content": content, "agent_id": "hera"} for content in sentences(150, seed=9)])
        await memory.store_many([{"content": f"secret ledger of hera n{n}", "agent_id": "hera"} for n in range(50)])
        mine = await memory.store("a harbour of my own")
        await memory.rebuild_index()
        for word in (*WORDS, "secret", "ledger", "hera"):
            for find in (memory.recall, memory.similar):
                assert {one.id for one in await find(f"the {word} of hera", limit=100)} <= {mine}


def test_a_segment_comes_back_as_it_was_written() -> None:
    encoder = static_encoder()
    vectors = (encoder.encode_all(sentences(90)) * 254).astype(np.int8)
    owners = [segments.Owner("t", name, "d", "shared", None, ("x", name)) for name in ("a", "b")]
    made = [
        segments.Indexed(n * 3 + 5, owners[n % 2], codes(content), vector)
        for n, (content, vector) in enumerate(zip(sentences(90), vectors, strict=True))
    ]
    one, other = segments.build(made[:50], encoder), segments.build(made[50:], encoder)
    read = segments.Head.decode(one.head.encode(), encoder.name)
    assert read.owners == one.head.owners
    for name in ("numbers", "owned", "codes", "starts", "signs"):
        assert (getattr(read, name) == getattr(one.head, name)).all(), name
    with pytest.raises(segments.Damaged):
        segments.Head.decode(one.head.encode()[:-1], encoder.name)
    with pytest.raises(segments.Damaged):
        segments.Head.decode(one.head.encode(), "another encoder")
    both = segments.merged([one, other], frozenset(memory.number for memory in made if memory.number % 2))
    whole = segments.build([memory for memory in made if memory.number % 2], encoder)
    assert (both.head.codes == whole.head.codes).all()
    assert (both.entries["place"] == whole.entries["place"]).all()
    assert (both.vectors == whole.vectors).all()
    assert (both.head.signs == whole.head.signs).all()


@pytest.mark.parametrize(
    ("content", "question"),
    [
        ("数据库索引很慢", "索引"),
        ("東京の会議は月曜日です", "会議"),
        ("Größere Änderungen am Café", "cafe anderungen"),
        ("базы данных работают медленно", "базы данных"),
        ("قاعدة البيانات بطيئة", "البيانات"),
        ("we optimised the colours", "optimize"),
    ],
)
async def test_words_of_other_alphabets_and_spellings_are_found(
    database: Database, content: str, question: str
) -> None:
    async with memory_of(database) as memory:
        await memory.store_many([{"content": other} for other in sentences(20)])
        stored = await memory.store(content)
        found = (await memory.recall(question))[0]
        assert found.id == stored
        assert found.parts["coverage"] > 0
