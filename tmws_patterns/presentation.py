"""Between the raw answer and the caller: select, cut, count once, keep the rest for its cursor.

A shaped page is kept in the local tier under the raw answer's key and version, so that a repeat
neither counts nor shapes again. An answer over one page is kept whole in storage, not in the cache.
"""

from __future__ import annotations

import base64
import logging
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol
from urllib.parse import quote

import anyio
import orjson

from tmws_patterns.call import Call, ExecutionResult, Plan, Principal
from tmws_patterns.errors import FAILED, CursorExpired, InvalidInput, StoreUnavailable
from tmws_patterns.pattern import Compaction
from tmws_patterns.ports import Cached, KeptAnswers
from tmws_patterns.selection import parts
from tmws_patterns.shaping import FirstPage, Form, Page, compact, count_tokens, envelope, shown
from tmws_patterns.shaping.envelope import tail_tokens
from tmws_patterns.targets import Effect

logger = logging.getLogger(__name__)

ANSWER_TTL = 3600.0  # seconds that an answer over one page can be read on, by the spec
PAGE_TOKENS = 1_000  # of a page over MCP where nobody says otherwise, by the spec
ANSWER_URI = "tmws://answers/"
MEMORY_URI = "tmws://memories/"
_KEEPING = 2.0  # seconds in which an answer must be kept for its later pages, or the first page goes without
_THREADED = 100_000  # bytes from which counting and cutting leave the event loop
_WHOLE = Form()  # of an answer in Python that nobody cut or selected from


class LocalPages(Protocol):
    """The local tier, for bytes that belong to an entry of it. Synchronous and quick."""

    def local_get(self, key: Hashable) -> bytes | None: ...

    def local_put(self, key: Hashable, payload: bytes, expires_at: float) -> None: ...


class Shaped(NamedTuple):
    """A page ready to be read: compact JSON, its tokens alone and inside an envelope, those of the raw answer.

    `tokens_raw` is 0 for a later page: the raw answer was accounted for with the first. `more` is what the metadata
    tell of it beyond that: `next_cursor`, `resource`, `failed`, `note`, `shape`, `sources`, `lossy`.
    """

    body: str
    tokens: int
    tail_tokens: int
    tokens_raw: int
    more: Mapping[str, Any] = MappingProxyType({})

    @property
    def data(self) -> Any:
        """The page as plain data, new each time, so that nobody can change a kept one."""
        return orjson.loads(self.body)

    def encode(self) -> bytes:
        """One line of facts, then the body as it is."""
        return orjson.dumps([*self[1:4], dict(self.more)]) + b"\n" + self.body.encode()

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

    def __init__(
        self, pages: LocalPages, answers: KeptAnswers, clock: Callable[[], float], compaction: Compaction
    ) -> None:
        self._pages = pages
        self._answers = answers
        self._clock = clock
        self._compaction = compaction

    async def shape(self, call: Call, plan: Plan, cached: Cached) -> Shaped:
        """The first page of an answer, or all of it where the caller set no limit.

        Raises:
            InvalidInput: a read was asked for what is not in the answer.
        """
        form = self._form(call, plan)
        owner = (call.principal.tenant, call.principal.agent)
        key = (cached.digest, *owner, cached.stored_at, form) if cached.digest else None
        if key and (kept := self._pages.local_get(key)) is not None:
            return Shaped.decode(kept)
        shaped = await self._shape(owner, plan, cached.payload, form)
        if key and not (FAILED in shaped.more or "note" in shaped.more):
            lives = min(plan.ttl, ANSWER_TTL / 2 if "next_cursor" in shaped.more else plan.ttl)
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
        form = Form(
            select,
            call.max_tokens or (kept["budget"] or PAGE_TOKENS if call.enveloped else None),
            call.enveloped and kept.get("tables", False),  # an earlier version kept none of the three
            kept.get("lossy", False),
            kept.get("hybrid", False),
        )
        page = await anyio.to_thread.run_sync(form.later, kept["answer"], position)
        more = _more(call.principal.agent, name, select, page)
        shaped = Shaped(page.body, page.tokens, tail_tokens(page.body), 0, more)
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

    async def _shape(self, owner: tuple[str, str], plan: Plan, payload: bytes, form: Form) -> Shaped:
        large = len(payload) >= _THREADED
        made = partial(self._made, owner, plan, payload, form)
        first, data, tokens_raw = await anyio.to_thread.run_sync(made) if large else made()
        page, more = first.page, {**_of_parts(plan, data), **({"note": first.note} if first.note else {})}
        if form.lossy:
            more["lossy"] = True
        if page.following is not None:
            name, note = await self._kept(owner, plan, data, form, first.note)
            shown = form.select if first.selected else ()
            more |= {"note": note} if note else {}
            more |= _more(owner[1], name, shown, page) if name is not None else {}
            more |= {"shape": first.shape} if first.shape else {}
        return Shaped(page.body, page.tokens, tail_tokens(page.body), tokens_raw, more)

    def _made(self, owner: tuple[str, str], plan: Plan, payload: bytes, form: Form) -> tuple[FirstPage, Any, int]:
        """The first page, the answer that it is of, and the tokens of what came raw. Pure; slow for a large answer."""
        raw = payload.decode()
        tokens_raw = count_tokens(raw)
        data = orjson.loads(payload)
        if form == _WHOLE:
            return FirstPage(Page(raw, tokens_raw, None)), data, tokens_raw
        if form.budget is not None and not form.select:
            data = self._for_a_page(owner, plan, data)
        # Once something was written, or where the pattern's author chose, what is not there is no failure of the call.
        strict = plan.key is not None and form.select != parts(plan.pattern.select)
        return form.first(data, strict=strict), data, tokens_raw

    def _for_a_page(self, owner: tuple[str, str], plan: Plan, data: Any) -> Any:
        """An answer with its memories as a page shows them."""
        if plan.memory is None or plan.memory.operation.effect is not Effect.READ:
            return data
        question, uri = str(plan.memory.arguments.get("query") or ""), f"{MEMORY_URI}{quote(owner[1])}/"
        if plan.is_hybrid and isinstance(data, dict):
            return {**data, "memory": shown(data.get("memory"), question, uri, self._clock())}
        return shown(data, question, uri, self._clock())

    async def _kept(
        self, owner: tuple[str, str], plan: Plan, data: Any, form: Form, note: str | None
    ) -> tuple[str | None, str | None]:
        """(id, note) of an answer kept for its later pages; without an id where it could not be."""
        kept = {
            "pattern_name": plan.pattern.name,
            "pattern_type": str(plan.pattern_type),
            "budget": form.budget,
            "tables": form.tables,
            "lossy": form.lossy,
            "hybrid": form.hybrid,
            "answer": data,
        }
        try:
            with anyio.fail_after(_KEEPING):
                return await self._answers.keep(owner, compact(kept).encode(), self._clock(), ANSWER_TTL), note
        except (StoreUnavailable, TimeoutError) as exc:
            logger.warning("an answer over one page could not be kept: %s", exc or "no answer in time")
            return None, "this is the first page; the rest could not be kept, so call again with a larger max_tokens"

    def _form(self, call: Call, plan: Plan) -> Form:
        """How its pages are made. Only a caller over MCP has a limit, and other forms of data, without asking."""
        pattern = plan.pattern
        select = call.select or (parts(pattern.select) if pattern.select else ())
        if not call.enveloped:
            return Form(select, call.max_tokens, hybrid=plan.is_hybrid)
        how = pattern.compaction or self._compaction
        budget = call.max_tokens or pattern.max_tokens or PAGE_TOKENS
        return Form(select, budget, how is not Compaction.OFF, how is Compaction.LOSSY, plan.is_hybrid)


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


def _of_parts(plan: Plan, data: Any) -> dict[str, Any]:
    """Of an answer in halves or steps: which failed, and of halves what each came from."""
    may_fail = plan.is_hybrid or plan.steps is not None
    said = data.get(FAILED) if may_fail and isinstance(data, dict) else None
    failed = (
        [name for name, error in said.items() if isinstance(error, dict) and "code" in error]
        if isinstance(said, dict)
        else []
    )
    if not plan.is_hybrid:
        return {FAILED: failed} if failed else {}
    ran = {
        "tool": plan.tool and f"{plan.tool.server}.{plan.tool.tool}",
        "memory": plan.memory and str(plan.memory.operation),
    }
    sources = {name: source for name, source in ran.items() if source and name not in failed}
    return {"sources": sources, **({FAILED: failed} if failed else {})}


def _more(agent: str, name: str, select: tuple[str, ...], page: Page) -> dict[str, Any]:
    """Where an answer goes on, and where all of it is."""
    going_on = {"next_cursor": _cursor(name, select, page.following)} if page.following is not None else {}
    return {**going_on, "resource": f"{ANSWER_URI}{quote(agent)}/{name}"}


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
