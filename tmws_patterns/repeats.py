"""Answers that local memory just gave, ready to be given once more to the same words.

Agents repeat themselves word for word. What the rooms made of such words (the plan, the page, and what the metadata
say of both) is kept here in one piece, so that the next time nothing is looked up or put together again. Whether the
answer still holds is for the cache to say, each time: nothing here is served by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from tmws_patterns.call import Call, Plan
from tmws_patterns.errors import FAILED
from tmws_patterns.pattern import PatternType
from tmws_patterns.ports import Cached
from tmws_patterns.presentation import Shaped

_KEPT = 256  # answers; with _LONGEST, four million characters beside the bytes that local memory is bounded in
_LONGEST = 8_192  # characters of a page, and bytes of its answer: of longer ones reading them is most of the work
_PASSING = {FAILED, "note", "next_cursor", "stale"}  # what makes a page one of a kind, or gives it an end of its own
_SHARED = frozenset({"cache", "explain"})  # the one is made for each answer, the other is the plan's own everywhere


class Repeat(NamedTuple):
    """An answer that can be given again while the cache holds `cached` and the registry has this `version`."""

    cached: Cached
    tags: tuple[str, ...]
    ttl: float
    shaped: Shaped
    name: str
    kind: PatternType
    server: str | None
    metadata: Mapping[str, Any]
    version: int


class Repeats:
    """The last of them by `Call.said`, which stands for the words and for who said them."""

    def __init__(self) -> None:
        self._known: dict[object, Repeat] = {}

    def get(self, said: object, version: int) -> Repeat | None:
        """What was answered to these words under this version of the registry; None where nothing is kept."""
        repeat = self._known.get(said)
        return repeat if repeat is not None and repeat.version == version else None

    def keep(
        self, call: Call, plan: Plan, cached: Cached, shaped: Shaped, metadata: Mapping[str, Any], version: int
    ) -> None:
        """Keep an answer, where it came from local memory and its page may be shown again."""
        if call.said is None or cached.tier != "local" or max(len(shaped.body), len(cached.payload)) > _LONGEST:
            return
        if not _PASSING.isdisjoint(metadata) or any(map(_may_change, metadata.items())):
            return
        if len(self._known) >= _KEPT:
            self._known.clear()
        name, kind = plan.pattern.name, plan.decision.pattern_type
        self._known[call.said] = Repeat(
            cached, cached.tags, plan.ttl, shaped, name, kind, plan.server, dict(metadata), version
        )


def _may_change(said: tuple[str, Any]) -> bool:
    """True for what a caller could change, for the next one to see: such an answer is made anew each time."""
    name, value = said
    return isinstance(value, dict | list) and name not in _SHARED
