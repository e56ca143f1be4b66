r"""RE2 expressions as people write them: `\w` and `\d` mean letters and digits of every alphabet.

RE2 takes time linear in the text, whatever was written; in exchange it has neither lookaround nor backreferences.
"""

from __future__ import annotations

from typing import Any

import re2

from tmws_patterns.errors import InvalidInput

MEMORY = 4 * 2**20  # bytes for one expression; RE2 gives up on larger ones instead of eating memory
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
    pieces: list[str] = []
    inside = False  # a character class, where the names of kinds stand without brackets of their own
    i = 0
    while i < len(expression):
        piece = expression[i : i + 2] if expression[i] == "\\" else expression[i]
        if piece in _KINDS:
            pieces.append(_KINDS[piece] if inside else f"[{_KINDS[piece]}]")
        else:
            inside = piece == "[" or (inside and piece != "]")
            pieces.append(piece)
        i += len(piece)
    return "".join(pieces)


def compiled(expression: str, *, ignore_case: bool = False) -> Any:
    """The expression, ready to search.

    Raises:
        InvalidInput: RE2 does not take it.
    """
    try:
        return re2.compile(of_every_alphabet(expression), options=options(ignore_case=ignore_case))
    except (re2.error, UnicodeError) as exc:
        raise InvalidInput(
            f"{expression[:200]!r} is no RE2 expression: {_reason(exc)}",
            hint="escape what is meant as it stands with \\; RE2 has no lookaround and no backreferences",
        ) from exc


def _reason(exc: Exception) -> str:
    said = exc.args[0] if exc.args else exc
    return said.decode(errors="replace") if isinstance(said, bytes) else str(said)
