"""All triggers matched together, in time linear in the sentence, whatever a person wrote in them.

RE2 has no backtracking: `(a+)+$` is as quick as any other expression. In exchange it has neither
lookaround nor backreferences, which are refused when a pattern is loaded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import re2

from tmws_patterns.regex import of_every_alphabet, options

_REFUSED = (("(?=", "lookahead"), ("(?!", "lookahead"), ("(?<=", "lookbehind"), ("(?<!", "lookbehind"))


@dataclass(frozen=True, slots=True)
class TriggerMatch:
    """Which trigger matched, what its named groups caught, and where in the sentence (characters)."""

    index: int
    groups: dict[str, str]
    start: int
    end: int

    @property
    def length(self) -> int:
        """How much of the sentence it covers: the more, the more specific."""
        return self.end - self.start

    def moved(self, by: int) -> TriggerMatch:
        """The same in a sentence that has so many characters more in front."""
        return replace(self, start=self.start + by, end=self.end + by)


def trigger_fault(trigger: str) -> tuple[str, str] | None:
    """Why a trigger cannot be used and how to mend it; None where it can."""
    try:
        re2.compile(of_every_alphabet(trigger), options(ignore_case=True))
    except UnicodeEncodeError:
        return "holds half a character", "write whole characters"
    except re2.error as exc:
        reason = exc.args[0].decode() if exc.args and isinstance(exc.args[0], bytes) else str(exc)
        for sign, name in _REFUSED:
            if sign in trigger:
                return f"{name} is not supported", "triggers are RE2: say what must be there, or use negative_examples"
        if any(f"\\{digit}" in trigger for digit in "123456789"):
            return "backreferences are not supported", "triggers are RE2: catch the second text in a group of its own"
        return f"not a regular expression ({reason})", "see https://github.com/google/re2/wiki/Syntax"
    return None


def group_names(trigger: str) -> list[str]:
    """Names of a trigger's groups."""
    return list(re2.compile(of_every_alphabet(trigger), options(ignore_case=True)).groupindex)


def _bare(caught: str) -> str:
    """What was caught, without the quotes that stand around all of it, or the full stop behind a single word."""
    if len(caught.split()) == 1:
        caught = caught.rstrip(".,;?") or caught
    quoted = len(caught) > 2 and caught[0] == caught[-1] and caught[0] in "\"'`"  # noqa: PLR2004 - two quotes
    return caught[1:-1] if quoted and caught[0] not in caught[1:-1] else caught


@lru_cache(maxsize=2_000)
def _compiled(trigger: str) -> Any:
    return re2.compile(of_every_alphabet(trigger), options(ignore_case=True))


@lru_cache(maxsize=50_000)
def caught(trigger: str, sentence: str) -> tuple[str, ...]:
    """What the groups of one trigger catch in a sentence. Remembered for the next change of patterns."""
    match = _compiled(trigger).search(sentence)
    return tuple(filter(None, match.groups())) if match else ()


class TriggerIndex:
    """Many triggers, searched in one pass. Triggers that do not compile must be kept out."""

    def __init__(self, triggers: Sequence[str]) -> None:
        self._empty = not triggers
        self._filter = re2.Filter()
        self._names: list[list[str]] = []
        for trigger in triggers:
            self._filter.Add(of_every_alphabet(trigger), options(ignore_case=True))
        if not self._empty:
            self._filter.Compile()
        for i in range(len(triggers)):
            self._names.append(list(self._filter.re(i).groupindex))

    def match(self, query: str) -> list[TriggerMatch]:
        """Every trigger found in the sentence, in the order in which they were given.

        RE2 allows no two groups of one name, so `name__2` is another place where `name` may stand.
        """
        if self._empty:
            return []
        matches = (self.match_one(i, query) for i in sorted(self._filter.Match(query) or ()))
        return [match for match in matches if match is not None]

    def match_one(self, index: int, query: str) -> TriggerMatch | None:
        """One trigger, whatever the others do; None where it is not found."""
        match = self._filter.re(index).search(query)
        if match is None:
            return None
        groups = {
            name.partition("__")[0]: _bare(match.group(name).strip())
            for name in self._names[index]
            if match.group(name)
        }
        return TriggerMatch(index, groups, match.start(), match.end())


@lru_cache(maxsize=4)
def trigger_index(triggers: tuple[str, ...]) -> TriggerIndex:
    """The index of these triggers, arranged once: most changes of the patterns are of tools, which have none."""
    return TriggerIndex(triggers)
