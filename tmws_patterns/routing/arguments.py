"""What a pattern's call is to be given: from the caller, the trigger's groups, the sentence, the context, the defaults.

The caller's explicit arguments always win. A value that was given but not understood is never
replaced by a default: it is asked for again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tmws_patterns.errors import InvalidInput
from tmws_patterns.pattern import VARIABLE, Effect, MemoryTarget, PatternDefinition, Slot
from tmws_patterns.routing.slots import NotUnderstood, coerce, find, find_quoted, slot_of

_NOTHING = object()
_RESERVED = frozenset({"agent", "namespace"})  # these say who asks and what is in sight, and are nobody's argument


@dataclass(slots=True)
class Understood:
    """The values found so far, and what stands in the way of a call: names missing, and why where that is known."""

    values: dict[str, Any] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)


def understand(
    pattern: PatternDefinition,
    *,
    query: str,
    groups: Mapping[str, str],
    arguments: Mapping[str, Any],
    context: Mapping[str, Any],
    schema: Mapping[str, Any] | None,
) -> Understood:
    """Values for the pattern's variables (for a tool: its properties).

    Args:
        schema: the tool's JSON schema, None where it is not known or there is no tool.

    Raises:
        InvalidInput: an explicit argument is of the wrong kind or unknown.
    """
    slots = pattern_slots(pattern, schema)
    found = Understood()
    guesses = pattern.declared_effect is Effect.READ and not pattern.is_tool
    alone = Counter(_kind(slot) for slot in slots.values() if slot.required)
    shown = {name: value for name, value in context.items() if name not in _RESERVED} if pattern.call else {}
    if pattern.is_tool:  # its own server checks what its caller says outright
        found.values = {name: arguments[name] for name in slots if name in arguments}
        slots = {name: slot for name, slot in slots.items() if name not in arguments}
    for name, slot in slots.items():
        try:
            guess = (slot.required and alone[_kind(slot)] == 1) or (bool(slot.enum) and guesses)
            value = _value(name, slot, query, groups, arguments, shown, guess=guess)
        except NotUnderstood as exc:
            if name in arguments:
                raise
            found.missing[name] = exc.message
            continue
        if value is not _NOTHING:
            found.values[name] = value
        elif slot.required:
            found.missing[name] = ""
    if pattern.is_tool and len(found.missing) == 1:
        _take_the_quoted(found, slots, query)
    for name in set(arguments) - set(slots) - set(found.values):
        found.values[name] = _passed_on(pattern, name, arguments[name], slots, schema)
    return found


def pattern_slots(pattern: PatternDefinition, schema: Mapping[str, Any] | None) -> dict[str, Slot]:
    """Everything the pattern takes, by name: its slots, its trigger's groups, or its tool's properties."""
    if pattern.is_tool:
        properties = (schema or {}).get("properties", {})
        required = set((schema or {}).get("required", ()))
        slots = {name: slot_of(of if isinstance(of, dict) else {}) for name, of in properties.items()}
        return {n: s if n in required else _optional(s) for n, s in slots.items()}
    return {name: pattern.slots.get(name, Slot()) for name in sorted(pattern.variables | set(pattern.slots))}


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
        return {k: v for k, v in (schema or {}).items() if k in ("type", "properties", "required")}
    slots = pattern_slots(pattern, schema)
    return {
        "type": "object",
        "properties": {name: _property(slot) for name, slot in slots.items()},
        "required": [name for name, slot in slots.items() if slot.required],
    }


def _value(
    name: str,
    slot: Slot,
    query: str,
    groups: Mapping[str, str],
    arguments: Mapping[str, Any],
    context: Mapping[str, Any],
    *,
    guess: bool,
) -> Any:
    """The first source that has the value; `_NOTHING` where none has.

    `guess` allows looking for the value anywhere in the sentence: for what is required and the only
    one of its kind, and for the choices of a read. A number in a note is not its importance.
    """
    if name in arguments:
        return coerce(name, slot, arguments[name])
    if name in groups:
        return coerce(name, slot, groups[name])
    if name == "query" and query:
        return query
    if query and guess and (found := find(slot, query)) is not None:
        return found
    if name in context and isinstance(context[name], str | int | float | bool):
        return coerce(name, slot, context[name])
    return _NOTHING if slot.required else slot.default


def _take_the_quoted(found: Understood, slots: Mapping[str, Slot], query: str) -> None:
    """Give the only thing in quotes to the only missing text."""
    (name,) = found.missing
    quoted = find_quoted(query)
    if len(quoted) == 1 and slots[name].type == "string" and not slots[name].enum:
        found.values[name] = quoted[0]
        del found.missing[name]


def _passed_on(
    pattern: PatternDefinition, name: str, value: Any, slots: Mapping[str, Slot], schema: Mapping[str, Any] | None
) -> Any:
    """An explicit argument that is no slot, where the tool or the memory operation takes it by that name."""
    takes = set(MemoryTarget.model_fields) - {"operation"} if pattern.memory else set()
    if pattern.call:
        properties = (schema or {}).get("properties")
        if schema is None or properties is None or (pattern.is_tool and schema.get("additionalProperties") is True):
            return value
        if name in properties:
            return coerce(name, slot_of(properties[name]), value)
        takes |= set(properties)
    if name in takes:
        return value
    known = ", ".join(sorted(set(slots) | takes)) or "none"
    raise InvalidInput(f"{pattern.name} takes no argument {name!r}", hint=f"its arguments are: {known}")


def _kind(slot: Slot) -> str:
    """What a value looks like in a sentence."""
    return "|".join(slot.enum) or {"integer": "number"}.get(slot.type, slot.type)


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
    elif slot.type in ("timezone", "time", "url", "path"):
        found["description"] = {"timezone": "city or IANA time zone", "time": "time of day, 24 hours"}.get(
            slot.type, slot.type
        )
    if not slot.required and slot.default is not None:
        found["default"] = slot.default
    return found
