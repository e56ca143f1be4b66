"""What `select` may say: fields, a JMESPath expression, or a part of a text. Checked here, and applied in shaping."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tmws_patterns.errors import InvalidInput
from tmws_patterns.expressions import expression
from tmws_patterns.regex import compiled

FORMS = "lines:10-40, lines:/regex/i+2 (i: any case, +2: lines around), head:20, tail:20, outline"
_PLAIN = re.compile(r"[\w.\- ]+")  # a field's name, or a dotted path of them; other names stand in "quotes" in JMESPath
_FORM = re.compile(
    r"(head|tail)(?::(\d{1,9}))?|outline|lines:(\d{1,9})(?:(-)(\d{1,9})?)?|lines:/(.+)/(i?)(?:\+(\d{1,3}))?", re.DOTALL
)
_REGEX = 5  # its place among the groups of a form


def parts(select: str | Sequence[str] | None) -> tuple[str, ...]:
    """What was asked for, one by one: a string is fields separated by commas, or one expression."""
    if not select:
        return ()
    if isinstance(select, str):
        names = select.split(",")
        select = names if all(is_plain(name.strip()) or not name.strip() for name in names) else [select]
    return tuple(filter(None, (str(said).strip() for said in select)))


def check_select(select: Sequence[str]) -> None:
    """Refuse what could be applied to no answer.

    Raises:
        InvalidInput: an expression or a form of text that cannot be read.
    """
    for said in select:
        if is_form(said):
            if regex := read_form(said)[_REGEX]:
                compiled(regex)
        elif not is_plain(said):
            expression(said)


def is_plain(said: str) -> bool:
    """True for what can be a field, or a dotted path of fields, and nothing else."""
    return _PLAIN.fullmatch(said) is not None


def is_form(said: str) -> bool:
    """True where this asks for a part of a text."""
    return said.startswith("lines:") or _FORM.fullmatch(said) is not None


def read_form(said: str) -> tuple[str | None, ...]:
    """The parts of a form: head or tail, its count, first line, "-", last line, regex, "i", lines around.

    Raises:
        InvalidInput: it is none.
    """
    form = _FORM.fullmatch(said)
    if form is None:
        raise InvalidInput(f"{said[:200]!r} names no part of a text", hint=f"the forms are {FORMS}")
    return form.groups()
