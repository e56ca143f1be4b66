"""What a pattern, or one of its steps, does: the downstream call or the memory operation, and its effect."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

VARIABLE = re.compile(r"\{(\w+)\}")


class Effect(StrEnum):
    """What running a pattern does to the world."""

    READ = "read"
    WRITE = "write"
    DESTRUCTIVE = "destructive"

    def exceeds(self, allowed: Effect) -> bool:
        """True where this does more than is allowed."""
        order = list(Effect)
        return order.index(self) > order.index(allowed)


def worst(effects: Iterable[Effect | None]) -> Effect | None:
    """What several things done together do; None where nobody declared it of one of them, or there are none."""
    found = list(effects)
    if not found or None in found:
        return None
    return max((effect for effect in found if effect), key=list(Effect).index)


class MemoryOperation(StrEnum):
    """What a memory pattern does."""

    RECALL = "recall"
    SIMILAR = "similar"
    RECENT = "recent"
    BY_TAG = "by_tag"
    BY_IMPORTANCE = "by_importance"
    OVER_TIME = "over_time"
    STORE = "store"
    FORGET = "forget"

    @property
    def effect(self) -> Effect:
        """Forgetting destroys, storing writes, everything else reads."""
        return {MemoryOperation.STORE: Effect.WRITE, MemoryOperation.FORGET: Effect.DESTRUCTIVE}.get(self, Effect.READ)


class ToolTarget(BaseModel):
    """The downstream call of a pattern. Strings may hold `{name}` of a trigger group or slot.

    `arguments` is one such string where a slot of type object holds all of them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    server: str
    tool: str
    arguments: dict[str, Any] | str = Field(default_factory=dict)


class MemoryTarget(BaseModel):
    """The memory operation of a pattern. Fields left None are taken from the sentence or left open.

    `since` and `until` are dates, times or phrases such as "last week"; `importance` is the least
    importance wanted (0 to 1) when reading, and the importance given when storing.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    operation: MemoryOperation
    query: str | None = None
    content: str | None = None
    tags: tuple[str, ...] | str = ()
    limit: int | str = 10
    importance: float | str | None = None
    since: str | None = None
    until: str | None = None
    ids: tuple[str, ...] | str = ()
    access_level: str | None = None
    team: str | None = None
    shared_with: tuple[str, ...] | str = ()


def variables(value: Any) -> set[str]:
    """Names in braces, anywhere inside plain data."""
    match value:
        case str():
            return set(VARIABLE.findall(value))
        case Mapping():
            return set().union(*(variables(v) for v in value.values())) if value else set()
        case list() | tuple():
            return set().union(*(variables(v) for v in value)) if value else set()
        case _:
            return set()
