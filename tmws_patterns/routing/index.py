"""All patterns, arranged for finding one by a sentence. Built once for a set of patterns, never changed.

The stages, in the order in which they are believed: the exact name or alias, the triggers, the words
of examples, names and descriptions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from heapq import nsmallest

from tmws_patterns.call import Candidate
from tmws_patterns.pattern import PatternDefinition
from tmws_patterns.routing.examples import ExampleIndex
from tmws_patterns.routing.text import normalise
from tmws_patterns.routing.triggers import TriggerIndex, TriggerMatch

NAME, TRIGGER, WORDS, NEAREST = "name", "trigger", "words", "nearest"

_TRIGGER_CONFIDENCE = 0.95  # an author wrote the expression for this sentence, yet no expression is perfect
_WORDS_SCALE = 0.9  # a perfect likeness is still believed less than a trigger
MOST_BY_WORDS = 16  # patterns that the words stage hands on for a decision; the rest are no candidates in earnest
_DESCRIPTION_WEIGHT = 0.85  # a description says what a pattern does, not how people ask for it


class PatternIndex:
    """Finds candidates for a sentence. Safe to share: matching changes nothing."""

    def __init__(self, patterns: Iterable[PatternDefinition]) -> None:
        self.patterns = tuple(patterns)
        self._exact = {pattern.name: i for i, pattern in enumerate(self.patterns)}
        self._named = {pattern.name.casefold(): i for i, pattern in reversed(list(enumerate(self.patterns)))}
        for i, pattern in enumerate(self.patterns):
            for alias in pattern.aliases:  # which never take the name of another pattern
                self._named.setdefault(alias.casefold(), i)
        self._alike = [_trigrams(f"{p.name} {p.description}") for p in self.patterns]
        self._negative = [frozenset(map(_fold, p.negative_examples)) for p in self.patterns]
        self._with_trigger = [i for i, p in enumerate(self.patterns) if p.trigger_pattern]
        self._triggers = TriggerIndex([self.patterns[i].trigger_pattern for i in self._with_trigger])
        self._examples = ExampleIndex(list(self._documents()))

    def named(self, name: str) -> PatternDefinition | None:
        """The pattern of that name or alias, whatever its case."""
        found = self._exact.get(name, self._named.get(name.casefold()))
        return None if found is None else self.patterns[found]

    def near(self, name: str) -> list[str]:
        """Names that resemble a mistyped one, at most three."""
        return [self.patterns[self._named[n]].name for n in get_close_matches(name.casefold(), self._named, 3, 0.4)]

    def candidates(self, query: str, by_words: int = MOST_BY_WORDS) -> list[Candidate]:
        """The patterns that the sentence could mean, the best first, each once; `by_words` of them by words."""
        written, query = query, normalise(query)
        folded = _fold(query)
        found: dict[int, Candidate] = {}
        if (i := self._named.get(folded)) is not None:
            found[i] = Candidate(self.patterns[i], 1.0, NAME)
        for rank, (i, match) in enumerate(self._triggered(query)):
            confidence = max(0.5, _TRIGGER_CONFIDENCE - 0.01 * rank)
            groups = {name: _as_written(value, written) for name, value in match.groups.items()}
            found.setdefault(i, Candidate(self.patterns[i], confidence, TRIGGER, groups))
        for i, likeness in self._examples.match(query, by_words):
            found.setdefault(i, Candidate(self.patterns[i], round(_WORDS_SCALE * min(1.0, likeness), 4), WORDS))
        allowed = [c for i, c in found.items() if folded not in self._negative[i]]
        return sorted(allowed, key=lambda c: -c.confidence)

    def groups_of(self, pattern: PatternDefinition, query: str) -> dict[str, str]:
        """What the trigger of one pattern catches in a sentence; empty where it does not match."""
        for match in self._triggers.match(normalise(query)) if query and pattern.trigger_pattern else ():
            if self.patterns[self._with_trigger[match.index]] is pattern:
                return match.groups
        return {}

    def nearest(self, query: str, count: int) -> list[Candidate]:
        """Patterns spelled most like the sentence, for a caller whose words are in none of them."""
        wanted = _trigrams(query)
        best = nsmallest(count, ((-len(wanted & alike), i) for i, alike in enumerate(self._alike)))
        return [Candidate(self.patterns[i], 0.0, NEAREST) for _, i in best]

    def _triggered(self, query: str) -> Sequence[tuple[int, TriggerMatch]]:
        """Triggers that match, the highest priority first, then the longest match, then the cheapest."""
        found = [(self._with_trigger[m.index], m) for m in self._triggers.match(query)]
        return sorted(
            found, key=lambda f: (-self.patterns[f[0]].priority, -f[1].length, self.patterns[f[0]].cost_tokens)
        )

    def _documents(self) -> Iterator[tuple[int, str, float]]:
        for i, pattern in enumerate(self.patterns):
            for example in pattern.examples:
                yield i, _without_values(example, self._triggers, self._with_trigger, i), 1.0
            title = pattern.name.replace(".", " ")
            yield i, title, 1.0
            if pattern.description:
                yield i, f"{title} {pattern.description[:300]}", _DESCRIPTION_WEIGHT


def _without_values(example: str, triggers: TriggerIndex, owners: Sequence[int], owner: int) -> str:
    """An example with what its trigger catches taken out: "what time is it in Tokyo" is not about Tokyo."""
    shortened = example
    for match in triggers.match(normalise(example)):
        if owners[match.index] == owner:
            for value in match.groups.values():
                shortened = shortened.replace(value, " ")
    return shortened if shortened.split() else example


def _as_written(value: str, written: str) -> str:
    """What a group caught, with the line breaks that the sentence was read without."""
    if "\n" not in written or " " not in value:
        return value
    start = written.find(value.split(maxsplit=1)[0])
    while start >= 0:
        if normalise(written[start:]) == value:
            return written[start:].strip()
        start = written.find(value.split(maxsplit=1)[0], start + 1)
    return value


def _fold(text: str) -> str:
    return normalise(text).casefold()


def _trigrams(text: str) -> set[str]:
    padded = f"  {text.casefold()[:200]} "
    return {padded[i : i + 3] for i in range(len(padded) - 2)}
