"""What a plan is made of: the tools and servers there are, the limits of calls, and what a sentence may not run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from tmws_patterns.errors import ConfirmationRequired
from tmws_patterns.pattern import PatternDefinition, PatternType, ToolDefinition
from tmws_patterns.routing.router import Patterns
from tmws_patterns.targets import Effect

NAMED = "named"  # the stage of a pattern that the caller named


class Targets(Patterns, Protocol):
    """The registry, as planning sees it."""

    def tool(self, server: str, tool: str) -> ToolDefinition | None: ...

    def servers_of(self, tool: str) -> list[str]: ...

    def tools_of(self, server: str) -> list[str]: ...

    def identity(self, server: str) -> str: ...

    def effects_of_steps(self, pattern: PatternDefinition) -> Iterable[tuple[str, Effect | None]]: ...


@dataclass(frozen=True, slots=True)
class Limits:
    """What the settings say of plans: seconds a kept answer lives, and seconds a call of each type may take."""

    ttl: float
    timeouts: Mapping[PatternType, float]


def confirmation(name: str, arguments: Mapping[str, Any], effect: Effect | None) -> ConfirmationRequired:
    """The refusal of what no sentence runs, with the call that would."""
    what = "is declared destructive" if effect else "has no declared effect"
    return ConfirmationRequired(
        f"{name} {what}, so a sentence does not run it",
        hint="to run it, call execute_pattern with exactly this pattern and these arguments",
        pattern=name,
        arguments=dict(arguments),
        effect=str(effect or "undeclared"),
    )
