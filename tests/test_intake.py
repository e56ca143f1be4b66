"""What is said twice is read once, and nothing else is taken for it."""

from __future__ import annotations

from typing import Any

import pytest

from tmws_patterns.call import Call, Principal
from tmws_patterns.errors import InvalidInput
from tmws_patterns.intake import Intake, Words
from tmws_patterns.pattern import ExecutionMode


@pytest.fixture
def intake() -> Intake:
    return Intake(ExecutionMode.BALANCED)


def said(intake: Intake, agent: str = "default", **words: Any) -> Call:
    return intake.read(Words(**words), Principal(agent=agent))


@pytest.mark.parametrize(
    "words",
    [
        {"query": "status"},
        {"query": "status", "context": {"agent": "artemis", "depth": 3}},
        {"query": "status", "select": "id, name"},
        {"query": "status", "select": ["id", "name"], "max_tokens": 100},
        {"pattern": "git_status"},
    ],
    ids=str,
)
def test_the_same_words_are_known_again(intake: Intake, words: dict[str, Any]) -> None:
    first = said(intake, **words)
    assert first.said is not None
    assert said(intake, **words).said is first.said
    assert said(intake, **words) == first


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"context": {"depth": 1}}, {"context": {"depth": True}}),
        ({"context": {"depth": 1}}, {"context": {"depth": 1.0}}),
        ({"context": {"depth": 1}}, {"context": {"depth": "1"}}),
        ({"context": {"agent": "artemis"}}, {"context": {"namespace": "artemis"}}),
        ({"context": {"agent": "artemis"}}, {"select": ["agent", "artemis"]}),
        ({"select": "a"}, {"select": ["a"]}),
        ({"select": ["a", "b"]}, {"select": ["a"], "context": {"b": "c"}}),
        ({"max_tokens": 1}, {"max_tokens": None}),
        ({"use_cache": True}, {"use_cache": False}),
        ({"execution_mode": "fast"}, {"execution_mode": "balanced"}),
        ({"pattern": "x"}, {"pattern": None}),
    ],
    ids=str,
)
def test_other_words_are_no_repeat(intake: Intake, one: dict[str, Any], other: dict[str, Any]) -> None:
    assert said(intake, **{"query": "status", **one}).said is not said(intake, **{"query": "status", **other}).said
    again = said(intake, **{"query": "status", **other})
    assert repr(again.context) == repr(other.get("context", {}))


def test_another_principal_is_no_repeat(intake: Intake) -> None:
    assert said(intake, query="status").said is not said(intake, "hera", query="status").said


@pytest.mark.parametrize(
    "beside",
    [
        {"arguments": {"limit": 3}},
        {"context": {"files": ["a"]}},
        {"context": {"note": "x" * 1_001}},
        {"query": "x" * 1_001},
        {"cursor": "c"},
    ],
    ids=lambda beside: next(iter(beside)),
)
def test_what_could_change_or_is_long_is_read_each_time(intake: Intake, beside: dict[str, Any]) -> None:
    assert said(intake, **{"query": "status", **beside}).said is None


@pytest.mark.parametrize("query", [5, 1.5, True])
def test_a_query_that_is_no_text_is_read_as_one(intake: Intake, query: Any) -> None:
    assert said(intake, query=query).query == str(query)


def test_a_context_that_changes_later_changes_no_call(intake: Intake) -> None:
    context = {"agent": "artemis"}
    first = said(intake, query="status", context=context)
    context["agent"] = "hera"
    assert first.context == {"agent": "artemis"}
    assert said(intake, query="status", context=context).principal.agent == "hera"


async def _progress(_done: float, _total: float | None, _message: str | None) -> None: ...


def test_a_caller_who_wants_progress_is_known_again_with_his_own(intake: Intake) -> None:
    plain = said(intake, query="status")
    watched = intake.read(Words("status"), Principal(), _progress)
    assert watched.said is plain.said
    assert (plain.progress, watched.progress) == (None, _progress)


def test_many_different_words_are_not_all_remembered(intake: Intake) -> None:
    for number in range(3_000):
        said(intake, query=f"status {number}")
    assert sum(map(len, intake._tables.values())) < 2_000


def test_who_says_nothing_of_use_is_not_remembered(intake: Intake) -> None:
    for number in range(100):
        with pytest.raises(InvalidInput):
            said(intake, agent=f"agent {number}", query="")
    assert not intake._tables


class Loose(str):
    """A text that is equal to others of its letters, whatever their case."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and self.casefold() == other.casefold()

    def __hash__(self) -> int:
        return hash(self.casefold())


class NoHash(str):
    __slots__ = ()
    __hash__ = None  # type: ignore[assignment]


@pytest.mark.parametrize("words", [{"query": "{}"}, {"pattern": "{}"}, {"query": "x", "execution_mode": "{}"}])
def test_a_kind_of_text_that_somebody_made_is_not_remembered(intake: Intake, words: dict[str, str]) -> None:
    for kind in (Loose, NoHash):
        assert said(intake, **{name: kind(text.format("fast")) for name, text in words.items()}).said is None


def test_a_mode_may_be_given_by_its_name_or_as_such(intake: Intake) -> None:
    by_name, itself = (said(intake, query="x", execution_mode=mode) for mode in ("fast", ExecutionMode.FAST))
    assert by_name.said is not None
    assert itself.said is by_name.said
