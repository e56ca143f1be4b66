"""What a request to remember something says: the note, and what is said about it."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tmws_patterns.routing.understanding.notes import note_of


@pytest.mark.parametrize(
    ("sentence", "wanted"),
    [
        (
            "Make a note, tagged infra and redis: we move in March",
            {"content": "we move in March", "tags": "infra, redis"},
        ),
        (
            "log a decision: Postgres over MySQL #db #decision",
            {"content": "Postgres over MySQL", "tags": "db, decision"},
        ),
        (
            "Store this publicly: help is there from 9 to 5",
            {"content": "help is there from 9 to 5", "access_level": "public"},
        ),
        (
            "Save the following with importance 0.8 and the tag security: TLS 1.0 is off",
            {"content": "TLS 1.0 is off", "importance": "0.8", "tags": "security"},
        ),
        (
            "write down that Maria owns billing and share it with athena and hestia",
            {"content": "Maria owns billing", "shared_with": "athena, hestia", "access_level": "shared"},
        ),
        (
            'Remember this and tag it tls: "the certificate ends in March"',
            {"content": "the certificate ends in March", "tags": "tls"},
        ),
        (
            "Bear in mind, importance 0.9: backups run at night. Tag it ops and backup.",
            {"content": "backups run at night", "importance": "0.9", "tags": "ops, backup"},
        ),
        (
            'Commit to memory "builds need 16 GB" and let everyone see it, that is, make it public.',
            {"content": "builds need 16 GB", "access_level": "public"},
        ),
        (
            "We chose Acme for catering, keep that in mind and mark it 0.8 important",
            {"content": "We chose Acme for catering", "importance": "0.8"},
        ),
        (
            "note for the design team: the logo is final",
            {"content": "the logo is final", "team": "design", "access_level": "team"},
        ),
        (
            "Make a note shared with the agents hera and artemis that the load test runs at night",
            {"content": "the load test runs at night", "shared_with": "hera, artemis", "access_level": "shared"},
        ),
        (
            "Save this with importance 0.9: no deploys on Fridays",
            {"content": "no deploys on Fridays", "importance": "0.9"},
        ),
        (
            "Could you save for the team web that it is frozen?",
            {"content": "it is frozen", "team": "web", "access_level": "team"},
        ),
        (
            "Store for the team web, with the tags deploy and nginx and an importance of 0.8: reload it",
            {
                "content": "reload it",
                "team": "web",
                "access_level": "team",
                "tags": "deploy, nginx",
                "importance": "0.8",
            },
        ),
        ("jot down that rent is due (tags: home, money)", {"content": "rent is due", "tags": "home, money"}),
        (
            'add to memory "retention is 7 days" with tags kafka, ops',
            {"content": "retention is 7 days", "tags": "kafka, ops"},
        ),
        (
            'Please make a note that the team platform can read: "Anna is on call".',
            {"content": "Anna is on call", "team": "platform", "access_level": "team"},
        ),
        (
            "remember that Bob is leaving, no team manager should see it",
            {"content": "Bob is leaving, no team manager should see it"},
        ),
        (
            'Save this decision under the tags architecture and queue: "We use NATS".',
            {"content": "We use NATS", "tags": "architecture, queue"},
        ),
        (
            "pls jot down 'the gateway takes 55k' and share it with agents athena and hera",
            {"content": "the gateway takes 55k", "shared_with": "athena, hera", "access_level": "shared"},
        ),
        (
            "note for later, staging is wiped on Sundays. tag it staging",
            {"content": "staging is wiped on Sundays", "tags": "staging"},
        ),
        (
            "For the team 'platform' only, record that Kafka is frozen",
            {"content": "Kafka is frozen", "team": "platform", "access_level": "team"},
        ),
        (
            "Save decision: we source events. Tag it billing, importance 0.75, visible to everyone (public)",
            {"content": "we source events", "tags": "billing", "importance": "0.75", "access_level": "public"},
        ),
        (
            "For future reference, and with an importance of 0.9, the certificate expires",
            {"content": "the certificate expires", "importance": "0.9"},
        ),
        ("remember this, don't share it with everyone: foo", {"content": "foo"}),
        ("save a note not for everyone: deploy", {"content": "deploy"}),
        ("record the decision about public access: we deny it", {"content": "we deny it"}),
        (
            "store a note shared with bob, not with carol: abc",
            {"content": "abc", "shared_with": "bob", "access_level": "shared"},
        ),
        ('remember "the key is abc" but it is only for May', {"content": '"the key is abc" but it is only for May'}),
        ('remember "call Bob" and make him happy', {"content": '"call Bob" and make him happy'}),
        ("New fact to memorize: runners have 4 CPUs. Label: ci", {"content": "runners have 4 CPUs", "tags": "ci"}),
        (
            "My badge is 4471, save that as a private note",
            {"content": "My badge is 4471", "access_level": "private"},
        ),
        (
            "We drop Python 3.8. save that as a public memory, tagged release",
            {"content": "We drop Python 3.8", "access_level": "public", "tags": "release"},
        ),
        (
            "Store the following memory with importance 0.75, access level shared, shared with the agents planner and "
            "reviewer: retries never helped",
            {
                "content": "retries never helped",
                "importance": "0.75",
                "shared_with": "planner, reviewer",
                "access_level": "shared",
            },
        ),
        ("Please hold on to this lesson: selects were slow", {"content": "selects were slow"}),
        (
            "store in memory: a is b; tags: a, c; importance: 70%",
            {"content": "a is b", "tags": "a, c", "importance": "0.7"},
        ),
    ],
)
def test_a_note_is_parted_from_what_is_said_about_it(sentence: str, wanted: dict[str, str]) -> None:
    assert note_of(sentence, "") == wanted


@pytest.mark.parametrize(
    ("note", "about"),
    [
        ("builds are tagged nightly", {}),
        ("lunch is for the web team", {}),
        ("the flag is private", {}),
        ("there is cake in the kitchen, for everyone", {}),
        ("we order pizza, for the web team", {}),
        ("the wall is, public", {}),
        ("the plan holds, share it with the web team", {"team": "web", "access_level": "team"}),
        ("the plan holds, share it with everyone", {"access_level": "public"}),
        ("we share with everyone", {}),
        ("never share this with everyone", {}),
        ("don't make it public", {}),
        ("Bob said: make it public", {}),
        ("the bucket is wrong, make it public", {}),
        ("Anna told me to share it with everyone", {}),
        ("the plan is to share with agent bob", {}),
        ("the ticket says: share with team infra", {}),
        ("the parcel's weight is 0.9", {}),
        ("ask in channel #ops", {}),
        ("see issue #42", {}),
        ("we use the label blue", {}),
        ("invoices go out in euros, importance 0.9", {"importance": "0.9"}),
        ("the door code is 4711, keep it private", {"access_level": "private"}),
    ],
)
def test_only_what_stands_apart_is_taken_off_a_note(note: str, about: dict[str, str]) -> None:
    found = note_of(f"remember that {note}", note)

    assert found.pop("content") == (note if not about else note[: note.rfind(",")])
    assert found == about


def test_a_note_loses_nothing_before_a_quotation() -> None:
    assert note_of('log that the API "v1" is dead', "")["content"] == 'the API "v1" is dead'
    assert note_of('save with tag law: the clause "as is" stays', "")["content"] == 'the clause "as is" stays'


def test_what_a_trigger_caught_between_quotation_marks_is_the_note_alone() -> None:
    sentence = 'Store "Redis is at 7.2" and share it with athena'
    found = {"content": "Redis is at 7.2", "shared_with": "athena", "access_level": "shared"}
    assert note_of(sentence, "Redis is at 7.2") == found


def test_this_points_to_a_note_that_comes_later() -> None:
    sentence = 'remember this and tag it tls: "it ends in March"'
    assert note_of(sentence, 'this and tag it tls: "it ends in March"') == {
        "content": "it ends in March",
        "tags": "tls",
    }
    assert note_of("remember this and that", "this and that") == {"content": "this and that"}


def test_a_team_has_a_name() -> None:
    assert "team" not in note_of("note for the team: lunch is at noon", "")
    assert "team" not in note_of("note for my team: lunch is at noon", "")


def test_a_sentence_that_asks_for_no_note_holds_none() -> None:
    assert note_of("tell athena: the plan", "") == {}
    assert note_of("remember", "") == {}


@given(st.text(max_size=400), st.text(max_size=40))
def test_a_note_keeps_its_beginning_and_its_middle(note: str, tag: str) -> None:
    found = note_of(f"remember that {note}", note).get("content", note)

    assert found in note


@pytest.mark.parametrize(
    "piece", ["(", "; ", "tags ", "#a ", "with tags a, ", "importance ", '"', "share it with a and "]
)
def test_a_long_note_takes_no_longer_than_it_is_long(piece: str) -> None:
    long = piece * (20_000 // len(piece))
    start = time.perf_counter()

    note_of(f"remember that {long}", long)

    assert time.perf_counter() - start < 0.05


def test_several_things_may_be_said_in_front_of_what_a_trigger_caught() -> None:
    caught = "shared with the agents scout and editor, tagged #style, importance 60 percent: no full stop in headlines"
    assert note_of(f"Remember, {caught}", caught) == {
        "content": "no full stop in headlines",
        "shared_with": "scout, editor",
        "access_level": "shared",
        "tags": "style",
        "importance": "0.6",
    }
