"""Between the raw answer and the caller: select, cut, count once, keep the rest for its cursor.

A shaped page is kept in the local tier under the raw answer's key and version, so that a repeat
neither counts nor shapes again. An answer over one page is kept whole in storage, not in the cache.
"""

from __future__ import annotations

import base64
import logging
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol
from urllib.parse import quote

import anyio
import orjson

from tmws_patterns.call import Call, ExecutionResult, Plan, Principal
from tmws_patterns.errors import CursorExpired, InvalidInput, StoreUnavailable
from tmws_patterns.pattern import Effect
from tmws_patterns.ports import Cached, KeptAnswers
from tmws_patterns.shaping import compact, count_tokens, cut, envelope, project, shown
from tmws_patterns.shaping.envelope import tail_tokens

logger = logging.getLogger(__name__)

ANSWER_TTL = 3600.0  # seconds that an answer over one page can be read on, by the spec
PAGE_TOKENS = 1_000  # of a page over MCP where nobody says otherwise, by the spec
ANSWER_URI = "tmws://answers/"
MEMORY_URI = "tmws://memories/"
_KEEPING = 2.0  # seconds in which an answer must be kept for its later pages, or the first page goes without
_THREADED = 100_000  # bytes from which counting (24 to 58 us a KB) leaves the event loop


class LocalPages(Protocol):
    """The local tier, for bytes that belong to an entry of it. Synchronous and quick."""

    def local_get(self, key: Hashable) -> bytes | None: ...

    def local_put(self, key: Hashable, payload: bytes, expires_at: float) -> None: ...


class Shaped(NamedTuple):
    """A page ready to be read: compact JSON, its tokens alone and inside an envelope, those of the raw answer.

    `tokens_raw` is 0 for a later page: the raw answer was accounted for with the first.
    """

    body: str
    tokens: int
    tail_tokens: int
    tokens_raw: int
    next_cursor: str | None = None
    resource: str | None = None
    failed: Sequence[str] = ()
    note: str | None = None
    """What could not be done with the answer, which is there all the same."""

    @property
    def data(self) -> Any:
        """The page as plain data, new each time, so that nobody can change a kept one."""
        return orjson.loads(self.body)

    def encode(self) -> bytes:
        """One line of facts, then the body as it is."""
        return orjson.dumps(self[1:]) + b"\n" + self.body.encode()

    @classmethod
    def decode(cls, payload: bytes) -> Shaped:
        """The reverse of encode."""
        head, _, body = payload.partition(b"\n")
        return cls(body.decode(), *orjson.loads(head))


@dataclass(frozen=True, slots=True)
class Resumed:
    """A later page of a kept answer, with the pattern it came from."""

    shaped: Shaped
    pattern_name: str
    pattern_type: str


class Presenter:
    """Shapes answers for their callers."""

    def __init__(self, pages: LocalPages, answers: KeptAnswers, clock: Callable[[], float]) -> None:
        self._pages = pages
        self._answers = answers
        self._clock = clock

    async def shape(self, call: Call, plan: Plan, cached: Cached) -> Shaped:
        """The first page of an answer, or all of it where the caller set no limit.

        Raises:
            InvalidInput: a read was asked for fields that are not in the answer.
        """
        budget = self._budget(call, plan)
        select = call.select or _fields(plan.pattern.select)
        owner = (call.principal.tenant, call.principal.agent)
        key = (cached.digest, *owner, cached.stored_at, select, budget) if cached.digest else None
        if key and (kept := self._pages.local_get(key)) is not None:
            return Shaped.decode(kept)
        shaped = await self._shape(owner, plan, cached.payload, select, budget)
        if key and not (shaped.failed or shaped.note):
            lives = min(plan.ttl, ANSWER_TTL / 2 if shaped.next_cursor else plan.ttl)
            self._pages.local_put(key, shaped.encode(), cached.stored_at + lives)
        return shaped

    async def resume(self, call: Call) -> Resumed:
        """The page that a cursor names. Never routes and never runs a tool.

        Raises:
            CursorExpired: the answer is no longer kept, or is not this caller's.
            InvalidInput: this is no cursor.
        """
        name, select, position = _read_cursor(call.cursor or "")
        kept = await self.whole(call.principal, name)
        data = await anyio.to_thread.run_sync(project, kept["answer"], select)
        budget = call.max_tokens or (kept["budget"] or PAGE_TOKENS if call.enveloped else None)
        page = cut(data, position, budget)
        cursor = _cursor(name, select, page.following) if page.following is not None else None
        resource = f"{ANSWER_URI}{quote(call.principal.agent)}/{name}"
        shaped = Shaped(page.body, page.tokens, tail_tokens(page.body), 0, cursor, resource)
        return Resumed(shaped, kept["pattern_name"], kept["pattern_type"])

    async def whole(self, principal: Principal, answer_id: str) -> Mapping[str, Any]:
        """A kept answer with its pattern.

        Raises:
            CursorExpired: it is not there for this principal.
        """
        kept = await self._answers.load((principal.tenant, principal.agent), answer_id, self._clock())
        if kept is None:
            raise CursorExpired(
                "this answer is not kept for you",
                hint="give the context of the call that it came from, or call again: it is kept for an hour",
            )
        found: Mapping[str, Any] = orjson.loads(kept)
        return found

    async def _shape(
        self, owner: tuple[str, str], plan: Plan, payload: bytes, select: tuple[str, ...], budget: int | None
    ) -> Shaped:
        raw = payload.decode()
        tokens_raw = count_tokens(raw) if len(raw) < _THREADED else await anyio.to_thread.run_sync(count_tokens, raw)
        if budget is None and not select:
            failed = _failed(plan, orjson.loads(payload)) if plan.is_hybrid else ()
            return Shaped(raw, tokens_raw, 0, tokens_raw, failed=failed)
        data = orjson.loads(payload)
        if budget is not None:
            data = self._for_a_page(owner, plan, data)
        chosen, note = _selected(plan, data, select)
        page = cut(chosen, (), budget)
        cursor = resource = None
        if page.following is not None:
            name, note = await self._kept(owner, plan, data, budget, note)
            if name is not None:
                shown = () if chosen is data else select
                cursor, resource = _cursor(name, shown, page.following), f"{ANSWER_URI}{quote(owner[1])}/{name}"
        return Shaped(
            page.body, page.tokens, tail_tokens(page.body), tokens_raw, cursor, resource, _failed(plan, data), note
        )

    def _for_a_page(self, owner: tuple[str, str], plan: Plan, data: Any) -> Any:
        """An answer with its memories as a page shows them."""
        if plan.memory is None or plan.memory.operation.effect is not Effect.READ:
            return data
        question, uri = str(plan.memory.arguments.get("query") or ""), f"{MEMORY_URI}{quote(owner[1])}/"
        if plan.is_hybrid and isinstance(data, dict):
            return {**data, "memory": shown(data.get("memory"), question, uri, self._clock())}
        return shown(data, question, uri, self._clock())

    async def _kept(
        self, owner: tuple[str, str], plan: Plan, data: Any, budget: int | None, note: str | None
    ) -> tuple[str | None, str | None]:
        """(id, note) of an answer kept for its later pages; without an id where it could not be."""
        kept = {
            "pattern_name": plan.pattern.name,
            "pattern_type": str(plan.pattern_type),
            "budget": budget,
            "answer": data,
        }
        try:
            with anyio.fail_after(_KEEPING):
                return await self._answers.keep(owner, compact(kept).encode(), self._clock(), ANSWER_TTL), note
        except (StoreUnavailable, TimeoutError) as exc:
            logger.warning("an answer over one page could not be kept: %s", exc or "no answer in time")
            return None, "this is the first page; the rest could not be kept, so call again with a larger max_tokens"

    def _budget(self, call: Call, plan: Plan) -> int | None:
        """Tokens of a page; None for all of it. Only a caller over MCP has one without asking."""
        if call.max_tokens is not None or not call.enveloped:
            return call.max_tokens
        return plan.pattern.max_tokens or PAGE_TOKENS


def rendered(result: ExecutionResult, shaped: Shaped | None) -> tuple[str, dict[str, Any]]:
    """An answer as an MCP client shows it: the text, and the same as structured content."""
    shown = {n: v for n, v in result.metadata.items() if n not in ("reasoning", "estimated_cost", "explain", "cache")}
    raw = shaped.tokens_raw if shaped else None

    def facts(used: int) -> dict[str, Any]:
        found = {
            "success": result.success,
            "pattern_name": result.pattern_name,
            "cache_hit": result.cache_hit,
            "execution_time_ms": result.execution_time_ms,
            "tokens_used": used,
            "metadata": shown if raw is None else {**shown, "tokens_saved": raw - used},
        }
        return found if result.error is None else {**found, "error": result.error.to_dict()}

    body = shaped.body if shaped else "null"
    text, used = envelope(facts, body, (shaped and shaped.tail_tokens) or tail_tokens(body))
    return text, {**facts(used), "result": result.result}


def _selected(plan: Plan, data: Any, select: tuple[str, ...]) -> tuple[Any, str | None]:
    """The fields wanted, or the whole answer with a note where there are none of them.

    Once something was written, or where the pattern's author chose the fields, their absence is no
    failure of the call.

    Raises:
        InvalidInput: the caller of a read asked for fields that are not there.
    """
    try:
        return project(data, select), None
    except InvalidInput as exc:
        if plan.key is not None and select != _fields(plan.pattern.select):
            raise
        return data, f"{exc.message}; {exc.hint}"


def _fields(select: tuple[str, ...] | str) -> tuple[str, ...]:
    return tuple(filter(None, (f.strip() for f in select.split(",")))) if isinstance(select, str) else tuple(select)


def _failed(plan: Plan, data: Any) -> tuple[str, ...]:
    return tuple(data.get("failed", ())) if plan.is_hybrid and isinstance(data, dict) else ()


def _cursor(name: str, select: tuple[str, ...], position: tuple[int, ...]) -> str:
    return base64.urlsafe_b64encode(orjson.dumps([name, select, position])).decode().rstrip("=")


def _read_cursor(cursor: str) -> tuple[str, tuple[str, ...], tuple[int, ...]]:
    try:
        name, select, position = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        numbers = tuple(int(n) for n in position)
        if not numbers or min(numbers) < 0 or not isinstance(name, str):
            raise ValueError(cursor)
        return name, tuple(map(str, select)), numbers
    except (ValueError, TypeError) as exc:
        raise InvalidInput("this is no cursor", hint="pass `next_cursor` of an answer as it was given") from exc
