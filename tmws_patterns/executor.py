"""PatternExecutionEngine: the way of one call. Route, cache, dispatch, shape, record, and nothing else.

It knows its neighbours by their Protocols; app.py says who they are.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, Protocol, Self

import anyio

from tmws_patterns.branches import Branches
from tmws_patterns.call import Call, ExecutionResult, Plan, Principal, Progress, RoutingDecision
from tmws_patterns.errors import ErrorInfo, NoMatch, TmwsError
from tmws_patterns.intake import Intake, Words
from tmws_patterns.learner import Learner
from tmws_patterns.ledger import Answer, Ledger
from tmws_patterns.pattern import ExecutionMode, PatternType
from tmws_patterns.ports import AnswerCache, Cached, Loaded, MemoryRunner, ToolCaller
from tmws_patterns.presentation import Presenter
from tmws_patterns.progress import Audiences
from tmws_patterns.registry import PatternRegistry
from tmws_patterns.repeats import Repeats
from tmws_patterns.routing import Planner, Router
from tmws_patterns.shaping import compact

logger = logging.getLogger(__name__)

_DISCOVERY = 5.0  # seconds that servers never seen yet are waited for, by the spec
_DISCOVERY_REST = 30.0  # seconds before servers that could not be reached are tried again for a sentence
_CONNECT = 15.0  # seconds for servers that are asked for by name, as dispatch gives a connection
_KEPT_PLANS = 4_096
_SIDE_BY_SIDE = 32  # calls of one batch at once; more would only wait in the pools behind them


class Statistics(Protocol):
    """What the engine reports of itself, besides recording."""

    def snapshot(self) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The rooms around the executor."""

    registry: PatternRegistry
    router: Router
    planner: Planner
    learner: Learner
    cache: AnswerCache
    tools: ToolCaller
    memory: MemoryRunner
    branches: Branches
    presenter: Presenter
    ledger: Ledger
    statistics: Statistics


class PatternExecutionEngine:
    """Executes sentences and patterns. Made by `create_pattern_execution_engine`, closed by `aclose`."""

    def __init__(
        self,
        around: Neighbours,
        *,
        principal: Principal,
        default_mode: ExecutionMode,
        memory: Any,
        database: Any,
        close: Callable[[], Awaitable[None]],
    ) -> None:
        self._around = around
        self._intake = Intake(default_mode)
        self._close = close
        self._plans: dict[object, Plan] = {}
        self._plans_version = -1
        self._repeats = Repeats()
        self._discovered = -_DISCOVERY_REST
        self._audiences = Audiences()
        self._closed = False
        self.principal = principal
        self.registry = around.registry
        self.router = around.router
        self.cache_manager = around.cache
        self.memory = memory
        self.database = database

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Flush the statistics and close every connection and child process. May be called twice."""
        self._closed = True
        await self._close()

    async def execute(
        self,
        query: str | None = None,
        execution_mode: ExecutionMode | str | None = None,
        context: Mapping[str, Any] | None = None,
        use_cache: bool = True,
        *,
        pattern: str | None = None,
        arguments: Mapping[str, Any] | None = None,
        select: str | Sequence[str] | None = None,
        max_tokens: int | None = None,
        cursor: str | None = None,
    ) -> ExecutionResult:
        """Answer a sentence, run a named pattern, or read on where a cursor points.

        Args:
            query: what is wanted, in a sentence; may be left out beside `pattern` or `cursor`.
            execution_mode: None means the setting TMWS_PATTERN_DEFAULT_MODE.
            context: `agent` picks a persona, `namespace` narrows memory; other values fill slots of their name.
            use_cache: False computes the answer anew and keeps nothing.
            pattern, arguments: an explicit call; skips routing, and confirms what needs confirming.
            select: fields to keep of the answer, as a list or separated by commas.
            max_tokens: o200k tokens of a page; None means all of it.
            cursor: `next_cursor` of an earlier answer.

        Returns:
            The answer. A failure is a result with success False and an error.
        """
        started = time.perf_counter()
        try:
            words = Words(query, execution_mode, context, use_cache, pattern, arguments, select, max_tokens, cursor)
            call = self._intake.read(words, self.principal)
        except TmwsError as exc:
            return self._around.ledger.failure(Call(query=query or ""), exc.info, started).result
        return (self._repeated(call, started) or await self._answered(call, started)).result

    async def execute_many(
        self,
        queries: Iterable[str],
        execution_mode: ExecutionMode | str | None = None,
        context: Mapping[str, Any] | None = None,
        use_cache: bool = True,
    ) -> list[ExecutionResult]:
        """Answer a batch side by side. Results stand in the order of the queries; one failure never fails another."""
        asked = list(queries)
        results: dict[int, ExecutionResult] = {}
        limit = anyio.CapacityLimiter(_SIDE_BY_SIDE)

        async def one(place: int, query: str) -> None:
            async with limit:
                results[place] = await self.execute(query, execution_mode, context, use_cache)

        async with anyio.create_task_group() as group:
            for place, query in enumerate(asked):
                group.start_soon(one, place, query)
        return [results[place] for place in range(len(asked))]

    def call(
        self,
        query: str | None,
        execution_mode: ExecutionMode | str | None = None,
        context: Mapping[str, Any] | None = None,
        use_cache: bool = True,
        pattern: str | None = None,
        arguments: Mapping[str, Any] | None = None,
        select: str | Sequence[str] | None = None,
        max_tokens: int | None = None,
        cursor: str | None = None,
        *,
        principal: Principal | None = None,
        progress: Progress | None = None,
        enveloped: bool = False,
    ) -> Call:
        """The caller's words as a Call. See `execute` for the arguments and `Call` for the rest.

        Raises:
            InvalidInput: they have no usable form.
            Forbidden: the principal may not act as `context.agent`.
        """
        words = Words(query, execution_mode, context, use_cache, pattern, arguments, select, max_tokens, cursor)
        return self._intake.read(words, principal or self.principal, progress, enveloped=enveloped)

    def refused(self, error: ErrorInfo, started: float) -> Answer:
        """The end of a call over MCP whose words had no usable form: recorded and priced like any other."""
        return self._around.ledger.failure(Call(enveloped=True), error, started)

    async def answer(self, call: Call, started: float | None = None) -> Answer:
        """The way of one call. Never raises a failure; it is in the result, and recorded.

        Raises:
            RuntimeError: the engine is closed.
        """
        started = time.perf_counter() if started is None else started
        return self._repeated(call, started) or await self._answered(call, started)

    async def _answered(self, call: Call, started: float) -> Answer:
        """The whole way of a call that is no repeat."""
        if self._closed:
            raise RuntimeError("this engine is closed: create another one")
        try:
            if call.cursor:
                return await self._resume(call, started)
            plan = await self.plan(call)
            self._count(call, plan.decision)
            return await self._run(call, plan, started)
        except TmwsError as exc:
            self._count(call, exc.decision)
            return self._around.ledger.failure(call, exc.info, started, exc.decision)
        except Exception:
            logger.exception("a call failed in a way nobody foresaw")
            info = TmwsError("something failed inside the server", hint="the server's log tells more").info
            return self._around.ledger.failure(call, info, started)

    def _repeated(self, call: Call, started: float) -> Answer | None:
        """The answer that the same words got last time, where the cache says that it still holds."""
        repeat = None if self._closed else self._repeats.get(call.said, self.registry.version)
        if repeat is None or not self._around.cache.again(repeat.cached, repeat.tags, repeat.ttl):
            return None
        if call.pattern is None:
            self.router.count(repeat.kind)
        return self._around.ledger.again(call, repeat, started)

    async def _run(self, call: Call, plan: Plan, started: float) -> Answer:
        """A planned call: its answer, its page, its line in the ledger."""
        ledger, decision = self._around.ledger, plan.decision
        try:
            cached = await self._fetch(call, plan)
            shaped = await self._around.presenter.shape(call, plan, cached)
        except TmwsError as exc:
            return ledger.failure(call, exc.info, started, decision, plan.server)
        answer = ledger.success(call, decision, plan.pattern.name, shaped, started, cached=cached, server=plan.server)
        if self._plans.get(call.said) is plan:  # else it leans on the day, or on what was learned before
            self._repeats.keep(call, plan, cached, shaped, answer.result.metadata, self._plans_version)
        return answer

    def get_stats(self) -> dict[str, Any]:
        """Statistics of this session, with those of the registry, the router and the cache."""
        return {
            **self._around.statistics.snapshot(),
            "registry_stats": self.registry.get_stats(),
            "router_stats": self.router.get_stats(),
            "cache_stats": self.cache_manager.get_stats(),
        }

    async def prepare(self, query: str) -> None:
        """Let routing learn what it needs for a sentence; it waits two seconds at most."""
        await self._around.learner.ready(query)

    async def learned(self) -> None:
        """Wait until routing has learned all patterns as they are now; the first sentences may come before that."""
        await self._around.learner.complete()

    async def discover(self, servers: Sequence[str] | None = None) -> list[str]:
        """Connect servers whose tools were never seen, all or those named; returns those still unknown.

        All of them are waited for 5 s and then left alone for half a minute; named ones get their whole
        connect deadline each time.
        """
        if servers is not None:
            return await self._around.tools.discover(_CONNECT, servers)
        if time.monotonic() - self._discovered < _DISCOVERY_REST:
            return self._around.tools.unknown()
        unknown = await self._around.tools.discover(_DISCOVERY)
        self._discovered = time.monotonic()
        return unknown

    async def whole_answer(self, answer_id: str, principal: Principal | None = None) -> Any:
        """A kept answer in full, for the resource that names it.

        Raises:
            CursorExpired: it is not there for this principal.
        """
        return (await self._around.presenter.whole(principal or self.principal, answer_id))["answer"]

    def _count(self, call: Call, decision: RoutingDecision | None) -> None:
        """Count a routed call once, however often it was planned."""
        if decision is not None and call.pattern is None:
            self.router.count(decision.pattern_type)

    async def plan(self, call: Call) -> Plan:
        """What would be done for a call, without doing it.

        Servers never seen yet are connected first where what is known does not settle the call.

        Raises:
            TmwsError: the call leads to nothing; its `decision` says how far it came.
        """
        if self._plans_version != self.registry.version or len(self._plans) >= _KEPT_PLANS:
            self._plans.clear()
            self._plans_version = self.registry.version
        if (kept := self._plans.get(call.said)) is not None:
            return kept
        if call.query:
            await self._around.learner.ready(call.query)
        version = self.registry.version  # what was learned meanwhile makes older plans stale
        plan: Plan | None = None
        error: TmwsError | None = None
        try:
            plan = self._around.planner.plan(call)
        except TmwsError as exc:
            error = exc
        if self._around.tools.unknown() and (wanted := _wanted(plan, error, self._around.tools.unknown())) != []:
            plan = await self._plan_with_servers(call, wanted)
        if plan is None:
            raise error or TmwsError("no plan was made")
        if plan.scope is not None:
            plan = replace(plan, tags=(*plan.tags, *self._around.memory.tags(plan.scope)))
        if call.said is not None and not plan.failures and not plan.moving and version == self._plans_version:
            self._plans[call.said] = plan
        return plan

    async def _plan_with_servers(self, call: Call, servers: list[str] | None) -> Plan:
        """Plan again, with the tools of servers never seen yet; a failure names those still unknown."""
        unknown = await self.discover(servers)
        try:
            return self._around.planner.plan(call)
        except TmwsError as exc:
            if unknown:
                exc.details = {**exc.details, "unknown_servers": unknown}
                why = "; ".join(f"{name}: {reason}" for name in unknown if (reason := self._around.tools.why(name)))
                exc.message = f"{exc.message} ({why})" if why else exc.message
            raise

    async def _fetch(self, call: Call, plan: Plan) -> Cached:
        """The raw answer, from the cache where it may come from there."""
        if plan.key is None or not call.use_cache:
            return await self._compute(call, plan)
        if call.progress is None:
            return await self._share(plan, plan.key, None)
        with self._audiences.joined(compact(list(plan.key)), call.progress) as progress:
            return await self._share(plan, plan.key, progress)

    async def _share(self, plan: Plan, key: tuple[Any, ...], progress: Progress | None) -> Cached:
        """From the cache, or computed once for all who ask for it now."""

        async def load() -> Loaded:
            return await self._around.branches.run(plan, progress)

        shared = plan.tool is not None or plan.steps is not None
        return await self._around.cache.get_or_load(key, load, ttl=plan.ttl, tags=plan.tags, shared=shared)

    async def _compute(self, call: Call, plan: Plan) -> Cached:
        """For this caller alone, and what it made stale is stale before anybody reads on."""
        try:
            loaded = await self._around.branches.run(plan, call.progress)
        finally:
            if plan.stale:
                with anyio.CancelScope(shield=True):
                    await self._around.cache.invalidate(plan.stale)
        return Cached(loaded.payload, None, 0.0)

    async def _resume(self, call: Call, started: float) -> Answer:
        resumed = await self._around.presenter.resume(call)
        kind = PatternType(resumed.pattern_type)
        decision = RoutingDecision(kind, 1.0, "a cursor was given", pattern_name=resumed.pattern_name)
        return self._around.ledger.success(call, decision, resumed.pattern_name, resumed.shaped, started)


def _wanted(plan: Plan | None, error: TmwsError | None, unknown: Sequence[str]) -> list[str] | None:
    """Which servers' tools are needed to settle a call: some by name, all (None), or no more ([])."""
    failures = [error.info] if error else list(plan.failures.values()) if plan else []
    if any(failure.code == NoMatch.code for failure in failures):
        return None
    named = [name for failure in failures for name in failure.details.get("unknown_servers", ())]
    if plan is not None and plan.tool is not None and plan.tool.server in unknown:
        named.append(plan.tool.server)
    if plan is not None and plan.steps is not None:
        named += [server for server in plan.steps.servers if server in unknown]
    return named
