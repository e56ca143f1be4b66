"""What a pattern is: the frozen definition, its parts, and the YAML fields that make one.

Owns the names and meanings of every pattern field. Reading files is the loader's, choosing among
patterns is routing's, and running one is the executor's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from hashlib import blake2b
from typing import Any, Literal, Self

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from tmws_patterns.errors import InvalidInput

NAME = r"^[A-Za-z0-9_.\-]{1,128}$"  # what MCP clients accept as a tool name
UNKNOWN_FIELD = "no such field"
VARIABLE = re.compile(r"\{(\w+)\}")


class PatternType(StrEnum):
    """Where a pattern's answer comes from."""

    INFRASTRUCTURE = "infrastructure"
    MEMORY = "memory"
    HYBRID = "hybrid"


class ExecutionMode(StrEnum):
    """How a sentence may be answered. HYBRID is another name of COMPREHENSIVE."""

    FAST = "fast"
    BALANCED = "balanced"
    COMPREHENSIVE = "comprehensive"
    HYBRID = "comprehensive"

    @classmethod
    def _missing_(cls, value: object) -> ExecutionMode | None:
        word = str(value).lower()
        return cls.COMPREHENSIVE if word == "hybrid" else next((m for m in cls if m.value == word), None)


class Effect(StrEnum):
    """What running a pattern does to the world."""

    READ = "read"
    WRITE = "write"
    DESTRUCTIVE = "destructive"


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


SlotType = Literal[
    "string", "integer", "number", "boolean", "timezone", "time", "date", "datetime", "duration", "email", "url",
    "path", "expression", "array", "object",
]  # fmt: skip


_DEFAULTS: dict[str, tuple[type, ...]] = {
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "timezone": (str,),
    "time": (str,),
    "date": (str,),
    "datetime": (str,),
    "duration": (str,),
    "email": (str,),
    "url": (str,),
    "path": (str,),
    "expression": (str,),
    "array": (list, tuple),
    "object": (dict,),
}


class Slot(BaseModel):
    """A value that the sentence, the context or the caller gives. Without `default` it is required."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: SlotType = "string"
    default: Any = None
    enum: tuple[str, ...] = ()
    description: str = ""

    @model_validator(mode="after")
    def _default_fits(self) -> Self:
        kinds = _DEFAULTS.get(self.type)
        wrong = kinds is not None and self.default is not None and not isinstance(self.default, kinds)
        if wrong or (self.enum and self.default is not None and self.default not in self.enum):
            raise ValueError(f"the default {self.default!r:.80} is no {' or '.join(self.enum) or self.type}")
        return self

    @property
    def required(self) -> bool:
        """True where nothing stands in for a value that was not given."""
        return "default" not in self.model_fields_set


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


def _variables(value: Any) -> set[str]:
    """Names in braces, anywhere inside plain data."""
    match value:
        case str():
            return set(VARIABLE.findall(value))
        case Mapping():
            return set().union(*(_variables(v) for v in value.values())) if value else set()
        case list() | tuple():
            return set().union(*(_variables(v) for v in value)) if value else set()
        case _:
            return set()


class PatternConfig(BaseModel):
    """The fields of one pattern in a YAML file, checked. See `PatternDefinition` for their meaning."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(pattern=NAME)
    pattern_type: PatternType
    description: str = ""
    trigger_pattern: str = ""
    examples: tuple[str, ...] = ()
    negative_examples: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    cost_tokens: int = Field(default=0, ge=0)
    priority: int = 0
    cache_ttl: float | None = Field(default=None, ge=0)
    effect: Effect | None = None
    timeout: float | None = Field(default=None, gt=0)
    slots: dict[str, Slot] = Field(default_factory=dict)
    call: ToolTarget | None = None
    memory: MemoryTarget | None = None
    select: tuple[str, ...] | str = ()
    max_tokens: int | None = Field(default=None, gt=0)
    invalidates: tuple[str, ...] = ()
    personas: tuple[str, ...] = ()
    metadata: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _parts_fit_type(self) -> Self:
        needs = {
            PatternType.INFRASTRUCTURE: (True, False),
            PatternType.MEMORY: (False, True),
            PatternType.HYBRID: (True, True),
        }
        if (self.call is not None, self.memory is not None) != needs[self.pattern_type]:
            raise ValueError(
                f"a pattern of type {self.pattern_type} holds "
                + {"infrastructure": "`call` and no `memory`", "memory": "`memory` and no `call`"}.get(
                    self.pattern_type, "both `call` and `memory`"
                )
            )
        return self


@dataclass(frozen=True)
class PatternDefinition:
    """One pattern: what triggers it, what it calls, and how its answer is kept and cut.

    Attributes:
        trigger_pattern: a regular expression (RE2 syntax) searched in the sentence, ignoring case;
            "" means that only examples, the name or an explicit call reach the pattern.
        cost_tokens: the author's estimate; the true cost is counted for every answer.
        priority: the higher one wins where several triggers match.
        cache_ttl: seconds an answer may be repeated; 0 never, None the setting TMWS_CACHE_TTL.
        effect: None where nobody declared it, which counts as destructive.
        timeout: seconds for one call; None the setting of the pattern's type.
        slots: the values it takes, by name; groups of the trigger need no slot.
        select: the fields to keep of the answer; empty keeps all.
        max_tokens: o200k tokens of one page; None the caller's.
        invalidates: tags that a write makes stale, also one that failed half-way.
        definition_hash: of the downstream definition it was built from; "" for a declared pattern.
        source: file and line it was read from; ("", 0) for one made in Python or from a tool.
    """

    name: str
    pattern_type: PatternType
    description: str = ""
    trigger_pattern: str = ""
    examples: tuple[str, ...] = ()
    negative_examples: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    cost_tokens: int = 0
    priority: int = 0
    cache_ttl: float | None = None
    effect: Effect | None = None
    timeout: float | None = None
    slots: Mapping[str, Slot] = field(default_factory=dict)
    call: ToolTarget | None = None
    memory: MemoryTarget | None = None
    select: tuple[str, ...] | str = ()
    max_tokens: int | None = None
    invalidates: tuple[str, ...] = ()
    personas: tuple[str, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    definition_hash: str = ""
    source: tuple[str, int] = ("", 0)

    @classmethod
    def from_config(cls, config: Mapping[str, Any], *, source: tuple[str, int] = ("", 0)) -> PatternDefinition:
        """Build a pattern from the fields of a YAML entry (or the same as a dict).

        Raises:
            InvalidInput: a field is missing, unknown or wrong; details["fields"] lists
                (path of the field, message) for each.
        """
        try:
            checked = PatternConfig.model_validate(dict(config))
        except ValidationError as exc:
            fields = [(".".join(map(str, e["loc"])) or "pattern", _plain(e)) for e in exc.errors()]
            text = "; ".join(f"{path}: {message}" for path, message in fields)
            name = config.get("name", "?")
            raise InvalidInput(f"pattern {name!r}: {text}", hint="correct the fields named", fields=fields) from exc
        values = {name: getattr(checked, name) for name in PatternConfig.model_fields}
        return cls(**values, source=source)

    @cached_property
    def variables(self) -> frozenset[str]:
        """Names the pattern's call or memory operation refers to in braces."""
        call = self.call.model_dump() if self.call else {}
        memory = self.memory.model_dump() if self.memory else {}
        return frozenset(_variables(call) | _variables(memory))

    @cached_property
    def declared_effect(self) -> Effect | None:
        """The effect its author declared, or that its memory operation has; None where a tool decides."""
        if self.effect or self.call is not None:
            return self.effect
        return self.memory.operation.effect if self.memory else None

    @cached_property
    def version(self) -> str:
        """Hash of everything that shapes its raw answer: 16 hex characters."""
        call = self.call.model_dump() if self.call else None
        memory = self.memory.model_dump(mode="json") if self.memory else None
        slots = {name: slot.model_dump() for name, slot in self.slots.items()}
        parts = [self.name, self.pattern_type, call, memory, slots, self.effect, self.definition_hash]
        return blake2b(orjson.dumps(parts, default=str), digest_size=8).hexdigest()

    @property
    def is_tool(self) -> bool:
        """True for a pattern that was built from a downstream tool's definition."""
        return bool(self.definition_hash)


@dataclass(frozen=True, slots=True)
class ToolDefinition:
    """A downstream tool as its server describes it, with the effect that holds for it here.

    `definition_hash` changes with anything the server says of the tool. `server_identity` is the
    hash of the server's configuration. `effect` None means nobody declared one.
    """

    server: str
    name: str
    description: str
    input_schema: Mapping[str, Any]
    effect: Effect | None
    definition_hash: str
    server_identity: str
    denied: bool = False


def _plain(error: Any) -> str:
    """Pydantic's message in the words of someone who writes YAML."""
    message = str(error["msg"]).removeprefix("Value error, ")
    return UNKNOWN_FIELD if error["type"] == "extra_forbidden" else message
