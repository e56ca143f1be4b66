"""Running a plan's branches side by side, so that one half's failure leaves the other's answer."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import orjson

from tmws_patterns.call import Plan, Progress
from tmws_patterns.errors import FAILED, CallTimeout, ErrorInfo, TmwsError
from tmws_patterns.ports import Loaded, MemoryRunner, ToolCaller
from tmws_patterns.routing import Planner
from tmws_patterns.steps import StepRunner, first_end

logger = logging.getLogger(__name__)

NOTHING_TTL = 5.0  # seconds that a tool's "there is none" is kept: what is not there may come at any moment
_NOTHING: tuple[Any, ...] = (None, "", [], {})
_DIGITS = 19  # a whole number of fewer digits fits 64 bits
_GRACE = 0.25  # seconds beyond a deadline that a room gets to report it in its own words


class Branches:
    """Computes raw answers."""

    def __init__(self, tools: ToolCaller, memory: MemoryRunner, planner: Planner, memory_timeout: float) -> None:
        self._tools = tools
        self._memory = memory
        self._memory_timeout = memory_timeout
        self._steps = StepRunner(tools, memory, memory_timeout, planner, self.run)

    async def run(self, plan: Plan, progress: Progress | None = None) -> Loaded:
        """The raw answer of a plan. One with a failed half is not to be kept.

        Raises:
            TmwsError: every branch failed; the first failure is raised.
        """
        if plan.steps is not None:
            ended = await self._steps.run(plan.steps, plan.timeout, progress)
            return Loaded(_encode(ended.answer), keep=ended.whole, expires_at=ended.expires_at)
        halves: dict[str, Any] = {}
        failures: dict[str, ErrorInfo] = dict(plan.failures)
        async with anyio.create_task_group() as group:
            if plan.tool is not None:
                group.start_soon(self._settle, "tool", lambda: self._run_tool(plan, progress), halves, failures)
            if plan.memory is not None:
                group.start_soon(self._settle, "memory", lambda: self._run_memory(plan), halves, failures)
        if not halves:
            ran = {name: error for name, error in failures.items() if name not in plan.failures}
            raise TmwsError.of_several({**ran, **failures})
        expires_at = first_end(halves.get("memory"))
        if not plan.is_hybrid:
            answer = next(iter(halves.values()))
            if plan.memory is None and answer in _NOTHING:
                expires_at = time.time() + NOTHING_TTL
            return Loaded(_encode(answer), keep=True, expires_at=expires_at)
        answer = {"tool": halves.get("tool"), "memory": halves.get("memory")}
        if failures:
            answer[FAILED] = {name: error.to_dict() for name, error in failures.items()}
        return Loaded(_encode(answer), keep=not failures, expires_at=expires_at)

    async def _settle(
        self, name: str, run: Callable[[], Awaitable[Any]], halves: dict[str, Any], failures: dict[str, ErrorInfo]
    ) -> None:
        """Put a branch's value, or its failure, where it belongs."""
        try:
            halves[name] = await run()
        except TmwsError as exc:
            failures[name] = exc.info
        except Exception:
            logger.exception("the %s branch failed in a way nobody foresaw", name)
            failures[name] = TmwsError(f"the {name} branch failed", hint="the server's log tells more").info

    async def _run_tool(self, plan: Plan, progress: Progress | None) -> Any:
        branch = plan.tool
        if branch is None:
            return None
        try:
            with anyio.fail_after(plan.timeout + _GRACE):
                return await self._tools.call(
                    branch.server,
                    branch.tool,
                    branch.arguments,
                    timeout=plan.timeout,
                    progress=progress,
                    effect=branch.promised,
                )
        except TimeoutError as exc:
            raise CallTimeout(
                f"{branch.server}.{branch.tool} did not answer in {plan.timeout:g} s",
                hint="try again, or raise `timeout` of the pattern or of the server in servers.json",
            ) from exc

    async def _run_memory(self, plan: Plan) -> Any:
        if plan.memory is None:
            return None
        timeout = min(plan.timeout, self._memory_timeout) if plan.is_hybrid else plan.timeout
        try:
            with anyio.fail_after(timeout):
                return await self._memory.run(plan.memory)
        except TimeoutError as exc:
            raise CallTimeout(
                f"memory did not answer in {timeout:g} s",
                hint="raise TMWS_PATTERN_MEMORY_TIMEOUT, or check the database",
            ) from exc


def _encode(answer: Any) -> bytes:
    try:
        return orjson.dumps(answer, option=orjson.OPT_NON_STR_KEYS, default=str)
    except TypeError:  # whole numbers beyond 64 bits, which go on as their digits: nothing is lost
        text = json.dumps(answer, default=str)
        return orjson.dumps(json.loads(text, parse_int=lambda digits: int(digits) if len(digits) < _DIGITS else digits))
