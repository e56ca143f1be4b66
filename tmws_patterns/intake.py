"""What a caller said, checked for form, as a Call. Everything that no later room could use is refused here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any, NamedTuple

import orjson

from tmws_patterns.call import Call, Principal, Progress
from tmws_patterns.errors import InvalidInput
from tmws_patterns.pattern import ExecutionMode
from tmws_patterns.routing import check_query, mode_of
from tmws_patterns.selection import check_select, parts

LARGEST = 4 * 2**20  # bytes of one call's words and arguments together; MCP's HTTP transport stops there too
_SHORT = 1_000  # characters of a sentence, of a context and of a selection that are remembered
_PLAIN = frozenset({str, bool, int, float, type(None)})
_TEXTS = frozenset({str, ExecutionMode})
_REMEMBERED = 1_024  # calls
LONGEST_NAME = 200  # characters of a pattern's name, a cursor's own limit being LARGEST


class Words(NamedTuple):
    """What a caller said, as it came. See `PatternExecutionEngine.execute`."""

    query: str | None = None
    execution_mode: ExecutionMode | str | None = None
    context: Mapping[str, Any] | None = None
    use_cache: bool = True
    pattern: str | None = None
    arguments: Mapping[str, Any] | None = None
    select: str | Sequence[str] | None = None
    max_tokens: int | None = None
    cursor: str | None = None


class Intake:
    """Reads calls. A short one without arguments, which agents repeat, is read once and remembered."""

    def __init__(self, default_mode: ExecutionMode) -> None:
        self._default_mode = default_mode
        self._tables: dict[Principal, dict[tuple[Any, ...], Call]] = {}
        self._speaker: Principal | None = None  # the last one, and what he said: a principal is slow to look up
        self._table: dict[tuple[Any, ...], Call] = {}

    def read(
        self, words: Words, principal: Principal, progress: Progress | None = None, *, enveloped: bool = False
    ) -> Call:
        """The words as a Call.

        Raises:
            InvalidInput: they have no usable form.
            Forbidden: the principal may not act as `context.agent`.
        """
        said = _plain(words, enveloped)
        if said is None:
            return self._read(words, principal, progress, enveloped)
        if principal is not self._speaker:
            self._speaker, self._table = principal, self._tables.get(principal, {})
        if (known := self._table.get(said)) is None:
            known = replace(self._read(words, principal, None, enveloped), said=object())
            self._remember(principal, said, known)
        return known if progress is None else replace(known, progress=progress)

    def _remember(self, principal: Principal, said: tuple[Any, ...], call: Call) -> None:
        if sum(map(len, self._tables.values())) >= _REMEMBERED:
            self._tables.clear()
        self._table = self._tables.setdefault(principal, {})
        self._table[said] = call

    def _read(self, words: Words, principal: Principal, progress: Progress | None, enveloped: bool) -> Call:
        if not (words.query or words.pattern or words.cursor):
            raise InvalidInput("nothing was asked", hint="give a query, a pattern or a cursor")
        _check_forms(words)
        if words.query:
            check_query(str(words.query))
        check_select(select := parts(words.select))
        call = Call(
            query=str(words.query or ""),
            pattern=words.pattern or None,
            arguments=words.arguments or {},
            mode=mode_of(words.execution_mode) if words.execution_mode else self._default_mode,
            context=_trimmed(words.context),
            use_cache=words.use_cache,
            select=select,
            max_tokens=words.max_tokens,
            cursor=words.cursor or None,
            principal=principal.acting_as(_name(words.context, "agent")),
            progress=progress,
            enveloped=enveloped,
        )
        _check_text(call)
        return call


def _plain(words: Words, enveloped: bool) -> tuple[Any, ...] | None:
    """All that was said, where that is short, and plain values that nobody can change."""
    query, mode, context, use_cache, pattern, arguments, select, max_tokens, cursor = words
    if arguments or cursor:
        return None
    if not (_is_short(query) and _is_short(pattern) and _is_short(mode)):
        return None
    if type(use_cache) is not bool or not (max_tokens is None or type(max_tokens) is int):
        return None  # as 1 and True are equal
    said = (query, mode, use_cache, pattern, max_tokens, enveloped)
    if not (select or context):
        return said
    beside = _beside(select or (), context or {})
    return None if beside is None else (*said, *beside)


def _is_short(text: object) -> bool:
    """True for None and a short text; of a kind of text that somebody made, nobody knows what it equals."""
    return text is None or (type(text) in _TEXTS and len(text) <= _SHORT)  # type: ignore[arg-type]


def _beside(select: Any, context: Any) -> tuple[Any, ...] | None:
    """The selection and the context as plain values in a row, with their types, since True and 1 are equal.

    None for what is long or has another form.
    """
    if not isinstance(context, dict) or not isinstance(select, str | list | tuple):
        return None
    chosen = (-1, select) if isinstance(select, str) else (len(select), *select)
    found = (*chosen, *chain.from_iterable(context.items()))
    kinds = tuple(map(type, found))
    if not _PLAIN.issuperset(kinds) or sum(len(value) if isinstance(value, str) else 8 for value in found) > _SHORT:
        return None
    return (*found, kinds)


def _check_forms(words: Words) -> None:
    for name, value in (("context", words.context), ("arguments", words.arguments)):
        if value is not None and not isinstance(value, Mapping):
            raise InvalidInput(f"{name} is no object", hint=f"give {name} as names with values")
    pattern, limit = words.pattern, words.max_tokens
    if pattern is not None and (not isinstance(pattern, str) or len(pattern) > LONGEST_NAME):
        raise InvalidInput("pattern is no name", hint="list_patterns shows the names there are")
    if limit is not None and (not isinstance(limit, int) or limit is True or limit < 1):
        raise InvalidInput(f"max_tokens is {limit!r}", hint="give a whole number of 1 or more")


def _name(context: Mapping[str, Any] | None, field: str) -> str | None:
    """A name in the context; None where it is not there.

    Raises:
        InvalidInput: it is something else than a text.
    """
    value = (context or {}).get(field)
    if value is not None and (not isinstance(value, str) or "\0" in value or len(value) > LONGEST_NAME):
        raise InvalidInput(f"context.{field} is no name", hint=f"give one {field} by its name, as a text")
    return value.strip() or None if value else None


def _trimmed(context: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """The context with its two names as they are meant: without space around them."""
    names = {field: name for field in ("agent", "namespace") if (name := _name(context, field))}
    return {**(context or {}), **names}


def _check_text(call: Call) -> None:
    """Refuse what has no form as JSON text: half a surrogate pair, numbers beyond 64 bits, other objects."""
    said = [call.query, call.pattern, call.cursor, call.select, call.context, call.arguments]
    try:
        size = len(orjson.dumps(said, option=orjson.OPT_NON_STR_KEYS))
    except TypeError as exc:
        raise InvalidInput(
            f"the call cannot be written as JSON: {exc}",
            hint="give plain data: texts of whole characters, numbers of 64 bits, lists and objects",
        ) from exc
    if size > LARGEST:
        raise InvalidInput(f"the call has {size:,} bytes, the limit is {LARGEST:,}", hint="send less at once")
