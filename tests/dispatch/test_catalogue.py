from __future__ import annotations

import logging
from typing import Any

import anyio
import pytest
from downstream import Shelf, dispatcher, script, status
from mcp.server import MCPServer
from mcp.server.mcpserver import Context

from tmws_patterns.dispatch.catalogue import definition_hash, effect_of
from tmws_patterns.dispatch.config import ServerConfig
from tmws_patterns.targets import Effect

pytestmark = pytest.mark.anyio


async def test_what_was_learned_is_known_at_the_next_open_before_anything_runs() -> None:
    shelf = Shelf()
    async with dispatcher(script("mortal"), catalogue=shelf) as opened:
        assert opened.unknown() == ["mortal"]
        assert await opened.discover(5) == []
        before = dict(opened.tools())
    async with dispatcher(script("mortal"), catalogue=shelf) as opened:
        assert opened.unknown() == []
        assert dict(opened.tools()) == before
        assert status(opened, "mortal")["state"] == "known"
        assert status(opened, "mortal")["pid"] is None
    async with dispatcher(script("mortal", env={"A": "other"}), catalogue=shelf) as opened:
        assert opened.unknown() == ["mortal"]
    other_rights = script("mortal", trust=False, effects={"hang": Effect.WRITE})
    async with dispatcher(other_rights, catalogue=shelf) as opened:
        assert opened.tools()["mortal.hang"].effect is Effect.WRITE
        assert opened.tools()["mortal.echo"].effect is None


async def test_discovery_is_side_by_side_and_names_what_stays_unknown() -> None:
    broken = ServerConfig("broken", command="no-such-program-anywhere")
    async with dispatcher(script("silent"), broken, script("mortal"), script("noisy")) as opened:
        began = anyio.current_time()
        assert sorted(await opened.discover(1)) == ["broken", "silent"]
        assert anyio.current_time() - began < 1.3
        assert await opened.discover(0.1, ["mortal", "no-such-server"]) == []
        assert "mortal.echo" in opened.tools()
        assert "noisy.speak" in opened.tools()


async def test_changed_tools_are_listed_again_page_by_page() -> None:
    shelf, changed = Shelf(), anyio.Event()
    heard: list[str] = []

    async def on_change(identity: str) -> None:
        heard.append(identity)
        if len(shelf.rows[identity]) == 3:
            changed.set()

    config = script("growing")
    async with dispatcher(config, catalogue=shelf, on_change=on_change) as opened:
        with anyio.fail_after(5):
            await opened.call("growing", "grow", {}, timeout=5)
            await opened.call("growing", "grow", {}, timeout=5)
            await changed.wait()
        assert sorted(opened.tools()) == ["growing.grow", "growing.leaf1", "growing.leaf2"]
        assert set(heard) == {config.identity}


async def test_an_in_process_server_announces_its_new_tools() -> None:
    server, changed = MCPServer("local", log_level="ERROR"), anyio.Event()

    @server.tool()
    async def grow(ctx: Context) -> str:
        server.add_tool(lambda: "leaf", name="leaf")
        await ctx.notify_tools_changed()
        return "grown"

    seen: list[str] = []

    def on_change(identity: str) -> None:
        seen.append(identity)
        if len(seen) == 2:
            changed.set()

    async with dispatcher(ServerConfig("local", in_process=server), on_change=on_change) as opened:
        with anyio.fail_after(5):
            await opened.call("local", "grow", {}, timeout=5)
            await changed.wait()
        assert await opened.call("local", "leaf", {}, timeout=5) == "leaf"


async def test_a_listener_that_fails_does_not_harm_the_server(caplog: pytest.LogCaptureFixture) -> None:
    def on_change(identity: str) -> None:
        raise RuntimeError("not today")

    with caplog.at_level(logging.ERROR):
        async with dispatcher(script("mortal"), on_change=on_change) as opened:
            assert await opened.call("mortal", "echo", {}, timeout=5)
    assert "not today" in caplog.text


async def test_a_store_that_is_down_is_a_logged_warning(caplog: pytest.LogCaptureFixture) -> None:
    shelf = Shelf()
    shelf.is_down = True
    async with dispatcher(script("mortal"), catalogue=shelf) as opened:
        assert await opened.discover(5) == []
        assert "mortal.echo" in opened.tools()
    assert "on fire" in caplog.text


@pytest.mark.parametrize(
    ("hints", "effect"),
    [
        ({"readOnlyHint": True}, Effect.READ),
        ({"readOnlyHint": True, "destructiveHint": True}, Effect.READ),
        ({"readOnlyHint": False, "destructiveHint": False}, Effect.WRITE),
        ({"destructiveHint": False}, Effect.WRITE),
        ({"destructiveHint": True}, Effect.DESTRUCTIVE),
        ({"readOnlyHint": False}, None),
        ({"title": "x"}, None),
        (None, None),
    ],
)
def test_the_effect_of_a_tool_is_what_its_trusted_server_says(hints: Any, effect: Effect | None) -> None:
    raw = {"name": "t", **({"annotations": hints} if hints is not None else {})}
    assert effect_of(ServerConfig("s", command="x"), raw) is effect
    assert effect_of(ServerConfig("s", command="x", trust=False), raw) is None
    declared = ServerConfig("s", command="x", trust=False, effects={"t": Effect.READ})
    assert effect_of(declared, raw) is Effect.READ


def test_a_definitions_hash_changes_with_what_a_caller_could_notice() -> None:
    raw = {"name": "t", "description": "d", "inputSchema": {"type": "object", "properties": {"a": {}}}}
    same = {"inputSchema": {"properties": {"a": {}}, "type": "object"}, "description": "d", "name": "t", "title": "T"}
    assert len(definition_hash(raw)) == 16
    assert definition_hash(raw) == definition_hash(same)
    for changed in ({"description": "e"}, {"annotations": {"readOnlyHint": True}}, {"outputSchema": {}}):
        assert definition_hash(raw) != definition_hash({**raw, **changed})
