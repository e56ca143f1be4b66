"""All patterns, arranged for finding one by a sentence. Built once for a set of patterns, never changed.

The stages, in the order in which they are believed: the exact name or alias, the triggers, an example as
it stands, what was learned from the examples (until that is learned, their words), and for tools without a
pattern the catalogue's words and meaning.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import cached_property
from heapq import nsmallest
from itertools import product

from tmws_patterns.call import Candidate
from tmws_patterns.pattern import PatternDefinition, PatternType
from tmws_patterns.routing.deeds import is_deed
from tmws_patterns.routing.examples import ExampleIndex
from tmws_patterns.routing.learning.knowledge import Knowledge, Learned, Lessons
from tmws_patterns.routing.learning.stage import REJECT, Likely, StaticStage, fine_share, likelier, together
from tmws_patterns.routing.meanings import BY_MODEL, BY_TABLE, Meanings, Vector
from tmws_patterns.routing.spelling import Speller
from tmws_patterns.routing.text import (
    STOP_WORDS,
    by_kind,
    filler,
    normalise,
    stem,
    stems,
    without_reason,
    without_values,
    words,
)
from tmws_patterns.routing.tools import ToolIndex, ToolText
from tmws_patterns.routing.triggers import TriggerMatch, caught, trigger_index
from tmws_patterns.targets import VARIABLE, Effect

NAME, TRIGGER, EXAMPLES, WORDS, CATALOGUE, NEAREST = "name", "trigger", "examples", "words", "catalogue", "nearest"

_TRIGGER_CONFIDENCE = 0.98  # an author wrote the expression for this sentence, yet no expression is perfect
_EXAMPLES_MOST = 0.97  # a trigger is believed more than any likeness to examples
_WORDS_SCALE = 0.9  # a perfect likeness is still believed less than a trigger
_CATALOGUE_SCALE = 0.95  # a tool nobody gave examples for is believed a little less than a pattern
_ARTICLES = frozenset("the a an my our this that these those it".split())  # caught in front of what is meant
MOST = 8  # patterns that each stage hands on for a decision; the rest are no candidates in earnest
_DESCRIPTION_WEIGHT = 0.85  # a description says what a pattern does, not how people ask for it
_UNCLEAR = 0.8  # below this the sentence is looked at without its values, and for slips of the finger
_CORRECTED_SCALE = 0.97  # what was set right is believed a little less
_SURE = 0.97  # from here on the sentence model is not asked


class PatternIndex:
    """Finds candidates for a sentence. Safe to share: matching changes nothing."""

    def __init__(
        self,
        patterns: Iterable[PatternDefinition],
        parameters: Mapping[str, tuple[str, ...]] | None = None,
        learned: Learned | None = None,
    ) -> None:
        """Arrange patterns.

        Args:
            parameters: names of each tool's parameters, by the pattern's name.
            learned: what is known by now; None, or what is not known of a pattern, leaves it to its words.
        """
        self.patterns = tuple(patterns)
        self._places = {pattern.name: i for i, pattern in enumerate(self.patterns)}
        self._named = {pattern.name.casefold(): i for i, pattern in reversed(list(enumerate(self.patterns)))}
        for i, pattern in enumerate(self.patterns):
            for alias in pattern.aliases:  # which never take the name of another pattern
                self._named.setdefault(alias.casefold(), i)
        self._negative = [frozenset(map(_fold, p.negative_examples)) for p in self.patterns]
        self._with_trigger = [i for i, p in enumerate(self.patterns) if p.trigger_pattern]
        self._triggers = trigger_index(tuple(self.patterns[i].trigger_pattern for i in self._with_trigger))
        shaping = (p for p in self.patterns if not p.is_tool and p.pattern_type is PatternType.INFRASTRUCTURE)
        shaped = {target for pattern in shaping for target in _targets(pattern)}
        self._tool_places = [i for i, p in enumerate(self.patterns) if p.is_tool and shaped.isdisjoint(_targets(p))]
        self._tool_texts = [self._tool_text(i, parameters or {}) for i in self._tool_places]
        self._tools = ToolIndex(self._tool_texts)
        declared = [p for p in self.patterns if not p.is_tool]
        self._declared = declared
        self._learned: Learned | None = None
        self._take(learned)

    def knowing(self, learned: Learned) -> PatternIndex:
        """The same patterns with what was learned of them."""
        other = object.__new__(PatternIndex)
        other.__dict__.update(self.__dict__)
        other._take(learned)
        return other

    @cached_property
    def lessons(self) -> Lessons:
        """What can be learned of these patterns and tools."""
        return Lessons.of(self._declared, self._tool_texts, _without_values)

    def prepare(self) -> Lessons:
        """The lessons, with all that takes more than a moment arranged beforehand: for a worker thread."""
        self._speller  # noqa: B018 - made when first asked for
        self._vocabulary  # noqa: B018
        self._said  # noqa: B018
        return self.lessons

    @cached_property
    def _said(self) -> Mapping[str, int]:
        """The place of the pattern that each example is an example of; of none where it is one of several."""
        places: dict[str, set[int]] = {}
        for pattern in self._declared:
            for example in pattern.examples:
                places.setdefault(_fold(example), set()).add(self._places[pattern.name])
        return {said: place for said, (place, *others) in places.items() if not others}

    @cached_property
    def _speller(self) -> Speller:
        return Speller(text for pairs in self.lessons.taught.values() for _, text in pairs)

    @cached_property
    def _vocabulary(self) -> frozenset[str]:
        """Stems of every word by which a declared pattern is found: what its author excluded is none."""
        meant = (text for pairs in self.lessons.taught.values() for name, text in pairs if not name.startswith(REJECT))
        return frozenset(term for text in meant for term in stems(text))

    def named(self, name: str) -> PatternDefinition | None:
        """The pattern of that name or alias, whatever its case."""
        found = self._places.get(name, self._named.get(name.casefold()))
        return None if found is None else self.patterns[found]

    def near(self, name: str) -> list[str]:
        """Names that resemble a mistyped one, at most three."""
        return [self.patterns[self._named[n]].name for n in get_close_matches(name.casefold(), self._named, 3, 0.4)]

    def settled(self, query: str) -> bool:
        """True where a name or a trigger decides, whatever else is learned."""
        query = normalise(query)
        return _fold(query) in self._named or bool(self._triggers.match(query))

    def candidates(self, query: str, most: int = MOST) -> list[Candidate]:
        """The patterns that the sentence could mean, the best first, each once; at most `most` from each stage.

        Where it means none as it is written, slips of the finger are set right.
        """
        found = self._candidates(query, most)
        if self._learned is None or (found and found[0].confidence >= _UNCLEAR):
            return found
        corrected = self._speller.corrected(query, self._is_word)
        if corrected == query:
            return found
        meant = self._candidates(corrected, most)
        better = meant and (not found or meant[0].confidence > found[0].confidence)
        return [c._replace(confidence=round(_CORRECTED_SCALE * c.confidence, 4)) for c in meant] if better else found

    def _is_word(self, word: str) -> bool:
        """True for what is no slip of the finger: "reword" is another order than "record"."""
        return is_deed(word) or (self._learned is not None and self._learned.core.encoder.knows(word))

    def _candidates(self, query: str, most: int) -> list[Candidate]:
        written, query = query, normalise(query)
        folded = query.casefold()
        found: dict[int, Candidate] = {}
        if (i := self._named.get(folded)) is not None:
            found[i] = Candidate(self.patterns[i], 1.0, NAME)
        for rank, (i, match) in enumerate(self._triggered(query)):
            confidence = max(0.5, _TRIGGER_CONFIDENCE - 0.01 * rank)
            groups = {n: _as_written(v, written) for n, v in match.groups.items() if not _is_article(v, query)}
            found.setdefault(i, Candidate(self.patterns[i], confidence, TRIGGER, groups, start=match.start))
        if (i := self._said.get(folded)) is not None:
            found.setdefault(i, Candidate(self.patterns[i], _EXAMPLES_MOST, EXAMPLES))
        for i, likeness in self._alike(query, most):
            likely = Candidate(self.patterns[i], round(_WORDS_SCALE * min(1.0, likeness), 4), WORDS)
            found.setdefault(i, likely)
        for i, candidate in self._meant(query, most, sure=bool(found)):
            found.setdefault(i, candidate)
        allowed = [c for i, c in found.items() if folded not in self._negative[i]]
        return sorted(allowed, key=lambda c: -c.confidence)

    def groups_of(self, pattern: PatternDefinition, query: str) -> dict[str, str]:
        """What the trigger of one pattern catches in a sentence; empty where it does not match."""
        place = self._places.get(pattern.name)
        if not query or not pattern.trigger_pattern or place is None or self.patterns[place] is not pattern:
            return {}
        match = self._triggers.match_one(bisect_left(self._with_trigger, place), normalise(query))
        return match.groups if match else {}

    def nearest(self, name: str, count: int) -> list[Candidate]:
        """Patterns spelled most like a name or a sentence, whether or not they fit."""
        wanted = _trigrams(name)
        alike = (_trigrams(f"{p.name} {p.description}") for p in self.patterns)
        best = nsmallest(count, ((-len(wanted & theirs), i) for i, theirs in enumerate(alike)))
        return [Candidate(self.patterns[i], 0.0, NEAREST) for _, i in best]

    def unmatched(self, query: str) -> list[str]:
        """The words of a sentence that stand in no pattern and in no tool, stop words aside, as they were written."""
        known = self._vocabulary
        said = [w for w in words(normalise(query)) if w not in STOP_WORDS]
        return [w for w in dict.fromkeys(said) if stem(w) not in known and stem(w) not in self._tools]

    def _take(self, learned: Learned | None) -> None:
        """Lay out what is known, and the words of the patterns of which nothing is."""
        self._learned = learned
        taught = self.lessons.taught if learned else {}
        self._known = {name for name, pairs in taught.items() if learned and learned.known.get(name) == pairs}
        self._examples: ExampleIndex | None = None
        self._core = Meanings(learned.core.rows_of(self._tool_texts), BY_TABLE) if learned else None
        fine = learned.fine if learned else None
        self._fine = Meanings(fine.rows_of(self._tool_texts), BY_MODEL) if fine else None
        self._fine_share = fine_share(sum(map(len, taught.values())), len(taught))

    def _meant(self, query: str, most: int, *, sure: bool) -> list[tuple[int, Candidate]]:
        """What was learned of the sentence, and the tools that fit it. `sure` where a name or trigger was found."""
        learned = self._learned
        vector = learned.core.encoder.encode(query) if learned else None
        asked = without_values(query)
        wanted = vector if asked == query or learned is None else learned.core.encoder.encode(asked)
        tools = self._tools.match(asked, most, self._core, wanted)
        routes: list[Likely] = []
        if learned and vector is not None:
            routes = self._routes(learned.core, query, most, vector)
        decided = sure or (bool(routes) and routes[0].confidence >= _SURE)
        if learned and learned.fine and self._fine and not decided:
            fine = learned.fine.encoder.encode(query)
            wanted = fine if asked == query else learned.fine.encoder.encode(asked)
            tools = self._tools.match(asked, most, self._fine, wanted)
            if learned.fine.stage is not None:
                stage = learned.fine.stage
                routes = together(routes, stage.match(query, most, fine), self._fine_share, stage.known)
        found: list[tuple[int, Candidate]] = []
        for route in routes:
            if route.name in self._known:
                place = self._places[route.name]
                believed = round(min(route.confidence, _EXAMPLES_MOST), 4)
                found.append((place, Candidate(self.patterns[place], believed, EXAMPLES)))
        for tool in tools:
            place = self._tool_places[tool.place]
            likely = Candidate(self.patterns[place], round(_CATALOGUE_SCALE * tool.confidence, 4), CATALOGUE)
            found.append((place, likely))
        return found

    def _routes(self, core: Knowledge, query: str, most: int, vector: Vector) -> list[Likely]:
        """What the static stage has learned of the sentence; where that is little, also with its values by their kinds.

        And of what is left without them. A reason that is given for it says nothing of what is asked. What makes a
        change is believed by the whole sentence alone.
        """
        if core.stage is None:
            return []
        routes = core.stage.match(query, most, vector)
        told = by_kind(query)
        if told != query and (not routes or routes[0].confidence < _UNCLEAR):
            routes = likelier(routes, core.stage.match(told, most, core.encoder.encode(told)))
        asked = without_reason(query)
        if asked != query:
            routes = likelier(routes, self._reads(core.stage, asked, most, core.encoder.encode(asked)))
        bare = without_values(asked)
        if bare != asked and len(bare.split()) > 1 and (not routes or routes[0].confidence < _UNCLEAR):
            routes = likelier(routes, self._reads(core.stage, bare, most, core.encoder.encode(bare)))
        return routes

    def _reads(self, stage: StaticStage, part: str, most: int, vector: Vector) -> list[Likely]:
        """What the stage thinks of a part of a sentence, as far as it only reads; nothing where it means a change."""
        found = stage.match(part, most, vector)
        only = [r for r in found if r.name in self._places and self._is_read(self._places[r.name])]
        return only if found[:1] == only[:1] else []

    def _is_read(self, place: int) -> bool:
        return self.patterns[place].declared_effect is Effect.READ

    def _alike(self, query: str, most: int) -> list[tuple[int, float]]:
        """Patterns of which nothing is learned yet, by the words of their examples; arranged when first asked for."""
        if self._examples is None:
            unknown = [p for p in self._declared if p.name not in self._known]
            self._examples = ExampleIndex(list(self._written(unknown)))
        return self._examples.match(query, most)

    def _triggered(self, query: str) -> Sequence[tuple[int, TriggerMatch]]:
        """Triggers that match, the highest priority first, then the longest match, then the cheapest."""
        found = self._matching(query)
        if not found and (led := filler(query)):
            found = [(place, m.moved(led)) for place, m in self._matching(query[led:])]
        if not found and (asked := without_reason(query)) != query:  # of a note the reason is a part
            found = [(place, m) for place, m in self._matching(asked) if self._is_read(place)]
        return sorted(
            found, key=lambda f: (-self.patterns[f[0]].priority, -f[1].length, self.patterns[f[0]].cost_tokens)
        )

    def _matching(self, query: str) -> list[tuple[int, TriggerMatch]]:
        return [(self._with_trigger[m.index], m) for m in self._triggers.match(query)]

    def _tool_text(self, place: int, parameters: Mapping[str, tuple[str, ...]]) -> ToolText:
        pattern = self.patterns[place]
        return ToolText(pattern.name, pattern.description, parameters.get(pattern.name, ()))

    def _written(self, declared: Sequence[PatternDefinition]) -> Iterator[tuple[int, str, float]]:
        """Texts by which a pattern is found before anything is learned: (place, text, weight)."""
        for pattern in declared:
            place = self._places[pattern.name]
            for example in pattern.examples:
                yield place, _without_values(pattern, example), 1.0
            title = pattern.name.replace(".", " ")
            yield place, title, 1.0
            if pattern.description:
                yield place, f"{title} {pattern.description[:300]}", _DESCRIPTION_WEIGHT


def _without_values(pattern: PatternDefinition, example: str) -> str:
    """An example with what its trigger catches taken out: "what time is it in Tokyo" is not about Tokyo."""
    shortened = example
    for value in caught(pattern.trigger_pattern, normalise(example)) if pattern.trigger_pattern else ():
        shortened = shortened.replace(value, " ")
    return shortened if shortened.split() else example


def _targets(pattern: PatternDefinition) -> Iterator[tuple[str, str]]:
    """Server and tool of a pattern's call, for each choice of a slot that the tool's name holds.

    A tool that a pattern calls is found by the pattern.
    """
    if pattern.call is None:
        return
    names = VARIABLE.findall(pattern.call.tool)
    choices = [pattern.slots[name].enum if name in pattern.slots else () for name in names]
    for chosen in product(*choices):
        tool = pattern.call.tool
        for name, value in zip(names, chosen, strict=True):
            tool = tool.replace(f"{{{name}}}", str(value))
        yield pattern.call.server, tool


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


def _is_article(caught: str, query: str) -> bool:
    """True for an article in front of what was meant to be caught; at the end of a sentence it is a name."""
    return caught.casefold() in _ARTICLES and not query.endswith(caught)


def _fold(text: str) -> str:
    return normalise(text).casefold()


def _trigrams(text: str) -> set[str]:
    padded = f"  {text.casefold()[:200]} "
    return {padded[i : i + 3] for i in range(len(padded) - 2)}
