r"""RE2 expressions as people write them: `\w` and `\d` mean letters and digits of every alphabet.

RE2 takes time linear in the text, whatever was written; in exchange it has neither lookaround nor backreferences.
"""

from __future__ import annotations

import re
from typing import Any

import re2

from tmws_patterns.errors import InvalidInput

MEMORY = 4 * 2**20  # bytes for one expression; RE2 gives up on larger ones instead of eating memory
LONGEST, MOST_GROUPS = 1_000, 10  # characters and groups of an expression that a caller gives: more only cost time
_ESCAPE = re.compile(r"\\.", re.DOTALL)
_PIECE = re.compile(r"\\.|\[\^?\]?(?:\[:\^?\w+:\]|\\.|[^\]\\])*(?:\]|\Z)", re.DOTALL)
"""An escape, or a whole class, in which the names of kinds stand without brackets of their own.

One that is not closed goes to the end, so that nothing is looked at twice; RE2 refuses it.
"""
_KINDS = {r"\w": r"\p{L}\p{M}\p{N}_", r"\d": r"\p{Nd}"}


def options(*, ignore_case: bool) -> Any:
    """RE2's options: bounded memory, and silence on stderr."""
    chosen = re2.Options()
    chosen.case_sensitive = not ignore_case
    chosen.log_errors = False
    chosen.max_mem = MEMORY
    return chosen


def of_every_alphabet(expression: str) -> str:
    r"""An expression whose `\w` and `\d` mean letters and digits of every alphabet; to RE2 they are ASCII's."""

    def kinds(match: re.Match[str]) -> str:
        piece = match.group()
        if piece[0] == "[":
            return _ESCAPE.sub(lambda escape: _KINDS.get(escape.group(), escape.group()), piece)
        return f"[{_KINDS[piece]}]" if piece in _KINDS else piece

    return _PIECE.sub(kinds, expression)


def compiled(expression: str, *, ignore_case: bool = False) -> Any:
    """The expression, ready to search.

    Raises:
        InvalidInput: RE2 does not take it, or it is too long to be searched for in large texts.
    """
    if len(expression) > LONGEST:
        raise InvalidInput(f"the regex has {len(expression):,} characters, the limit is {LONGEST:,}", hint="shorten it")
    try:
        found = re2.compile(of_every_alphabet(expression), options=options(ignore_case=ignore_case))
    except (re2.error, UnicodeError) as exc:
        raise InvalidInput(
            f"{expression[:200]!r} is no RE2 expression: {_reason(exc)}",
            hint="escape what is meant as it stands with \\; RE2 has no lookaround and no backreferences",
        ) from exc
    if found.groups > MOST_GROUPS:
        raise InvalidInput(f"the regex has {found.groups} groups, the limit is {MOST_GROUPS}", hint="write (?:...)")
    return found


def _reason(exc: Exception) -> str:
    said = exc.args[0] if exc.args else exc
    return said.decode(errors="replace") if isinstance(said, bytes) else str(said)
