"""The tools of all servers: kept in memory, saved by the hash of the server's configuration.

Owns what a tool's effect is here, and the hash of its definition. Asking a server for its tools is the
connection's.
"""

from __future__ import annotations

import difflib
import logging
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from tmws_patterns.dispatch.config import ServerConfig, Transport, digest
from tmws_patterns.dispatch.schemas import clean_schema
from tmws_patterns.errors import StoreUnavailable
from tmws_patterns.pattern import ToolDefinition
from tmws_patterns.ports import CatalogueRows
from tmws_patterns.targets import Effect

logger = logging.getLogger(__name__)

RawTool = Mapping[str, Any]
_HASHED = ("name", "description", "inputSchema", "annotations", "outputSchema")


def definition_hash(raw: RawTool) -> str:
    """16 hex characters that change with anything a caller could notice of the tool."""
    return digest({key: raw.get(key) for key in _HASHED}, 8)


def effect_of(config: ServerConfig, raw: RawTool) -> Effect | None:
    """The effect of a tool: what servers.json says, else what a trusted server says, else None.

    MCP's default for a tool that says nothing is "destructive"; None leaves that to whoever decides.
    """
    if declared := config.effects.get(raw["name"]):
        return declared
    hints = raw.get("annotations") or {}
    if not config.trust:
        return None
    if hints.get("readOnlyHint") is True:
        return Effect.READ
    match hints.get("destructiveHint"):
        case True:
            return Effect.DESTRUCTIVE
        case False:
            return Effect.WRITE
        case _:
            return None


def _define(config: ServerConfig, raw: RawTool) -> ToolDefinition:
    return ToolDefinition(
        server=config.name,
        name=raw["name"],
        description=raw.get("description") or raw.get("title") or "",
        input_schema=clean_schema(raw.get("inputSchema")),
        effect=effect_of(config, raw),
        definition_hash=definition_hash(raw),
        server_identity=config.identity,
        denied=raw["name"] in config.deny,
    )


class Catalogue:
    """What is known of every configured server's tools. Reads are synchronous and never fail."""

    def __init__(self, configs: Mapping[str, ServerConfig], rows: CatalogueRows) -> None:
        self._configs = configs
        self._rows = rows
        self._raw: dict[str, dict[str, RawTool]] = {}
        self._tools: Mapping[str, ToolDefinition] = {}

    async def load(self) -> None:
        """Take over what earlier runs learned. A store that is down is a logged warning."""
        try:
            kept = await self._rows.load_catalogue()
        except StoreUnavailable as exc:
            logger.warning("tools known from earlier runs cannot be read: %s", exc)
            return
        wanted = {config.identity for config in self._configs.values() if config.transport is not Transport.IN_PROCESS}
        for identity in wanted & kept.keys():
            self._raw[identity] = {raw["name"]: raw for raw in kept[identity]}
        self._rebuild()

    async def replace(self, config: ServerConfig, listed: Sequence[RawTool]) -> bool:
        """Take over what a server just listed; True where that is not what was known of it."""
        fresh = {raw["name"]: raw for raw in listed}
        if self._raw.get(config.identity) == fresh:
            return False
        self._raw[config.identity] = fresh
        self._rebuild()
        if config.transport is not Transport.IN_PROCESS:
            try:
                await self._rows.save_catalogue(config.identity, config.name, list(fresh.values()))
            except StoreUnavailable as exc:
                logger.warning("the tools of %r cannot be kept: %s", config.name, exc)
        return True

    def _rebuild(self) -> None:
        defined = {
            f"{config.name}.{name}": _define(config, raw)
            for config in self._configs.values()
            for name, raw in self._raw.get(config.identity, {}).items()
        }
        self._tools = MappingProxyType(defined)

    @property
    def tools(self) -> Mapping[str, ToolDefinition]:
        """Every known tool by `server.tool`; a snapshot that is never changed."""
        return self._tools

    def tool(self, server: str, name: str) -> ToolDefinition | None:
        """One tool, if it is known."""
        return self._tools.get(f"{server}.{name}")

    def output_schema(self, config: ServerConfig, name: str) -> Mapping[str, Any]:
        """What the tool says of its structured answers; empty where it says nothing."""
        raw = self._raw.get(config.identity, {}).get(name, {})
        schema = raw.get("outputSchema")
        return schema if isinstance(schema, Mapping) else {}

    def knows(self, config: ServerConfig) -> bool:
        """True once the server's tools have been listed, now or in an earlier run."""
        return config.identity in self._raw

    def count(self, config: ServerConfig) -> int:
        """How many tools of the server are known."""
        return len(self._raw.get(config.identity, {}))

    def nearest(self, config: ServerConfig, name: str) -> list[str]:
        """Names of the server's tools most like the given one, else its first few."""
        names = list(self._raw.get(config.identity, {}))
        return difflib.get_close_matches(name, names, n=3, cutoff=0.5) or names[:8]
