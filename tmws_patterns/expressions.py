"""JMESPath over plain data: what `select` and the steps of a pattern say. No code is ever evaluated.

To the functions of JMESPath are added, for answers that are text: `lines(text)`, `split(text, separator)`,
`find(text, regex)`, which gives each match, or what its groups caught, and `unique(array)`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache, reduce
from typing import Any

import jmespath
from jmespath import exceptions, functions
from jmespath.parser import Parser

from tmws_patterns.errors import InvalidInput
from tmws_patterns.regex import compiled

LONGEST = 2_000  # characters of one expression
LARGEST = 4 * 2**20  # characters that a function takes or makes; a text of that size is some thousand pages
_EACH = 64  # bytes that an entry of a list weighs
MOST_MATCHES = 10_000  # of one `find`
_MOST_COPIES = 4_096  # times that an expression may put its data side by side: ten doublings, four more than are used
_SYNTAX = "JMESPath (jmespath.org) has literals in `backticks`, texts in 'single' and odd names in \"double\" quotes"
_ELEMENTWISE = frozenset({"projection", "value_projection", "filter_projection", "subexpression", "index_expression"})
_MULTIPLE = frozenset({"multi_select_list", "multi_select_dict"})


class _Functions(functions.Functions):
    """JMESPath's own functions and ours. None makes a text without bound."""

    @functions.signature({"types": ["string"]}, {"types": ["array-string"]})
    def _func_join(self, separator: str, items: list[str]) -> str:
        _bounded(sum(map(len, items)) + len(separator) * len(items))
        return separator.join(items)

    @functions.signature({"types": []})
    def _func_to_string(self, value: Any) -> str:
        text = value if isinstance(value, str) else json.dumps(value, separators=(",", ":"), default=str)
        _bounded(len(text))
        return text

    @functions.signature({"types": ["string"]})
    def _func_lines(self, text: str) -> list[str]:
        return text.splitlines()

    @functions.signature({"types": ["string"]}, {"types": ["string"]})
    def _func_split(self, text: str, separator: str) -> list[str]:
        found = text.split(separator) if separator else list(text)
        _bounded(len(found) * _EACH)
        return found

    @functions.signature({"types": ["string", "null"]}, {"types": ["string"]})
    def _func_find(self, text: str | None, regex: str) -> list[Any]:
        found: list[Any] = []
        _bounded(len(text or ""))
        for match in compiled(regex).finditer(text or ""):
            if len(found) == MOST_MATCHES:
                break
            found.append(match.groupdict() or _caught(match))
        return found

    @functions.signature({"types": ["array"]})
    def _func_unique(self, items: list[Any]) -> list[Any]:
        seen: dict[str, Any] = {}
        for item in items:
            seen.setdefault(repr(item), item)
        return list(seen.values())


def _bounded(size: int) -> None:
    """Refuse a text, or a list, that is larger than any page could show."""
    if size > LARGEST:
        raise InvalidInput(
            f"an expression made {size:,} characters, the limit is {LARGEST:,}", hint="select less first"
        )


_OPTIONS = jmespath.Options(custom_functions=_Functions())


@dataclass(frozen=True, slots=True)
class Expression:
    """A compiled expression. `roots` are the names it reads from the top of the data; None where it takes all."""

    text: str
    roots: frozenset[str] | None
    parsed: Any

    def of(self, data: Any) -> Any:
        """Its value; None where there is none.

        Raises:
            InvalidInput: the data has other types than it needs.
        """
        try:
            return self.parsed.search(data, options=_OPTIONS)
        except exceptions.JMESPathError as exc:
            raise InvalidInput(f"{self.text[:200]!r} does not fit the data: {exc}", hint=_SYNTAX) from exc
        except (RecursionError, MemoryError, ArithmeticError, TypeError, ValueError, AttributeError) as exc:
            raise InvalidInput(f"{self.text[:200]!r} cannot be computed: {exc}", hint=_SYNTAX) from exc


@lru_cache(maxsize=1_000)
def expression(text: str) -> Expression:
    """An expression, parsed once.

    Raises:
        InvalidInput: it is none, too long, or would multiply its data without bound.
    """
    if len(text) > LONGEST:
        raise InvalidInput(f"the expression has {len(text):,} characters, the limit is {LONGEST:,}", hint="shorten it")
    try:
        parsed = Parser().parse(text)
        copies, roots, unknown = _copies(parsed.parsed), frozenset(_roots(parsed.parsed)), _unknown(parsed.parsed)
    except (exceptions.JMESPathError, RecursionError) as exc:
        said = str(exc).split("\n")[0] or "it is nested too deeply"
        raise InvalidInput(f"{text[:200]!r} is no JMESPath expression: {said}", hint=_SYNTAX) from exc
    if unknown:
        known = ", ".join(sorted(_Functions.FUNCTION_TABLE))
        raise InvalidInput(f"there is no function {unknown[0]!r}", hint=f"the functions are {known}")
    if _has_loose_reference(parsed.parsed):
        raise InvalidInput(f"{text[:200]!r} is a reference and no value", hint="& stands in the arguments of functions")
    if copies > _MOST_COPIES:
        raise InvalidInput(f"{text[:200]!r} would multiply its data {copies:,} times", hint="select less at once")
    return Expression(text, None if None in roots else frozenset(r for r in roots if r is not None), parsed)


def _copies(node: Any) -> int:
    """How often data may stand side by side in the value: what one level lists, times what the next does."""
    children = _children(node)
    own = len(children) if node["type"] in _MULTIPLE else 1
    return reduce(lambda total, child: total * _copies(child), children, max(1, own))


def _children(node: Any) -> list[Any]:
    """The nodes below one; a slice has numbers there."""
    return [child for child in node.get("children", ()) if isinstance(child, dict)]


def _roots(node: Any) -> Iterator[str | None]:
    """Names that a tree reads from the top; None for the whole."""
    kind, children = node["type"], _children(node)
    if kind == "field":
        yield node["value"]
    elif kind in ("identity", "current"):
        yield None
    elif kind == "subexpression" and children[0]["type"] == "current":  # `@.name` is `name`
        yield from _roots(children[1])
    elif kind in _ELEMENTWISE or kind in ("pipe", "flatten"):
        if children:
            yield from _roots(children[0])
    elif kind == "expref":
        return
    else:
        for child in children:
            yield from _roots(child)


def _unknown(node: Any) -> list[str]:
    """Functions that are called and that there are not."""
    own = [node["value"]] if node["type"] == "function_expression" else []
    below = [name for child in _children(node) for name in _unknown(child)]
    return [name for name in own if name not in _Functions.FUNCTION_TABLE] + below


def _has_loose_reference(node: Any, *, argument: bool = False) -> bool:
    """True where `&` stands outside of the arguments of a function, where it means nothing."""
    if node["type"] == "expref" and not argument:
        return True
    calls = node["type"] == "function_expression"
    return any(_has_loose_reference(child, argument=calls) for child in _children(node))


def _caught(match: Any) -> Any:
    """The only group of a match, all of several, or the match."""
    groups = match.groups()
    return match.group() if not groups else groups[0] if len(groups) == 1 else list(groups)
