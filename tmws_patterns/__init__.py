"""One MCP server in front of all of an agent's other MCP servers and its memory.

The names below are the whole public interface. They resolve on first use, so that importing the
package, or asking for its version, loads neither the MCP SDK nor a database driver.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "DatabaseHealthCheck": "app",
    "ExecutionMode": "pattern",
    "ExecutionResult": "call",
    "PatternDefinition": "pattern",
    "PatternExecutionEngine": "executor",
    "PatternType": "pattern",
    "RoutingDecision": "call",
    "Settings": "settings",
    "TmwsError": "errors",
    "create_pattern_execution_engine": "app",
}

__all__ = [
    "DatabaseHealthCheck",
    "ExecutionMode",
    "ExecutionResult",
    "PatternDefinition",
    "PatternExecutionEngine",
    "PatternType",
    "RoutingDecision",
    "Settings",
    "TmwsError",
    "create_pattern_execution_engine",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
