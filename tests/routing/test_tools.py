"""Tools without a pattern: found by their words and their meaning, and nothing where nothing fits."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tmws_patterns import ExecutionMode
from tmws_patterns.encoder import static_encoder
from tmws_patterns.pattern import ToolDefinition
from tmws_patterns.registry import PatternRegistry
from tmws_patterns.routing import Learned, Router, study
from tmws_patterns.routing.learning.knowledge import tool_vectors
from tmws_patterns.routing.meanings import BY_TABLE, LIKELY, MANY, Meanings
from tmws_patterns.routing.text import without_values
from tmws_patterns.routing.tools import Signs, ToolIndex, ToolText
from tmws_patterns.targets import Effect

TOOLS = [
    ToolText("mail.send_message", "Send an e-mail to one or more recipients", ("to", "subject", "body")),
    ToolText("weather.get_forecast", "Forecast of temperature and rain for the coming days", ("city", "days")),
    ToolText("crm.create_lead", "Create a new sales lead", ("name", "company")),
    ToolText("files.read_file", "Read the contents of a text file", ("path",)),
]


def index() -> tuple[ToolIndex, Meanings]:
    vectors = tool_vectors([tool.meanings for tool in TOOLS], static_encoder())
    return ToolIndex(TOOLS), Meanings(vectors, BY_TABLE)


def best(query: str) -> str:
    found, meanings = index()
    return TOOLS[found.match(query, 4, meanings, static_encoder().encode(query))[0].place].name


def test_the_words_of_name_description_and_parameters_find_a_tool() -> None:
    words = ToolIndex(TOOLS)
    for query, place in (("send message", 0), ("rain in the coming days", 1), ("which company", 2), ("contents", 3)):
        assert words.match(query, 4)[0].place == place, query


def test_other_words_of_the_same_meaning_find_a_tool() -> None:
    assert best("will I need an umbrella on Monday") == "weather.get_forecast"
    assert best("write to Anna that I am late, by post of the electronic sort") == "mail.send_message"


def test_a_tool_whose_own_name_is_said_comes_before_one_that_is_like_it() -> None:
    tables = [
        ToolText("sqlite.create_table", "Create a new table in the SQLite database", ("query",)),
        ToolText("sqlite.describe_table", "Get the schema information for a specific table", ("table_name",)),
        ToolText("sqlite.list_tables", "List all tables in the SQLite database"),
    ]
    meanings = Meanings(tool_vectors([tool.meanings for tool in tables], static_encoder()), BY_TABLE)
    for query, name in (("describe the sqlite table orders", 1), ("create a table for orders", 0)):
        found = ToolIndex(tables).match(query, 3, meanings, static_encoder().encode(query))
        assert found[0].place == name, query


@pytest.mark.parametrize("value", ["/srv/harbour/log", "https://harbour.example/log", '"harbour log"', "`harbour`"])
def test_a_value_does_not_say_which_tool_is_meant(value: str) -> None:
    assert without_values(f"read the file {value} please") == "read the file please"
    assert without_values(value) == value, "what is nothing else stays"
    assert without_values("read and/or write") == "read and/or write"


def test_nothing_in_common_is_no_tool() -> None:
    assert ToolIndex(TOOLS).match("xyzzy plugh", 4) == []
    assert ToolIndex([]).match("send a message", 4) == []


def test_what_is_sure_is_surer_than_a_stranger() -> None:
    found, meanings = index()
    near, far = (
        found.match(query, 1, meanings, static_encoder().encode(query))[0].confidence
        for query in ("forecast of rain and temperature for Oslo", "knit a scarf for my uncle")
    )
    assert near > 0.5 > far


def catalogue(size: int) -> PatternRegistry:
    tools = {
        f"s{i % 40}.tool_{i}": ToolDefinition(
            f"s{i % 40}", f"tool_{i}", f"Handles thing number {i}", {}, Effect.READ, str(i), "i"
        )
        for i in range(size)
    }
    described = ToolDefinition(
        "harbour", "book_berth", "Book a berth in the harbour for a boat", {"properties": {"boat": {"type": "string"}}},
        Effect.READ, "h", "i",
    )  # fmt: skip
    found = PatternRegistry()
    found.set_tools({**tools, "harbour.book_berth": described}, {"harbour": "i"})
    lessons = found.index.lessons
    found.take(Learned(study(lessons, static_encoder()), known=lessons.taught))
    return found


def test_one_tool_among_thousands_is_found_by_name_and_by_need() -> None:
    registry = catalogue(3_000)
    assert registry.index.candidates("HARBOUR.BOOK_BERTH")[0].confidence == 1
    assert registry.index.candidates("book a berth for my boat in the harbour")[0].name == "harbour.book_berth"


_SHARED = catalogue(500)


def seconds(query: str) -> float:
    """Of this thread alone, the best of three: neither other processes nor the collector are the sentence's doing."""
    spans = []
    for _ in range(3):
        router = Router(_SHARED)
        started = time.thread_time()
        router.decide(query, ExecutionMode.BALANCED)
        spans.append(time.thread_time() - started)
    return min(spans)


@settings(max_examples=150, deadline=None)
@given(st.one_of(st.text(min_size=1, max_size=400), st.text("ab \\(.*+?)[]|", min_size=1, max_size=2_000)))
def test_no_sentence_blocks_for_more_than_50_milliseconds(query: str) -> None:
    if query.strip() and "\0" not in query:
        assert seconds(query) < 0.05


@pytest.mark.parametrize("piece", ["a", "(a+)+$", "and show ", "x_", "ä ", "shwo ", "1 2 ", "\\d{1,9}"])
def test_the_longest_sentences_do_not_either(piece: str) -> None:
    assert seconds((piece * 20_000)[:20_000]) < 0.05


def test_a_tool_stands_between_its_description_and_the_first_sentence_of_it() -> None:
    tool = ToolText(
        "plots.draw", "Draws a chart of numbers. Needs an account, a key and a place on the list of customers."
    )
    [middle] = tool_vectors([tool.meanings], static_encoder())
    whole, first = static_encoder().encode_all(tool.meanings)
    assert middle @ first > whole @ first
    assert middle @ whole == pytest.approx(middle @ first, abs=1e-3)
    assert tool_vectors([], static_encoder()).shape == (0, static_encoder().width)


def many(count: int, seed: int = 5) -> tuple[list[ToolText], Meanings]:
    """A catalogue of tools whose vectors lie around some middles, as those of real ones do."""
    draw = np.random.default_rng(seed)
    middles = draw.normal(size=(40, 256))
    vectors = middles[draw.integers(0, 40, count)] + 0.9 * draw.normal(size=(count, 256)) + 0.4
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    texts = [ToolText(f"shop.thing_{i}", f"something number{i} of kind{i % 97}") for i in range(count)]
    return texts, Meanings(vectors.astype(np.float32), BY_TABLE)


def test_of_thousands_of_tools_the_first_are_those_of_a_comparison_with_all(monkeypatch: pytest.MonkeyPatch) -> None:
    texts, meanings = many(MANY + 1_000)
    found, draw = ToolIndex(texts), np.random.default_rng(6)
    asked = [meanings.vectors[i] + 0.05 * draw.normal(size=256).astype(np.float32) for i in range(0, 3_000, 100)]
    asked = [(vector / np.linalg.norm(vector)).astype(np.float32) for vector in asked]
    queries = [f"of kind{i % 97} please" for i in range(len(asked))]

    def ranked() -> list[list[tuple[int, Signs]]]:
        return [found.ranked(query, 5, meanings, vector) for query, vector in zip(queries, asked, strict=True)]

    by_likely = ranked()
    monkeypatch.setattr("tmws_patterns.routing.meanings.MANY", len(texts))
    for likely, whole in zip(by_likely, ranked(), strict=True):
        assert [place for place, _ in likely] == [place for place, _ in whole]
        for (_, one), (_, other) in zip(likely, whole, strict=True):
            assert tuple(one) == pytest.approx(tuple(other), abs=0.2)  # the usual distance is told by a sample


def test_of_many_tools_few_vectors_are_compared() -> None:
    texts, meanings = many(MANY + 1)
    rated = meanings.rated(np.zeros(len(texts), np.float32), meanings.vectors[7])
    assert len(rated.places) == LIKELY
    assert rated.places[int(rated.near.argmax())] == 7
    assert rated.near == pytest.approx(meanings.vectors[rated.places] @ meanings.vectors[7], abs=1e-5)
