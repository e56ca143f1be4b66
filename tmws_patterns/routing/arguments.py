"""What a pattern's call is to be given: from the caller, the trigger's groups, the sentence, the context, the defaults.

The caller's explicit arguments always win. A value that was given but not understood is never
replaced by a default: it is asked for again. What the sentence itself gives is `assignment`'s to say.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from tmws_patterns.errors import InvalidInput
from tmws_patterns.pattern import PatternDefinition, Slot
from tmws_patterns.routing.understanding.assignment import assign
from tmws_patterns.routing.understanding.dates import moment_of
from tmws_patterns.routing.understanding.fitting import Taken
from tmws_patterns.routing.understanding.notes import note_of
from tmws_patterns.routing.understanding.objects import object_in, pairs_in
from tmws_patterns.routing.understanding.schemas import as_type, fault, properties_of, required_of, short, type_of
from tmws_patterns.routing.understanding.slots import NotUnderstood, coerce, slot_of
from tmws_patterns.routing.understanding.spans import find_spans
from tmws_patterns.routing.understanding.wanted import Wanted, schema_of_slot, wanted_of
from tmws_patterns.targets import VARIABLE, Effect, MemoryOperation, MemoryTarget

_RESERVED = frozenset({"agent", "namespace"})  # these say who asks and what is in sight, and are nobody's argument
_BLANK = "\x00"  # stands where a trigger's group took its words: a sentence never holds one
ARGUMENT, TRIGGER, SENTENCE, CONTEXT, DEFAULT = "argument", "trigger", "sentence", "context", "default"
Parts = dict[tuple[str, ...], Taken]


@dataclass(slots=True)
class Understood:
    """The values found so far, and what stands in the way of a call.

    Attributes:
        values: by name; None for an optional one without a default.
        missing: names, each with the reason where that is known.
        sources: what filled each value, as a person reads it: "argument", "trigger",
            "sentence: '3 pm'", "context", "default".
        moving: True where a value depends on today's date.
    """

    values: dict[str, Any] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    moving: bool = False

    def take(self, name: str, value: Any, source: str) -> None:
        """Keep a value with what it came from."""
        self.values[name] = value
        self.sources[name] = source


def understand(
    pattern: PatternDefinition,
    *,
    query: str,
    groups: Mapping[str, str],
    arguments: Mapping[str, Any],
    context: Mapping[str, Any],
    schema: Mapping[str, Any] | None,
    today: date,
) -> Understood:
    """Values for the pattern's variables (for a tool: its properties).

    Args:
        schema: the tool's JSON schema, None where it is not known or there is no tool.
        today: the day that "tomorrow" and "March 5" are counted from.

    Raises:
        InvalidInput: an explicit argument is of the wrong kind or unknown.
    """
    slots = pattern_slots(pattern, schema)
    shapes = properties_of(schema) if pattern.is_tool else _shapes(pattern, slots, schema)
    given = _Given(pattern, slots, shapes, schema or {}, today)
    note = note_of(query, groups.get("content", "")) if _stores(pattern) else {}
    for name in given.slots:
        if name in arguments:
            given.argue(name, arguments[name])
        elif name in note:
            given.catch(name, note[name], f"{SENTENCE}: {short(note[name])}")
        elif name in groups:
            given.catch(name, groups[name])
        elif name == "query" and query and not pattern.is_tool:
            given.found.take(name, query, SENTENCE)
    if query and given.open():
        told = {**groups, **note}
        given.listen(query, {name: caught for name, caught in told.items() if name not in given.unclear})
    if query and "topic" in given.open() and pattern.effect is Effect.READ and "topic" not in given.unclear:
        given.found.take("topic", query, SENTENCE)  # what it is about, with some words too many
    takes = pattern.call is not None or bool(pattern.steps)
    for name in given.open():
        given.settle(name, context.get(name) if takes and name not in _RESERVED else None)
    for name in set(arguments) - set(given.slots):
        given.found.take(name, _passed_on(pattern, name, arguments[name], given.slots, schema, today), ARGUMENT)
    return given.found


@dataclass(slots=True)
class _Given:
    """One understanding in the making: what is taken, what is found, and by which schema it is checked."""

    pattern: PatternDefinition
    slots: dict[str, Slot]
    shapes: dict[str, Mapping[str, Any]]
    schema: Mapping[str, Any]
    today: date
    found: Understood = field(default_factory=Understood)
    unclear: dict[str, str] = field(default_factory=dict)
    """What was caught and not understood, with the reason: the sentence may say it better, a default may not."""

    def open(self) -> list[str]:
        """Names of what nothing has filled yet, in order."""
        return [n for n in self.slots if n not in self.found.values and n not in self.found.missing]

    def argue(self, name: str, value: Any) -> None:
        """Take the caller's own word, as the type that is wanted; what a tool may refuse is its own server's to say."""
        try:
            self.found.take(name, self._checked(name, value), ARGUMENT)
        except NotUnderstood:
            if not self.pattern.is_tool:
                raise
            self.found.take(name, value, ARGUMENT)

    def catch(self, name: str, value: Any, source: str = TRIGGER) -> None:
        """Take a text that stands for the value, or ask for it again with the reason."""
        try:
            self.found.take(name, self._checked(name, value), source)
        except NotUnderstood as exc:
            self.unclear[name] = exc.message

    def settle(self, name: str, shown: Any) -> None:
        """What neither the caller nor the sentence gave: from the context, the default, or asked for."""
        if name not in self.unclear and isinstance(shown, str | int | float | bool):
            self.catch(name, shown, CONTEXT)
        if name in self.unclear:
            self.found.missing[name] = self.unclear[name]
        elif name not in self.found.values and self.slots[name].required:
            self.found.missing[name] = ""
        elif name not in self.found.values:
            self.found.take(name, self.slots[name].default, DEFAULT)

    def _checked(self, name: str, value: Any) -> Any:
        shape = self.shapes.get(name, {})
        slot = self.slots[name]
        if not self.pattern.is_tool:
            moment = moment_of(str(value), self.today) if slot.type in ("date", "datetime") else None
            self.found.moving |= moment is not None and moment.moving
            value = coerce(name, slot, value, self.today)
        elif isinstance(value, str) and slot.enum and value not in slot.enum:
            value = coerce(name, slot, value)
        return _fitting(name, value, shape, self.schema)

    def listen(self, query: str, groups: Mapping[str, str]) -> None:
        """Take what the sentence says outside of the trigger's groups."""
        effect = self.pattern.effect if self.pattern.is_tool else self.pattern.declared_effect
        every = list(self._wanted())
        wanted = [one.apart_from(every) for one in every]
        bold = effect is Effect.READ
        parts = assign(find_spans(_outside(query, groups), self.today), wanted, bold=bold, tool=self.pattern.is_tool)
        for path, taken in parts.items():
            if len(path) == 1:
                self.found.take(path[0], taken.value, f"{SENTENCE}: {short(taken.text)}")
                self.found.moving |= taken.moving
        self._assemble(parts)
        self._take_object(query, groups, max((t.end for t in parts.values()), default=len(query)))
        if bold and self.pattern.is_tool:
            self._take_whole(query, wanted)

    def _wanted(self) -> Iterator[Wanted]:
        for name in self.open():
            if name == "content" and _stores(self.pattern):  # notes.py has looked for it in vain
                continue
            shape = self.shapes.get(name, {})
            yield wanted_of(
                (name,), shape, self.schema, required=self.slots[name].required, slot=not self.pattern.is_tool
            )
            if type_of(shape) == "object":
                for inner, of in properties_of({**self.schema, **shape}).items():
                    if inner not in self.slots:
                        yield wanted_of((name, inner), of, self.schema, required=False)

    def _assemble(self, parts: Parts) -> None:
        """An object of the properties that were named, where all that it requires are there."""
        for name in {path[0] for path in parts if len(path) > 1}:
            inner = {path[1]: taken for path, taken in parts.items() if path[0] == name and len(path) > 1}
            value = {key: taken.value for key, taken in inner.items()}
            if set(required_of(self.shapes[name])) <= set(value) and not fault(value, self.shapes[name], self.schema):
                said = ", ".join(taken.text for taken in inner.values())
                self.found.take(name, value, f"{SENTENCE}: {short(said)}")
                self.found.moving |= any(taken.moving for taken in inner.values())

    def _take_object(self, query: str, groups: Mapping[str, str], behind: int) -> None:
        """An object of properties that nobody knows here: as JSON, or in names and values after all else.

        That is what stands after the trigger's groups or, without any, from the character `behind` on.
        """
        for name in self.open():
            shape = self.shapes.get(name, {})
            if type_of(shape) != "object" or properties_of({**self.schema, **shape}):
                continue
            rest = _outside(query, groups).rpartition(_BLANK)[2] if groups else query[behind:]
            if said := object_in(query) or pairs_in(rest):
                self.found.take(name, said, f"{SENTENCE}: {short(said)}")

    def _take_whole(self, query: str, wanted: list[Wanted]) -> None:
        """The whole sentence, to a search that takes one and of which nothing else was understood."""
        for one in wanted:
            whole = one.name in ("query", "q") and one.kind == "free" and one.required
            if whole and one.name not in self.found.values and '"' not in query and not fault(query, one.schema, {}):
                self.found.take(one.name, query, SENTENCE)


def pattern_slots(pattern: PatternDefinition, schema: Mapping[str, Any] | None) -> dict[str, Slot]:
    """Everything the pattern takes, by name: its slots, its trigger's groups, or its tool's properties."""
    if pattern.is_tool:
        required = set(required_of(schema))
        slots = {name: slot_of(of) for name, of in properties_of(schema).items()}
        return {n: s if n in required else _optional(s) for n, s in slots.items()}
    names = sorted(pattern.variables | set(pattern.slots))
    targets = _targets(pattern, schema) if schema else {}
    return {name: _declared(pattern.slots.get(name, Slot()), targets.get(name)) for name in names}


def fill(value: Any, values: Mapping[str, Any]) -> Any:
    """Plain data with `{name}` replaced; None for a string that is one name without a value.

    A string that is nothing but one name takes the value's own type.
    """
    match value:
        case str():
            if whole := VARIABLE.fullmatch(value):
                return values.get(whole.group(1))
            return VARIABLE.sub(lambda m: str(values.get(m.group(1), "")), value)
        case Mapping():
            filled = {name: fill(v, values) for name, v in value.items()}
            return {name: v for name, v in filled.items() if v is not None}
        case list() | tuple():
            return [v for v in (fill(v, values) for v in value) if v is not None]
        case _:
            return value


def schema_of(pattern: PatternDefinition, schema: Mapping[str, Any] | None) -> dict[str, Any]:
    """JSON schema of the arguments a caller may give for this pattern."""
    if pattern.is_tool:
        properties = (schema or {}).get("properties")
        kept = {k: v for k, v in (schema or {}).items() if k in ("type", "$defs", "definitions")}
        return {
            **kept,
            "properties": dict(properties) if isinstance(properties, Mapping) else {},
            **({"required": required_of(schema)} if required_of(schema) else {}),
        }
    slots = pattern_slots(pattern, schema)
    return {
        "type": "object",
        "properties": {name: _property(slot) for name, slot in slots.items()},
        "required": [name for name, slot in slots.items() if slot.required],
    }


def _targets(pattern: PatternDefinition, schema: Mapping[str, Any] | None) -> dict[str, Mapping[str, Any]]:
    """The tool's property behind each variable that is passed on as it is."""
    if pattern.call is None or not isinstance(pattern.call.arguments, Mapping):
        return {}
    properties = properties_of(schema)
    found = {}
    for name, value in pattern.call.arguments.items():
        if isinstance(value, str) and (whole := VARIABLE.fullmatch(value)) and name in properties:
            found[whole.group(1)] = properties[name]
    return found


def _shapes(
    pattern: PatternDefinition, slots: Mapping[str, Slot], schema: Mapping[str, Any] | None
) -> dict[str, Mapping[str, Any]]:
    """The schema that each slot's value is checked against and looked for by: its tool's, with what the slot says."""
    targets = _targets(pattern, schema) if schema else {}
    return {name: {**targets.get(name, {}), **schema_of_slot(slot)} for name, slot in slots.items()}


def _declared(slot: Slot, target: Mapping[str, Any] | None) -> Slot:
    """The pattern's slot; where its author gave no type, with that of the tool's property."""
    if target is None or "type" in slot.model_fields_set or slot.enum:
        return slot
    like = slot_of(target)
    return (
        slot.model_copy(update={"type": like.type, "enum": like.enum}) if like.type != "string" or like.enum else slot
    )


def _fitting(name: str, value: Any, shape: Mapping[str, Any], root: Mapping[str, Any]) -> Any:
    """A value as the schema's type.

    Raises:
        NotUnderstood: the schema takes something else; the message names the value and what it takes.
    """
    value = as_type(value, type_of(shape))
    if wrong := fault(value, shape, root):
        raise NotUnderstood(f"{name}: {short(value)} is not {wrong}", hint=f"give {name} as {wrong}")
    return value


def _stores(pattern: PatternDefinition) -> bool:
    return pattern.memory is not None and pattern.memory.operation is MemoryOperation.STORE


def _outside(query: str, groups: Mapping[str, str]) -> str:
    """The sentence with what the trigger's groups caught blanked out."""
    for caught in groups.values():
        query = query.replace(caught, _BLANK * len(caught), 1) if caught else query
    return query


def _passed_on(
    pattern: PatternDefinition,
    name: str,
    value: Any,
    slots: Mapping[str, Slot],
    schema: Mapping[str, Any] | None,
    today: date,
) -> Any:
    """An explicit argument that is no slot, where the tool or the memory operation takes it by that name."""
    takes = set(MemoryTarget.model_fields) - {"operation"} if pattern.memory else set()
    if pattern.call:
        properties = properties_of(schema)
        if (
            schema is None
            or "properties" not in schema
            or (pattern.is_tool and schema.get("additionalProperties") is True)
        ):
            return value
        if name in properties:
            return _fitting(name, coerce(name, slot_of(properties[name]), value, today), properties[name], schema)
        takes |= set(properties)
    if name in takes:
        return value
    known = ", ".join(sorted(set(slots) | takes)) or "none"
    raise InvalidInput(f"{pattern.name} takes no argument {name!r}", hint=f"its arguments are: {known}")


def _optional(slot: Slot) -> Slot:
    """The same slot, left out where no value is given."""
    return slot if not slot.required else slot.model_copy(update={"default": None})


def _property(slot: Slot) -> dict[str, Any]:
    kind = slot.type if slot.type in ("integer", "number", "boolean", "array", "object") else "string"
    found: dict[str, Any] = {"type": kind}
    if slot.enum:
        found["enum"] = list(slot.enum)
    if slot.description:
        found["description"] = slot.description
    elif slot.type in _TOLD:
        found["description"] = _TOLD[slot.type]
    if slot.type in _FORMATS:
        found["format"] = _FORMATS[slot.type]
    if not slot.required and slot.default is not None:
        found["default"] = slot.default
    return found


_FORMATS = {"date": "date", "datetime": "date-time", "email": "email"}
_TOLD = {
    "timezone": "city or IANA time zone", "time": "time of day, 24 hours", "url": "url", "path": "path",
    "duration": "length of time with its unit, such as 20 minutes",
}  # fmt: skip
