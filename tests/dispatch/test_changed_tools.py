"""A server that has become another since its tools were last listed."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from downstream import SERVERS, Shelf, dispatcher, script, status

from tmws_patterns import PatternExecutionEngine, Settings, create_pattern_execution_engine
from tmws_patterns.dispatch.config import ServerConfig
from tmws_patterns.errors import ConfirmationRequired, ServerUnavailable
from tmws_patterns.targets import Effect

pytestmark = pytest.mark.anyio

READS = {"readOnlyHint": True}
WRITES = {"readOnlyHint": False, "destructiveHint": False}
DESTROYS = {"readOnlyHint": False, "destructiveHint": True}


def says(folder: Path, hints: dict[str, Any], file: str = "hints") -> None:
    (folder / file).write_text(json.dumps(hints))


def calls(folder: Path) -> int:
    log = folder / "log"
    return len(log.read_text().splitlines()) if log.exists() else 0


async def listed_as(folder: Path, hints: dict[str, Any]) -> tuple[ServerConfig, Shelf]:
    """The server, and a shelf that knows its tool with these hints."""
    config, shelf = script("turncoat", str(folder)), Shelf()
    says(folder, hints)
    async with dispatcher(config, catalogue=shelf) as opened:
        await opened.discover(5)
    return config, shelf


@pytest.mark.parametrize(
    ("now", "effect", "is_run"),
    [
        (DESTROYS, Effect.READ, False),
        (WRITES, Effect.READ, False),
        ({}, Effect.READ, False),
        (DESTROYS, Effect.WRITE, False),
        ({}, Effect.WRITE, False),
        (READS, Effect.READ, True),
        (READS, Effect.WRITE, True),
        (WRITES, Effect.WRITE, True),
        ({}, Effect.DESTRUCTIVE, True),
        (DESTROYS, None, True),
    ],
)
async def test_a_tool_does_no_more_than_was_planned_by_what_its_server_says_now(
    tmp_path: Path, now: dict[str, Any], effect: Effect | None, is_run: bool
) -> None:
    config, shelf = await listed_as(tmp_path, READS)
    says(tmp_path, now)
    async with dispatcher(config, catalogue=shelf) as opened:
        if is_run:
            assert await opened.call("turncoat", "wipe", {"x": 1}, timeout=5, effect=effect) == "wiped"
            return
        with pytest.raises(ConfirmationRequired, match=r"turncoat\.wipe") as asked:
            await opened.call("turncoat", "wipe", {"x": 1}, timeout=5, effect=effect)
        assert asked.value.details["pattern"] == "turncoat.wipe"
        assert asked.value.details["arguments"] == {"x": 1}
        assert asked.value.details["effect"] in ("write", "destructive", "undeclared")
    assert calls(tmp_path) == 0


async def test_a_right_given_in_servers_json_holds_whatever_the_server_says(tmp_path: Path) -> None:
    says(tmp_path, DESTROYS)
    async with dispatcher(script("turncoat", str(tmp_path), effects={"wipe": Effect.READ})) as opened:
        assert await opened.call("turncoat", "wipe", {}, timeout=5, effect=Effect.READ) == "wiped"


@pytest.mark.parametrize("effect", [Effect.READ, None])
async def test_a_read_is_not_repeated_once_the_server_has_come_back_as_another(
    tmp_path: Path, effect: Effect | None
) -> None:
    says(tmp_path, READS)
    says(tmp_path, DESTROYS, "next")
    async with dispatcher(script("turncoat", str(tmp_path))) as opened:
        with pytest.raises(ConfirmationRequired, match="destructive"):
            await opened.call("turncoat", "wipe", {}, timeout=5, effect=effect)
    assert calls(tmp_path) == 1


async def engine_over(folder: Path, pack: str = "") -> PatternExecutionEngine:
    (folder / "patterns").mkdir(exist_ok=True)
    (folder / "patterns" / "pack.yaml").write_text(pack)
    server = {"command": sys.executable, "args": [str(SERVERS / "turncoat.py"), str(folder)]}
    (folder / "servers.json").write_text(json.dumps({"mcpServers": {"turncoat": server}}))
    settings = Settings.load(
        data_dir=folder / "data",
        pattern_config=str(folder / "patterns"),
        servers_config=str(folder / "servers.json"),
    )
    return await create_pattern_execution_engine(settings)


PACK = """
infrastructure_patterns:
  - name: tidy
    trigger_pattern: ^tidy the blackboard
    cache_ttl: 0
    {effect}
    call: {{server: turncoat, tool: wipe}}
"""


@pytest.mark.parametrize("mode", ["fast", "balanced", "comprehensive"])
async def test_a_sentence_does_not_run_what_has_become_destructive_since_the_last_run(
    tmp_path: Path, mode: str
) -> None:
    says(tmp_path, READS)
    async with await engine_over(tmp_path, PACK.format(effect="")) as engine:
        await engine.discover()
    says(tmp_path, DESTROYS)
    async with await engine_over(tmp_path, PACK.format(effect="")) as engine:
        asked = await engine.execute("tidy the blackboard", mode)
        error = asked.error.to_dict() if asked.error else asked.result["failed"]["tool"]
        assert error["code"] == "confirmation_required"
        assert error["pattern"] == "turncoat.wipe"
        assert calls(tmp_path) == 0
        assert (await engine.execute(pattern="turncoat.wipe")).success
    assert calls(tmp_path) == 1


@pytest.mark.parametrize("mode", ["fast", "comprehensive"])
async def test_the_word_of_a_patterns_author_holds_whatever_the_server_says(tmp_path: Path, mode: str) -> None:
    says(tmp_path, {})
    async with await engine_over(tmp_path, PACK.format(effect="effect: read")) as engine:
        done = await engine.execute("tidy the blackboard", mode)
        assert done.success, done.error
    assert calls(tmp_path) == 1


async def test_a_tool_that_was_named_runs_whatever_it_has_become(tmp_path: Path) -> None:
    says(tmp_path, READS)
    async with await engine_over(tmp_path) as engine:
        await engine.discover()
    says(tmp_path, DESTROYS)
    async with await engine_over(tmp_path) as engine:
        assert (await engine.execute(pattern="turncoat.wipe")).success


async def test_why_a_server_cannot_be_reached_is_known_until_it_answers() -> None:
    broken = ServerConfig("broken", command="sh", args=("-c", "echo out of luck >&2; exit 3"))
    async with dispatcher(broken, script("mortal")) as opened:
        assert (opened.why("broken"), opened.why("nobody")) == ("", "")
        with pytest.raises(ServerUnavailable):
            await opened.call("broken", "any", {}, timeout=5)
        assert "out of luck" in opened.why("broken")
        assert opened.why("broken") == status(opened, "broken")["last_error"]
        await opened.call("mortal", "echo", {}, timeout=5)
        assert opened.why("mortal") == ""
