"""The decision: which pattern a sentence means, in which mode, or why none.

Pure: no I/O, no clock. `decide` looks at the registry's patterns and at what is known of the
downstream tools, and answers the same question the same way until one of these changes.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Protocol

from tmws_patterns.call import Candidate, RoutingDecision
from tmws_patterns.errors import Ambiguous, ErrorInfo, InvalidInput, NoMatch
from tmws_patterns.pattern import ExecutionMode, PatternDefinition, PatternType
from tmws_patterns.routing.arguments import understand
from tmws_patterns.routing.index import NAME, TRIGGER, PatternIndex
from tmws_patterns.routing.point import beside_the_point
from tmws_patterns.routing.signature import signature, summary
from tmws_patterns.targets import Effect, MemoryOperation, MemoryTarget

READ_CONFIDENCE = 0.5  # the spec's bands: a read is dispatched from here on,
WRITE_CONFIDENCE = 0.8  # a declared write from here on,
NAMED_CONFIDENCE = 0.99  # above a trigger's: for orders and general questions, whatever their words resemble
CANDIDATE_CONFIDENCE = 0.3  # and what is less likely than this is not even shown; a tool half begins here too
LONGEST_QUERY = 20_000  # characters; longer texts are stored by an explicit call, not spoken as a sentence
SHOWN = 3  # candidates handed back where nothing is dispatched
_KEPT_DECISIONS = 4_096
_TOSS_UP = 1.5  # times the odds of the second: see toss_up
MOST_UNMATCHED = 10  # words of a sentence that are told to be in no pattern
_JOINT = re.compile(
    r"\s?;\s?|,?\s(?:and|and then|and also|then|also)\s(?=(?:please\s)?(?:check|show|list|get|find|recall|tell|what|"
    r"which|how|is|are|search|fetch|give|look|read|summari[sz]e|who|when|where|why|remind|convert|calculate)\b)",
    re.IGNORECASE,
)
Ready = Callable[[str], Awaitable[None]]

RECALL = PatternDefinition(
    name="recall_memory",
    pattern_type=PatternType.MEMORY,
    description="Recall memories about a subject",
    memory=MemoryTarget(operation=MemoryOperation.RECALL, query="{query}"),
)
"""The memory half of a comprehensive answer where no memory pattern was asked for."""


class Patterns(Protocol):
    """The registry, as routing sees it. `version` changes with anything that could change a decision."""

    @property
    def version(self) -> int: ...

    @property
    def index(self) -> PatternIndex: ...

    def effect(self, pattern: PatternDefinition) -> Effect | None: ...

    def schema(self, pattern: PatternDefinition) -> Mapping[str, Any] | None: ...


@dataclass(frozen=True, slots=True)
class Bands:
    """From which confidence on what is done: a read run, a write run, a candidate shown (each 0 to 1)."""

    read: float = READ_CONFIDENCE
    write: float = WRITE_CONFIDENCE
    candidate: float = CANDIDATE_CONFIDENCE


@dataclass(frozen=True, slots=True)
class Choice:
    """A decision with the candidates that are to supply the tool half and the memory half; None for no such half.

    A pattern with steps supplies neither: it is the main one, and runs as it is written.
    """

    decision: RoutingDecision
    main: Candidate | None = None
    tool: Candidate | None = None
    memory: Candidate | None = None


class Router:
    """Decides, remembers decisions, and counts them."""

    def __init__(
        self,
        patterns: Patterns,
        bands: Bands = Bands(),
        ready: Ready | None = None,
        clock: Callable[[], date] = date.today,
    ) -> None:
        """Decide among `patterns`; `ready` is awaited by `route` before a sentence that needs what is learned."""
        self._patterns = patterns
        self._bands = bands
        self._ready = ready
        self._clock = clock
        self._kept: dict[tuple[str, ExecutionMode], Choice] = {}
        self._kept_version = -1
        self._counts: Counter[PatternType] = Counter()

    async def route(
        self,
        query: str,
        execution_mode: ExecutionMode | str = ExecutionMode.BALANCED,
        context: Mapping[str, Any] | None = None,
    ) -> RoutingDecision:
        """The decision for a sentence, with its arguments. `context` never changes which pattern is meant.

        Raises:
            InvalidInput: the sentence is empty, too long or holds a NUL, or the mode is unknown.
        """
        if self._ready is not None:
            await self._ready(query)
        choice = self.decide(query, mode_of(execution_mode))
        self.count(choice.decision.pattern_type)
        return self._with_arguments(choice, query, context or {})

    def decide(self, query: str, mode: ExecutionMode) -> Choice:
        """The decision with its candidates. A repeat is answered from memory while the patterns are the same."""
        if self._kept_version != self._patterns.version or len(self._kept) >= _KEPT_DECISIONS:
            self._kept.clear()
            self._kept_version = self._patterns.version
        choice = self._kept.get((query, mode))
        if choice is None:
            check_query(query)
            found = self._patterns.index.candidates(query)
            choose = {ExecutionMode.FAST: self._fast, ExecutionMode.COMPREHENSIVE: self._comprehensive}
            choice = choose.get(mode, self._balanced)(query, found)
            self._kept[query, mode] = choice
        return choice

    def _with_arguments(self, choice: Choice, query: str, context: Mapping[str, Any]) -> RoutingDecision:
        """The decision with what the sentence says for the pattern's variables."""
        main = choice.main
        if main is None:
            return choice.decision
        heard = understand(
            main.pattern,
            query=main.part or query,
            groups=main.groups,
            arguments={},
            context=context,
            schema=self._patterns.schema(main.pattern),
            today=self._clock(),
        )
        values = {name: value for name, value in heard.values.items() if value is not None}
        return replace(choice.decision, arguments=values)

    def halves(self, query: str) -> tuple[Candidate | None, Candidate]:
        """What a comprehensive answer to the sentence would ask: a tool, or None, and memory."""
        found = self._patterns.index.candidates(query)
        return self._tool_half(found), self._memory_half(query, found)

    def count(self, kind: PatternType) -> None:
        """Count a decision that was acted on."""
        self._counts[kind] += 1

    def get_stats(self) -> dict[str, Any]:
        """total_routes, routes_by_type, and route_distribution in percent."""
        total = self._counts.total()
        by_type = {str(kind): self._counts[kind] for kind in PatternType}
        return {
            "total_routes": total,
            "routes_by_type": by_type,
            "route_distribution": {kind: round(100 * n / total, 2) if total else 0.0 for kind, n in by_type.items()},
        }

    def shown(self, found: Sequence[Candidate], kind: PatternType | None = None) -> list[dict[str, Any]]:
        """The likely candidates, of one type if given, as a caller reads them."""
        enough = self._bands.candidate
        return self.told([c for c in found if c.confidence >= enough and kind in (None, c.pattern.pattern_type)])

    def told(self, found: Sequence[Candidate]) -> list[dict[str, Any]]:
        """The first candidates as a caller reads them, with how to call each."""
        return [
            {
                "pattern": c.name,
                "call": signature(c.pattern, self._patterns.schema(c.pattern)),
                "about": summary(c.pattern),
                "confidence": round(c.confidence, 2),
            }
            for c in found[:SHOWN]
        ]

    def _fast(self, query: str, found: list[Candidate]) -> Choice:
        return self._balanced(query, [c for c in found if c.pattern.pattern_type is PatternType.INFRASTRUCTURE])

    def _balanced(self, query: str, found: list[Candidate]) -> Choice:
        if (both := self._both(query, found)) is not None:
            return both
        if error := self._refusal(query, found):
            return Choice(_undecided(found, error))
        best = found[0]
        kind = best.pattern.pattern_type
        decision = self._decided(best, kind, found)
        return Choice(
            decision,
            main=best,
            tool=best if kind is not PatternType.MEMORY and not best.pattern.steps else None,
            memory=best if kind is not PatternType.INFRASTRUCTURE and not best.pattern.steps else None,
        )

    def _both(self, query: str, found: list[Candidate]) -> Choice | None:
        """A sentence that asks memory for one thing and a tool for another: both, each for its own part."""
        if not found or found[0].stage == NAME or found[0].pattern.pattern_type is PatternType.HYBRID:
            return None
        parts = clauses(query)
        if parts is None:
            return None
        halves: dict[PatternType, Candidate] = {}
        for part in parts:
            heard = self._patterns.index.candidates(part)
            if self._refusal(part, heard) or self._patterns.effect(heard[0].pattern) is not Effect.READ:
                return None
            if heard[0].pattern.steps:
                return None
            halves[heard[0].pattern.pattern_type] = heard[0]._replace(part=part)
        tool, memory = halves.get(PatternType.INFRASTRUCTURE), halves.get(PatternType.MEMORY)
        if tool is None or memory is None:
            return None
        first = max(tool, memory, key=lambda c: c.confidence)
        decision = self._decided(first, PatternType.HYBRID, [first, memory if first is tool else tool, *found])
        return Choice(decision, main=first, tool=tool, memory=memory)

    def _comprehensive(self, query: str, found: list[Candidate]) -> Choice:
        best = found[0] if found else None
        if best and best.pattern.steps and not self._refusal(query, found):
            return Choice(self._decided(best, best.pattern.pattern_type, found), main=best)
        if best and best.pattern.pattern_type is PatternType.HYBRID and not self._refusal(query, found):
            return Choice(self._decided(best, PatternType.HYBRID, found), main=best, tool=best, memory=best)
        tool, memory = self._tool_half(found), self._memory_half(query, found)
        main = max((c for c in (tool, memory) if c), key=lambda c: c.confidence)
        return Choice(self._decided(main, PatternType.HYBRID, found), main=main, tool=tool, memory=memory)

    def _decided(self, best: Candidate, kind: PatternType, found: Sequence[Candidate]) -> RoutingDecision:
        enough = self._bands.candidate
        others = tuple(c.name for c in found if c is not best and c.confidence >= enough)[:SHOWN]
        return RoutingDecision(
            pattern_type=kind,
            confidence=best.confidence,
            reasoning=f"{best.name} by its {best.stage}" + (f", before {others[0]}" if others else ""),
            estimated_cost=best.pattern.cost_tokens,
            alternative_routes=others,
            pattern_name=best.name,
            arguments=best.groups,
            candidates=tuple(found[:5]),
        )

    def _tool_half(self, found: list[Candidate]) -> Candidate | None:
        """The best tool that only reads, or of which nothing is known yet, where it is likely enough."""
        infrastructure = (c for c in found if c.pattern.call and c.pattern.memory is None)
        best = next((c for c in infrastructure if self._may_read(c.pattern)), None)
        return best if best and best.confidence >= self._bands.candidate else None

    def _may_read(self, pattern: PatternDefinition) -> bool:
        effect = self._patterns.effect(pattern)
        return effect is Effect.READ or (effect is None and self._patterns.schema(pattern) is None)

    def _memory_half(self, query: str, found: list[Candidate]) -> Candidate:
        """The write that the sentence asks for, else the memory pattern it asks for, else a recall."""
        best = next((c for c in found if c.pattern.memory and c.pattern.call is None), None)
        if best and best.confidence >= self._bands.read:
            effect = self._patterns.effect(best.pattern)
            if effect is Effect.READ or (effect is Effect.WRITE and best.confidence >= self._bands.write):
                return best
        return Candidate(self._patterns.index.named(RECALL.name) or RECALL, 0.0, "mode", {"query": query})

    def _refusal(self, query: str, found: list[Candidate]) -> ErrorInfo | None:
        """Why the best candidate is not to be followed; None where it is."""
        best = found[0] if found else None
        if best is None or best.confidence < self._needed(query, best):
            return self._no_match(query, found)
        if (rival := self._rival(found)) is not None:
            return Ambiguous(
                f"{best.name} and {rival.name} fit about equally well",
                hint="call the one you mean by name",
                candidates=self.shown(found),
            ).info
        return None

    def _no_match(self, query: str, found: list[Candidate]) -> ErrorInfo:
        shown = self.shown(found)
        unmatched = self._patterns.index.unmatched(query)[:MOST_UNMATCHED]
        message = "nothing registered fits this well enough to act on it" if shown else "nothing registered fits this"
        if shown and found[0].confidence >= self._bands.read:
            message = beside_the_point(query, found[0], self._patterns.effect(found[0].pattern)) or message
        return NoMatch(
            message,
            hint="call one of the candidates by name with its arguments, or say it in other words"
            if shown
            else "list_patterns shows what there is; say it in other words, or name a pattern",
            candidates=shown,
            **({"unmatched": unmatched} if unmatched else {}),
        ).info

    def _rival(self, found: list[Candidate]) -> Candidate | None:
        """The second best, where it is a toss-up which of the two is meant."""
        best, second = found[0], found[1] if len(found) > 1 else None
        if second is None or best.stage in (NAME, TRIGGER) or _same_target(best, second):
            return None
        return second if toss_up(best.confidence, second.confidence) else None

    def needed(self, query: str, found: Sequence[Candidate]) -> float:
        """Confidence (0 to 1) from which the best of these is followed."""
        return self._needed(query, found[0]) if found else self._bands.read

    def _needed(self, query: str, candidate: Candidate) -> float:
        effect = self._patterns.effect(candidate.pattern)
        if beside_the_point(query, candidate, effect):
            return NAMED_CONFIDENCE
        return self._bands.write if effect is Effect.WRITE else self._bands.read


def toss_up(first: float, second: float) -> bool:
    """True where the odds of the first confidence are less than 1.5 times those of the second (each 0 to 1).

    Of two such routes the first is right for 36 to 60% of the sentences of CLINC150 and BANKING77, at whichever
    height (scripts/bench_routing.py); one difference of confidences means another thing at each.
    """
    return first * (1 - second) < _TOSS_UP * second * (1 - first)


def clauses(query: str) -> tuple[str, str] | None:
    """The two requests of a sentence that holds two, joined by "and" or a semicolon; None for one or many."""
    parts = _JOINT.split(" ".join(query.split()), 2)
    if len(parts) != 2 or any(len(part.split()) < 2 for part in parts):  # noqa: PLR2004 - one word is no request
        return None
    return parts[0], parts[1]


def mode_of(value: ExecutionMode | str) -> ExecutionMode:
    """A mode by its name.

    Raises:
        InvalidInput: there is no such mode.
    """
    try:
        return ExecutionMode(value)
    except ValueError as exc:
        raise InvalidInput(f"no execution mode {value!r}", hint="use fast, balanced, comprehensive or hybrid") from exc


def check_query(query: str) -> None:
    """Refuse what is no sentence.

    Raises:
        InvalidInput: it is empty, too long, or holds a NUL.
    """
    if not query.strip():
        raise InvalidInput("the query is empty", hint="say what you want in a sentence, or name a pattern")
    if len(query) > LONGEST_QUERY:
        raise InvalidInput(
            f"the query has {len(query):,} characters, the limit is {LONGEST_QUERY:,}",
            hint="say it shorter; pass long texts in `arguments` of an explicit pattern",
        )
    if "\0" in query:
        raise InvalidInput("the query holds a NUL character", hint="remove it")


def _undecided(found: Sequence[Candidate], error: ErrorInfo) -> RoutingDecision:
    best = found[0] if found else None
    return RoutingDecision(
        pattern_type=best.pattern.pattern_type if best else PatternType.INFRASTRUCTURE,
        confidence=best.confidence if best else 0.0,
        reasoning=error.message,
        alternative_routes=tuple(c.name for c in found[:SHOWN]),
        candidates=tuple(found[:5]),
        error=error,
    )


def _same_target(one: Candidate, other: Candidate) -> bool:
    """True where both call the same tool: then it does not matter which is meant."""
    return one.pattern.call is not None and (
        other.pattern.call is not None
        and (one.pattern.call.server, one.pattern.call.tool) == (other.pattern.call.server, other.pattern.call.tool)
    )
