"""How a call ends: its result, its true price, and one line in the ledger, whatever happened."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import orjson

from tmws_patterns.call import Call, CallRecord, ExecutionResult, RoutingDecision
from tmws_patterns.errors import ErrorInfo
from tmws_patterns.pattern import PatternType
from tmws_patterns.ports import Cached, Observer
from tmws_patterns.presentation import Shaped, rendered
from tmws_patterns.repeats import Repeat
from tmws_patterns.shaping import compact, count_tokens


class Answer(NamedTuple):
    """A result; over MCP also the text and the structured content that the client gets."""

    result: ExecutionResult
    text: str = ""
    structured: Mapping[str, Any] | None = None


class Ledger:
    """Ends calls. `started` is always a reading of time.perf_counter()."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer

    def success(
        self,
        call: Call,
        decision: RoutingDecision,
        name: str,
        shaped: Shaped,
        started: float,
        *,
        cached: Cached | None = None,
        server: str | None = None,
    ) -> Answer:
        """The end of a call that has an answer."""
        hit = cached is not None and cached.tier is not None
        metadata = _metadata(decision, shaped, cached)
        # by position, which is quicker than by name, as it is made for each repeat
        result = ExecutionResult(name, True, shaped.data, _elapsed(started), shaped.tokens, hit, None, metadata)
        return self._record(call, result, decision.pattern_type, shaped, server)

    def again(self, call: Call, repeat: Repeat, started: float) -> Answer:
        """The end of a call whose answer is one that was given before."""
        shaped = repeat.shaped
        metadata = {**repeat.metadata, "cache": _kept(repeat.cached, repeat.tags)}
        data, elapsed = orjson.loads(shaped.body), _elapsed(started)
        result = ExecutionResult(repeat.name, True, data, elapsed, shaped.tokens, True, None, metadata)
        if call.enveloped:
            return self._record(call, result, repeat.kind, shaped, repeat.server)
        self._observer.record(
            CallRecord(
                repeat.name, repeat.kind, True, elapsed, shaped.tokens, shaped.tokens_raw, "local", None, repeat.server
            )
        )
        return Answer(result)

    def failure(
        self,
        call: Call,
        error: ErrorInfo,
        started: float,
        decision: RoutingDecision | None = None,
        server: str | None = None,
    ) -> Answer:
        """The end of a call that has none. `decision` is None where it did not come to one."""
        kind = decision.pattern_type if decision else PatternType.INFRASTRUCTURE
        metadata: dict[str, Any] = {"pattern_type": str(kind)}
        if decision is not None:
            metadata |= {
                "confidence": round(decision.confidence, 4),
                "reasoning": decision.reasoning,
                "explain": decision.explain,
            }
        name = (decision and decision.pattern_name) or ""
        result = ExecutionResult(name, False, None, _elapsed(started), 0, error=error, metadata=metadata)
        return self._record(call, result, kind, None, server)

    def _record(
        self, call: Call, result: ExecutionResult, kind: PatternType, shaped: Shaped | None, server: str | None
    ) -> Answer:
        answer = _priced(call, result, shaped)
        self._observer.record(
            CallRecord(
                result.pattern_name,
                kind,
                result.success,
                result.execution_time_ms,
                answer.result.tokens_used,
                shaped.tokens_raw if shaped else None,
                result.metadata.get("cache_tier"),
                result.error.code if result.error else None,
                server,
            )
        )
        return answer


def _priced(call: Call, result: ExecutionResult, shaped: Shaped | None) -> Answer:
    """The answer with what it truly costs its reader: the whole object over MCP, else the result or the error."""
    if call.enveloped:
        text, structured = rendered(result, shaped)
        return Answer(replace(result, tokens_used=structured["tokens_used"]), text, structured)
    if result.error is None:
        return Answer(result)
    return Answer(replace(result, tokens_used=count_tokens(compact(result.error.to_dict()))))


def _metadata(decision: RoutingDecision, shaped: Shaped, cached: Cached | None) -> dict[str, Any]:
    found: dict[str, Any] = {
        "pattern_type": str(decision.pattern_type),
        "confidence": round(decision.confidence, 4),
        "reasoning": decision.reasoning,
        "tokens_raw": shaped.tokens_raw,
        "tokens_saved": shaped.tokens_raw - shaped.tokens,
        "estimated_cost": decision.estimated_cost,
        "explain": decision.explain,
        **shaped.more,
    }
    if cached is not None and cached.tier is not None:
        found["cache_tier"] = cached.tier
    if cached is not None and cached.expires_at:
        found["cache"] = _kept(cached, cached.tags)
    if cached is not None and cached.stale:
        found["stale"] = True
    return found


def _kept(cached: Cached, tags: Iterable[str]) -> dict[str, Any]:
    """Of an answer that is kept: its tier, its age and what is left of its time in seconds, and its tags."""
    now = time.time()
    age, left = int((now - cached.stored_at) * 1000) / 1000, int((cached.expires_at - now) * 1000) / 1000
    return {"tier": cached.tier, "age": age, "left": left, "tags": [*tags]}


def _elapsed(started: float) -> float:
    """Milliseconds since a perf_counter reading, cut to the microsecond: `round` takes longer."""
    return int((time.perf_counter() - started) * 1e6) / 1000
