"""Plans of patterns with steps: what the steps do together, what they reach, and under which key they are kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date
from typing import Any

import orjson

from tmws_patterns.call import AnswerKey, Call, Candidate, Plan, Scope, StepsBranch
from tmws_patterns.errors import InvalidInput
from tmws_patterns.pattern import PatternDefinition
from tmws_patterns.routing.arguments import fill
from tmws_patterns.routing.planning import NAMED, Limits, Targets, confirmation
from tmws_patterns.routing.router import Choice
from tmws_patterns.step import Step
from tmws_patterns.targets import Effect, MemoryOperation


class StepPlans:
    """Makes them. What lies between the steps is not known yet, so their own arguments are filled when they run.

    `clock` gives the day that "tomorrow" follows.
    """

    def __init__(self, targets: Targets, limits: Limits, clock: Callable[[], date]) -> None:
        self._targets = targets
        self._limits = limits
        self._clock = clock

    def plan(self, call: Call, choice: Choice, candidate: Candidate, values: Mapping[str, Any]) -> Plan:
        """The plan of a pattern with steps, whose slots have these values.

        Raises:
            ConfirmationRequired: a sentence found it, and it may destroy, or nobody declared what it does.
            InvalidInput: it is one of tools alone, and runs one that remembers.
        """
        pattern, kind = candidate.pattern, choice.decision.pattern_type
        steps = self._branch(call, candidate, values)
        reads = steps.effect is Effect.READ
        servers = [f"server:{server}" for server in steps.servers]
        every = list(self._every(pattern))
        ttls = [p.cache_ttl for p in every if p.cache_ttl is not None] if pattern.cache_ttl is None else []
        return Plan(
            pattern=pattern,
            decision=choice.decision,
            pattern_type=kind,
            tool=None,
            memory=None,
            timeout=pattern.timeout or self._limits.timeouts[kind],
            steps=steps,
            key=self._key(call, steps) if reads else None,
            ttl=min([self._limits.ttl, *ttls]) if pattern.cache_ttl is None else pattern.cache_ttl,
            tags=(f"pattern:{pattern.name}", *servers),
            stale=frozenset() if reads else frozenset({*(tag for p in every for tag in p.invalidates), *servers}),
        )

    def _branch(self, call: Call, candidate: Candidate, values: Mapping[str, Any]) -> StepsBranch:
        """The steps with the values of their slots, and what they may do."""
        pattern, principal = candidate.pattern, call.principal
        effect, named = self._targets.effect(pattern), candidate.stage == NAMED
        every = list(self._every(pattern))
        if not named and (effect not in (Effect.READ, Effect.WRITE) or any(map(_forgets, every))):
            raise confirmation(pattern.name, {n: v for n, v in values.items() if v is not None}, effect)
        remembers = any(p.remembers for p in every)
        if remembers and not pattern.remembers:
            raise InvalidInput(f"{pattern.name} runs a pattern that uses memory", hint="put it into hybrid_patterns")
        effects = dict(self._targets.effects_of_steps(pattern))
        namespace = call.context.get("namespace")
        return StepsBranch(
            pattern,
            values,
            Scope(principal.tenant, principal.agent, principal.teams, str(namespace) if namespace else None),
            principal,
            effect or Effect.DESTRUCTIVE,
            context={n: v for n, v in call.context.items() if n in ("agent", "namespace")},
            reads=frozenset(name for name, one in effects.items() if Effect.READ in (one, effect)),
            promised={} if named else {s.name: one for s in pattern.steps if (one := _promised(pattern, s, effects))},
            servers=tuple(dict.fromkeys(server for server, _ in self._calls(pattern, values))),
            remembers=remembers,
        )

    def _key(self, call: Call, steps: StepsBranch) -> AnswerKey:
        """Identity of what steps come to: everything that they call, and what fills it.

        The day is part of it, since "tomorrow" may be said inside.
        """
        pattern = steps.pattern
        said = orjson.dumps(steps.values, option=orjson.OPT_SORT_KEYS, default=str).decode()
        parts: list[Any] = [call.principal.tenant, *self._versions(pattern), said, self._clock().isoformat()]
        for server, tool in self._calls(pattern, steps.values):
            definition = self._targets.tool(server, tool)
            drift = definition.definition_hash if definition else ""
            parts.append((server, self._targets.identity(server), tool, drift))
        if steps.remembers:
            parts.append((steps.scope.agent, sorted(steps.scope.teams), steps.scope.namespace or ""))
        return AnswerKey(parts)

    def _calls(self, pattern: PatternDefinition, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """(server, tool) of every call, those of other patterns that are run included; `values` of the slots."""
        if pattern.call is not None:
            yield str(fill(pattern.call.server, values) or ""), pattern.call.tool
        for step in pattern.steps:
            if step.call is not None:
                yield str(fill(step.call.server, values) or ""), step.call.tool
            elif (other := self._other(step)) is not None:
                yield from self._calls(other, {})
            elif (parted := (step.pattern or "").partition("."))[2] and self._targets.identity(parted[0]):
                yield parted[0], parted[2]  # a tool of a server that nobody has seen yet

    def _every(self, pattern: PatternDefinition) -> Iterator[PatternDefinition]:
        """The pattern, and all that it runs."""
        yield pattern
        for step in pattern.steps:
            if (other := self._other(step)) is not None:
                yield from self._every(other)

    def _versions(self, pattern: PatternDefinition) -> Iterator[str]:
        for one in self._every(pattern):
            yield one.name
            yield one.version

    def _other(self, step: Step) -> PatternDefinition | None:
        return self._targets.index.named(step.pattern) if step.pattern else None


def _promised(pattern: PatternDefinition, step: Step, effects: Mapping[str, Effect | None]) -> Effect | None:
    """The most that a step may do; None where the pattern's author answers for just this tool."""
    if pattern.effect is None:
        return effects[step.name]
    is_fixed = step.call is None or "{" not in step.call.server + step.call.tool
    return None if is_fixed else pattern.effect


def _forgets(pattern: PatternDefinition) -> bool:
    """True where memories are forgotten, which no sentence does."""
    operations = [pattern.memory, *(step.memory for step in pattern.steps)]
    return any(memory is not None and memory.operation is MemoryOperation.FORGET for memory in operations)
