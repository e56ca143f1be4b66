"""Whole engines on real parts: a workshop server of our own, SQLite files, and whatever else a test asks for."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tmws_patterns import PatternExecutionEngine, Settings, create_pattern_execution_engine

SERVERS = Path(__file__).parent.parent / "servers"
SHIPPED = Settings.load({}).pattern_path

PACK = """
infrastructure_patterns:
  - name: look_at
    trigger_pattern: ^look at (?P<key>[\\w-]+)
    cache_ttl: 60
    call: {server: workshop, tool: look, arguments: {key: "{key}"}}
  - name: glance_at
    trigger_pattern: ^glance at (?P<key>[\\w-]+)
    cache_ttl: 0
    call: {server: workshop, tool: look, arguments: {key: "{key}"}}
  - name: peek_at
    trigger_pattern: ^peek at (?P<key>[\\w-]+)
    cache_ttl: 1
    call: {server: workshop, tool: look, arguments: {key: "{key}", wait: 0}}
  - name: put_down
    trigger_pattern: ^put down (?P<key>[\\w-]+)
    cache_ttl: 0
    effect: write
    call: {server: workshop, tool: put, arguments: {key: "{key}"}}
  - name: break_it
    trigger_pattern: ^break it
    call: {server: workshop, tool: break_down}
  - name: shelf_of
    trigger_pattern: ^shelf of (?P<rows>\\d+)
    cache_ttl: 60
    slots: {rows: {type: integer}}
    call: {server: workshop, tool: shelf, arguments: {rows: "{rows}"}}
  - name: tide
    trigger_pattern: ^tide
    cache_ttl: 1
    timeout: 0.5
    call: {server: workshop, tool: tide}
  - name: agenda
    trigger_pattern: ^agenda
    slots: {day: {type: date}}
    call: {server: workshop, tool: look, arguments: {key: "{day}"}}
  - name: nap
    trigger_pattern: ^nap
    timeout: 0.5
    call: {server: workshop, tool: doze}
hybrid_patterns:
  - name: look_and_recall
    trigger_pattern: ^study (?P<key>[\\w-]+)
    effect: read
    call: {server: workshop, tool: look, arguments: {key: "{key}"}}
    memory: {operation: recall, query: "{key}"}
  - name: fail_and_recall
    trigger_pattern: ^ponder (?P<key>[\\w-]+)
    effect: read
    call: {server: workshop, tool: break_down}
    memory: {operation: recall, query: "{key}"}
"""


@dataclass
class Workshop:
    """Makes engines that share one folder, as processes of one computer would."""

    folder: Path
    stack: AsyncExitStack

    def settings(self, **changes: Any) -> Settings:
        given = {
            "data_dir": self.folder / "data",
            "pattern_config": str(self.folder / "patterns"),
            "servers_config": str(self.folder / "servers.json"),
        }
        return Settings.load(**{**given, **changes})

    async def engine(self, **changes: Any) -> PatternExecutionEngine:
        return await self.stack.enter_async_context(await create_pattern_execution_engine(self.settings(**changes)))

    def calls(self, tool: str) -> int:
        log = self.folder / "log"
        return sum(line.startswith(f"{tool} ") for line in log.read_text().splitlines()) if log.exists() else 0

    def configure(self, **servers: Any) -> None:
        (self.folder / "servers.json").write_text(json.dumps({"mcpServers": servers}))

    def script(self, name: str, *args: str, **more: Any) -> dict[str, Any]:
        return {"command": sys.executable, "args": [str(SERVERS / f"{name}.py"), *args], **more}


@pytest.fixture
async def workshop(tmp_path: Path) -> AsyncIterator[Workshop]:
    (tmp_path / "patterns").mkdir()
    (tmp_path / "patterns" / "pack.yaml").write_text(PACK)
    for file in SHIPPED.glob("*.yaml"):
        (tmp_path / "patterns" / file.name).write_text(file.read_text())
    async with AsyncExitStack() as stack:
        made = Workshop(tmp_path, stack)
        made.configure(workshop=made.script("workshop", str(tmp_path / "log")))
        yield made


@pytest.fixture
async def engine(workshop: Workshop) -> PatternExecutionEngine:
    return await workshop.engine()
