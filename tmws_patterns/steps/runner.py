"""Runs the steps of one pattern. Each begins as soon as what it needs has ended; all have one deadline.

A step that fails fails what needs it and nothing else. What lies between the steps never leaves this room: only what
the pattern returns does.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import anyio

from tmws_patterns.call import Call, MemoryBranch, Plan, Progress, StepsBranch
from tmws_patterns.errors import CallTimeout, ErrorInfo, InvalidInput, TmwsError
from tmws_patterns.expressions import expression
from tmws_patterns.ports import MemoryRunner, ToolCaller
from tmws_patterns.routing import Planner
from tmws_patterns.shaping import chosen, parts
from tmws_patterns.step import ITEM, Step, filled, needs_of
from tmws_patterns.targets import MemoryOperation

logger = logging.getLogger(__name__)

MOST_ITEMS = 100  # that a step runs for: more would be a job, not a call
_SIDE_BY_SIDE = 8  # of these at once, where they only read

RunPlan = Callable[[Plan, Progress | None], Awaitable[Any]]
"""Runs what was planned for another pattern and gives its answer as plain data."""


@dataclass(frozen=True, slots=True)
class Ended:
    """What a graph came to: its answer, and the failures of its steps by name."""

    answer: Any
    failures: Mapping[str, ErrorInfo]
    recalled: tuple[Any, ...] = ()
    """The raw results of its recalls, whose memories may expire."""


@dataclass(slots=True)
class _Run:
    """One run under way."""

    branch: StepsBranch
    deadline: float
    progress: Progress | None
    known: dict[str, Any]
    done: dict[str, anyio.Event]
    failures: dict[str, ErrorInfo] = field(default_factory=dict)
    recalled: list[Any] = field(default_factory=list)
    ended: int = 0


class StepRunner:
    """Runs graphs of steps, by way of the same rooms as single calls."""

    def __init__(self, tools: ToolCaller, memory: MemoryRunner, planner: Planner, run_plan: RunPlan) -> None:
        self._tools = tools
        self._memory = memory
        self._planner = planner
        self._run_plan = run_plan

    async def run(self, branch: StepsBranch, timeout: float, progress: Progress | None = None) -> Ended:
        """Run every step within `timeout` seconds, and compute what the pattern returns.

        Raises:
            TmwsError: every step that ran failed, or what the pattern returns does not fit the results.
        """
        steps = branch.pattern.steps
        run = _Run(
            branch,
            anyio.current_time() + timeout,
            progress,
            known={**branch.values, **{step.name: None for step in steps}},
            done={step.name: anyio.Event() for step in steps},
            failures=dict(branch.unavailable),
        )
        needs = needs_of(steps)
        async with anyio.create_task_group() as group:
            for step in steps:
                group.start_soon(self._settle, run, step, needs[step.name])
        if len(run.failures) == len(steps):
            raise _all_failed(run.failures)
        return Ended(_returned(run), run.failures, tuple(run.recalled))

    async def _settle(self, run: _Run, step: Step, needs: frozenset[str]) -> None:
        """Put a step's result, or its failure, where the others look for it."""
        name = step.name
        for needed in sorted(needs):
            await run.done[needed].wait()
        try:
            if broken := sorted(needs & run.failures.keys()):
                raise _not_run(name, broken, run.failures)
            if name not in run.failures:
                run.known[name] = await self._run_within(run, step)
        except TmwsError as exc:
            run.failures[name] = exc.info
        except Exception:
            logger.exception("step %s failed in a way nobody foresaw", name)
            run.failures[name] = TmwsError(f"step {name} failed", hint="the server's log tells more").info
        finally:
            run.ended += 1
            run.done[name].set()
        if run.progress is not None:
            await run.progress(run.ended, len(run.done), name)

    async def _run_within(self, run: _Run, step: Step) -> Any:
        left = run.deadline - anyio.current_time()
        limit = min(left, step.timeout) if step.timeout else left
        try:
            with anyio.fail_after(max(0.0, limit)):
                return await self._run_step(run, step)
        except TimeoutError as exc:
            raise CallTimeout(
                f"step {step.name} did not end in time",
                hint="raise `timeout` of the pattern or of the step, or ask for less",
            ) from exc

    async def _run_step(self, run: _Run, step: Step) -> Any:
        if step.when is not None and not expression(step.when).of(run.known):
            return None
        if step.foreach is None:
            return await self._once(run, step, run.known)
        items = expression(step.foreach).of(run.known) or []
        if not isinstance(items, list):
            raise InvalidInput(f"foreach of step {step.name} is no list", hint="let it give a list, as with [*]")
        if len(items) > MOST_ITEMS:
            raise InvalidInput(
                f"step {step.name} would run {len(items):,} times, the limit is {MOST_ITEMS}",
                hint=f"take fewer, as with [:{MOST_ITEMS}]",
            )
        return await self._for_each(run, step, items)

    async def _for_each(self, run: _Run, step: Step, items: list[Any]) -> list[dict[str, Any]]:
        """A result for each item, in order; a failure of one stands in its place, of all fails the step."""
        results: list[dict[str, Any]] = [{ITEM: item} for item in items]
        failures: list[ErrorInfo] = []
        limit = anyio.CapacityLimiter(_SIDE_BY_SIDE if step.name in run.branch.reads else 1)

        async def one(result: dict[str, Any]) -> None:
            async with limit:
                try:
                    result["result"] = await self._once(run, step, {**run.known, ITEM: result[ITEM]})
                except TmwsError as exc:
                    result["error"] = exc.info.to_dict()
                    failures.append(exc.info)

        async with anyio.create_task_group() as group:
            for result in results:
                group.start_soon(one, result)
        if failures and len(failures) == len(items):
            raise TmwsError.of(failures[0])
        return results

    async def _once(self, run: _Run, step: Step, known: Mapping[str, Any]) -> Any:
        """Call, recall, or run the other pattern, once."""
        asked = filled(step.target, run.branch.values, known)
        if step.call is not None:
            answer = await self._call(run, step, asked)
        elif step.memory is not None:
            answer = await self._recall(run, asked)
        else:
            answer = await self._other(run, step, asked)
        return chosen(answer, parts(step.select)) if step.select else answer

    async def _call(self, run: _Run, step: Step, asked: Mapping[str, Any]) -> Any:
        server, tool, arguments = asked["server"], asked["tool"], asked.get("arguments") or {}
        if not isinstance(arguments, Mapping):
            raise InvalidInput(f"the arguments of step {step.name} are no object", hint="let the expression give one")
        left = max(0.0, run.deadline - anyio.current_time())
        promised = run.branch.promised.get(step.name)
        return await self._tools.call(str(server), str(tool), arguments, timeout=left, effect=promised)

    async def _recall(self, run: _Run, asked: Mapping[str, Any]) -> Any:
        operation = MemoryOperation(asked["operation"])
        arguments = {n: v for n, v in asked.items() if n != "operation" and v not in (None, "", [])}
        answer = await self._memory.run(MemoryBranch(operation, arguments, run.branch.scope))
        run.recalled.append(answer)
        return answer

    async def _other(self, run: _Run, step: Step, asked: Mapping[str, Any]) -> Any:
        call = Call(pattern=step.pattern, arguments=asked, context=run.branch.context, principal=run.branch.principal)
        return await self._run_plan(self._planner.plan(call), None)


def _returned(run: _Run) -> Any:
    """What the pattern returns, with the failures beside it."""
    pattern = run.branch.pattern
    said = pattern.returns
    try:
        if isinstance(said, str):
            answer = expression(said).of(run.known)
        elif said:
            answer = {name: expression(one).of(run.known) for name, one in said.items()}
        else:
            answer = _last_results(run)
    except InvalidInput as exc:
        if not run.failures:
            raise
        answer, run.failures["returns"] = _last_results(run), exc.info
    if not run.failures:
        return answer
    failed = {name: info.to_dict() for name, info in run.failures.items()}
    return {**answer, "failed": failed} if isinstance(answer, dict) else {"result": answer, "failed": failed}


def _last_results(run: _Run) -> Any:
    """The results of the steps that no other needs, by name; of one alone its result."""
    needed = frozenset[str]().union(*needs_of(run.branch.pattern.steps).values())
    last = {s.name: run.known[s.name] for s in run.branch.pattern.steps if s.name not in needed}
    return next(iter(last.values())) if len(last) == 1 else last


def _not_run(name: str, broken: list[str], failures: Mapping[str, ErrorInfo]) -> TmwsError:
    first = failures[broken[0]]
    return TmwsError.of(
        ErrorInfo(first.code, f"step {name} was not run: {broken[0]} failed ({first.message})", first.hint)
    )


def _all_failed(failures: Mapping[str, ErrorInfo]) -> TmwsError:
    """The first failure, telling of the others."""
    error = TmwsError.of(next(iter(failures.values())))
    if len(failures) > 1:
        error.details = {**error.details, "failed": {name: info.to_dict() for name, info in failures.items()}}
    return error
