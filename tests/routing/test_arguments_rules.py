"""The rules of understanding: who wins, what writes are given, what is checked and asked back, how long it takes."""

from __future__ import annotations

import gc
import time
from datetime import date
from typing import Any

import pytest
from argument_schemas import SCHEMAS, TODAY, flag, heard, integer, number, said, several, shape, text
from hypothesis import given, settings
from hypothesis import strategies as st

from tmws_patterns.errors import InvalidInput
from tmws_patterns.pattern import PatternDefinition
from tmws_patterns.routing.arguments import Understood, schema_of, understand
from tmws_patterns.routing.understanding.spans import find_spans
from tmws_patterns.targets import Effect

WRITES: list[tuple[str, str, dict[str, Any]]] = [
    ("send_email", "mail to bob@example.org", {"to": "bob@example.org"}),
    (
        "send_email",
        'mail to bob@example.org with subject "Lunch" and body "At noon?"',
        {"to": "bob@example.org", "subject": "Lunch", "body": "At noon?"},
    ),
    ("send_email", "mail bob@example.org cc ann@example.org", {"to": "bob@example.org", "cc": "ann@example.org"}),
    ("send_to_many", "mail to ann@x.org, bob@x.org and eve@x.org", {"to": ["ann@x.org", "bob@x.org", "eve@x.org"]}),
    (
        "create_issue",
        'create an issue titled "Crash on start" in octocat/hello-world with labels bug and urgent',
        {"owner": "octocat", "repo": "hello-world", "title": "Crash on start", "labels": ["bug", "urgent"]},
    ),
    (
        "create_issue",
        "open an issue in octocat/hello-world, title: Crash on start, body: It dies at once",
        {"owner": "octocat", "repo": "hello-world", "title": "Crash on start", "body": "It dies at once"},
    ),
    ("create_repository", "create a private repository named demo", {"name": "demo", "private": True}),
    ("create_repository", "create a repository named demo, not private", {"name": "demo", "private": False}),
    ("create_event", "create the event tomorrow at 3 pm with ann@x.org", {"start": "2026-03-03T15:00:00"}),
    ("post_message", 'post "the build is green" to #general', {"channel": "#general", "text": "the build is green"}),
    ("timer", "set a timer of 2 minutes", {"timeout_seconds": 120}),
    ("git_reset", "git reset ~/code/billing", {"repo_path": "~/code/billing"}),
    (
        "git_stage",
        "put Makefile, Dockerfile and setup.cfg into the index",
        {"files": ["Makefile", "Dockerfile", "setup.cfg"]},
    ),
    ("git_stage", "For the release, CHANGELOG.md should be in the index", {"files": ["CHANGELOG.md"]}),
    ("git_stage", "Makefile and setup.cfg belong into the index", {"files": ["Makefile", "setup.cfg"]}),
    ("git_stage", "Thanks, setup.cfg please", {"files": ["setup.cfg"]}),
    ("move_file", "move with source=a.txt and destination=b.txt", {"source": "a.txt", "destination": "b.txt"}),
]

UNTAKEN: list[tuple[str, str, dict[str, Any]]] = [
    ("move_file", "move a.txt to b.txt", {}),
    ("rows", "delete the 5 users", {}),
    ("currency", "send money: 100 USD", {"amount": 100, "from_currency": "USD"}),
    ("directions", "drive me from Berlin to Munich", {}),
    ("web_search", "search the web for cats", {}),
    ("weather", "set the weather in Paris to imperial", {}),
    ("get_issue", "close one of 42 issues of octocat/hello-world", {"owner": "octocat", "repo": "hello-world"}),
    ("post_message", "tell everybody that the build is green", {}),
    ("send_email", "mail ann@x.org and bob@x.org", {}),
    ("resize", "make it 5 times as wide", {}),
]


@pytest.mark.parametrize(("tool", "sentence", "expected"), WRITES, ids=[s for _, s, _ in WRITES])
def test_a_write_is_given_what_is_named_or_can_be_nothing_else(
    tool: str, sentence: str, expected: dict[str, Any]
) -> None:
    assert said(heard(tool, sentence, Effect.WRITE)) == expected


@pytest.mark.parametrize("effect", [Effect.WRITE, Effect.DESTRUCTIVE, None])
@pytest.mark.parametrize(("tool", "sentence", "expected"), UNTAKEN, ids=[s for _, s, _ in UNTAKEN])
def test_a_write_is_not_given_what_merely_seems_right(
    tool: str, sentence: str, expected: dict[str, Any], effect: Effect | None
) -> None:
    assert said(heard(tool, sentence, effect)) == expected


def test_each_value_says_what_filled_it() -> None:
    found = heard("book_table", "a table tomorrow at 3 pm", arguments={"party_size": 2}, context={"date": "2030-01-01"})
    assert found.values == {"date": "2026-03-03", "time": "15:00", "party_size": 2}
    assert found.sources == {"date": "sentence: 'tomorrow'", "time": "sentence: '3 pm'", "party_size": "argument"}


def test_an_argument_wins_over_the_sentence_and_the_sentence_over_the_context() -> None:
    found = heard("weather", "weather in Paris", arguments={"city": "Rome"}, context={"city": "Oslo", "days": 2})
    assert (found.values["city"], found.sources["city"]) == ("Rome", "argument")
    assert (found.values["days"], found.sources["days"]) == (2, "context")
    assert heard("weather", "weather in Paris", context={"city": "Oslo"}).values["city"] == "Paris"
    assert heard("weather", "weather", context={"city": "Oslo"}).sources["city"] == "context"
    assert heard("weather", "weather").sources["days"] == "default"


def test_a_value_that_leans_on_today_is_moving_and_another_is_not() -> None:
    assert heard("list_events", "events tomorrow").moving
    assert heard("list_events", "events on March 5").moving
    assert not heard("list_events", "events on March 5, 2026").moving
    assert not heard("weather", "weather in Paris tomorrow").moving, "no argument took the date"
    assert heard("list_events", "events tomorrow", today=date(2026, 12, 31)).values["date"] == "2027-01-01"


def declared(effect: str = "read", slots: dict[str, Any] | None = None, **given: Any) -> Understood:
    taken = slots or {"city": {}, "days": {}}
    pattern = PatternDefinition.from_config(
        {
            "name": "weather",
            "pattern_type": "infrastructure",
            "effect": effect,
            "slots": taken,
            "call": {"server": "sky", "tool": "weather", "arguments": {name: f"{{{name}}}" for name in taken}},
        }
    )
    return understand(
        pattern,
        query=given.get("query", ""),
        groups=given.get("groups", {}),
        arguments=given.get("arguments", {}),
        context={},
        schema=given.get("schema", SCHEMAS["weather"]),
        today=TODAY,
    )


def test_a_topic_that_nobody_names_is_what_the_whole_sentence_says_to_a_pattern_that_only_reads() -> None:
    slots = {"topic": {"type": "string"}}
    reads = declared(slots=slots, query="did we change our mind on Kafka", schema=None)
    assert reads.values["topic"] == "did we change our mind on Kafka"
    writes = declared("write", slots=slots, query="did we change our mind on Kafka", schema=None)
    assert list(writes.missing) == ["topic"]


@pytest.mark.parametrize(
    ("sentence", "tags"),
    [
        ("memories tagged both security and auth", ["security", "auth"]),
        ("memories with the tags all of red, green and blue", ["red", "green", "blue"]),
        ("memories tagged bothersome", ["bothersome"]),
    ],
)
def test_both_is_no_member_of_a_list(sentence: str, tags: list[str]) -> None:
    found = declared(slots={"tags": {"type": "array"}}, query=sentence, schema=None)
    assert found.values["tags"] == tags


def test_a_letter_with_a_slash_is_no_path() -> None:
    slots = {"repo_path": {"type": "string", "default": "."}}
    assert declared(slots=slots, query="files w/ insertions, last commits", schema=None).values["repo_path"] == "."
    assert declared(slots=slots, query="last commits in web/", schema=None).values["repo_path"] == "web/"


def test_a_group_becomes_an_argument_of_the_type_that_the_tool_takes() -> None:
    found = declared(groups={"city": "Paris", "days": "5"})
    assert found.values == {"city": "Paris", "days": 5}
    assert set(found.sources.values()) == {"trigger"}


@pytest.mark.parametrize(("days", "reason"), [("40", "days: 40 is not at most 16"), ("many", "days: 'many' is not")])
def test_a_group_that_the_tool_would_refuse_is_asked_for_again_with_the_reason(days: str, reason: str) -> None:
    assert reason in declared(groups={"city": "Paris", "days": days}).missing["days"]


def test_an_argument_that_the_tool_would_refuse_names_itself_its_value_and_what_is_taken() -> None:
    with pytest.raises(InvalidInput, match="days: 40 is not at most 16"):
        declared(arguments={"city": "Paris", "days": 40})


def test_an_argument_written_as_a_text_is_the_number_that_its_tool_takes() -> None:
    found = heard("weather", "", arguments={"city": 5, "days": "4", "units": "METRIC"})
    assert found.values == {"city": "5", "days": 4, "units": "metric"}


def test_a_branch_may_be_said_to_start_from_a_plain_word() -> None:
    slots = {"branch_name": {"default": None}, "base_branch": {"default": None}}
    found = declared("write", slots, query="make a new branch, begin from staging", schema=None)
    assert found.values["base_branch"] == "staging"
    for start in ("from this", "from scratch", "from our last talk", "from now on"):
        assert declared("write", slots, query=f"make a branch {start}", schema=None).values["base_branch"] is None


def test_an_object_may_follow_what_else_the_sentence_gave() -> None:
    slots = {"tool": {}, "arguments": {"type": "object", "default": {}}}
    found = declared("read", slots, query="run the tool get_forecast with city Oslo and days 3", schema=None)
    assert found.values["arguments"] == {"city": "Oslo", "days": 3}


def test_what_a_group_caught_is_not_searched_again() -> None:
    slots = {"content": {}, "importance": {"type": "number", "default": 0.5}}
    sentence = "remember that the importance is 0.9"
    caught = declared("write", slots, query=sentence, groups={"content": "the importance is 0.9"}, schema=None)
    assert caught.values == {"content": "the importance is 0.9", "importance": 0.5}


@pytest.mark.parametrize(
    ("slot", "sentence", "value"),
    [
        ({"type": "url"}, "read https://example.com/a.html, please", "https://example.com/a.html"),
        ({"type": "integer"}, "the last 5 of them", 5),
        ({"type": "number"}, "above 0.75 only", 0.75),
        ({"type": "time"}, "at 3 pm sharp", "15:00"),
        ({"type": "path"}, "look into ./src/app please", "./src/app"),
        ({"type": "date"}, "as of next Friday", "2026-03-06"),
        ({"type": "datetime"}, "from tomorrow at noon", "2026-03-03T12:00:00"),
        ({"type": "duration"}, "it takes 20 minutes", "20 minutes"),
        ({"type": "email"}, "by ann@example.org", "ann@example.org"),
        ({"type": "timezone"}, "time in Tokyo", "Asia/Tokyo"),
        ({"enum": ["database", "cache"]}, "is the Cache well", "cache"),
        ({"enum": ["database", "cache"]}, "are the caches well", "cache"),
        ({"enum": ["c", "f"], "description": "c for Celsius, f for Fahrenheit"}, "show it in celsius", "c"),
        ({"type": "array"}, "thing alpha, beta and gamma", ["alpha", "beta", "gamma"]),
        ({"type": "array"}, "thing alpha and beta, 20 at most", ["alpha", "beta"]),
        ({"type": "array"}, "with thing alpha and with thing beta together", ["alpha", "beta"]),
        ({"type": "array"}, "thing 7 and 8", ["7", "8"]),
        ({"enum": ["database", "cache"]}, "is all well", None),
        ({"type": "integer"}, "version 1.2.3", None),
        ({}, "anything at all", None),
    ],
)
def test_a_slot_is_found_in_a_sentence_where_its_form_gives_it_away(slot: Any, sentence: str, value: Any) -> None:
    found = declared(slots={"thing": slot}, query=sentence, schema=None)
    assert found.values.get("thing") == value
    assert ("thing" in found.missing) == (value is None)


BROKEN: list[Any] = [
    {"properties": None},
    {"properties": []},
    {"properties": {"a": None, "b": 5, "c": [], "d": {"type": 7}, "e": {"type": []}}, "required": "abc"},
    {"properties": {"a": {"$ref": "#/$defs/a"}}, "$defs": {"a": {"$ref": "#/$defs/a"}}, "required": ["a", 5]},
    {"properties": {"a": {"$ref": "http://elsewhere"}, "b": {"anyOf": "x"}, "c": {"anyOf": [None, 4]}}},
    {"properties": {"a": {"type": "string", "pattern": "(?=x)(", "minLength": "x", "enum": []}}, "required": ["a"]},
    {"properties": {"a": {"type": "integer", "minimum": "1", "maximum": None, "multipleOf": 0}}, "required": ["a"]},
    {"properties": {"a": {"type": "string", "enum": [1, None, "x", {}]}, "b": {"enum": "abc"}}, "required": ["a"]},
    {"properties": {"a": {"type": "array", "items": [5]}, "b": {"type": "array", "items": {"type": "array"}}}},
    {"properties": {"a": {"type": "object", "properties": {"b": None}, "required": 5}, "": {"type": "string"}}},
    {"properties": {"a": {"type": "string", "description": 5, "format": ["date"], "default": {"x": 1}}}},
    {"properties": {"-": {"type": "number"}, "(": {"type": "string"}, "a b": {"type": "boolean"}}, "required": ["-"]},
]


@pytest.mark.parametrize("schema", BROKEN, ids=str)
@pytest.mark.parametrize("effect", [Effect.READ, Effect.WRITE])
def test_a_broken_schema_makes_nothing_fail(schema: Any, effect: Effect) -> None:
    for sentence in ("", "a=5, b: x and c in Paris tomorrow at 3 pm", 'a "quoted" x, y and z, limit 5, ( 1'):
        found = heard("broken", sentence, effect, schema=schema)
        assert set(found.values) == set(found.sources)
    assert heard("broken", "", arguments={}, schema=schema)


def test_a_schema_is_handed_back_with_what_its_references_point_to() -> None:
    pattern = PatternDefinition.from_config(
        {"name": "x", "pattern_type": "infrastructure", "call": {"server": "s", "tool": "t"}}
    )
    object.__setattr__(pattern, "definition_hash", "hash")
    assert "Day" in schema_of(pattern, SCHEMAS["optional"])["$defs"]


LONGEST = 0.05  # seconds
HARD = ["1 ", "a", "a.", "a/", "'a ", '"', "'", "A ", "New York ", "a@a.", "1,111", "March 5 ", "//",
        "“", "«a", "‘a", "in paris and ", "5 km ", "limit 5 ", "from a to b ", "not open ", "a=b,", "#a ",
        "to ann@x.org, ", "next "]  # fmt: skip


def seconds(sentence: str, tool: str) -> float:
    best = 1.0
    gc.disable()  # what other tests left to be collected is not the sentence's fault
    try:
        for _ in range(12):
            start = time.thread_time()  # of this thread alone: nor is what else the machine does
            heard(tool, sentence)
            best = min(best, time.thread_time() - start)
            if best < LONGEST:
                break  # as quick as it is to be; other workers may have slowed the tries before
    finally:
        gc.enable()
    return best


@pytest.mark.parametrize("piece", HARD)
@pytest.mark.parametrize("tool", ["list_issues", "flights", "units", "convert_time", "web_search"])
def test_no_long_sentence_takes_over_50_milliseconds(piece: str, tool: str) -> None:
    heard(tool, "warm in paris")
    assert seconds((piece * 20_000)[:20_000], tool) < LONGEST


MANY = shape(
    "city to",
    city=text(),
    to=several(text(format="email")),
    limit=integer(),
    price=number(),
    archived=flag(),
    when=text(format="date-time"),
)
PIECES = st.sampled_from(
    "in from to between and Paris rome 5 km % $ € tomorrow March limit = : , ' \" ` “ ” # / . @ a@b.co ./x https:// "
    "12:30 pm next Friday USD v1.2 without archived ( ) \u0000 \n é 😀 \ud800".split(" ")
)


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(max_size=200), st.lists(PIECES, max_size=60).map(" ".join), st.lists(PIECES).map("".join)))
def test_no_sentence_makes_understanding_it_fail(sentence: str) -> None:
    for tool, schema in (("many", MANY), ("flights", SCHEMAS["flights"]), ("units", SCHEMAS["units"])):
        found = heard(tool, sentence, schema=schema)
        assert not set(found.values) & set(found.missing)


@given(st.text(max_size=300))
def test_every_span_stands_where_it_says(sentence: str) -> None:
    for span in find_spans(sentence, TODAY).spans:
        assert 0 <= span.start < span.end <= len(sentence)
