"""The values that travel along one call: who asks, what for, what was decided, what came back.

All are frozen. Nothing here does any work beyond arranging itself.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, NamedTuple

from tmws_patterns.errors import ErrorInfo, Forbidden
from tmws_patterns.pattern import ExecutionMode, PatternDefinition, PatternType
from tmws_patterns.targets import Effect, MemoryOperation

Progress = Callable[[float, float | None, str | None], Awaitable[None]]
"""Awaited with (progress, total or None, message or None) as a downstream tool reports them."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who calls: a tenant and an agent, with the personas it may act as and the teams it is in.

    `agents` None means any persona, which is right where all personas are one person's.
    """

    tenant: str = "default"
    agent: str = "default"
    agents: frozenset[str] | None = None
    teams: frozenset[str] = frozenset()

    def acting_as(self, agent: str | None) -> Principal:
        """This principal as one of its personas; itself for None.

        Raises:
            Forbidden: the agent is not among the principal's.
        """
        if agent is None or agent == self.agent:
            return self
        if self.agents is not None and agent not in self.agents:
            allowed = ", ".join(sorted({self.agent, *self.agents}))
            raise Forbidden(f"{self.agent!r} may not act as {agent!r}", hint=f"use one of: {allowed}")
        return replace(self, agent=agent)


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose memories are in sight: those of one principal, narrowed to a namespace unless None."""

    tenant: str
    agent: str
    teams: frozenset[str] = frozenset()
    namespace: str | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """What the caller said, checked for form and nothing else."""

    query: str = ""
    pattern: str | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict)
    mode: ExecutionMode = ExecutionMode.BALANCED
    context: Mapping[str, Any] = field(default_factory=dict)
    use_cache: bool = True
    select: tuple[str, ...] = ()
    max_tokens: int | None = None
    cursor: str | None = None
    principal: Principal = Principal()
    progress: Progress | None = None
    enveloped: bool = False
    """True where the caller reads the whole result object as text (over MCP) and pays for it."""
    said: object | None = field(default=None, compare=False)
    """The same object for the same words of the same caller; None for words that are not remembered."""


class Candidate(NamedTuple):
    """A pattern that could answer, with its confidence (0 to 1), the stage that found it and what its trigger caught.

    `part` is the part of the sentence that it answers, "" for all of it; `start` the character at which what its
    trigger matched begins. A tuple, since routing makes several for each sentence, and more quickly than frozen
    dataclasses.
    """

    pattern: PatternDefinition
    confidence: float
    stage: str
    groups: Mapping[str, str] = MappingProxyType({})
    part: str = ""
    start: int = 0

    @property
    def name(self) -> str:
        """The pattern's name."""
        return self.pattern.name


@dataclass(frozen=True, slots=True)
class RoutingDecision:
    """What the router chose and why.

    Attributes:
        pattern_name: None where nothing fits well enough.
        confidence: 0 to 1.
        estimated_cost: the author's estimate in tokens.
        alternative_routes: names of the next best candidates, best first.
        arguments: values found for the pattern's variables.
        candidates: the first candidates with their scores, best first.
        error: why the decision leads to no call, None where it does.
        explain: which stage decided, the first five scores, what filled each argument, what would change the outcome.
    """

    pattern_type: PatternType
    confidence: float
    reasoning: str
    estimated_cost: int = 0
    alternative_routes: tuple[str, ...] = ()
    pattern_name: str | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict)
    candidates: tuple[Candidate, ...] = ()
    error: ErrorInfo | None = None
    explain: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ToolBranch:
    """One downstream call to make.

    `promised` is what the tool's definition said when this was planned: the call is refused where the
    tool does more by now. None where the caller, or the pattern's author, answers for the effect.
    """

    server: str
    tool: str
    arguments: Mapping[str, Any]
    effect: Effect
    promised: Effect | None = None


@dataclass(frozen=True, slots=True)
class MemoryBranch:
    """One memory operation to run. `arguments` are the resolved fields of a MemoryTarget."""

    operation: MemoryOperation
    arguments: Mapping[str, Any]
    scope: Scope


@dataclass(frozen=True, slots=True)
class StepsBranch:
    """The steps of a pattern, to be run together.

    Attributes:
        values: of the pattern's slots.
        scope: whose memories are in sight.
        reads: names of the steps that only read.
        promised: what the definitions of tools said when this was planned, by step; a step that is not there is
            answered for by the caller or the pattern's author.
        servers: that it calls, those of other patterns that it runs included.
        remembers: True where memory has a part in it, or in a pattern that it runs.
    """

    pattern: PatternDefinition
    values: Mapping[str, Any]
    scope: Scope
    principal: Principal
    effect: Effect
    context: Mapping[str, Any] = field(default_factory=dict)
    reads: frozenset[str] = frozenset()
    promised: Mapping[str, Effect] = field(default_factory=dict)
    servers: tuple[str, ...] = ()
    remembers: bool = False


class AnswerKey(tuple[Any, ...]):
    """The identity of a raw answer. It remembers its digest once it has one, since a kept plan is asked again."""

    digest: str | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that is to happen for one call.

    Attributes:
        tool, memory: the branches; at least one is set unless both failed while planning, or there are steps.
        steps: in the place of both, for a pattern that has them.
        failures: branches that were wanted and could not be planned, by name ("tool" or "memory").
        timeout: seconds each branch may take.
        key: identity of the raw answer; None where the answer must not be kept.
        ttl: seconds the answer may be repeated; 0 never.
        tags: what makes a kept answer stale.
        stale: what this call makes stale, whether or not it succeeds: a failed write may have half happened.
        moving: True where an argument depends on today's date ("tomorrow"): the answer is not to be kept.
        filled: what filled each argument, by name: "argument", "trigger", "sentence: '3 pm'", "context", "default".
    """

    pattern: PatternDefinition
    decision: RoutingDecision
    pattern_type: PatternType
    tool: ToolBranch | None
    memory: MemoryBranch | None
    timeout: float
    steps: StepsBranch | None = None
    failures: Mapping[str, ErrorInfo] = field(default_factory=dict)
    key: AnswerKey | None = None
    ttl: float = 0
    tags: tuple[str, ...] = ()
    stale: frozenset[str] = frozenset()
    moving: bool = False
    filled: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_hybrid(self) -> bool:
        """True where the answer has a memory half and a tool half."""
        return self.pattern_type is PatternType.HYBRID and self.steps is None

    @property
    def scope(self) -> Scope | None:
        """Whose memories have a part in the answer; None where none have."""
        if self.memory is not None:
            return self.memory.scope
        return self.steps.scope if self.steps is not None and self.steps.remembers else None

    @property
    def server(self) -> str | None:
        """The server that the call is counted for; None for none or several."""
        if self.tool is not None:
            return self.tool.server
        return self.steps.servers[0] if self.steps is not None and len(self.steps.servers) == 1 else None


@dataclass(frozen=True, slots=True)
class ExecutionResult:
    """The answer to one call.

    Attributes:
        pattern_name: "" where no pattern was chosen.
        result: plain data; None on failure.
        tokens_used: what this answer costs the caller who reads it, in o200k_base tokens.
        metadata: always holds pattern_type; on a cache hit cache_tier; next_cursor where there is more.
    """

    pattern_name: str
    success: bool
    result: Any
    execution_time_ms: float
    tokens_used: int
    cache_hit: bool = False
    error: ErrorInfo | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)


class CallRecord(NamedTuple):
    """One line of the ledger: everything the statistics and metrics need of a finished call.

    `tokens_raw` is what the answer would have cost unshaped; None where nothing was answered.
    """

    pattern_name: str
    pattern_type: PatternType
    success: bool
    duration_ms: float
    tokens_used: int
    tokens_raw: int | None = None
    cache_tier: str | None = None
    error_code: str | None = None
    server: str | None = None
