"""What a sentence orders to be done: a pattern that only tells something does not answer "push my commits"."""

from __future__ import annotations

from functools import lru_cache

from tmws_patterns.routing.text import words

_DEEDS = frozenset(
    """
    abort alert allow amend apply approve archive assign attach backup ban block book build buy cancel clean
    clone configure connect create cut delete deny deploy disable discard download draft drop edit email empty
    enable erase export fix flush format forward generate grant hand hide import increase insert install invite kill
    label launch lint lock merge migrate mute notify optimise optimize order pause pay pin post prune publish
    push raise rebase reboot rebuild reconnect reduce refactor reject release reload rename repair replace
    reply reset resize restart restore resume revert rewrite rollback rotate scale schedule send shut stash
    stop submit subscribe swap sync terminate throw translate truncate uninstall unlock unsubscribe update
    upgrade upload wipe
    """.split()
)
_POLITE = frozenset(
    "please pls kindly can could would will you i we want wanna need like to let lets us s go ahead and just now hey "
    "then also quickly me help d ll".split()
)


def ordered(sentence: str) -> str:
    """The verb by which a sentence begins that orders a change; "" for a question or another beginning."""
    for word in words(sentence)[:8]:
        if word not in _POLITE:
            return word if word in _DEEDS else ""
    return ""


@lru_cache(maxsize=20_000)
def only_tells(name: str, examples: tuple[str, ...]) -> bool:
    """True for a pattern or tool whose name holds no such verb and none of whose examples orders a change."""
    return _DEEDS.isdisjoint(words(name)) and not any(map(ordered, examples))
