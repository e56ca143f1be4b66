"""Runs the steps of one pattern. Each begins as soon as what it needs has ended; all have one deadline.

A step that fails fails what needs it and nothing else. What lies between the steps never leaves this room: only what
the pattern returns does.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import anyio
import anyio.to_thread
import orjson

from tmws_patterns.call import Call, MemoryBranch, Plan, Progress, StepsBranch
from tmws_patterns.errors import FAILED, CallTimeout, ConfirmationRequired, ErrorInfo, InvalidInput, TmwsError
from tmws_patterns.expressions import expression
from tmws_patterns.ports import Loaded, MemoryRunner, ToolCaller
from tmws_patterns.routing import Planner
from tmws_patterns.selection import parts
from tmws_patterns.shaping import chosen
from tmws_patterns.step import ITEM, Step, filled, needs_of
from tmws_patterns.targets import Effect, MemoryOperation

logger = logging.getLogger(__name__)

MOST_ITEMS = 100  # that a step runs for: more would be a job, not a call
_SHAPING = 1.0  # seconds in which the answer is made of the results where the deadline has passed meanwhile
_SIDE_BY_SIDE = 8  # of these at once, where they only read

RunPlan = Callable[[Plan], Awaitable[Loaded]]
"""Computes the raw answer of what was planned for another pattern."""


@dataclass(frozen=True, slots=True)
class Ended:
    """What a graph came to: its answer, whether it is whole, and when the first memory in it expires (None: never)."""

    answer: Any
    whole: bool
    expires_at: float | None = None


@dataclass(slots=True)
class _Run:
    """One run under way. `failures` are of steps as a whole, `partial` of steps that have a result all the same."""

    branch: StepsBranch
    deadline: float
    progress: Progress | None
    known: dict[str, Any]
    done: dict[str, anyio.Event]
    failures: dict[str, ErrorInfo] = field(default_factory=dict)
    partial: dict[str, ErrorInfo] = field(default_factory=dict)
    left_out: set[str] = field(default_factory=set)
    ends: list[float] = field(default_factory=list)
    ended: int = 0

    async def value(self, said: str) -> Any:
        """The value of an expression over what is known. In a thread: it may take long, and the deadline holds."""
        return await anyio.to_thread.run_sync(expression(said).of, self.known, abandon_on_cancel=True)


class StepRunner:
    """Runs graphs of steps, by way of the same rooms as single calls."""

    def __init__(
        self, tools: ToolCaller, memory: MemoryRunner, memory_timeout: float, planner: Planner, run_plan: RunPlan
    ) -> None:
        """`memory_timeout` is for how many seconds memory may work on a step that has no timeout of its own."""
        self._tools = tools
        self._memory = memory
        self._memory_timeout = memory_timeout
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
        )
        needs = needs_of(steps)
        async with anyio.create_task_group() as group:
            for step in steps:
                group.start_soon(self._settle, run, step, needs[step.name])
        if run.failures and len(run.failures) + len(run.left_out) == len(steps):
            raise TmwsError.of_several(run.failures)
        answer = await _returned(run)
        return Ended(answer, not (run.failures or run.partial), min(run.ends, default=None))

    async def _settle(self, run: _Run, step: Step, needs: frozenset[str]) -> None:
        """Put a step's result, or its failure, where the others look for it."""
        name = step.name
        for needed in sorted(needs):
            await run.done[needed].wait()
        try:
            if broken := sorted(needs & run.failures.keys()):
                raise _not_run(name, broken, run.failures)
            run.known[name] = await self._run_step(run, step)
        except TmwsError as exc:
            run.failures[name] = exc.info
        except Exception:
            logger.exception("step %s failed in a way nobody foresaw", name)
            run.failures[name] = _unforeseen(name)
        finally:
            run.ended += 1
            run.done[name].set()
        if run.progress is not None:
            try:
                await run.progress(run.ended, len(run.done), name)
            except Exception as exc:  # nobody listens any more: the steps go on
                logger.info("progress could not be told: %r", exc)

    async def _run_step(self, run: _Run, step: Step) -> Any:
        until = min(run.deadline, anyio.current_time() + step.timeout) if step.timeout else run.deadline
        items: Any = None
        with _deadline(step.name, until):
            if step.when is not None and not _holds(await run.value(step.when)):
                run.left_out.add(step.name)
                return None
            if step.foreach is None:
                return await self._once(run, step, run.known, until)
            items = await run.value(step.foreach)
        items = [] if items is None else items
        if not isinstance(items, list):
            raise InvalidInput(f"foreach of step {step.name} is no list", hint="let it give a list, as with [*]")
        if len(items) > MOST_ITEMS:
            raise InvalidInput(
                f"step {step.name} would run {len(items):,} times, the limit is {MOST_ITEMS}",
                hint=f"take fewer, as with [:{MOST_ITEMS}]",
            )
        return await self._for_each(run, step, items, until)

    async def _for_each(self, run: _Run, step: Step, items: list[Any], until: float) -> list[dict[str, Any]]:
        """A result for each item, in order; a failure of one stands in its place, of all fails the step."""
        results: list[dict[str, Any]] = [{ITEM: item} for item in items]
        failures: list[ErrorInfo] = []
        limit = anyio.CapacityLimiter(_SIDE_BY_SIDE if step.name in run.branch.reads else 1)

        async def one(result: dict[str, Any]) -> None:
            try:
                with _deadline(step.name, until):
                    async with limit:
                        result["result"] = await self._once(run, step, {**run.known, ITEM: result[ITEM]}, until)
            except TmwsError as exc:
                failures.append(exc.info)
            except Exception:
                logger.exception("step %s failed in a way nobody foresaw", step.name)
                failures.append(_unforeseen(step.name))
            if "result" not in result:
                result["error"] = failures[-1].to_dict()

        async with anyio.create_task_group() as group:
            for result in results:
                group.start_soon(one, result)
        if failures and len(failures) == len(items):
            raise TmwsError.of(failures[0])
        if failures:
            first = failures[0]
            said = f"{len(failures)} of {len(items)} failed, the first: {first.message}"
            run.partial[step.name] = ErrorInfo(first.code, said, first.hint)
        return results

    async def _once(self, run: _Run, step: Step, known: Mapping[str, Any], until: float) -> Any:
        """Call, recall, or run the other pattern, once."""
        asked = await anyio.to_thread.run_sync(filled, step.target, run.branch.values, known, abandon_on_cancel=True)
        if step.call is not None:
            answer = await self._call(run, step, asked, until)
        elif step.memory is not None:
            usual = until if step.timeout else anyio.current_time() + self._memory_timeout
            with _deadline(step.name, min(until, usual)):
                answer = await self._recall(run, asked)
        else:
            answer = await self._other(run, step, asked)
        if not step.select:
            return answer
        return await anyio.to_thread.run_sync(chosen, answer, parts(step.select), abandon_on_cancel=True)

    async def _call(self, run: _Run, step: Step, asked: Mapping[str, Any], until: float) -> Any:
        server, tool, arguments = asked.get("server"), asked.get("tool"), asked.get("arguments") or {}
        if not (isinstance(server, str) and server and isinstance(tool, str) and tool):
            raise InvalidInput(f"step {step.name} names no tool", hint="let the expression give the name of one")
        if not isinstance(arguments, Mapping):
            raise InvalidInput(f"the arguments of step {step.name} are no object", hint="let the expression give one")
        if (left := until - anyio.current_time()) <= 0:
            raise TimeoutError
        promised = run.branch.promised.get(step.name)
        return await self._tools.call(server, tool, arguments, timeout=left, effect=promised)

    async def _recall(self, run: _Run, asked: Mapping[str, Any]) -> Any:
        operation = MemoryOperation(asked["operation"])
        arguments = {n: v for n, v in asked.items() if n != "operation" and v not in (None, "", [])}
        answer = await self._memory.run(MemoryBranch(operation, arguments, run.branch.scope))
        if (end := first_end(answer)) is not None:
            run.ends.append(end)
        return answer

    async def _other(self, run: _Run, step: Step, asked: Mapping[str, Any]) -> Any:
        """The answer of another pattern, as its author shows it; it may do no more than the step was planned to."""
        call = Call(pattern=step.pattern, arguments=asked, context=run.branch.context, principal=run.branch.principal)
        plan = self._planner.plan(call)
        if (most := run.branch.promised.get(step.name)) is not None:
            plan = _at_most(plan, most)
        loaded = await self._run_plan(plan)
        if loaded.expires_at is not None:
            run.ends.append(loaded.expires_at)
        if not loaded.keep:
            run.partial[step.name] = ErrorInfo("partial", f"a part of {plan.pattern.name} failed")
        answer = orjson.loads(loaded.payload)
        return chosen(answer, parts(plan.pattern.select))


@contextmanager
def _deadline(name: str, until: float) -> Iterator[None]:
    """Ends what takes longer than the event loop's time `until`. Raises CallTimeout."""
    try:
        with anyio.fail_after(max(0.0, until - anyio.current_time())):
            yield
    except TimeoutError as exc:
        raise CallTimeout(
            f"step {name} did not end in time", hint="raise `timeout` of the pattern or of the step, or ask for less"
        ) from exc


def _holds(value: Any) -> bool:
    """False for what JMESPath takes as false: false, null, and what is empty. 0 is a number like any other."""
    return value is not None and value is not False and value not in ("", [], {})


def _at_most(plan: Plan, most: Effect) -> Plan:
    """The plan, in which a tool that does more by now is refused."""
    if plan.memory is not None and plan.memory.operation.effect.exceeds(most):
        raise ConfirmationRequired(f"{plan.pattern.name} is a {plan.memory.operation.effect}", hint="call it by name")
    tool = replace(plan.tool, promised=most) if plan.tool else None
    steps = plan.steps and replace(plan.steps, promised={step.name: most for step in plan.steps.pattern.steps})
    return replace(plan, tool=tool, steps=steps)


async def _returned(run: _Run) -> Any:
    """What the pattern returns, with the failures beside it."""
    said = run.branch.pattern.returns
    try:
        with _deadline("returns", max(run.deadline, anyio.current_time() + _SHAPING)):
            if isinstance(said, str):
                answer = await run.value(said)
            elif said:
                answer = {name: await run.value(one) for name, one in said.items()}
            else:
                answer = _last_results(run)
    except TmwsError as exc:
        if not run.failures:
            raise
        answer, run.failures["returns"] = _last_results(run), exc.info
    failed = {name: info.to_dict() for name, info in {**run.partial, **run.failures}.items()}
    if not failed:
        return answer
    has_room = isinstance(answer, dict) and FAILED not in answer
    return {**answer, FAILED: failed} if has_room else {"result": answer, FAILED: failed}


def _last_results(run: _Run) -> Any:
    """The results of the steps that no other needs, by name; of one alone its result."""
    needed = frozenset[str]().union(*needs_of(run.branch.pattern.steps).values())
    last = {s.name: run.known[s.name] for s in run.branch.pattern.steps if s.name not in needed}
    return next(iter(last.values())) if len(last) == 1 else last


def _unforeseen(name: str) -> ErrorInfo:
    return TmwsError(f"step {name} failed", hint="the server's log tells more").info


def _not_run(name: str, broken: list[str], failures: Mapping[str, ErrorInfo]) -> TmwsError:
    first = failures[broken[0]]
    return TmwsError.of(
        ErrorInfo(first.code, f"step {name} was not run: {broken[0]} failed ({first.message})", first.hint)
    )


def first_end(memories: Any) -> float | None:
    """When the first of some recalled memories expires, in seconds since 1970; None for never."""
    if not isinstance(memories, list):
        return None
    times = [row["expires_at"] for row in memories if isinstance(row, dict) and row.get("expires_at")]
    return min((datetime.fromisoformat(time).timestamp() for time in times), default=None)
