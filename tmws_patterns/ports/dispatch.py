"""What the rooms around downstream servers promise each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from tmws_patterns.call import Progress
from tmws_patterns.pattern import ToolDefinition
from tmws_patterns.targets import Effect


class ToolCaller(Protocol):
    """Calls downstream tools. One connection a server, opened on first use and shared by all callers.

    `call` returns plain data. Within `timeout` seconds it raises ServerUnavailable, CallTimeout or
    ToolFailed, at once Forbidden (a denied tool) or InvalidInput (a tool that the server does not
    have), and ConfirmationRequired where the tool, as the connected server describes it now, may do
    more than `effect`; None leaves that to the caller. `discover` connects servers whose tools are
    not known yet, side by side, and returns the names of those still unknown after `timeout` seconds;
    it never raises.
    """

    async def call(
        self,
        server: str,
        tool: str,
        arguments: Mapping[str, Any],
        *,
        timeout: float,
        progress: Progress | None = None,
        effect: Effect | None = None,
    ) -> Any: ...

    async def discover(self, timeout: float, servers: Sequence[str] | None = None) -> list[str]: ...

    def tools(self) -> Mapping[str, ToolDefinition]:
        """Every known tool by `server.tool`."""
        ...

    def servers(self) -> Mapping[str, str]:
        """Every configured server's name, with its identity."""
        ...

    def unknown(self) -> list[str]:
        """Configured servers whose tools are not known yet."""
        ...

    def why(self, server: str) -> str:
        """The message of the server's last connection error; "" where there is none."""
        ...


class CatalogueRows(Protocol):
    """The tools of each server, kept between runs, by the hash of the server's configuration.

    `load_catalogue` returns {identity: list of raw MCP tool definitions}. May raise StoreUnavailable.
    """

    async def load_catalogue(self) -> dict[str, list[dict[str, Any]]]: ...

    async def save_catalogue(self, identity: str, server: str, tools: Sequence[Mapping[str, Any]]) -> None: ...
