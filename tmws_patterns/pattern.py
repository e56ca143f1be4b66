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
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from tmws_patterns.errors import FAILED, InvalidInput
from tmws_patterns.selection import check_select, parts
from tmws_patterns.step import ITEM, Step, circle_in, mentions, needs_of
from tmws_patterns.targets import Effect, MemoryTarget, ToolTarget, variables

NAME = r"^[A-Za-z0-9_.\-]{1,128}$"  # what MCP clients accept as a tool name
UNKNOWN_FIELD = "no such field"
_GROUP = re.compile(r"\(\?P?<(\w+)>")  # of a trigger


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


class Compaction(StrEnum):
    """What may be done to an answer on its way to a page over MCP, for it to cost fewer tokens.

    EXACT writes rows of the same fields as tables; LOSSY also leaves out what is empty or repeated.
    """

    EXACT = "exact"
    LOSSY = "lossy"
    OFF = "off"


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
    """A value that the sentence, the context or the caller gives. Without `default` it is required.

    `items` is the type of what stands in an array; None leaves it open.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: SlotType = "string"
    items: SlotType | None = None
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
    steps: tuple[Step, ...] = ()
    returns: dict[str, str] | str | None = None
    select: tuple[str, ...] | str = ()
    compaction: Compaction | None = None
    max_tokens: int | None = Field(default=None, gt=0)
    invalidates: tuple[str, ...] = ()
    personas: tuple[str, ...] = ()
    metadata: dict[str, Any] = Field(default_factory=dict)

    @field_validator("select")
    @classmethod
    def _can_be_selected(cls, value: tuple[str, ...] | str) -> tuple[str, ...] | str:
        try:
            check_select(parts(value))
        except InvalidInput as exc:
            raise ValueError(f"{exc.message}; {exc.hint}") from exc
        return value

    @model_validator(mode="after")
    def _parts_fit_type(self) -> Self:
        if self.steps:
            self._check_steps()
            return self
        if self.returns is not None:
            raise ValueError("`returns` goes with `steps`")
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
                + ", or `steps`"
            )
        return self

    def _check_steps(self) -> None:
        """Refuse steps that cannot run, or that are of another type than the pattern's."""
        if self.call is not None or self.memory is not None:
            raise ValueError("with `steps` there is no `call` or `memory` beside them: make a step of it")
        names = set(needs_of(self.steps))
        if both := sorted(names & set(self.slots)):
            raise ValueError(f"{both[0]!r} is a step and a slot: rename one of them")
        calls = any(step.call for step in self.steps)
        remembers = any(step.memory for step in self.steps)
        if self.pattern_type is PatternType.INFRASTRUCTURE and remembers:
            raise ValueError("a step uses memory: put the pattern into hybrid_patterns")
        if self.pattern_type is PatternType.MEMORY and calls:
            raise ValueError("a step calls a tool: put the pattern into hybrid_patterns")
        if isinstance(self.returns, Mapping) and FAILED in self.returns:
            raise ValueError(f"`{FAILED}` in `returns` is where failures stand: choose another name")
        for step in self.steps:
            if self.effect and step.memory and step.memory.operation.effect.exceeds(self.effect):
                what = f"{step.memory.operation} is a {step.memory.operation.effect}"
                raise ValueError(f"step {step.name!r}: {what}, and the pattern declares effect: {self.effect}")
        try:
            mentioned = mentions(self.steps, self.returns)
        except InvalidInput as exc:
            raise ValueError(f"returns: {exc.message}; {exc.hint}") from exc
        known = names | set(self.slots) | {group.partition("__")[0] for group in _GROUP.findall(self.trigger_pattern)}
        if unknown := sorted(mentioned - known - {ITEM, "query"}):
            raise ValueError(f"{unknown[0]!r} in an expression is no step, no slot and no group of the trigger")


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
        steps: calls and recalls in the place of one of each; see step.py.
        returns: what the answer of steps is: one expression over slots and steps, or several by name; None for the
            results of those steps that no other needs.
        select: what to keep of the answer (fields, a JMESPath expression, a part of a text); empty keeps all.
        compaction: how far a page may differ from the answer in form; None the setting TMWS_COMPACTION.
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
    steps: tuple[Step, ...] = ()
    returns: Mapping[str, str] | str | None = None
    select: tuple[str, ...] | str = ()
    compaction: Compaction | None = None
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
        """Names that the pattern's call, memory operation or steps refer to."""
        call = self.call.model_dump() if self.call else {}
        memory = self.memory.model_dump() if self.memory else {}
        return frozenset(variables(call) | variables(memory) | self._variables_of_steps())

    def _variables_of_steps(self) -> set[str]:
        """Names that stand in braces in steps, or in expressions and are no step's."""
        own = {step.name for step in self.steps} | {ITEM}
        return (mentions(self.steps, self.returns) - own).union(*(step.variables for step in self.steps))

    @cached_property
    def declared_effect(self) -> Effect | None:
        """The effect its author declared, or that its memory operation has; None where tools decide."""
        if self.effect or self.call is not None:
            return self.effect
        return self.memory.operation.effect if self.memory else None

    @property
    def servers(self) -> tuple[str, ...]:
        """Servers that it calls itself, as they stand in its file."""
        calls = [self.call, *(step.call for step in self.steps)]
        return tuple(dict.fromkeys(call.server for call in calls if call is not None))

    @property
    def remembers(self) -> bool:
        """True where memory has a part in it."""
        return self.pattern_type is not PatternType.INFRASTRUCTURE

    @cached_property
    def version(self) -> str:
        """Hash of everything that shapes its raw answer: 16 hex characters."""
        call = self.call.model_dump() if self.call else None
        memory = self.memory.model_dump(mode="json") if self.memory else None
        slots = {name: slot.model_dump() for name, slot in self.slots.items()}
        steps = [step.model_dump(mode="json") for step in self.steps]
        parts = [
            self.name, self.pattern_type, call, memory, slots, self.effect, self.definition_hash, steps, self.returns,
        ]  # fmt: skip
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


def faults_between(patterns: Mapping[str, PatternDefinition]) -> dict[str, tuple[str, str]]:
    """(message, mend) of patterns that must not run one another, by the names that `patterns` gives them.

    Those in a circle, and those of tools alone that run one which remembers. Names are in lower case.
    """
    named = {name: name for name in patterns}
    for name, p in patterns.items():
        for alias in p.aliases:
            named.setdefault(alias.casefold(), name)  # as an index has it: names before aliases, the first of these
    runs = {
        name: frozenset(named[s.pattern.casefold()] for s in p.steps if s.pattern and s.pattern.casefold() in named)
        for name, p in patterns.items()
        if p.steps
    }
    faults: dict[str, tuple[str, str]] = {}
    for name, others in runs.items():
        pattern = patterns[name]
        for other in sorted(others):
            inner, does = patterns[other], patterns[other].declared_effect
            if inner.remembers and not pattern.remembers:
                faults[name] = (f"runs {other}, which uses memory", "put the pattern into hybrid_patterns")
            if inner.call is not None and "{" in inner.call.server:
                faults[name] = (f"runs {other}, whose server is not fixed", "call the tool in a step of its own")
            if pattern.effect and does and does.exceeds(pattern.effect):
                faults[name] = (
                    f"runs {other}, a {does}, and declares effect: {pattern.effect}",
                    f"write effect: {does}",
                )
    while circle := circle_in({name: others for name, others in runs.items() if name not in faults}):
        way = " -> ".join(circle)
        faults |= dict.fromkeys(circle, (f"patterns run one another in a circle: {way}", "break the circle"))
    return faults


def _plain(error: Any) -> str:
    """Pydantic's message in the words of someone who writes YAML."""
    message = str(error["msg"]).removeprefix("Value error, ")
    return UNKNOWN_FIELD if error["type"] == "extra_forbidden" else message
