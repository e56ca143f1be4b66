"""A step of a pattern, and the order that follows from what each step needs.

Texts in a step may hold `{name}` of a slot, and `${{ expression }}`: JMESPath over the slots and the results of
other steps by their names, and over `item` where the step runs for each of some. A text that is nothing but one
expression takes its value as it is. What an expression mentions is needed without being written in `needs`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from tmws_patterns.errors import InvalidInput
from tmws_patterns.expressions import Expression, expression
from tmws_patterns.selection import check_select, parts
from tmws_patterns.targets import VARIABLE, MemoryTarget, ToolTarget, variables

ITEM = "item"
MOST_STEPS = 50
_EMBEDDED = re.compile(r"\$\{\{\s*(.*?)\s*\}\}", re.DOTALL)


_ALONE = ("before", "expression", "behind")  # the pieces of a text that holds one expression


class Step(BaseModel):
    """One call of a tool, one memory operation, or another pattern with `arguments`.

    Attributes:
        needs: steps that must have ended before, beyond those that its expressions mention.
        foreach: an expression that gives a list: the step runs once for each of it, known as `item`, and its result is
            a list of `{item, result}`, or `{item, error}` where one failed.
        when: an expression; the step is left out, and its result is null, where this is false, null or empty (not 0).
        select: what is kept of the answer before other steps see it; see the pattern's.
        timeout: seconds; None leaves it to the pattern's.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[A-Za-z_]\w{0,63}$")
    call: ToolTarget | None = None
    memory: MemoryTarget | None = None
    pattern: str | None = None
    arguments: dict[str, Any] = Field(default_factory=dict)
    needs: tuple[str, ...] = ()
    foreach: str | None = None
    when: str | None = None
    select: tuple[str, ...] | str = ()
    timeout: float | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _does_one_thing(self) -> Self:
        if sum(target is not None for target in (self.call, self.memory, self.pattern)) != 1:
            raise ValueError("a step holds one of `call`, `memory` and `pattern`")
        if self.arguments and self.pattern is None:
            raise ValueError("`arguments` go with `pattern`; those of a tool stand in `call`")
        self._check_expressions()
        if self.call is not None and "${{" in self.call.server:
            raise ValueError("the server of a call stands there by its name, or by that of a slot in braces")
        return self

    def _check_expressions(self) -> None:
        """Parse each, and refuse what would name nothing when the step runs."""
        try:
            check_select(parts(self.select))
        except InvalidInput as exc:
            raise ValueError(f"select: {exc.message}; {exc.hint}") from exc
        if "${{" in str(_without_expressions(self.target)):
            raise ValueError("`${{` is not closed: write ${{ expression }}")
        if any(found.roots is None for found in self._expressions()) and not self.needs:
            raise ValueError("an expression takes everything (@ or *): name what it reads, or write `needs`")
        alone = expression(self.foreach).roots or frozenset() if self.foreach else frozenset()
        if (ITEM in self.mentions and self.foreach is None) or ITEM in alone:
            raise ValueError(f"`{ITEM}` is known only in what a step with `foreach` calls")

    @property
    def target(self) -> Any:
        """What it does, as plain data with expressions and names in it."""
        target = self.call or self.memory
        return target.model_dump(exclude_none=True, mode="json") if target else self.arguments

    @property
    def mentions(self) -> frozenset[str]:
        """Names that its expressions read: slots, steps, `item`."""
        return frozenset(name for found in self._expressions() for name in found.roots or ())

    @property
    def variables(self) -> frozenset[str]:
        """Names in single braces: slots."""
        return frozenset(variables(_without_expressions(self.target)))

    def _expressions(self) -> Iterator[Expression]:
        try:
            for said in (self.foreach, self.when, *_embedded(self.target)):
                if said is not None:
                    yield expression(said)
        except InvalidInput as exc:
            raise ValueError(f"{exc.message}; {exc.hint}") from exc


def needs_of(steps: Sequence[Step]) -> dict[str, frozenset[str]]:
    """The steps that each step needs.

    Raises:
        ValueError: a name stands twice, a need is no step, or steps need one another in a circle.
    """
    names = [step.name for step in steps]
    if len(steps) > MOST_STEPS:
        raise ValueError(f"{len(steps)} steps are more than {MOST_STEPS}")
    if twice := next((name for name in names if names.count(name) > 1 or name == ITEM), None):
        raise ValueError(f"the name {twice!r} is taken: each step has one of its own, and none is `{ITEM}`")
    needs = {step.name: frozenset(step.needs) | (step.mentions & set(names)) for step in steps}
    for name, needed in needs.items():
        if unknown := sorted(needed - set(names)):
            raise ValueError(f"step {name!r} needs {unknown[0]!r}, which is no step")
    if circle := circle_in(needs):
        raise ValueError(f"steps need one another in a circle: {' -> '.join(circle)}")
    return needs


def mentions(steps: Sequence[Step], returns: Mapping[str, str] | str | None) -> set[str]:
    """Names that the expressions of steps, and what they return, read: of steps, slots and `item`.

    Raises:
        InvalidInput: what they return cannot be read.
    """
    returned = returns.values() if isinstance(returns, Mapping) else [returns or ""]
    found = {root for said in returned if said for root in expression(said).roots or ()}
    return found.union(*(step.mentions for step in steps))


def filled(value: Any, slots: Mapping[str, Any], known: Mapping[str, Any]) -> Any:
    """Plain data with its expressions and names replaced: `slots` for names in braces, `known` for expressions.

    Raises:
        InvalidInput: an expression does not fit what it is asked of.
    """
    match value:
        case str():
            pieces = _EMBEDDED.split(value)  # texts and expressions by turns
            if len(pieces) == len(_ALONE) and not (pieces[0] + pieces[2]).strip():
                return expression(pieces[1]).of(known)
            if whole := VARIABLE.fullmatch(value):
                return slots.get(whole.group(1))
            return "".join(
                _text(expression(piece).of(known)) if i % 2 else VARIABLE.sub(lambda m: _text(slots.get(m[1])), piece)
                for i, piece in enumerate(pieces)
            )
        case Mapping():
            given = {name: filled(v, slots, known) for name, v in value.items()}
            return {name: v for name, v in given.items() if v is not None}
        case list() | tuple():
            return [filled(v, slots, known) for v in value]
        case _:
            return value


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_text, value))
    return "" if value is None else str(value)


def _embedded(value: Any) -> Iterator[str]:
    """Expressions in plain data."""
    match value:
        case str():
            yield from _EMBEDDED.findall(value)
        case Mapping():
            for inner in value.values():
                yield from _embedded(inner)
        case list() | tuple():
            for inner in value:
                yield from _embedded(inner)


def _without_expressions(value: Any) -> Any:
    match value:
        case str():
            return _EMBEDDED.sub("", value)
        case Mapping():
            return {name: _without_expressions(inner) for name, inner in value.items()}
        case list() | tuple():
            return [_without_expressions(inner) for inner in value]
        case _:
            return value


def circle_in(needs: Mapping[str, frozenset[str]]) -> list[str]:
    """Names along a circle of needs; empty where there is none."""
    done: set[str] = set()

    def walk(name: str, above: list[str]) -> list[str]:
        if name in above:
            return [*above[above.index(name) :], name]
        if name in done:
            return []
        for needed in sorted(needs.get(name, ())):
            if found := walk(needed, [*above, name]):
                return found
        done.add(name)
        return []

    return next((found for name in sorted(needs) if (found := walk(name, []))), [])
