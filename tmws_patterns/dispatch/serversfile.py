"""Reading servers.json: the `mcpServers` shape that every MCP client uses, pasted as it is.

A wrong server is left out and reported as a Problem; the others run on. Nothing here raises for what
a file says. Keys of other clients are ignored.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from tmws_patterns.dispatch.config import BUILTIN, ServerConfig, Transport
from tmws_patterns.dispatch.variables import UnsetVariableError, expand
from tmws_patterns.errors import Problem
from tmws_patterns.targets import Effect

SECTION = "mcpServers"
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_TRANSPORTS = {
    "stdio": Transport.STDIO,
    "http": Transport.HTTP,
    "streamable-http": Transport.HTTP,
    "streamable_http": Transport.HTTP,
    "streamablehttp": Transport.HTTP,
    "sse": Transport.SSE,
}


_MOST_DIGITS = 4_000  # of a whole number; Python converts at most 4,300
_TOO_LONG = object()  # stands for a longer one, and is of no type that a field takes


class _Object(dict[str, Any]):
    """A JSON object that remembers which names it was given more than once; the first of each holds."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(reversed(pairs))
        counts = Counter(name for name, _ in pairs)
        self.repeated = [name for name, count in counts.items() if count > 1]
        self.names = list(counts)


class _Rights(BaseModel):
    """The `tmws` object of one server. Its keys are ours, so an unknown one is a mistake."""

    model_config = ConfigDict(extra="forbid")

    trust: bool = True
    effects: dict[str, Effect] = Field(default_factory=dict)
    deny: frozenset[str] = frozenset()
    timeout: float | None = Field(default=None, gt=0, allow_inf_nan=False)


class _Entry(BaseModel):
    """One server as it is written. Keys of other clients (autoApprove, ...) are ignored."""

    model_config = ConfigDict(extra="ignore", coerce_numbers_to_str=True)

    type: str | None = None
    command: str = ""
    args: list[str] = Field(default_factory=list)
    env: dict[str, str] = Field(default_factory=dict)
    cwd: str | None = None
    url: str = ""
    headers: dict[str, str] = Field(default_factory=dict)
    disabled: bool = False
    tmws: _Rights = Field(default_factory=_Rights)

    @model_validator(mode="after")
    def _one_way_to_reach_it(self) -> Self:
        if self.type is not None and self.type.lower() not in _TRANSPORTS:
            raise ValueError(f"unknown type {self.type!r}; it is stdio, http or sse")
        if bool(self.command) == bool(self.url):
            raise ValueError("a server has either a `command` (stdio) or a `url` (http, sse)")
        if self.type is not None and (self.transport is Transport.STDIO) == bool(self.url):
            raise ValueError(f"type {self.type!r} does not fit: stdio goes with `command`, http and sse with `url`")
        return self

    @property
    def transport(self) -> Transport:
        if self.type is not None:
            return _TRANSPORTS[self.type.lower()]
        return Transport.HTTP if self.url else Transport.STDIO

    @property
    def shown(self) -> str:
        return self.url or " ".join([self.command, *self.args])


def load_servers(path: Path, environment: Mapping[str, str]) -> tuple[dict[str, ServerConfig], list[Problem]]:
    """The servers of a file by name, and what is wrong with the others.

    A missing file is empty. Servers with `"disabled": true` are left out in silence.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return {}, []
    except (OSError, UnicodeDecodeError) as exc:
        return {}, [Problem(str(path), None, "file", f"cannot be read: {exc}", "Make it a readable UTF-8 file.")]
    return _Reader(str(path), text, environment).read()


class _Reader:
    """One file being read: its text, for line numbers, and the problems found so far."""

    def __init__(self, file: str, text: str, environment: Mapping[str, str]) -> None:
        self._file = file
        self._text = text
        self._environment = environment
        self._problems: list[Problem] = []

    def read(self) -> tuple[dict[str, ServerConfig], list[Problem]]:
        servers: dict[str, ServerConfig] = {}
        entries = self._entries()
        for name in entries.names:
            server = self._server(name, entries[name])
            if server is not None:
                servers[name] = server
        return servers, self._problems

    def _entries(self) -> _Object:
        nothing = _Object([])
        try:
            text = self._text if self._text.strip() else "{}"
            found = json.loads(text, object_pairs_hook=_Object, parse_int=_whole_number)
        except (json.JSONDecodeError, RecursionError) as exc:
            line = exc.lineno if isinstance(exc, json.JSONDecodeError) else None
            self._problems.append(Problem(self._file, line, "file", f"is not JSON: {exc}", "Correct it there."))
            return nothing
        servers = found.get(SECTION) if isinstance(found, _Object) else None
        if isinstance(servers, _Object):
            self._report_repeated(found, servers)
            return servers
        if found != {}:
            mend = f'Write {{"{SECTION}": {{"name": {{"command": "..."}}}}}}.'
            self._report((SECTION,), "is missing or not an object", mend)
        return nothing

    def _report_repeated(self, found: _Object, servers: _Object) -> None:
        if SECTION in found.repeated:
            self._report((SECTION,), "stands there twice; the second is left out", "Join the two.", nth=1)
        for name in servers.repeated:
            self._report((name,), "is the name of two servers; the second is left out", "Rename one.", nth=1)

    def _server(self, name: str, raw: Any) -> ServerConfig | None:
        if not _NAME.fullmatch(name):
            self._report((name,), "is not a usable name", "Use 1 to 64 letters, digits, _ and -.")
            return None
        if name == BUILTIN:
            self._report((name,), "is the name of the built-in server", "Choose another name.")
            return None
        try:
            entry = _Entry.model_validate(raw)
        except ValidationError as exc:
            for error in exc.errors():
                message = str(error["msg"]).removeprefix("Value error, ")
                if error["type"] == "extra_forbidden":
                    message = "no such field"
                self._report((name, *map(str, error["loc"])), message, "Correct this field.")
            return None
        return None if entry.disabled else self._expanded(name, entry)

    def _expanded(self, name: str, entry: _Entry) -> ServerConfig | None:
        values = entry.model_dump(include={"command", "args", "env", "cwd", "url", "headers"})
        before = len(self._problems)
        expanded = {key: self._expand((name, key), value) for key, value in values.items()}
        if len(self._problems) > before:
            return None
        rights = entry.tmws
        return ServerConfig(
            name,
            entry.transport,
            **{**expanded, "args": tuple(expanded["args"])},
            trust=rights.trust,
            effects=rights.effects,
            deny=rights.deny,
            timeout=rights.timeout,
            shown=entry.shown,
        )

    def _expand(self, path: tuple[str, ...], value: Any) -> Any:
        """The value with the variables of all its strings replaced."""
        match value:
            case str() if not _is_text(value):
                self._report(path, "holds half a character (a lone surrogate)", "Correct this field.")
                return None
            case str():
                try:
                    return expand(value, self._environment)
                except UnsetVariableError as exc:
                    variable = exc.args[0]
                    mend = f"Set it, or give it a default: ${{{variable}:-value}}."
                    self._report(path, f"the variable {variable} is not set", mend)
                    return None
            case list():
                return [self._expand((*path, str(i)), item) for i, item in enumerate(value)]
            case dict():
                for key in value:
                    if not _is_text(key):
                        self._report((*path, key), "holds half a character (a lone surrogate)", "Correct this name.")
                return {key: self._expand((*path, key), item) for key, item in value.items()}
            case _:
                return value

    def _report(self, path: tuple[str, ...], message: str, mend: str, *, nth: int = 0) -> None:
        field = _printable(".".join(path if path == (SECTION,) else (SECTION, *path)))
        self._problems.append(Problem(self._file, self._line(path, nth), field, _printable(message), mend))

    def _line(self, path: tuple[str, ...], nth: int) -> int | None:
        """The line of the last key of the path that is found, each searched after the one before.

        `nth` counts on from there, for a key that is repeated.
        """
        place = None
        for position in self._positions(path + path[-1:] * nth):
            place = position
        return None if place is None else self._text.count("\n", 0, place) + 1

    def _positions(self, path: tuple[str, ...]) -> Iterator[int]:
        start = 0
        for key in path:
            found = re.compile(rf"{re.escape(json.dumps(key, ensure_ascii=False))}\s*:").search(self._text, start)
            if found is None:
                return
            start = found.end()
            yield found.start()


def _whole_number(digits: str) -> Any:
    return int(digits) if len(digits) <= _MOST_DIGITS else _TOO_LONG


def _is_text(value: str) -> bool:
    """Whether it can be written as UTF-8: JSON may escape half a character."""
    return _printable(value) == value


def _printable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
