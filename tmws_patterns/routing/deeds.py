"""What a sentence orders to be done, or asks in general.

A pattern that only tells something does not answer "push my commits", one that makes branches does not answer "delete
the branch", and one that shows them does not answer "what is a branch?", unless its author gave examples like these.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import pairwise

from tmws_patterns.routing.text import words

_DEEDS = frozenset(
    """
    abort adjust alert allow amend apply approve archive assign attach backup ban block book bring build buy
    cancel change clean clone comment configure connect convince copy create cut delete deny deploy disable
    discard download draft draw drop edit email empty enable erase export fix flush format forward generate
    grant hand hide implement import increase insert install invite kill label launch link lint lock mark merge
    migrate modify move mute notify optimise optimize order overwrite paint pause pay pin post prune publish purge
    push raise rebase reboot rebuild reconnect reduce refactor reformat register reject release reload remove rename
    repair replace reply reset resize restart restore resume retag revert reword rewrite rollback rotate scale schedule
    send shift shorten shut sing squash stash stop submit subscribe swap sync terminate throw track translate
    truncate turn undo uninstall unlock unstage unsubscribe update upgrade upload wipe
    """.split()
)
_HANDING = frozenset("send hand bring throw forward get give".split())  # "send me the log" asks to be told
_ME = frozenset(("me", "us"))
_AFTER_A_NOUN = frozenset(  # "deploy broke", "release freeze starts at noon", "change of plan"
    "of is was has had broke breaks failed fails freeze starts started needs notes went window".split()
)
_PASSIVE = re.compile(  # "the failed server ought to be restarted", and nothing else that is said of it
    r"(?:please |so |and )?(?:the|this|that|these|those|our|my|all|every|each)"
    r"(?: (?!that|which|who)[\w.\-/]{1,40}){1,5}? (?:ought to|should|must|needs to|has to)"
    r" (?:\w+ly )?be (?:\w+ly )?(\w{2,14}ed)\b[^?]{0,80}$",
    re.IGNORECASE,
)
_TOLD = re.compile(  # what is built or drawn of what is here is told: "build a timeline of our notes"
    r"\b(?:build|draw|draft|create|generate)(?: me| us)? an? (?:\w+ )?"
    r"(?:timeline|overview|picture|summary) (?:of|from|for)\b",
    re.IGNORECASE,
)
_TOLD_WITHIN = 60  # characters
_WATCHING = re.compile(
    r"(?:please )?(?:keep watching|keep an eye|watch|(?:let me know|tell me|warn me|ping me|wake me|inform me)"
    r" (?:each time|every time|whenever|as soon as|once|when|if)\b(?! .{1,60}\?$))",
    re.IGNORECASE,
)
_WONDERING = re.compile(
    r"(?:(?:hey|ok|so|please|tell me|can you|could you|i wonder|explain(?: to me)?|in your (?:own )?opinion"
    r"|in general|generally|do you think)[, ]+){0,2}"
    r"(?:(?P<what_is_a>what(?: is|['\u2019]?s| are) an? )"
    r"|(?P<difference>what(?: is|['\u2019]?s) the difference between )"
    r"|(?P<another_word>what(?: is|['\u2019]?s) (?:another|a different) (?:word|name|term)\b)"
    r"|(?P<meaning>what (?:does|do) .{1,80} (?:mean|stand for)\b)"
    r"|(?P<how_to>how (?:do|can|should|would) (?:i|you|we|one|people) |how to )"
    r"|(?P<how_works>how (?:do|does) .{1,80} works?\b)"
    r"|(?P<how_come>by (?:what|which) (?:means|mechanism) )"
    r"|(?P<why_is>why (?:do|does|is|are) )"
    r"|(?P<who>who (?:makes|invented|started|wrote|created|built|designed|plays|sells) )"
    r"|(?P<which_best>which .{1,80}\b(?:most popular|best known|in the world|is better|are better)\b)"
    r"|(?P<should_i>should (?:i|we|one) )"
    r"|(?P<explain>explain (?:what|how|why|the) ))",
    re.IGNORECASE,
)
_POLITELY = re.compile(r"(?:could|can|would|will) you\b", re.IGNORECASE)
_CLAUSE = re.compile(r"(?<=[.!;])\s+| [-\u2013\u2014]+ |(?<=,)\s(?=(?:could|can|would|will) you\b)")
_POLITE = frozenset(
    "please pls kindly can could would will you i we want wanna need like to let lets us s go ahead and just now hey "
    "then also quickly me help d ll".split()
)


def ordered(sentence: str) -> str:
    """The verb by which a sentence begins that orders a change; "" for a question or another beginning.

    Where a question follows behind a full stop or a dash, it is what is asked: "deploy failed - any idea why?".
    """
    *before, last = _CLAUSE.split(sentence.rstrip())
    if before and (last.endswith("?") or _POLITELY.match(last)):
        return ordered(last)
    if _WATCHING.match(sentence):
        return "watch"
    if (passive := _PASSIVE.match(sentence)) is not None:
        return next((deed for deed in _active(passive.group(1).lower()) if deed in _DEEDS), "")
    said = words(sentence)[:8]
    for word, following in pairwise([*said, ""]):
        if word not in _POLITE and not (word in _HANDING and following in _ME):
            said_so = {("back", "up"): "backup", ("draw", "together"): "", ("draw", "up"): ""}.get(
                (word, following), word
            )
            is_noun = following in _AFTER_A_NOUN or _TOLD.search(sentence, 0, _TOLD_WITHIN) is not None
            return said_so if said_so in _DEEDS and not is_noun else ""
    return ""


def _active(participle: str) -> tuple[str, ...]:
    """What "restarted", "deleted" and "dropped" may be forms of."""
    return participle.removesuffix("ed"), participle.removesuffix("d"), participle.removesuffix("ed")[:-1]


def is_deed(word: str) -> bool:
    """True for a verb that orders a change."""
    return word in _DEEDS


def wondered(sentence: str) -> str:
    """The kind of a general question, such as "how_to" or "what_is_a"; "" for another sentence."""
    match = _WONDERING.match(sentence)
    return match.lastgroup or "" if match else ""


@lru_cache(maxsize=20_000)
def follows(name: str, examples: tuple[str, ...], deed: str) -> bool:
    """True for a pattern or tool whose name holds the verb, or one of whose examples orders it.

    A tool without examples that is named for any deed is left to its likeness: "translate_text" may well convert.
    """
    said = words(name)
    if deed in said or (not examples and not _DEEDS.isdisjoint(said)):
        return True
    return deed in {ordered(example) for example in examples}


@lru_cache(maxsize=20_000)
def wonders(examples: tuple[str, ...]) -> frozenset[str]:
    """The kinds of general questions that are among the examples of a pattern."""
    return frozenset(filter(None, map(wondered, examples)))
