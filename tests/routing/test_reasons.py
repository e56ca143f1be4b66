"""A reason that is given at a sentence's end, and values in it, do not hide what is asked."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from known import pattern, registry

from tmws_patterns import ExecutionMode
from tmws_patterns.encoder import static_encoder
from tmws_patterns.loader import load_packs
from tmws_patterns.registry import PatternRegistry
from tmws_patterns.routing import Learned, Router, study
from tmws_patterns.routing.learning.stage import Likely, likelier
from tmws_patterns.routing.text import by_kind, without_reason
from tmws_patterns.settings import Settings
from tmws_patterns.targets import Effect


@pytest.fixture(scope="module")
def router() -> Router:
    registry = PatternRegistry(load_packs(Settings.load({}).pattern_path, lambda _: None))
    lessons = registry.index.lessons
    registry.take(Learned(study(lessons, static_encoder()), known=lessons.taught))
    return Router(registry)


@pytest.mark.parametrize(
    ("said", "asked"),
    [
        ("show the log, because the build broke", "show the log"),
        ("show the log so that I can see who did it", "show the log"),
        ("show the log so I know who did it", "show the log"),
        ("show the log before I go home", "show the log"),
        ("show me the log in order to find the culprit", "show me the log"),
        ("The build broke, so show me the log", "show me the log"),
        ("Since the build broke, show me the log", "show me the log"),
        ("Before I call her: show me the log", "show me the log"),
        ("Before going home, I want to see the log", "I want to see the log"),
        ("As we ship today, show me the log because I must sign", "show me the log"),
        ("As strategist I would like to see the log, side by side with the tags", None),
        ("It was a long day, so much is true", None),
        ("which commits came before noon", None),
        ("what changed since March", None),
        ("so I'd be glad to see the log", None),
        ("let me see what is staged before I commit it, one line of context is enough", None),
        ('commit it with "retry because the net is slow"', None),
        ("it broke because of you", None),
        ("because I say so", None),
    ],
)
def test_a_reason_is_taken_off_and_nothing_else(said: str, asked: str | None) -> None:
    assert without_reason(said) == (asked or said)


@given(st.text(max_size=500))
def test_what_is_left_without_a_reason_is_a_part_of_the_sentence(text: str) -> None:
    assert without_reason(text) in text


@pytest.mark.parametrize("piece", ["because ", " so that", ", as we ", "since I\t"])
def test_a_long_sentence_of_reasons_takes_no_time(piece: str) -> None:
    started = time.thread_time()
    without_reason(piece * 20_000 + '"')
    assert time.thread_time() - started < 0.05


LAMPS = ("polish the brass lamp", "clean the old lamps", "make the lamp shine", "rub the lamp until it is bright")
BIKES = ("sell my bicycle", "find a buyer for the bike", "put the bicycle on the market", "who would buy my old bike")


def likely(said: str, name: str) -> float:
    """How likely the pattern is meant, of two that are learned; 0 where the other one comes first."""
    index = registry(pattern("lamps", examples=LAMPS), pattern("bikes", examples=BIKES)).index
    best = index.candidates(said)[0]
    return best.confidence if best.name == name else 0.0


def test_a_reason_does_not_hide_what_is_asked() -> None:
    reason = "we moved to the harbour in the north where nobody could see a thing for weeks"
    assert likely(f"make it bright because {reason}", "lamps") > 0.9
    assert likely(f"make it bright and {reason}", "lamps") < 0.5


def test_where_a_reason_leads_elsewhere_it_is_a_toss_up() -> None:
    index = registry(pattern("lamps", examples=LAMPS), pattern("bikes", examples=BIKES)).index
    found = index.candidates("make it bright because I must sell my bicycle and put the bike on the market")
    assert [one.confidence > 0.9 for one in found] == [True, True]


def test_what_makes_a_change_is_believed_by_the_whole_sentence_alone() -> None:
    said = "put it on the market because we moved to the harbour in the north where nobody could see a thing for weeks"
    lamps = pattern("lamps", examples=LAMPS)

    def best(effect: Effect) -> tuple[str, bool]:
        found = registry(lamps, pattern("bikes", examples=BIKES, effect=effect)).index.candidates(said)[0]
        return found.name, found.confidence > 0.8

    assert best(Effect.READ) == ("bikes", True)
    assert best(Effect.WRITE) == ("bikes", False)


def test_an_article_is_never_what_a_trigger_caught() -> None:
    one = pattern("lamps", examples=LAMPS, trigger_pattern=r"^light (?P<what>\w+)")
    assert registry(one).index.candidates("light the lamps")[0].groups == {}
    assert registry(one).index.candidates("light lamps")[0].groups == {"what": "lamps"}
    assert registry(one).index.candidates("light a")[0].groups == {"what": "a"}, "at the end it is a name"


def test_a_long_value_does_not_hide_what_is_asked() -> None:
    said = "the harbour froze on a Tuesday in the north, and nobody there could leave for weeks"
    assert likely(f'make it bright, with "{said}"', "lamps") > 0.9
    assert likely(f"make it bright, with {said}", "lamps") < 0.5


@pytest.mark.parametrize("before", ["ok so ", "pls ", "hey, could you ", "uh, now ", "alright: ", "go ahead and "])
def test_what_leads_up_to_a_request_does_not_keep_a_trigger_from_it(before: str) -> None:
    one = pattern("lamps", examples=LAMPS, trigger_pattern=r"^light the (?P<what>\w+)$", effect=Effect.WRITE)
    said = f"{before}light the harbour"
    best = registry(one).index.candidates(said)[0]
    assert (best.stage, best.groups, best.start) == ("trigger", {"what": "harbour"}, len(before))


def test_what_leads_up_to_a_request_is_tried_where_no_trigger_wants_it() -> None:
    asks = pattern("asks", examples=LAMPS, trigger_pattern=r"^could you light")
    does = pattern("does", examples=BIKES, trigger_pattern=r"^light", priority=9)
    found = registry(asks, does).index.candidates("could you light it")
    assert [one.name for one in found if one.stage == "trigger"] == ["asks"]


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("git add lib/a.ts ~/b.py (repository: ~/ts-kit)", "git add file file (repository: folder)"),
        ("mail a.b@c.de the page https://example.com/a.b", "mail address the page address"),
        ("work out 0.003*45000 + 0.015*12000", "work out expression"),
        ("what is 144 / 12", "what is expression"),
        ("show 4f2a9c1 of ./api", "show hash of folder"),
        ("the rate is bad.This can't be, weather.get_forecast, 2/24, U.S, +/- 5, v1.2.0, . and 14:30", None),
        ("on 12/03/2019, june 5 - 8", None),
        ("nothing of the kind", None),
    ],
)
def test_values_are_told_by_their_kind_and_nothing_else_is(said: str, told: str | None) -> None:
    assert by_kind(said) == (told or said)


@given(st.text(max_size=300))
def test_any_text_can_be_told_by_its_kinds(text: str) -> None:
    assert isinstance(by_kind(text), str)


@pytest.mark.parametrize("piece", ["a/", "1,", "1+", "a.b@", "0.", "(1", "~/a.py ", "abc123", "https://"])
def test_a_long_text_of_values_takes_no_time(piece: str) -> None:
    started = time.thread_time()
    by_kind(piece * 4_000)
    assert time.thread_time() - started < 0.05


def test_many_values_do_not_hide_what_is_asked() -> None:
    files = ("stage this file", "git add that file", "put each file into the index", "add the file to the next commit")
    index = registry(pattern("staging", examples=files), pattern("bikes", examples=BIKES)).index
    best = index.candidates("git add lib/vectors.ts lib/tensors.ts lib/quaternions.ts")[0]
    assert best.name == "staging"
    assert best.confidence > 0.6


@pytest.mark.parametrize(("effect", "caught"), [(Effect.READ, {"what": "lamps"}), (Effect.WRITE, {})])
def test_a_trigger_of_a_read_matches_what_is_left_without_the_reason(effect: Effect, caught: dict[str, str]) -> None:
    one = pattern("lamps", examples=LAMPS, trigger_pattern=r"^light the (?P<what>\w+)$", effect=effect)
    index = registry(one, pattern("bikes", examples=BIKES)).index
    assert index.candidates("light the lamps")[0].groups == {"what": "lamps"}
    assert index.candidates("light the lamps because I cannot see")[0].groups == caught


def test_the_reason_of_a_note_belongs_to_it(router: Router) -> None:
    choice = router.decide("remember that we froze deploys because the auditors come on Friday", ExecutionMode.BALANCED)
    assert choice.main is not None
    assert choice.main.groups["content"] == "we froze deploys because the auditors come on Friday"


def test_each_route_is_as_likely_as_in_the_better_of_the_two() -> None:
    whole, part = [Likely("a", 0.6), Likely("b", 0.5)], [Likely("b", 0.7), Likely("c", 0.2)]
    assert likelier(whole, part) == [Likely("b", 0.7), Likely("a", 0.6), Likely("c", 0.2)]
