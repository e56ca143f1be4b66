"""From a decision to a plan: the branches with their arguments, what may run, and under which key it is kept.

Here stands the rule of effects: a sentence runs reads and declared writes; what could destroy, and
what nobody declared, runs only when it is called by name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from difflib import get_close_matches
from typing import Any

from tmws_patterns.call import AnswerKey, Call, Candidate, MemoryBranch, Plan, RoutingDecision, Scope, ToolBranch
from tmws_patterns.errors import (
    ErrorInfo,
    Forbidden,
    InvalidInput,
    MissingArguments,
    NoMatch,
    ServerUnavailable,
    TmwsError,
)
from tmws_patterns.pattern import ExecutionMode, PatternDefinition, PatternType, ToolDefinition
from tmws_patterns.routing.arguments import Understood, fill, schema_of, understand
from tmws_patterns.routing.explain import explained
from tmws_patterns.routing.planning import NAMED, Limits, Targets, confirmation
from tmws_patterns.routing.router import SHOWN, Choice, Router
from tmws_patterns.routing.step_plans import StepPlans
from tmws_patterns.routing.understanding.schemas import canonical, required_of
from tmws_patterns.targets import Effect, MemoryOperation

TOOL, MEMORY = "tool", "memory"


class Planner:
    """Makes plans. Pure, like the router it asks, but for the `clock` that says which day "tomorrow" follows."""

    def __init__(
        self, router: Router, targets: Targets, limits: Limits, clock: Callable[[], date] = date.today
    ) -> None:
        self._router = router
        self._targets = targets
        self._limits = limits
        self._steps = StepPlans(targets, limits, clock)
        self._clock = clock

    def plan(self, call: Call) -> Plan:
        """Everything that is to happen for one call.

        Raises:
            TmwsError: the call leads to nothing: no_match, ambiguous, missing_arguments,
                confirmation_required, forbidden or invalid_input.
        """
        choice = self._named(call) if call.pattern else self._router.decide(call.query, call.mode)
        heard: list[Understood] = []
        try:
            if (error := choice.decision.error) is not None:
                raise TmwsError.of(error)
            return self._plan(call, choice, heard)
        except TmwsError as exc:
            exc.decision = self._told(call, choice, heard)
            raise

    def _told(self, call: Call, choice: Choice, heard: Sequence[Understood]) -> RoutingDecision:
        """The decision with the values that were found for its pattern, and why it is as it is."""
        decision = choice.decision
        values = {name: value for h in heard for name, value in h.values.items() if value is not None}
        missing = tuple(name for h in heard for name in h.missing)
        why = explained(decision, self._router.needed(call.query, decision.candidates), _filled(heard), missing)
        return replace(decision, arguments=values or decision.arguments, explain=why)

    def _named(self, call: Call) -> Choice:
        """The choice that the caller made by naming a pattern."""
        index = self._targets.index
        pattern = index.named(call.pattern or "")
        server = (call.pattern or "").partition(".")[0]
        if pattern is None and self._targets.identity(server) and not self._targets.tools_of(server):
            raise _not_known(server)
        if pattern is None:
            near = ", ".join(index.near(call.pattern or "")) or "none like it"
            raise NoMatch(
                f"there is no pattern {call.pattern!r}",
                hint=f"nearest names: {near}",
                candidates=self._router.shown(
                    [c._replace(confidence=1.0) for c in index.nearest(call.pattern or "", SHOWN)]
                ),
            )
        kind = pattern.pattern_type
        if call.mode is ExecutionMode.FAST and kind is not PatternType.INFRASTRUCTURE:
            raise NoMatch(f"{pattern.name} uses memory, which mode fast does not", hint="call it in mode balanced")
        candidate = Candidate(pattern, 1.0, NAMED, index.groups_of(pattern, call.query))
        if pattern.steps:
            return Choice(_by_name(candidate, kind), main=candidate)
        tool = candidate if pattern.call else None
        memory = candidate if pattern.memory else None
        if call.mode is ExecutionMode.COMPREHENSIVE:
            about = call.query or " ".join(v for v in call.arguments.values() if isinstance(v, str)) or pattern.name
            kind, (found_tool, found_memory) = PatternType.HYBRID, self._router.halves(about)
            tool, memory = tool or found_tool, memory or found_memory
        return Choice(_by_name(candidate, kind), main=candidate, tool=tool, memory=memory)

    def _plan(self, call: Call, choice: Choice, heard: list[Understood]) -> Plan:
        kind = choice.decision.pattern_type
        failures: dict[str, ErrorInfo] = {}
        tool: ToolBranch | None = None
        memory: MemoryBranch | None = None
        if choice.main is not None and choice.main.pattern.steps:
            heard.append(values := self._understand(call, choice.main))
            self._complete(choice.main.pattern, values, {}, None)
            return self._heard(call, choice, heard, self._steps.plan(call, choice, choice.main, values.values))
        if choice.tool is not None:
            try:
                tool = self._tool_branch(call, choice.tool, heard)
            except TmwsError as exc:
                if kind is not PatternType.HYBRID:
                    raise
                failures[TOOL] = exc.info
        elif kind is PatternType.HYBRID:
            failures[TOOL] = self._no_tool(call)
        if choice.memory is not None:
            try:
                memory = self._memory_branch(call, choice.memory, heard)
            except TmwsError as exc:
                if kind is not PatternType.HYBRID:
                    raise
                failures[MEMORY] = exc.info
        return self._heard(call, choice, heard, self._assemble(call, choice, tool, memory, failures))

    def _heard(self, call: Call, choice: Choice, heard: Sequence[Understood], plan: Plan) -> Plan:
        """The plan with what was understood for it."""
        decision = self._told(call, choice, heard)
        return replace(plan, decision=decision, moving=any(h.moving for h in heard), filled=_filled(heard))

    def _assemble(
        self,
        call: Call,
        choice: Choice,
        tool: ToolBranch | None,
        memory: MemoryBranch | None,
        failures: dict[str, ErrorInfo],
    ) -> Plan:
        kind = choice.decision.pattern_type
        used = [c.pattern for c in (choice.tool, choice.memory) if c]
        main = choice.main.pattern if choice.main else used[0]
        reads = all(e is Effect.READ for e in (tool and tool.effect, memory and memory.operation.effect) if e)
        ttls = [p.cache_ttl if p.cache_ttl is not None else self._limits.ttl for p in used]
        return Plan(
            pattern=main,
            decision=choice.decision,
            pattern_type=kind,
            tool=tool,
            memory=memory,
            timeout=min((p.timeout for p in used if p.timeout), default=self._limits.timeouts[kind]),
            failures=failures,
            key=self._key(call, main, tool, memory) if reads and not failures else None,
            ttl=min(ttls, default=0),
            tags=(*(f"pattern:{p.name}" for p in used), *([f"server:{tool.server}"] if tool else [])),
            stale=frozenset() if reads else _made_stale(used, tool),
        )

    def _tool_branch(self, call: Call, candidate: Candidate, heard: list[Understood]) -> ToolBranch:
        pattern = candidate.pattern
        if pattern.call is None:
            raise InvalidInput(f"{pattern.name} calls no tool")
        heard.append(values := self._understand(call, candidate))
        server, tool = self._target(pattern, values.values)
        if not self._targets.identity(server):
            setup = pattern.metadata.get("setup") or f"add {server!r} to servers.json"
            raise ServerUnavailable(f"no server {server!r} is configured", hint=str(setup))
        definition = self._definition(pattern, server, tool)
        if definition is not None and definition.denied:
            raise Forbidden(f"servers.json denies {server}.{tool}", hint="remove it from `tmws.deny` of that server")
        schema = definition.input_schema if definition else None
        if pattern.is_tool:
            given = self._given(call, candidate)
            arguments = {n: v for n, v in values.values.items() if v is not None or n in given}
        else:
            arguments = dict(fill(pattern.call.arguments, values.values) or {})
            arguments |= {n: values.values[n] for n in self._extra(self._given(call, candidate), pattern, schema)}
        self._complete(pattern, values, arguments, schema)
        effect = pattern.effect or (definition.effect if definition else None)
        named = candidate.stage == NAMED
        if not named and effect not in (Effect.READ, Effect.WRITE):
            name = pattern.name if self._is_fixed(pattern) else f"{server}.{tool}"
            given = values.values if self._is_fixed(pattern) else arguments
            raise confirmation(name, {n: v for n, v in given.items() if v is not None}, effect)
        answered_for = named or (pattern.effect is not None and not pattern.is_tool and self._is_fixed(pattern))
        return ToolBranch(
            server, tool, arguments, effect or Effect.DESTRUCTIVE, promised=None if answered_for else effect
        )

    def _memory_branch(self, call: Call, candidate: Candidate, heard: list[Understood]) -> MemoryBranch:
        pattern = candidate.pattern
        if pattern.memory is None:
            raise InvalidInput(f"{pattern.name} has no memory operation")
        heard.append(values := self._understand(call, candidate))
        wanted = pattern.memory.model_dump(exclude={"operation"}, exclude_none=True)
        own = {n: v for n, v in values.values.items() if n in type(pattern.memory).model_fields}
        passed = {n: v for n, v in own.items() if n in self._given(call, candidate)}
        arguments = {**fill(wanted, values.values), **passed}
        forgets = pattern.memory.operation is MemoryOperation.FORGET
        if not (forgets and passed.get("query")):  # which only shows what would be forgotten
            self._complete(pattern, values, arguments, None)
        effect = pattern.effect or pattern.memory.operation.effect
        if candidate.stage != NAMED and (effect is Effect.DESTRUCTIVE or forgets):
            raise confirmation(pattern.name, {n: v for n, v in values.values.items() if v is not None}, effect)
        principal = call.principal
        namespace = call.context.get("namespace")
        scope = Scope(principal.tenant, principal.agent, principal.teams, str(namespace) if namespace else None)
        return MemoryBranch(
            pattern.memory.operation, {n: v for n, v in arguments.items() if v not in (None, "")}, scope
        )

    def _definition(self, pattern: PatternDefinition, server: str, tool: str) -> ToolDefinition | None:
        """What is known of a tool; None where its author's word suffices for now.

        Raises:
            NoMatch: the server is known to have no such tool.
            ServerUnavailable: nothing is known of the server, and without that nobody can say what the call does.
        """
        definition = self._targets.tool(server, tool)
        if definition is not None:
            return definition
        known = self._targets.tools_of(server)
        if known:
            near = ", ".join(get_close_matches(tool, known, 3, 0.3) or known[:5])
            raise NoMatch(f"{server} has no tool {tool!r}", hint=f"its tools are, for example: {near}")
        if pattern.effect is None:
            raise _not_known(server)
        return None

    def _extra(
        self, given: Mapping[str, Any], pattern: PatternDefinition, schema: Mapping[str, Any] | None
    ) -> set[str]:
        """Names of explicit arguments that are no variable of the pattern and go to its tool as they are."""
        own = pattern.variables | set(pattern.slots)
        if pattern.memory is not None:  # then only what the tool is known to take: the rest is for memory
            own |= set(given) - set((schema or {}).get("properties", ()))
        return set(given) - own

    def _given(self, call: Call, candidate: Candidate) -> Mapping[str, Any]:
        """The caller's explicit arguments, which are for the pattern that was named, if one was."""
        return call.arguments if candidate.stage == NAMED or not call.pattern else {}

    def _understand(self, call: Call, candidate: Candidate) -> Understood:
        pattern = candidate.pattern
        return understand(
            pattern,
            query=candidate.part or call.query,
            groups=candidate.groups,
            arguments=self._given(call, candidate),
            context=call.context,
            schema=self._targets.schema(pattern),
            today=self._clock(),
        )

    def _target(self, pattern: PatternDefinition, values: Mapping[str, Any]) -> tuple[str, str]:
        """Server and tool by name; a tool without a server is looked up in every catalogue."""
        call = pattern.call
        server, tool = str(fill(call.server, values) or ""), str(fill(call.tool, values) or "")  # type: ignore[union-attr]
        if not server and "." in tool:
            server, _, tool = tool.partition(".")
        if server or not tool:
            return server, tool
        servers = self._targets.servers_of(tool)
        if len(servers) != 1:
            where = f"several servers have it: {', '.join(servers)}" if servers else "no known server has it"
            raise MissingArguments(
                f"which server's {tool}? {where}", hint="name the server in `arguments`", missing=["server"]
            )
        return servers[0], tool

    def _complete(
        self,
        pattern: PatternDefinition,
        understood: Understood,
        arguments: Mapping[str, Any],
        schema: Mapping[str, Any] | None,
    ) -> None:
        """Raise MissingArguments, with the schema and what was understood, where the call cannot be made."""
        missing = dict(understood.missing)
        for name in required_of(schema):
            if name not in arguments and not (pattern.is_tool or missing):
                missing[name] = ""
        if not missing:
            return
        reasons = "; ".join(reason for reason in missing.values() if reason)
        known = {n: v for n, v in understood.values.items() if v is not None}
        own = schema_of(pattern, self._targets.schema(pattern))
        raise MissingArguments(
            f"{pattern.name} needs {', '.join(missing)}" + (f" ({reasons})" if reasons else ""),
            hint="call it by name with these in `arguments`",
            pattern=pattern.name,
            missing=list(missing),
            understood=known,
            schema=own if set(missing) <= set(own.get("properties", ())) else dict(schema or own),
        )

    def _is_fixed(self, pattern: PatternDefinition) -> bool:
        """True where the tool is named in the pattern and not by the sentence."""
        return pattern.call is not None and "{" not in pattern.call.server + pattern.call.tool

    def _no_tool(self, call: Call) -> ErrorInfo:
        return NoMatch(
            "no tool fits this sentence",
            hint="name a pattern for the tool half",
            candidates=self._router.shown(self._targets.index.candidates(call.query), PatternType.INFRASTRUCTURE),
        ).info

    def _key(
        self, call: Call, main: PatternDefinition, tool: ToolBranch | None, memory: MemoryBranch | None
    ) -> AnswerKey:
        """Identity of the raw answer. The agent is part of it as soon as memory is."""
        parts: list[Any] = [call.principal.tenant, main.name, main.version]
        if tool:
            definition = self._targets.tool(tool.server, tool.tool)
            drift = definition.definition_hash if definition else ""
            said = canonical(tool.arguments, definition.input_schema if definition else None)
            parts.append((tool.server, self._targets.identity(tool.server), tool.tool, drift, said))
        if memory:
            scope = memory.scope
            who = (scope.agent, sorted(scope.teams), scope.namespace or "")
            parts.append((str(memory.operation), canonical(memory.arguments, None), who))
        return AnswerKey(parts)


def _by_name(candidate: Candidate, kind: PatternType) -> RoutingDecision:
    """The decision that a caller made by a name."""
    pattern = candidate.pattern
    said = f"{pattern.name} was named"
    return RoutingDecision(kind, 1.0, said, pattern.cost_tokens, pattern_name=pattern.name, candidates=(candidate,))


def _made_stale(used: Sequence[PatternDefinition], tool: ToolBranch | None) -> frozenset[str]:
    """The tags that a call which may write makes stale."""
    stale = {tag for pattern in used for tag in pattern.invalidates}
    if tool is not None and tool.effect is not Effect.READ:
        stale.add(f"server:{tool.server}")
    return frozenset(stale)


def _filled(heard: Sequence[Understood]) -> dict[str, str]:
    """What filled each value of the plan's branches."""
    return {n: said for h in heard for n, said in h.sources.items() if h.values.get(n) is not None}


def _not_known(server: str) -> ServerUnavailable:
    return ServerUnavailable(
        f"the tools of {server!r} are not known: it could not be reached yet",
        hint=f"see why with `tmws-patterns servers --connect`, then correct {server!r} in servers.json",
        unknown_servers=[server],
    )
