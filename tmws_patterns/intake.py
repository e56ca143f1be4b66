"""What a caller said, checked for form, as a Call. Everything that no later room could use is refused here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from tmws_patterns.call import Call, Principal, Progress
from tmws_patterns.errors import InvalidInput
from tmws_patterns.pattern import ExecutionMode
from tmws_patterns.routing import check_query, mode_of

LARGEST = 4 * 2**20  # bytes of one call's words and arguments together; MCP's HTTP transport stops there too
LONGEST_NAME = 200  # characters of a pattern's name, a cursor's own limit being LARGEST


def read_call(
    query: str | None,
    execution_mode: ExecutionMode | str | None,
    context: Mapping[str, Any] | None,
    use_cache: bool,
    pattern: str | None,
    arguments: Mapping[str, Any] | None,
    select: str | Sequence[str] | None,
    max_tokens: int | None,
    cursor: str | None,
    *,
    principal: Principal,
    default_mode: ExecutionMode,
    progress: Progress | None = None,
    enveloped: bool = False,
) -> Call:
    """The caller's words as a Call. See `PatternExecutionEngine.execute` for the arguments.

    Raises:
        InvalidInput: they have no usable form.
        Forbidden: the principal may not act as `context.agent`.
    """
    if not (query or pattern or cursor):
        raise InvalidInput("nothing was asked", hint="give a query, a pattern or a cursor")
    _check_forms(context, arguments, pattern, max_tokens)
    if query:
        check_query(str(query))
    fields = select.split(",") if isinstance(select, str) else list(select or ())
    call = Call(
        query=str(query or ""),
        pattern=pattern or None,
        arguments=arguments or {},
        mode=mode_of(execution_mode) if execution_mode else default_mode,
        context=_trimmed(context),
        use_cache=use_cache,
        select=tuple(filter(None, (str(f).strip() for f in fields))),
        max_tokens=max_tokens,
        cursor=cursor or None,
        principal=principal.acting_as(_name(context, "agent")),
        progress=progress,
        enveloped=enveloped,
    )
    _check_text(call)
    return call


def _check_forms(
    context: Mapping[str, Any] | None, arguments: Mapping[str, Any] | None, pattern: str | None, max_tokens: int | None
) -> None:
    for name, value in (("context", context), ("arguments", arguments)):
        if value is not None and not isinstance(value, Mapping):
            raise InvalidInput(f"{name} is no object", hint=f"give {name} as names with values")
    if pattern is not None and (not isinstance(pattern, str) or len(pattern) > LONGEST_NAME):
        raise InvalidInput("pattern is no name", hint="list_patterns shows the names there are")
    if max_tokens is not None and (not isinstance(max_tokens, int) or max_tokens is True or max_tokens < 1):
        raise InvalidInput(f"max_tokens is {max_tokens!r}", hint="give a whole number of 1 or more")


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
