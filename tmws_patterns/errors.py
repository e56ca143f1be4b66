"""Every failure the product names, and the value that carries one to the caller.

The tree::

    TmwsError                      code
    ├── InvalidInput               invalid_input
    ├── NoMatch                    no_match
    ├── Ambiguous                  ambiguous
    ├── MissingArguments           missing_arguments
    ├── ConfirmationRequired       confirmation_required
    ├── Forbidden                  forbidden
    ├── ServerUnavailable          server_unavailable
    ├── CallTimeout                timeout
    ├── ToolFailed                 tool_error
    ├── CursorExpired              cursor_expired
    └── StoreUnavailable           store_unavailable

A TmwsError that is none of these, and any other exception, reaches the caller as `internal`.
Adapters translate third-party errors into this tree once, with `raise ... from exc`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

INTERNAL = "internal"
FAILED = "failed"  # where the failures of an answer's parts stand, in the answer and in an error's details


@dataclass(frozen=True, slots=True)
class ErrorInfo:
    """A failure as a value: what went wrong (code, message) and what to do next (hint).

    `details` holds what the next call needs (candidates, a schema, the arguments understood so far);
    it is empty where there is nothing to add.
    """

    code: str
    message: str
    hint: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """The failure as plain JSON data, without empty fields."""
        found = {"code": self.code, "message": self.message, "hint": self.hint, **self.details}
        return {name: value for name, value in found.items() if value not in ("", None)}


class TmwsError(Exception):
    """Base of all errors raised on purpose. `hint` says what to do next."""

    code: ClassVar[str] = INTERNAL

    def __init__(self, message: str, *, hint: str = "", **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details = details
        self.decision: Any = None
        """The RoutingDecision that led to the failure; None where there was none."""
        self._code = ""

    @classmethod
    def of(cls, info: ErrorInfo) -> TmwsError:
        """The error that a value stands for, to be raised."""
        error = TmwsError(info.message, hint=info.hint, **info.details)
        error._code = info.code
        return error

    @classmethod
    def of_several(cls, failures: Mapping[str, ErrorInfo]) -> TmwsError:
        """The first of several failures of one call, by their parts' names, telling of all where there are more."""
        error = cls.of(next(iter(failures.values())))
        if len(failures) > 1:
            error.details = {**error.details, FAILED: {name: info.to_dict() for name, info in failures.items()}}
        return error

    @property
    def info(self) -> ErrorInfo:
        """This error as a value."""
        return ErrorInfo(self._code or self.code, self.message, self.hint, self.details)


class InvalidInput(TmwsError):
    """The caller's words or values cannot be used as they are."""

    code = "invalid_input"


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault of a configuration file: where it stands, which field, and how to mend it.

    `line` counts from 1; None where the fault belongs to no line. A `note` is worth knowing and no fault.
    """

    file: str
    line: int | None
    field: str
    message: str
    mend: str
    note: bool = False

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        return f"{where}: {self.field}: {self.message}. {self.mend}"


class NoMatch(TmwsError):
    """Nothing registered fits the sentence well enough to act on it."""

    code = "no_match"


class Ambiguous(TmwsError):
    """Two or more patterns fit about equally well."""

    code = "ambiguous"


class MissingArguments(TmwsError):
    """The pattern is clear, but an argument it requires was not given or not understood."""

    code = "missing_arguments"


class ConfirmationRequired(TmwsError):
    """The call could change or destroy something; it runs only when named explicitly."""

    code = "confirmation_required"


class Forbidden(TmwsError):
    """The principal may not do this."""

    code = "forbidden"


class ServerUnavailable(TmwsError):
    """A downstream server is not configured, does not start, or died during the call."""

    code = "server_unavailable"


class CallTimeout(TmwsError):
    """The deadline passed first."""

    code = "timeout"


class ToolFailed(TmwsError):
    """The downstream tool ran and reported an error of its own."""

    code = "tool_error"


class CursorExpired(TmwsError):
    """The cursor names an answer that is no longer kept, or never was this caller's."""

    code = "cursor_expired"


class StoreUnavailable(TmwsError):
    """The database cannot be reached or refused the statement."""

    code = "store_unavailable"
