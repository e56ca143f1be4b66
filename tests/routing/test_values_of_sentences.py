"""Numbers in words, and objects that a sentence gives as names and values."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tmws_patterns.routing.text import normalise
from tmws_patterns.routing.understanding.assignment import assign
from tmws_patterns.routing.understanding.choices import chosen, tokens_of
from tmws_patterns.routing.understanding.fitting import Taken, fit
from tmws_patterns.routing.understanding.naming import bounded, named
from tmws_patterns.routing.understanding.numerals import value_of
from tmws_patterns.routing.understanding.objects import object_in, pairs_in
from tmws_patterns.routing.understanding.spans import find_spans
from tmws_patterns.routing.understanding.wanted import wanted_of


@pytest.mark.parametrize(
    ("said", "number"),
    [
        ("seven", 7), ("twenty-five", 25), ("ninety nine", 99), ("half a dozen", 6), ("half dozen", 6), ("a dozen", 12),
        ("two dozen", 24), ("a couple of", 2), ("a hundred", 100),
        ("ten thousand", 10_000), ("two hundred and five", 205), ("three hundred sixty", 360),
        ("nine thousand eight hundred fifty", 9_850), ("two thousand, a hundred and one", 2_101),
    ],
)  # fmt: skip
def test_a_number_in_words_is_read(said: str, number: int) -> None:
    assert value_of(said) == number


@pytest.mark.parametrize("said", ["", "dozens", "twenty-twenty", "a", "and five", "7"])
def test_what_is_no_number_in_words_is_none(said: str) -> None:
    assert value_of(said) is None


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (" with width 640 and height 480", {"width": 640, "height": 480}),
        (', title "Login page blank"', {"title": "Login page blank"}),
        (" url=https://example.com/start", {"url": "https://example.com/start"}),
        (" -- days: 5, city: Oslo, dry: true", {"days": 5, "city": "Oslo", "dry": True}),
        (", address = 10 Rue de Rivoli", {"address": "10 Rue de Rivoli"}),
        (" with target_lang DE pls", {"target_lang": "DE"}),
        (" with query set to vector db", {"query": "vector db"}),
        (" with city set to Oslo please", {"city": "Oslo"}),
        (" with city set to Oslo and days 3", {"city": "Oslo", "days": 3}),
        (' server, title should be "Login broken"', {"title": "Login broken"}),
        ("? channel is ops, text is deploy done", {"channel": "ops", "text": "deploy done"}),
        (" with city Oslo and days 3", {"city": "Oslo", "days": 3}),
        (" with path /tmp/a", {"path": "/tmp/a"}),
        (" with its defaults", {}),
        (", and tell me what the answer is please", {}),
        (", what is the branch", {}),
        (" for me, please", {}),
    ],
)
def test_names_with_values_are_an_object(text: str, wanted: dict[str, Any]) -> None:
    assert pairs_in(text) == wanted


def test_an_object_may_stand_in_a_sentence_as_json() -> None:
    assert object_in('run it with {"q": "roadmap", "n": [1]} please') == {"q": "roadmap", "n": [1]}
    assert object_in("run it with {q}") == object_in("nothing") == object_in('"}{"') == {}


@given(st.text(max_size=300))
def test_any_text_is_read_as_some_object(text: str) -> None:
    assert isinstance(pairs_in(text), dict)
    assert isinstance(object_in(text), dict)


@pytest.mark.parametrize(
    ("sentence", "kind", "value"),
    [
        ('mark "tests/test_api.py" for commit', "pair", "tests/test_api.py"),
        ("unstaged diff, repo backend/", "path", "backend/"),
        ("view main~4", "revision", "main~4"),
        ("against release-2.0 now", "token", "release-2.0"),
        ("(limit 25, repository ./pricing).", "path", "./pricing"),
        ("at 18:00 in Madrid. When is that?", "name", "Madrid"),
        ("a flat in St. Gallen", "name", "St. Gallen"),
        ("git add Makefile and README", "path", "Makefile"),
        ("git add Makefile and README", "path", "README"),
    ],
)
def test_a_value_is_found_as_what_it_is(sentence: str, kind: str, value: str) -> None:
    found = [(s.kind, s.value) for s in find_spans(sentence, date(2026, 1, 1)).spans]

    assert (kind, value) in found or (kind == "pair" and ("path", value) in found)


def test_a_full_stop_behind_a_bracket_is_no_folder() -> None:
    spans = find_spans("show it (of ./pricing).", date(2026, 1, 1)).spans
    assert [s.value for s in spans if s.kind == "path"] == ["./pricing"]


@pytest.mark.parametrize(
    ("sentence", "end"),
    [
        ("commits no later than 2023-12-31", "2023-12-31"), ("not after 2023-12-31", "2023-12-31"),
        ("none earlier than 2023-12-31", None), ("no earlier than 2023-12-31", None),
    ],
)  # fmt: skip
def test_a_bound_tells_which_end_of_a_time_a_day_is(sentence: str, end: str | None) -> None:
    wanted = [
        wanted_of(("start",), {"type": "string", "format": "date"}, {}, required=False, slot=True),
        wanted_of(("end",), {"type": "string", "format": "date"}, {}, required=False, slot=True),
    ]
    found = assign(find_spans(sentence, date(2026, 1, 1)), wanted, bold=True, tool=False)
    taken = found.get(("end",))
    assert (taken.value if taken else None) == end


@pytest.mark.parametrize(("said", "number"), [("zero lines of context", 0), ("no more than zero results", 0)])
def test_zero_is_a_number_too(said: str, number: int) -> None:
    schema = {"type": "integer", "description": "number of lines around each change"}
    name = "context_lines" if "lines" in said else "limit"
    wanted = [wanted_of((name,), schema, {}, required=False, slot=True)]
    found = assign(find_spans(said, date(2026, 1, 1)), wanted, bold=True, tool=False)
    assert found[(name,)].value == number


def test_a_folder_at_the_end_of_a_sentence_keeps_its_dot() -> None:
    assert normalise("git add .") == "git add ."
    assert normalise("what is that ?!") == "what is that"
    assert normalise("so be it.") == "so be it"


@pytest.mark.parametrize(
    ("sentence", "most"),
    [
        ("what we decided, 8 or fewer", 8), ("the latest half dozen", 6), ("recent memories, 20", 20), ("3 will do", 3),
        ("not more than 5k chars", 5_000), ("the 6 most important things", 6), ("the twelve heaviest notes", 12),
        ("a dozen of them", 12), ("return 20 at the very most", 20), ("20 results at very most", 20),
        ("20 would be plenty", 20), ("what happened at 12 would be fine", None),
        ("the freshest notes, say 20.", 20), ("what was saved, 25 or so", 25), ("what is on, 7 or so", None),
        ("the notes, cap it at twenty", 20), ("30 log entries is enough", 30),
        ("two thousand characters is plenty", 2_000), ("what changed up to 31 March 2026", None),
        ("what we decided in the last 3 days", None), ("just 2 weeks of it", None), ("open at 7", None),
    ],
)  # fmt: skip
def test_a_bound_is_a_number_of_things_and_no_length_of_time(sentence: str, most: int | None) -> None:
    wanted = wanted_of(("limit",), {"type": "integer"}, {}, required=False)

    found = bounded(wanted, find_spans(sentence, date(2026, 1, 1)))

    assert (found.value if isinstance(found, Taken) else None) == most


@pytest.mark.parametrize(
    ("name", "taken"), [("repo_path", False), ("directory", False), ("file", True), ("path", True)]
)
def test_a_file_without_an_ending_is_no_folder(name: str, taken: bool) -> None:
    wanted = wanted_of((name,), {"type": "string"}, {}, required=True)
    (span,) = (s for s in find_spans("git log Makefile", date(2026, 1, 1)).spans if s.kind == "path")
    assert (fit(wanted, span) is not None) is taken


@pytest.mark.parametrize("reason", ["so that I can read it", "because I must", "", "with me"])
def test_a_name_ends_where_a_reason_begins(reason: str) -> None:
    wanted = wanted_of(("branch",), {"type": "string"}, {}, required=True)
    found = named(wanted, find_spans(f"move over to branch staging {reason}", date(2026, 1, 1)), {}, has_unit=False)
    assert isinstance(found, Taken)
    assert found.value == "staging"


ONE_FILE = {"type": "string", "description": "commit, branch or tag, or <revision>:<path> for a file of it"}


@pytest.mark.parametrize(
    ("sentence", "revision", "folder"),
    [
        ("contents of src/main.rs as it was at tag v1.2.0", "v1.2.0:src/main.rs", None),
        ("show README.md as it is on release/1.4", "release/1.4:README.md", None),
        ("what did setup.cfg look like in commit 4f2a9c1", "4f2a9c1:setup.cfg", None),
        ("show Makefile of HEAD~3 in ~/code/x", "HEAD~3:Makefile", "~/code/x"),
        ("show commit 4f2a9c1 of ./api", "4f2a9c1", "./api"),
        ("show the commit v2.0 of a.md and b.md", "v2.0", None),
    ],
)
def test_a_file_at_a_revision_is_one_value_where_the_tool_takes_both_in_one(
    sentence: str, revision: str, folder: str | None
) -> None:
    wanted = [
        wanted_of(("revision",), ONE_FILE, {}, required=True, slot=True),
        wanted_of(("repo_path",), {"type": "string"}, {}, required=False, slot=True),
    ]
    found = assign(find_spans(sentence, date(2026, 1, 1)), wanted, bold=True, tool=False)
    assert found[("revision",)].value == revision
    assert folder is None or found[("repo_path",)].value == folder


def test_a_file_and_a_revision_stay_two_values_for_every_other_tool() -> None:
    wanted = [wanted_of(("revision",), {"type": "string"}, {}, required=True)]
    found = assign(find_spans("show a.md of HEAD~3", date(2026, 1, 1)), wanted, bold=True, tool=True)
    assert found[("revision",)].value == "HEAD~3"


@pytest.mark.parametrize(("word", "member"), [("caching", "cache"), ("redis", "cache"), ("db", "database")])
def test_each_word_that_a_description_gives_for_a_choice_is_it(word: str, member: str) -> None:
    about = "database (db), cache (caching, redis) or server"
    schema = {"type": "string", "enum": ["database", "cache", "server"], "description": about}
    wanted = wanted_of(("component",), schema, {}, required=False)
    heard = find_spans(f"is the {word} up", date(2026, 1, 1))
    found = chosen(wanted, heard, tokens_of(heard))
    assert isinstance(found, Taken)
    assert found.value == member


@pytest.mark.parametrize(
    ("sentence", "values"),
    [
        ("all that carries both the redis and the latency tag", ["redis", "latency"]),
        ("what has both redis and latency tags", ["redis", "latency"]),
        ("what bears the redis and the latency", None),
    ],
)
def test_two_values_may_stand_before_the_name_of_a_list(sentence: str, values: list[str] | None) -> None:
    wanted = wanted_of(("tags",), {"type": "array", "items": {"type": "string"}}, {}, required=True)
    found = named(wanted, find_spans(sentence, date(2026, 1, 1)), {}, has_unit=False)
    assert (found.value if isinstance(found, Taken) else None) == values


@pytest.mark.parametrize(
    ("sentence", "ids"),
    [
        ("forget 17, 18 and 22, those are outdated", ["17", "18", "22"]),
        ("drop memories 5 and 9", ["5", "9"]),
        ("delete memory 12 and show 3 of the others", ["12"]),
        ('forget those with ids ["a91c", "b204"]; they are old', ["a91c", "b204"]),
    ],
)
def test_numbers_of_a_list_are_ids_where_the_first_one_is(sentence: str, ids: list[str]) -> None:
    wanted = [wanted_of(("ids",), {"type": "array", "items": {"type": "string"}}, {}, required=True, slot=True)]
    found = assign(find_spans(sentence, date(2026, 1, 1)), wanted, bold=False, tool=False)
    assert found[("ids",)].value == ids
