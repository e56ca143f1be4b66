from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

import anyio
import pytest
from downstream import dispatcher, is_running, script, status
from mcp.server import MCPServer

from tmws_patterns.dispatch.builtin import builtin_server
from tmws_patterns.dispatch.config import ServerConfig
from tmws_patterns.dispatch.connection import Deadlines
from tmws_patterns.errors import CallTimeout, Forbidden, InvalidInput, ServerUnavailable, ToolFailed

pytestmark = pytest.mark.anyio


async def test_a_call_returns_plain_data_and_progress_reaches_the_caller() -> None:
    told: list[tuple[float, float | None, str | None]] = []

    async def progress(done: float, total: float | None, message: str | None) -> None:
        told.append((done, total, message))

    async with dispatcher(script("modern")) as opened:
        assert await opened.call("modern", "count", {"to": 3}, timeout=10, progress=progress) == [1, 2, 3]
        assert told == [(1, 3, "number 1"), (2, 3, "number 2"), (3, 3, "number 3")]
        text, image = await opened.call("modern", "picture", {}, timeout=5)
        assert text == "a dot"
        assert image == {"type": "image", "data": "AA==", "mimeType": "image/png"}
        with pytest.raises(ToolFailed, match="no such thing") as failure:
            await opened.call("modern", "fail", {}, timeout=5)
        assert len(failure.value.message) < 2_100
        assert failure.value.hint


async def test_the_servers_of_the_python_package_answer() -> None:
    servers = [
        ServerConfig("time", command="python", args=("-m", "mcp_server_time")),
        ServerConfig("git", command="python3", args=("-m", "mcp_server_git")),
    ]
    root = str(Path(__file__).parents[2])
    async with dispatcher(*servers) as opened:
        assert await opened.discover(10) == []
        answer = await opened.call("time", "get_current_time", {"timezone": "Asia/Tokyo"}, timeout=5)
        assert answer["timezone"] == "Asia/Tokyo"
        assert "branch" in await opened.call("git", "git_status", {"repo_path": root}, timeout=5)
        assert opened.tools()["git.git_reset"].effect == "destructive"
        assert opened.tools()["git.git_add"].effect == "write"
        assert opened.tools()["time.convert_time"].effect == "read"


async def test_eight_servers_are_configured_and_none_is_started_until_it_is_called() -> None:
    async with dispatcher(*(script("mortal", str(n), called=f"s{n}") for n in range(8))) as opened:
        assert {row["state"] for row in opened.status()} == {"unknown"}
        assert [row["pid"] for row in opened.status()] == [None] * 8
        assert len(opened.unknown()) == 8
        await opened.call("s3", "echo", {}, timeout=5)
        assert [row["name"] for row in opened.status() if row["state"] == "connected"] == ["s3"]
        assert len(set(opened.servers().values())) == 8


async def test_many_callers_share_one_process() -> None:
    answers: list[Any] = []
    async with dispatcher(script("mortal")) as opened:

        async def call(n: int) -> None:
            answers.append(await opened.call("mortal", "echo", {"n": n}, timeout=5))

        async with anyio.create_task_group() as tasks:
            for n in range(20):
                tasks.start_soon(call, n)
        assert sorted(a["echo"]["n"] for a in answers) == list(range(20))
        assert len({a["pid"] for a in answers}) == 1


async def test_a_hanging_tool_times_out_and_is_told_to_stop() -> None:
    async with dispatcher(script("mortal")) as opened:
        await opened.call("mortal", "echo", {}, timeout=5)
        began = anyio.current_time()
        with pytest.raises(CallTimeout, match=r"mortal\.hang did not answer within 0\.3 s"):
            await opened.call("mortal", "hang", {}, timeout=0.3)
        assert anyio.current_time() - began < 0.6
        assert (await opened.call("mortal", "echo", {}, timeout=5))["cancelled"] == 1


async def test_cancelling_the_caller_tells_the_server_to_stop() -> None:
    async with dispatcher(script("mortal")) as opened:
        await opened.call("mortal", "echo", {}, timeout=5)
        with anyio.move_on_after(0.2):
            await opened.call("mortal", "hang", {}, timeout=30)
        assert (await opened.call("mortal", "echo", {}, timeout=5))["cancelled"] == 1


async def test_a_silent_server_fails_within_the_callers_deadline_and_then_by_its_own() -> None:
    async with dispatcher(script("silent"), deadlines=Deadlines(connect=1)) as opened:
        with pytest.raises(CallTimeout, match=r"was not connected within 0\.3 s"):
            await opened.call("silent", "any", {}, timeout=0.3)
        with pytest.raises(ServerUnavailable, match="did not answer within 1 s of connecting"):
            await opened.call("silent", "any", {}, timeout=5)
        assert status(opened, "silent")["state"] == "failed"


async def test_a_write_is_not_repeated_when_its_server_dies_in_mid_call(tmp_path: Path) -> None:
    log = tmp_path / "log"
    async with dispatcher(script("mortal")) as opened:
        with pytest.raises(ServerUnavailable, match=r"exited with status 7.*my last words"):
            await opened.call("mortal", "die", {"log": str(log)}, timeout=5)
        assert log.read_text() == "x"
        assert (await opened.call("mortal", "echo", {"again": 1}, timeout=5))["echo"] == {"again": 1}


async def test_a_read_is_repeated_once_and_no_more(tmp_path: Path) -> None:
    async with dispatcher(script("mortal")) as opened:
        assert await opened.call("mortal", "die_once", {"log": str(tmp_path / "a")}, timeout=5) == "second life"
    async with dispatcher(script("mortal")) as opened:
        with pytest.raises(ServerUnavailable):
            await opened.call("mortal", "die_reading", {"log": str(tmp_path / "b")}, timeout=5)
        assert (tmp_path / "b").read_text() == "xx"


async def test_a_server_that_dies_again_and_again_fails_at_once(tmp_path: Path) -> None:
    broken = ServerConfig("broken", command="sh", args=("-c", "echo out of luck >&2; exit 3"))
    async with dispatcher(broken) as opened:
        for _ in range(2):
            with pytest.raises(ServerUnavailable, match=r"exited with status 3; it said: out of luck"):
                await opened.call("broken", "any", {}, timeout=5)
        began = anyio.current_time()
        with pytest.raises(ServerUnavailable, match=r"failed repeatedly; next attempt in 0\.") as failure:
            await opened.call("broken", "any", {}, timeout=5)
        assert anyio.current_time() - began < 0.1
        assert "servers.json" in failure.value.hint


async def test_a_killed_server_is_started_anew_while_another_answers() -> None:
    async with dispatcher(script("mortal"), script("mortal", called="other")) as opened:
        first = (await opened.call("mortal", "echo", {}, timeout=5))["pid"]
        other = (await opened.call("other", "echo", {}, timeout=5))["pid"]
        failures: list[Exception] = []

        async def hang() -> None:
            try:
                await opened.call("mortal", "hang", {}, timeout=10)
            except ServerUnavailable as exc:
                failures.append(exc)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(hang)
            assert (await opened.call("mortal", "echo", {}, timeout=5))["pid"] == first
            os.kill(first, signal.SIGKILL)
            assert (await opened.call("other", "echo", {}, timeout=5))["pid"] == other
        assert "ended by signal 9" in str(failures[0])
        second = (await opened.call("mortal", "echo", {}, timeout=5))["pid"]
        assert second != first
        assert status(opened, "mortal")["pid"] == second


async def test_a_frozen_server_holds_up_nobody_else_and_answers_again_when_it_thaws() -> None:
    async with dispatcher(script("mortal"), script("mortal", called="other")) as opened:
        pid = (await opened.call("mortal", "echo", {}, timeout=5))["pid"]
        await opened.call("other", "echo", {}, timeout=5)
        os.kill(pid, signal.SIGSTOP)
        began = anyio.current_time()
        async with anyio.create_task_group() as tasks:

            async def frozen() -> None:
                with pytest.raises(CallTimeout):
                    await opened.call("mortal", "echo", {"long": "x" * 300_000}, timeout=0.5)

            tasks.start_soon(frozen)
            tasks.start_soon(frozen)
            await opened.call("other", "echo", {}, timeout=0.4)
        assert anyio.current_time() - began < 1
        os.kill(pid, signal.SIGCONT)
        assert (await opened.call("mortal", "echo", {}, timeout=5))["pid"] == pid


async def test_a_server_frozen_for_long_is_replaced() -> None:
    async with dispatcher(script("mortal"), deadlines=Deadlines(silence=0.1, probe=0.1)) as opened:
        pid = (await opened.call("mortal", "echo", {}, timeout=5))["pid"]
        os.kill(pid, signal.SIGSTOP)
        with pytest.raises(CallTimeout):
            await opened.call("mortal", "echo", {}, timeout=0.15)
        assert (await opened.call("mortal", "echo", {}, timeout=5))["pid"] != pid


async def test_a_slow_tool_does_not_cost_its_server_its_life() -> None:
    async with dispatcher(script("mortal"), deadlines=Deadlines(silence=0.1, probe=5)) as opened:
        pid = (await opened.call("mortal", "echo", {}, timeout=5))["pid"]
        for _ in range(3):
            with pytest.raises(CallTimeout):
                await opened.call("mortal", "hang", {}, timeout=0.15)
        assert (await opened.call("mortal", "echo", {}, timeout=5))["pid"] == pid


async def test_closing_while_a_server_still_starts_is_quick_and_leaves_no_child() -> None:
    async with dispatcher(script("silent"), script("stubborn", "mute")) as opened:
        assert sorted(await opened.discover(0.2)) == ["silent", "stubborn"]
        pids = [link.child.pid for c in opened._connections.values() for link in c._links if link.child]
        assert len(list(filter(is_running, pids))) == 2
        began = anyio.current_time()
    assert anyio.current_time() - began < 0.95
    assert not any(map(is_running, pids))


async def test_noise_on_stdout_harms_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    async with dispatcher(script("noisy")) as opened:
        for _ in range(3):
            assert await opened.call("noisy", "speak", {}, timeout=5) == "answered"
    captured = capfd.readouterr()
    assert captured.out == ""
    assert captured.err == ""


async def test_endless_noise_ends_in_a_clear_error() -> None:
    flood = ServerConfig("flood", command="sh", args=("-c", "yes noise"))
    async with (
        dispatcher(flood, script("mortal"), deadlines=Deadlines(connect=0.5)) as opened,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(lambda: opened.call("mortal", "echo", {}, timeout=5))
        with pytest.raises(ServerUnavailable, match="it said: noise"):
            await opened.call("flood", "any", {}, timeout=5)


async def test_closing_ends_children_that_ignore_every_request_to_leave() -> None:
    async with dispatcher(script("stubborn"), script("mortal")) as opened:
        grandchild = await opened.call("stubborn", "child", {}, timeout=5)
        await opened.call("mortal", "echo", {}, timeout=5)
        pids = [int(grandchild), status(opened, "stubborn")["pid"], status(opened, "mortal")["pid"]]
        assert all(map(is_running, pids))
        began = anyio.current_time()
    assert anyio.current_time() - began < 0.95
    assert not any(map(is_running, pids))


async def test_closing_frees_the_callers_that_still_wait() -> None:
    failures: list[Exception] = []
    async with anyio.create_task_group() as tasks, dispatcher(script("mortal")) as opened:
        await opened.call("mortal", "echo", {}, timeout=5)

        async def hang() -> None:
            with pytest.raises(ServerUnavailable) as failure:
                await opened.call("mortal", "hang", {}, timeout=30)
            failures.append(failure.value)

        tasks.start_soon(hang)
        await opened.call("mortal", "echo", {}, timeout=5)
    assert len(failures) == 1
    with pytest.raises(ServerUnavailable, match="closing"):
        await opened.call("mortal", "echo", {}, timeout=5)


async def test_an_error_in_the_body_leaves_the_dispatcher_as_it_is() -> None:
    with pytest.raises(KeyError, match="mine"):  # noqa: PT012 - where it is raised is the point
        async with dispatcher(script("mortal")) as opened:
            await opened.call("mortal", "echo", {}, timeout=5)
            raise KeyError("mine")


async def test_odd_answers_are_the_tools_failure_and_the_connection_stays() -> None:
    async with dispatcher(script("odd")) as opened:
        pid = None
        for tool, complaint in (
            ("refuse", r"not for me \(-32602\)"),
            ("borrow", "borrowed code"),
            ("babble", "not a valid MCP tool result"),
        ):
            with pytest.raises(ToolFailed, match=complaint):
                await opened.call("odd", tool, {}, timeout=5)
            pid = pid or status(opened, "odd")["pid"]
        assert await opened.call("odd", "fine", {}) == "fine"
        assert status(opened, "odd")["pid"] == pid


async def test_a_server_without_tools_is_known_to_have_none() -> None:
    async with dispatcher(script("odd", "without")) as opened:
        assert await opened.discover(5) == []
        with pytest.raises(InvalidInput) as failure:
            await opened.call("odd", "fine", {}, timeout=5)
        assert failure.value.hint == "it offers no tools at all"


async def test_names_that_do_not_exist_are_answered_with_names_that_do() -> None:
    async with dispatcher(script("mortal")) as opened:
        with pytest.raises(ServerUnavailable) as no_server:
            await opened.call("tim", "x", {}, timeout=5)
        assert "mortal" in no_server.value.hint
        assert "servers.json" in no_server.value.hint
        with pytest.raises(InvalidInput, match="no tool 'ecko'") as no_tool:
            await opened.call("mortal", "ecko", {}, timeout=5)
        assert "mortal.echo" in no_tool.value.hint
        missing = ServerConfig("gone", command="no-such-program-anywhere")
    async with dispatcher(missing) as opened:
        with pytest.raises(ServerUnavailable, match="'no-such-program-anywhere' was not found") as failure:
            await opened.call("gone", "x", {}, timeout=5)
        assert "install" in failure.value.hint


async def test_a_denied_tool_is_never_called() -> None:
    async with dispatcher(script("mortal", deny=frozenset({"echo"}))) as opened:
        with pytest.raises(Forbidden, match="denied"):
            await opened.call("mortal", "echo", {}, timeout=5)
        assert status(opened, "mortal")["pid"] is None
        await opened.discover(5)
        assert opened.tools()["mortal.echo"].denied
        assert not opened.tools()["mortal.hang"].denied


async def test_a_servers_own_timeout_shortens_the_callers() -> None:
    async with dispatcher(script("mortal", timeout=0.3)) as opened:
        await opened.discover(5)
        with pytest.raises(CallTimeout, match=r"within 0\.3 s"):
            await opened.call("mortal", "hang", {}, timeout=30)


async def test_a_child_gets_exactly_the_environment_it_is_meant_to_have(tmp_path: Path) -> None:
    passed_on = {
        "PATH": os.environ["PATH"],
        "HOME": "/home/me",
        "https_proxy": "http://proxy:1",
        "NO_PROXY": "localhost",
        "SSL_CERT_FILE": "/ca.pem",
        "NODE_EXTRA_CA_CERTS": "/ca.pem",
        "UV_INDEX_URL": "http://index",
        "npm_config_registry": "http://npm",
    }
    withheld = {"AWS_SECRET_ACCESS_KEY": "s", "TMWS_DATABASE_URL": "d", "SHELL": "() { evil; }", "PYTHONPATH": "/x"}
    own = {"TOKEN": "t", "PYTHONCOERCECLOCALE": "0", "HOME": "/elsewhere"}
    config = script("surroundings", env=own, cwd=str(tmp_path))
    async with dispatcher(config, environment=passed_on | withheld) as opened:
        told = await opened.call("surroundings", "tell", {}, timeout=5)
    assert told["environment"] == passed_on | own
    assert told["folder"] == os.path.realpath(tmp_path)  # noqa: ASYNC240 - nobody waits


async def test_the_builtin_server_is_known_at_once_and_takes_the_same_way() -> None:
    async def health() -> dict[str, Any]:
        return {"ok": True}

    server = builtin_server({"database_health": health, "list_servers": lambda: {"servers": []}})
    async with dispatcher(builtin=server) as opened:
        assert sorted(opened.tools()) == ["tmws.calculate", "tmws.database_health", "tmws.list_servers"]
        assert {tool.effect for tool in opened.tools().values()} == {"read"}
        assert await opened.call("tmws", "database_health", {}, timeout=1) == {"ok": True}
        assert await opened.call("tmws", "list_servers", {}, timeout=1) == {"servers": []}
        assert await opened.call("tmws", "calculate", {"expression": "2^10"}, timeout=1) == 1024
        assert await opened.call("tmws", "calculate", {"expression": "2^70"}, timeout=1) == str(2**70)
        with pytest.raises(ToolFailed, match="position 3"):
            await opened.call("tmws", "calculate", {"expression": "1+x"}, timeout=1)
        assert status(opened, "tmws")["transport"] == "in-process"


async def test_an_in_process_server_is_cancelled_at_the_deadline() -> None:
    server = MCPServer("local", log_level="ERROR")
    cancelled = anyio.Event()

    @server.tool()
    async def wait() -> str:
        try:
            await anyio.sleep_forever()
        finally:
            cancelled.set()

    async with dispatcher(ServerConfig("local", in_process=server)) as opened:
        with pytest.raises(CallTimeout):
            await opened.call("local", "wait", {}, timeout=0.1)
        assert cancelled.is_set()


def test_python_as_a_command_is_this_interpreter_for_its_own_modules() -> None:
    from tmws_patterns.dispatch.children import program

    environment = {"PATH": "/usr/bin:/bin"}
    ours = ServerConfig("a", command="python", args=("-m", "mcp_server_time"))
    assert program(ours, environment) == [sys.executable, "-m", "mcp_server_time"]
    nowhere = ServerConfig("b", command="python3", args=("x.py",))
    assert program(nowhere, {"PATH": "/nowhere"})[0] == sys.executable
