"""What is learned of patterns: from examples and their opposites, how sure, kept and read back."""

from __future__ import annotations

import os
import subprocess
import sys
from hashlib import sha256
from importlib.resources import files

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from known import learned, pattern, registry

from tmws_patterns import Settings
from tmws_patterns.encoder import sentence_encoder, static_encoder
from tmws_patterns.loader import load_packs
from tmws_patterns.registry import PatternRegistry
from tmws_patterns.routing import learn_stage, shipped_stage, study, trigger_fault
from tmws_patterns.routing.learning import head, knowledge
from tmws_patterns.routing.learning.calibration import fit
from tmws_patterns.routing.learning.features import SKETCH, Encoder, Features, terms_of
from tmws_patterns.routing.learning.knowledge import Knowledge, Lessons, confused
from tmws_patterns.routing.learning.stage import FORM, Likely, StaticStage, fine_share, learn, together

TAUGHT = {
    "weather": ["will it rain tomorrow", "how warm is it outside", "what is the forecast for Sunday", "is it snowing"],
    "music": ["play some jazz", "put on my running playlist", "skip this song", "turn the music up"],
    "bank": ["what is my balance", "transfer money to Anna", "has my salary come in", "block my credit card"],
}
PAIRS = [(route, text) for route, texts in TAUGHT.items() for text in texts]


@pytest.fixture(scope="module")
def stage() -> StaticStage:
    found = learn(PAIRS, static_encoder())
    assert found is not None
    return found


def matched(stage: StaticStage, query: str) -> list[Likely]:
    return stage.match(query, 3, static_encoder().encode(query))


@pytest.mark.parametrize(
    ("query", "route"),
    [
        ("do I need an umbrella on Friday, is there a storm coming", "weather"),
        ("start a rock album please", "music"),
        ("how much cash is left in my account", "bank"),
    ],
)
def test_a_sentence_in_other_words_reaches_the_route_it_means(stage: StaticStage, query: str, route: str) -> None:
    assert matched(stage, query)[0].name == route


def test_what_is_alike_is_surer_than_a_stranger(stage: StaticStage) -> None:
    strange = ("how do mountains form", "sew a button on my shirt", "who was the last emperor of Rome", "hello there")
    assert matched(stage, "will it rain on Monday")[0].confidence > 0.7
    assert all(matched(stage, query)[0].confidence < 0.5 for query in strange)


def test_confidences_are_probabilities_in_falling_order(stage: StaticStage) -> None:
    found = [likely.confidence for likely in matched(stage, "what about tomorrow")]
    assert found == sorted(found, reverse=True)
    assert all(0 <= confidence <= 1 for confidence in found)


def test_what_was_stored_answers_as_what_was_learned(stage: StaticStage) -> None:
    again = StaticStage.from_bytes(stage.to_bytes(), static_encoder())
    assert again is not None
    for query in ("is it cold", "play it louder", "who stole my card"):
        first, second = matched(stage, query), matched(again, query)
        assert [likely.name for likely in first] == [likely.name for likely in second]
        assert [likely.confidence for likely in first] == pytest.approx([s.confidence for s in second], abs=0.01)


@pytest.mark.parametrize("stored", [b"", b"no archive", b"PK\x05\x06" + b"\0" * 18])
def test_what_cannot_be_read_back_is_learned_anew(stored: bytes) -> None:
    assert StaticStage.from_bytes(stored, static_encoder()) is None
    assert Knowledge.from_bytes(stored, static_encoder()) is None


def test_one_example_alone_teaches_nothing() -> None:
    assert learn(PAIRS[:1], static_encoder()) is None


def test_a_single_route_is_learned_and_still_refuses_strangers() -> None:
    found = learn([("weather", text) for text in TAUGHT["weather"]], static_encoder())
    assert found is not None
    assert matched(found, "will it rain today")[0].confidence > matched(found, "sell my bicycle")[0].confidence


def test_the_same_lessons_give_the_same_weights() -> None:
    features = Features.of(static_encoder(), [terms_of(text) for _, text in PAIRS])
    texts = [text for _, text in PAIRS]
    rows, _ = features.rows([terms_of(text) for text in texts], static_encoder().encode_all(texts))
    labels = np.repeat(np.arange(3), 4)
    assert np.array_equal(head.train(rows, labels, 3), head.train(rows, labels, 3))


def test_a_row_has_length_one_and_tells_the_share_of_new_words() -> None:
    features = Features.of(static_encoder(), [terms_of("play some jazz")])
    vectors = static_encoder().encode_all(["play some zydeco"])
    rows, new = features.rows([terms_of("play some zydeco")], vectors)
    assert rows.shape == (1, static_encoder().width + SKETCH)
    assert np.linalg.norm(rows) == pytest.approx(1, abs=1e-3)
    assert new == pytest.approx([1 / 3])


@pytest.mark.parametrize("text", ["play some zydeco", "play play some jazz", "nothing known", "", "Play SOME_jazz!"])
def test_a_sentence_alone_is_sketched_as_it_is_among_others(text: str) -> None:
    features = Features.of(static_encoder(), [terms_of(t) for t in ("play some jazz", "some jazz please", "play")])
    rows, new = features.rows([terms_of(text)], static_encoder().encode_all([text]))
    where, numbers, unknown = features.sketch(text)
    alone = np.bincount(where, numbers, SKETCH) if where else np.zeros(SKETCH)
    assert rows[0, static_encoder().width :] == pytest.approx(alone, abs=1e-6)
    assert unknown == pytest.approx(new[0])


def test_a_calibration_gives_the_share_that_was_right() -> None:
    chance = np.random.default_rng(0)
    scores = chance.uniform(0, 1, 4_000)
    right = chance.uniform(0, 1, 4_000) < scores
    found = fit(np.column_stack([scores, np.zeros(4_000)]), right, np.ones(4_000))
    assert found.confidences([0.5, 0.9], 0.0) == pytest.approx([0.5, 0.88], abs=0.06)


def test_a_sentence_like_a_negative_example_does_not_reach_its_pattern() -> None:
    lamps = pattern("lamps", examples=["polish the brass lamp", "clean the old lamps", "make the lamp shine"])
    with_misses = pattern(
        "lamps",
        examples=list(lamps.examples),
        negative_examples=["sell the brass lamp", "buy an old lamp", "who invented the lamp"],
    )
    query = "sell that brass lamp of ours"
    before, after = (registry(one).index.candidates(query) for one in (lamps, with_misses))
    assert before[0].confidence > (after[0].confidence if after else 0.0)
    assert not after or after[0].confidence < 0.5


def test_a_route_that_excludes_a_sentence_is_no_candidate_for_it() -> None:
    excluded = [("!weather", text) for text in ("rain on my parade is a song", "the weather channel's owner")]
    found = learn([*PAIRS, *excluded], static_encoder())
    assert found is not None
    assert "weather" not in [likely.name for likely in matched(found, "rain on my parade is a song")]
    assert matched(found, "will it rain on Friday")[0].name == "weather"


def test_a_trigger_is_believed_more_than_a_likeness_to_negative_examples() -> None:
    notes = pattern(
        "notes",
        trigger_pattern=r"^recall (?P<query>.+)",
        examples=["recall the plan", "recall why we chose Postgres"],
        negative_examples=["recall the e-mail I sent", "recall the product from the market"],
    )
    index = registry(notes).index
    assert index.candidates("recall the product plan")[0].confidence > 0.9
    assert index.candidates("recall the product from the market") == []


def test_a_pattern_that_changed_is_found_by_its_words_until_it_is_learned_again() -> None:
    found = registry(pattern("a", examples=["polish the brass lamp"]), pattern("b", examples=["water the tall plants"]))
    found.register(pattern("a", examples=["wind the kitchen clock"]))
    best = found.index.candidates("wind this kitchen clock")[0]
    assert (best.name, best.stage) == ("a", "words")
    assert learned(found).index.candidates("wind this kitchen clock")[0].stage == "examples"


def test_an_example_finds_its_pattern_however_little_is_learned_and_however_it_is_written() -> None:
    few = registry(pattern("a", examples=["polish the lamp"]), pattern("b", examples=["polish the plants"]))
    both = registry(pattern("a", examples=["polish it"]), pattern("b", examples=["polish it", "polish them"]))
    for found in (few, learned(few)):
        best = found.index.candidates("Polish  the lamp.")[0]
        assert (best.name, best.confidence) == ("a", 0.97)
    assert both.index.candidates("polish it")[0].confidence < 0.97, "it is an example of two"
    few.register(pattern("b", examples=["polish the lamp"], aliases=["polish the lamp"]))
    assert few.index.candidates("polish the lamp")[0].stage == "name"


def test_an_example_of_one_pattern_that_another_excludes_is_no_call_for_that() -> None:
    found = registry(pattern("a", examples=["dust the shelf"], negative_examples=["dust the shelf now"]))
    found.register(pattern("b", examples=["dust the shelf now"]))
    assert [c.name for c in learned(found).index.candidates("dust the shelf now")][:1] == ["b"]


def test_lessons_are_equal_by_what_they_teach() -> None:
    one, same, other = (Lessons({"a": (("a", text),)}) for text in ("x", "x", "y"))
    assert one == same
    assert hash(one) == hash(same)
    assert one != other


def test_confusable_patterns_are_named_with_the_sentence() -> None:
    lessons = Lessons({
        "a": tuple(("a", t) for t in ("feed the cat", "feed the dog", "water the rose", "walk the dog")),
        "b": tuple(("b", t) for t in ("water the fern", "water the lawn", "water the trees")),
    })  # fmt: skip
    assert ("a", "b", "water the rose") in confused(lessons, static_encoder())


def test_two_stages_together_weigh_the_second_more() -> None:
    found = together([Likely("a", 0.6), Likely("b", 0.2)], [Likely("b", 0.8), Likely("a", 0.2)], 0.8, {"a", "b"})
    assert [(likely.name, round(likely.confidence, 2)) for likely in found] == [("b", 0.68), ("a", 0.28)]


def test_a_route_that_the_second_stage_has_yet_to_learn_loses_nothing_by_it() -> None:
    found = together([Likely("new", 0.9), Likely("b", 0.2)], [Likely("b", 0.5)], 0.8, {"b"})
    assert [(likely.name, round(likely.confidence, 2)) for likely in found] == [("new", 0.9), ("b", 0.44)]


@pytest.mark.parametrize(("examples", "share"), [(0, 0.8), (770, 0.8), (7_700, 0.5), (70_000, 0.5)])
def test_the_second_stage_counts_less_the_more_examples_the_first_has_seen(examples: int, share: float) -> None:
    assert fine_share(examples, 77) == pytest.approx(share)
    assert 0.5 < fine_share(2_400, 77) < 0.8


def test_every_process_learns_the_same_to_the_last_bit() -> None:
    program = """
from hashlib import sha256
from tmws_patterns.encoder import static_encoder
from tmws_patterns.routing.learning.stage import learn
said = ("will it rain in the morning", "is it warm outside", "feed the big cat", "feed both of the dogs")
stage = learn([(route, text) for route, text in zip("aabb", said)], static_encoder())
print(sha256(stage.to_bytes()).hexdigest())
"""
    found = {
        subprocess.run(
            [sys.executable, "-c", program], env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(found) == 1


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=300))
def test_no_text_makes_a_stage_fail(query: str) -> None:
    stage = _SHARED
    for likely in stage.match(query, 5, static_encoder().encode(query)):
        assert 0 <= likely.confidence <= 1


_SHARED = learn(PAIRS, static_encoder())


def test_what_was_learned_with_another_table_is_learned_anew() -> None:
    table = files("tmws_patterns.encoder").joinpath("table.npz").read_bytes()

    assert (FORM, sha256(table).hexdigest()) == (  # a new table needs a new FORM, under which the old is not read
        5,
        "c8a286c58b8bb94c8030981b65d20e88334e93f6de873408a2a471cf57e02a53",
    )


def test_what_the_shipped_patterns_teach_was_learned_beforehand_and_is_what_they_teach_now() -> None:
    shipped = PatternRegistry(load_packs(Settings.load({}).pattern_path, trigger_fault)).index.lessons
    mend = "run scripts/learn_shipped.py: the patterns, the table or the learning changed"
    kept = shipped_stage(shipped.alone, static_encoder())
    assert kept is not None, mend
    assert shipped_stage(shipped.alone, sentence_encoder()) is not None, mend
    now = learn_stage(shipped.alone, static_encoder())
    assert now is not None
    for sentence in ("what time is it in Oslo", "which files did the last commits change", "order me a pizza"):
        for old, new in zip(matched(kept, sentence), matched(now, sentence), strict=True):
            assert old.name == new.name, mend
            assert old.confidence == pytest.approx(new.confidence, abs=0.01), mend


def test_shipped_patterns_are_not_learned_again_and_others_are(monkeypatch: pytest.MonkeyPatch) -> None:
    learnt: list[int] = []

    def counted(pairs: list[tuple[str, str]], encoder: Encoder) -> StaticStage | None:
        learnt.append(len(pairs))
        return learn(pairs, encoder)

    monkeypatch.setattr(knowledge, "learn", counted)
    shipped = PatternRegistry(load_packs(Settings.load({}).pattern_path, trigger_fault))
    knowledge._stage.cache_clear()
    assert study(shipped.index.lessons, static_encoder()).stage is not None
    assert learnt == []
    shipped.register(pattern("another", description="Something else", examples=["do something else"]))
    assert study(shipped.index.lessons, static_encoder()).stage is not None
    assert len(learnt) == 1
    assert shipped.index.lessons.texts(static_encoder()), "all must be encoded that is learned"
