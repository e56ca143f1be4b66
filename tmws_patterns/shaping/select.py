"""Keeping only what was asked for: fields, a JMESPath expression, or a part of a text.

Several fields belong together; anything else is one step, and steps follow one another: `content`, then
`lines:/error/`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tmws_patterns.errors import InvalidInput
from tmws_patterns.expressions import expression
from tmws_patterns.selection import FORMS, is_form, is_plain
from tmws_patterns.shaping.shape import shape
from tmws_patterns.shaping.text import END_LINES, outline, part_of

_ABSENT = object()
_LONG = 200  # characters from which a field is a text that `lines` can mean without naming it


def chosen(data: Any, select: Sequence[str]) -> Any:
    """What the parts of `select` make of `data`, one after the other; all of it for none.

    Raises:
        InvalidInput: a part cannot be read, or names what is not there; the hint says what is.
    """
    fields: list[str] = []
    for said in select:
        if _is_field(data, said):
            fields.append(said)
            continue
        data = _step(project(data, fields), said)
        fields = []
    return project(data, fields)


def project(data: Any, fields: Sequence[str]) -> Any:
    """`data` with only the named fields, each a dotted path; lists are passed through item by item.

    A single field of an object still answers as an object, so that the reader sees what it is.

    Raises:
        InvalidInput: none of the fields is in the answer; the hint lists those that are.
    """
    if not fields:
        return data
    kept = _project(data, fields)
    if kept is _ABSENT:
        raise InvalidInput(f"the answer has no field {', '.join(fields)}", hint=_what_there_is(data))
    return kept


def _is_field(data: Any, said: str) -> bool:
    """True for a name: of a field that there is, or that could be one and nothing else."""
    return said in _names(data) or (not is_form(said) and is_plain(said))


def _step(data: Any, said: str) -> Any:
    if not is_form(said):
        value = expression(said).of(data)
        if value is None:
            raise InvalidInput(f"{said[:200]!r} finds nothing in the answer", hint=_what_there_is(data))
        return value
    end, _, count = said.partition(":")
    if isinstance(data, list) and end in ("head", "tail"):
        number = int(count or END_LINES)
        return data[:number] if end == "head" else data[max(0, len(data) - number) :]
    text = _text(data)
    if said == "outline":
        return shape(data) if text is None else outline(text)
    if text is None:
        hint = f"name its field before it; {_what_there_is(data)}"
        raise InvalidInput(f"which text is {said[:200]!r} of?", hint=hint)
    return part_of(text, said)


def _text(data: Any) -> str | None:
    """The text that an answer is or holds; None where it holds none or several."""
    if isinstance(data, str):
        return data
    if isinstance(data, list) and data and all(isinstance(row, str) for row in data):
        return "\n".join(data)
    texts = list(_long_texts(data))
    return texts[0] if len(texts) == 1 else None


def _long_texts(data: Any) -> Any:
    if isinstance(data, str):
        if len(data) >= _LONG or "\n" in data:
            yield data
    elif isinstance(data, dict | list):
        for value in data.values() if isinstance(data, dict) else data:
            yield from _long_texts(value)


def _what_there_is(data: Any) -> str:
    if isinstance(data, str):
        return f"the answer is plain text: {FORMS}"
    names = sorted(_names(data))[:20]
    return f"its fields are: {', '.join(names)}" if names else "the answer has no fields"


def _project(data: Any, fields: Sequence[str]) -> Any:
    if isinstance(data, list):
        rows = [_project(row, fields) for row in data]
        return [row for row in rows if row is not _ABSENT] if any(row is not _ABSENT for row in rows) else _ABSENT
    if not isinstance(data, dict):
        return _ABSENT
    kept: dict[str, Any] = {}
    for path in fields:
        name, _, rest = path.partition(".")
        if path in data:
            kept[path] = data[path]
        elif name in data and rest and (inner := _project(data[name], [rest])) is not _ABSENT:
            kept[path] = inner[rest] if isinstance(inner, dict) else inner
    return kept or _ABSENT


def _names(data: Any) -> set[str]:
    """Field names of an object, or of the first objects of a list."""
    if isinstance(data, dict):
        return set(data)
    return {name for row in data[:5] if isinstance(row, dict) for name in row} if isinstance(data, list) else set()
