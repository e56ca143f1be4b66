"""Plans of patterns with steps: what the steps do together, what they reach, and under which key they are kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tmws_patterns.call import AnswerKey, Call, Candidate, Plan, Scope, StepsBranch
from tmws_patterns.errors import ErrorInfo, Forbidden, ServerUnavailable
from tmws_patterns.pattern import PatternDefinition
from tmws_patterns.routing.router import Choice
from tmws_patterns.routing.targets import NAMED, Limits, Targets, added, allowed, confirmation
from tmws_patterns.routing.understanding.schemas import canonical
from tmws_patterns.step import Step
from tmws_patterns.targets import Effect


class StepPlans:
    """Makes them. What lies between the steps is not known yet, so their own arguments are filled when they run."""

    def __init__(self, targets: Targets, limits: Limits) -> None:
        self._targets = targets
        self._limits = limits

    def plan(self, call: Call, choice: Choice, candidate: Candidate, values: Mapping[str, Any]) -> Plan:
        """The plan of a pattern with steps, whose slots have these values.

        Raises:
            ConfirmationRequired: a sentence found it, and it may destroy, or nobody declared what it does.
        """
        pattern, kind = candidate.pattern, choice.decision.pattern_type
        steps = self._branch(call, candidate, values)
        reads = steps.effect is Effect.READ
        servers = [f"server:{server}" for server in steps.servers]
        return Plan(
            pattern=pattern,
            decision=choice.decision,
            pattern_type=kind,
            tool=None,
            memory=None,
            timeout=pattern.timeout or self._limits.timeouts[kind],
            steps=steps,
            key=self._key(call, steps) if reads else None,
            ttl=self._limits.ttl if pattern.cache_ttl is None else pattern.cache_ttl,
            tags=(f"pattern:{pattern.name}", *servers),
            stale=frozenset() if reads else frozenset({*self._invalidated(pattern), *servers}),
        )

    def _branch(self, call: Call, candidate: Candidate, values: Mapping[str, Any]) -> StepsBranch:
        """The steps with the values of their slots; a step whose server is not there fails alone."""
        pattern, principal = candidate.pattern, call.principal
        effect = self._targets.effect(pattern)
        if candidate.stage != NAMED and effect not in (Effect.READ, Effect.WRITE):
            raise confirmation(pattern.name, {n: v for n, v in values.items() if v is not None}, effect)
        effects = dict(self._targets.effects_of_steps(pattern))
        answered_for = candidate.stage == NAMED or pattern.effect is not None
        namespace = call.context.get("namespace")
        return StepsBranch(
            pattern,
            values,
            Scope(principal.tenant, principal.agent, principal.teams, str(namespace) if namespace else None),
            principal,
            effect or Effect.DESTRUCTIVE,
            context=call.context,
            reads=frozenset(name for name, one in effects.items() if Effect.READ in (one, effect)),
            promised={} if answered_for else {name: one for name, one in effects.items() if one is not None},
            unavailable={s.name: why for s in pattern.steps if (why := self._unavailable(s)) is not None},
            servers=tuple(dict.fromkeys(server for server, _ in self._calls(pattern))),
        )

    def _unavailable(self, step: Step) -> ErrorInfo | None:
        """Why a step cannot run; None where nothing is known to be in its way."""
        if step.call is None or "{" in step.call.server + step.call.tool:
            return None
        server, tool = step.call.server, step.call.tool
        if not self._targets.identity(server):
            return ServerUnavailable(f"no server {server!r} is configured", hint=added(server)).info
        definition = self._targets.tool(server, tool)
        if definition is not None and definition.denied:
            return Forbidden(f"servers.json denies {server}.{tool}", hint=allowed(server)).info
        return None

    def _key(self, call: Call, steps: StepsBranch) -> AnswerKey:
        """Identity of what steps come to: everything that they call, and what fills it."""
        pattern = steps.pattern
        parts: list[Any] = [call.principal.tenant, *self._versions(pattern), canonical(steps.values, None)]
        for server, tool in self._calls(pattern):
            definition = self._targets.tool(server, tool)
            parts.append(
                (server, self._targets.identity(server), tool, definition.definition_hash if definition else "")
            )
        if pattern.remembers:
            parts.append((steps.scope.agent, sorted(steps.scope.teams), steps.scope.namespace or ""))
        return AnswerKey(parts)

    def _calls(self, pattern: PatternDefinition) -> Iterator[tuple[str, str]]:
        """(server, tool) of every call, those of other patterns that are run included."""
        if pattern.call is not None:
            yield pattern.call.server, pattern.call.tool
        for step in pattern.steps:
            if step.call is not None:
                yield step.call.server, step.call.tool
            elif (other := self._other(step)) is not None:
                yield from self._calls(other)

    def _invalidated(self, pattern: PatternDefinition) -> Iterator[str]:
        """Tags that the pattern, or another that it runs, makes stale."""
        yield from pattern.invalidates
        for step in pattern.steps:
            if (other := self._other(step)) is not None:
                yield from self._invalidated(other)

    def _versions(self, pattern: PatternDefinition) -> Iterator[str]:
        yield pattern.name
        yield pattern.version
        for step in pattern.steps:
            if (other := self._other(step)) is not None:
                yield from self._versions(other)

    def _other(self, step: Step) -> PatternDefinition | None:
        return self._targets.index.named(step.pattern) if step.pattern else None
