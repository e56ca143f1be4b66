"""What MemoryRows promise, on both engines."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import anyio
import pytest
from sqlalchemy import text
from storage_rows import NOW, contents, found, memory, query

from tmws_patterns.call import Scope
from tmws_patterns.errors import StoreUnavailable
from tmws_patterns.settings import Settings
from tmws_patterns.storage import Database, open_database

pytestmark = pytest.mark.anyio


async def test_a_stored_memory_comes_back_whole(database: Database) -> None:
    stored = memory(
        "Über 50% of the queries 'hang' \U0001f40c\nat noon",
        tags=("a,b", 'q"uote', "50%", "snake_case", "Größe"),
        access_level="shared",
        shared_with=("hermes", "athena"),
        expires_at=NOW + timedelta(days=1),
        team="ops",
        importance=0.25,
        updated_at=NOW + timedelta(microseconds=1),
    )
    await database.memories.add([stored], [])
    assert [one.memory for one in await found(database, query())] == [stored]
    assert [one.memory for one in await found(database, query("noon"))] == [stored]


@pytest.mark.parametrize(
    "term",
    ["optimize", "optimizing", "OPTIMIZED", "cafe", "café", "CAFÉ", "database", "databases", "slow-query", "naïve"],
)
async def test_a_memory_is_found_by_its_words_in_other_forms(database: Database, term: str) -> None:
    wanted = memory("We optimized the café's database: slow query gone, naive index dropped")
    await database.memories.add([wanted, memory("nothing of the kind")], [])
    assert await contents(database, query(term)) == [wanted.content]


async def test_a_memory_is_found_by_the_words_of_its_tags(database: Database) -> None:
    await database.memories.add([memory("x", tags=("Security-Review",)), memory("y")], [])
    assert await contents(database, query("security")) == ["x"]


async def test_words_are_joined_by_or_and_more_of_them_rank_first(database: Database) -> None:
    rows = [memory("index index index index"), memory("an index for slow reports"), memory("reports"), memory("none")]
    await database.memories.add(rows, [])
    ranked = await found(database, query("slow", "index", "reports"))
    assert ranked[0].memory.content == "an index for slow reports"
    assert {one.memory.content for one in ranked} == {"index index index index", "an index for slow reports", "reports"}
    scores = [one.score for one in ranked]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)


async def test_even_stop_words_are_found(database: Database) -> None:
    await database.memories.add([memory("to be or not to be")], [])
    assert await contents(database, query("be")) == ["to be or not to be"]


HOSTILE = [
    '"',
    "' OR 1=1 --",
    "NEAR(a b)",
    "content : x",
    "a* OR b*",
    "a AND NOT b",
    "^start",
    "{content tags} : a",
    "(((((",
    "%",
    "_",
    "\\",
    "a & !b | <->:*",
    "\0",
    "a\0b",
    "\ud800",
    "",
    " ",
    "\u202e\u05e9\u05dc\u05d5\u05dd\u202c",
    "x" * 1_000_000,
    "word " * 200_000,
]


@pytest.mark.parametrize("term", HOSTILE, ids=range(len(HOSTILE)))
async def test_no_query_is_taken_for_an_operator_or_fails(database: Database, term: str) -> None:
    await database.memories.add([memory("harmless remarks")], [])
    assert await contents(database, query(term)) == []
    assert await contents(database, query(term, "harmless")) == ["harmless remarks"]


async def test_thousands_of_terms_are_survived(database: Database) -> None:
    await database.memories.add([memory("term0")], [])
    assert await contents(database, query(*(f"term{n}" for n in range(5000)))) == ["term0"]


async def test_right_to_left_and_chinese_words_are_found(database: Database) -> None:
    await database.memories.add([memory("قاعدة البيانات"), memory("数据库 很慢"), memory("other")], [])
    assert await contents(database, query("البيانات")) == ["قاعدة البيانات"]
    assert await contents(database, query("数据库")) == ["数据库 很慢"]


async def test_tags_match_whole_and_all_of_them_without_regard_to_case(database: Database) -> None:
    odd = ("50%_off", "a,b", "it's", 'q"', "ÜBER")
    await database.memories.add([memory("odd", tags=odd), memory("plain", tags=("50xxoff", "a", "b", "5"))], [])
    for tag in (*odd, "über", "A,B"):
        assert await contents(database, query(tags=(tag,))) == ["odd"]
    assert await contents(database, query(tags=("a", "b"))) == ["plain"]
    for tags in (("%",), ("50%",), ("5_",), ("a", "a,b"), ("",)):
        assert await contents(database, query(tags=tags)) == []


SCOPES = [
    Scope(tenant, agent, frozenset(teams))
    for tenant in ("acme", "evil")
    for agent in ("artemis", "hermes", "athena")
    for teams in ((), ("ops",), ("dev", "ops"))
]


@pytest.mark.parametrize("terms", [(), ("word",)], ids=["listed", "searched"])
async def test_every_agent_sees_its_own_and_what_it_was_given_and_nothing_else(
    database: Database, terms: tuple[str, ...]
) -> None:
    levels = {
        "private": {},
        "team": {"team": "ops"},
        "shared": {"shared_with": ("hermes",)},
        "public": {},
        # the level decides, not what else the row holds
        "private but": {"access_level": "private", "team": "ops", "shared_with": ("hermes", "athena")},
    }
    for content, fields in levels.items():
        await database.memories.add([memory(f"word {content}", **{"access_level": content, **fields})], [])
    for scope in SCOPES:
        expected = set(levels) if scope.agent == "artemis" else {"public"}
        expected |= {"team"} if "ops" in scope.teams else set()
        expected |= {"shared"} if scope.agent == "hermes" else set()
        if scope.tenant != "acme":
            expected = set()
        found = await contents(database, query(*terms, scope=scope))
        assert set(found) == {f"word {content}" for content in expected}, scope


async def test_a_namespace_narrows_and_never_widens(database: Database) -> None:
    mine, theirs = memory("mine", namespace="a"), memory("theirs", namespace="b", agent_id="hermes")
    await database.memories.add([mine, theirs, memory("open", namespace="b", access_level="public")], [])
    assert await contents(database, query(scope=Scope("acme", "artemis", namespace="a"))) == ["mine"]
    assert await contents(database, query(scope=Scope("acme", "artemis", namespace="b"))) == ["open"]
    assert await contents(database, query(scope=Scope("acme", "artemis", namespace="%"))) == []


async def test_an_expired_memory_is_gone_at_that_moment(database: Database) -> None:
    later = datetime.now(UTC) + timedelta(hours=1)
    await database.memories.add([memory("passing word", expires_at=later)], [])
    for terms in ((), ("passing",)):
        before, at = query(*terms, now=later - timedelta(microseconds=1)), query(*terms, now=later)
        assert await contents(database, before) == ["passing word"]
        assert await contents(database, at) == []


async def test_a_later_write_clears_expired_memories_away(settings: Settings) -> None:
    moment = NOW.timestamp()
    async with open_database(settings, clock=lambda: moment) as database:
        await database.memories.add([memory("gone", tags=("t",), expires_at=NOW + timedelta(seconds=1))], [])
        moment += 2
        await database.memories.add([memory("here")], [])
        assert await database.memories.count() == 1
        assert await contents(database, query("gone", now=NOW)) == []


async def test_filters_narrow_by_importance_and_time(database: Database) -> None:
    days = [NOW - timedelta(days=n) for n in range(4)]
    rows = [memory(f"day {n} word", created_at=day, importance=n / 4) for n, day in enumerate(days)]
    await database.memories.add(rows, [])
    for terms in ((), ("word",)):
        assert set(await contents(database, query(*terms, min_importance=0.5))) == {"day 2 word", "day 3 word"}
        span = query(*terms, since=days[2], until=days[0])
        assert set(await contents(database, span)) == {"day 2 word", "day 1 word"}
    assert await contents(database, query(limit=2)) == ["day 0 word", "day 1 word"]
    assert await contents(database, query(order="importance", limit=2)) == ["day 3 word", "day 2 word"]


async def test_only_the_owner_forgets_and_only_in_its_namespace(database: Database) -> None:
    kept, other = memory("kept", access_level="public", namespace="a"), memory("other")
    await database.memories.add([kept, other], [])
    ids = [kept.id, other.id, "unknown", "%"]
    assert await database.memories.remove(ids, Scope("acme", "hermes", frozenset({"ops"})), []) == 0
    assert await database.memories.remove(ids, Scope("evil", "artemis"), []) == 0
    assert await database.memories.remove(ids, Scope("acme", "artemis", namespace="default"), []) == 1
    assert await contents(database, query()) == ["kept"]
    assert await database.memories.remove(ids, Scope("acme", "artemis"), []) == 1
    assert await contents(database, query("kept", "other")) == []
    assert await database.memories.count() == 0


async def test_a_batch_is_stored_whole_or_not_at_all_and_bumps_nothing_then(database: Database) -> None:
    with pytest.raises(StoreUnavailable):
        await database.memories.add([memory("first"), memory("of nobody", agent_id=None)], ["memory:acme"])
    assert await database.memories.count() == 0
    assert await database.epochs.read(["memory:acme"]) == (0,)
    await database.memories.add([], ["memory:acme"])
    assert await database.epochs.read(["memory:acme"]) == (1,)


async def test_fifty_writes_and_fifty_reads_at_once_all_succeed(database: Database) -> None:
    async def one(number: int) -> None:
        await database.memories.add([memory(f"note number{number}")], ["memory:acme"])
        assert await contents(database, query(f"number{number}")) == [f"note number{number}"]

    with anyio.fail_after(20):
        async with anyio.create_task_group() as tasks:
            for number in range(50):
                tasks.start_soon(one, number)
    assert await database.memories.count() == 50
    assert await database.epochs.read(["memory:acme"]) == (50,)
    assert database.get_pool_status()["checked_out"] == 0


async def test_cancelled_calls_leave_no_lock_and_no_connection_behind(database: Database) -> None:
    async def one(number: int) -> None:
        with anyio.move_on_after(number / 5000):
            await database.memories.add([memory(f"cancelled{number}")], ["t"])
            await contents(database, query("cancelled1"))

    with anyio.fail_after(20):
        async with anyio.create_task_group() as tasks:
            for number in range(60):
                tasks.start_soon(one, number)
        await database.memories.add([memory("after")], ["t"])
        assert await contents(database, query("after")) == ["after"]
        count = await database.memories.count()
    assert await database.epochs.read(["t"]) == (count,)  # each write whole or not at all
    assert database.get_pool_status()["checked_out"] == 0


async def test_what_hangs_on_a_memory_goes_with_it(database: Database) -> None:
    rows = [memory(f"note {n}", tags=(f"tag{n}",), access_level="shared", shared_with=("hermes",)) for n in range(20)]
    await database.memories.add(rows, [])
    numbers = [number for number, _ in await database.vectors.unencoded_after(0, "model", 100)]
    await database.vectors.keep_vectors(dict.fromkeys([*numbers, 999], b"\x07\xf9"), "model")
    await database.memories.remove([row.id for row in rows[::2]], Scope("acme", "artemis"), [])
    vectors = "memory_vectors" if database.vectors_kept_as == "bytes" else "tmws_patterns_vectors.memory_halfvecs"
    for name in ("memory_tags", "memory_shares", vectors):
        ((left,),) = await database._connections.rows(text(f"SELECT count(*) FROM {name}"))
        assert left == 10, name
