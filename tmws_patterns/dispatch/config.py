"""What one downstream server is: how to reach it, what its tools may do, and the hash that names it.

Owns the frozen configuration. Reading it from servers.json is the servers file's, starting it the
transport's.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import blake2b
from typing import Any

import orjson
from mcp.server import MCPServer, Server

from tmws_patterns.targets import Effect

BUILTIN = "tmws"  # the name of the server that lives in this process; reserved


class Transport(StrEnum):
    """How a server is spoken to."""

    STDIO = "stdio"
    HTTP = "http"
    SSE = "sse"
    IN_PROCESS = "in-process"


def digest(value: Any, size: int) -> str:
    """A BLAKE2b hash of plain JSON data, whatever the order of its keys, as `2 * size` hex characters."""
    try:
        text = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except TypeError:  # whole numbers beyond 64 bits, halves of characters, deep nesting
        text = json.dumps(value, sort_keys=True, ensure_ascii=True).encode()
    return blake2b(text, digest_size=size).hexdigest()


@dataclass(frozen=True, slots=True)
class ServerConfig:
    """One server, with all variables expanded.

    Attributes:
        shown: the command line or URL as its author wrote it, so that no message carries a secret
            that a variable stood for.
        trust: whether the effects that the server itself declares of its tools are believed.
        effects: the effect of a tool by name; wins over what the server says.
        deny: tools that must never be called.
        timeout: seconds, an upper bound of every call and a lower bound of the connect deadline.
        in_process: a server of this process, connected in memory; then nothing else but `name` counts.
        identity: hash of what decides which server this is (32 hex characters); trust, effects, deny
            and timeout are not part of it.
    """

    name: str
    transport: Transport = Transport.STDIO
    command: str = ""
    args: tuple[str, ...] = field(default=(), repr=False)
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    cwd: str | None = None
    url: str = field(default="", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    trust: bool = True
    effects: Mapping[str, Effect] = field(default_factory=dict)
    deny: frozenset[str] = frozenset()
    timeout: float | None = None
    shown: str = ""
    in_process: MCPServer[Any] | Server[Any] | None = field(default=None, repr=False)
    identity: str = field(init=False)

    def __post_init__(self) -> None:
        if self.in_process is not None:
            object.__setattr__(self, "transport", Transport.IN_PROCESS)
        object.__setattr__(self, "identity", digest(self._configuration(), 16))
        if not self.shown:
            object.__setattr__(self, "shown", self.command or self.url or "in process")

    def _configuration(self) -> Any:
        if self.in_process is not None:
            return {"in-process": self.name, "server": self.in_process.name}
        return {
            "transport": self.transport,
            "command": self.command,
            "args": self.args,
            "env": dict(self.env),
            "cwd": self.cwd,
            "url": self.url,
            "headers": dict(self.headers),
        }
