from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tmws_patterns.dispatch.config import ServerConfig, Transport
from tmws_patterns.dispatch.serversfile import load_servers
from tmws_patterns.dispatch.variables import UnsetVariableError, expand
from tmws_patterns.errors import Problem


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "servers.json"


def load(file: Path, servers: Any, **environment: str) -> tuple[dict[str, ServerConfig], list[Problem]]:
    file.write_text(json.dumps({"mcpServers": servers}, indent=2))
    return load_servers(file, environment)


def test_a_pasted_configuration_of_any_client_is_understood(file: Path) -> None:
    servers, problems = load(
        file,
        {
            "git": {"command": "uvx", "args": ["mcp-server-git"], "autoApprove": ["git_log"], "type": "stdio"},
            "web": {"url": "https://a/mcp", "headers": {"Authorization": "Bearer ${KEY}"}, "timeout": 60},
            "http": {"type": "http", "url": "https://a/mcp"},
            "named": {"type": "streamable-http", "url": "https://a/mcp"},
            "old": {"type": "sse", "url": "https://a/sse"},
            "off": {"command": "x", "disabled": True},
            "numbers": {"command": "x", "args": ["--port", 1], "env": {"N": 2}},
        },
        KEY="k",
    )
    assert problems == []
    assert list(servers) == ["git", "web", "http", "named", "old", "numbers"]
    assert servers["git"].args == ("mcp-server-git",)
    assert servers["web"].headers == {"Authorization": "Bearer k"}
    transports = [servers[name].transport for name in ("git", "web", "http", "named", "old")]
    assert transports == [Transport.STDIO, Transport.HTTP, Transport.HTTP, Transport.HTTP, Transport.SSE]
    assert servers["numbers"].env == {"N": "2"}


def test_our_own_object_sets_effects_denials_trust_and_a_timeout(file: Path) -> None:
    ours = {"trust": False, "effects": {"a": "read"}, "deny": ["b"], "timeout": 5}
    servers, problems = load(file, {"s": {"command": "x", "tmws": ours}})
    assert problems == []
    found = servers["s"]
    assert (found.trust, found.effects, found.deny, found.timeout) == (False, {"a": "read"}, {"b"}, 5)


def test_variables_expand_everywhere_and_the_message_shows_what_was_written(file: Path) -> None:
    entry = {
        "command": "${BIN:-/bin}/x",
        "args": ["--key=${KEY}", "$KEY"],
        "env": {"TOKEN": "${KEY}"},
        "cwd": "${HOME}/w",
    }
    servers, problems = load(file, {"s": entry}, KEY="secret", HOME="/h")
    assert problems == []
    found = servers["s"]
    assert (found.command, found.args, found.cwd) == ("/bin/x", ("--key=secret", "$KEY"), "/h/w")
    assert found.env == {"TOKEN": "secret"}
    assert "secret" not in found.shown
    assert "secret" not in repr(found)


def test_an_unset_variable_leaves_out_its_server_alone_and_says_where(file: Path) -> None:
    servers, problems = load(file, {"bad": {"command": "x", "env": {"TOKEN": "${MISSING}"}}, "good": {"command": "y"}})
    assert list(servers) == ["good"]
    assert [(p.line, p.field) for p in problems] == [(6, "mcpServers.bad.env.TOKEN")]
    assert "MISSING" in problems[0].message
    assert "${MISSING:-value}" in problems[0].mend


@pytest.mark.parametrize(
    ("name", "entry", "field"),
    [
        ("tmws", {"command": "x"}, "mcpServers.tmws"),
        ("a b", {"command": "x"}, "mcpServers.a b"),
        ("n" * 65, {"command": "x"}, f"mcpServers.{'n' * 65}"),
        ("s", [], "mcpServers.s"),
        ("s", None, "mcpServers.s"),
        ("s", {}, "mcpServers.s"),
        ("s", {"command": "x", "url": "http://a"}, "mcpServers.s"),
        ("s", {"command": "x", "type": "carrier-pigeon"}, "mcpServers.s"),
        ("s", {"command": "x", "type": "sse"}, "mcpServers.s"),
        ("s", {"url": "http://a", "type": "stdio"}, "mcpServers.s"),
        ("s", {"command": "x", "args": "y"}, "mcpServers.s.args"),
        ("s", {"command": "x", "env": {"A": None}}, "mcpServers.s.env.A"),
        ("s", {"command": "x", "tmws": {"effects": {"t": "maybe"}}}, "mcpServers.s.tmws.effects.t"),
        ("s", {"command": "x", "tmws": {"timeout": -1}}, "mcpServers.s.tmws.timeout"),
        ("s", {"command": "x", "tmws": {"trusted": True}}, "mcpServers.s.tmws.trusted"),
    ],
)
def test_a_wrong_server_is_a_problem_and_the_others_run_on(file: Path, name: str, entry: Any, field: str) -> None:
    servers, problems = load(file, {name: entry, "good": {"command": "y"}})
    assert list(servers) == ["good"]
    assert [p.field for p in problems] == [field]
    assert problems[0].line is not None
    assert problems[0].mend


HALF = r'"\ud800"'
DIGITS = "9" * 5_000


@pytest.mark.parametrize(
    ("entry", "field"),
    [
        (f'{{"command": {HALF}}}', "mcpServers.s.command"),
        (f'{{"command": "x", "args": ["a", {HALF}]}}', "mcpServers.s.args.1"),
        (f'{{"command": "x", "env": {{"A": {HALF}}}}}', "mcpServers.s.env.A"),
        (f'{{"command": "x", "env": {{{HALF}: "A"}}}}', "mcpServers.s.env.?"),
        (f'{{"url": {HALF}}}', "mcpServers.s.url"),
        (f'{{"url": "http://a", "headers": {{"A": {HALF}}}}}', "mcpServers.s.headers.A"),
        (f'{{"command": "x", "args": [{DIGITS}]}}', "mcpServers.s.args.0"),
        (f'{{"command": "x", "env": {{"A": {DIGITS}}}}}', "mcpServers.s.env.A"),
        (f'{{"command": "x", "tmws": {{"timeout": {DIGITS}}}}}', "mcpServers.s.tmws.timeout"),
        ('{"command": "x", "tmws": {"timeout": 1e999}}', "mcpServers.s.tmws.timeout"),
        ('{"command": "x", "tmws": {"timeout": NaN}}', "mcpServers.s.tmws.timeout"),
    ],
)
def test_a_value_that_nothing_can_hold_is_a_problem_and_the_others_run_on(file: Path, entry: str, field: str) -> None:
    file.write_text(f'{{"mcpServers": {{"s": {entry}, "good": {{"command": "y"}}}}}}')
    servers, problems = load_servers(file, {})
    assert list(servers) == ["good"]
    assert [p.field for p in problems] == [field]
    str(problems[0]).encode()


def test_of_two_servers_of_one_name_the_first_holds_and_the_second_is_a_problem(file: Path) -> None:
    file.write_text('{"mcpServers": {\n"a": {"command": "x"},\n"b": {"command": "y"},\n"a": {"command": "z"}\n}}')
    servers, problems = load_servers(file, {})
    assert {name: server.command for name, server in servers.items()} == {"a": "x", "b": "y"}
    assert [(p.field, p.line) for p in problems] == [("mcpServers.a", 4)]
    assert "two servers" in problems[0].message


def test_a_second_list_of_servers_is_a_problem(file: Path) -> None:
    file.write_text('{"mcpServers": {"a": {"command": "x"}},\n"mcpServers": {"b": {"command": "y"}}}')
    servers, problems = load_servers(file, {})
    assert list(servers) == ["a"]
    assert [(p.field, p.line) for p in problems] == [("mcpServers", 2)]


@pytest.mark.parametrize("text", ['{"mcpServers": {', "[]", '{"servers": {}}', '{"mcpServers": []}', "[" * 100_000])
def test_a_broken_file_is_one_problem(file: Path, text: str) -> None:
    file.write_text(text)
    servers, problems = load_servers(file, {})
    assert servers == {}
    assert len(problems) == 1


def test_a_missing_or_empty_file_holds_no_servers(file: Path) -> None:
    assert load_servers(file, {}) == ({}, [])
    file.write_text("{}")
    assert load_servers(file, {}) == ({}, [])
    file.write_text("")
    assert load_servers(file, {}) == ({}, [])


def test_what_cannot_be_read_is_a_problem(file: Path, tmp_path: Path) -> None:
    assert len(load_servers(tmp_path, {})[1]) == 1
    file.write_bytes(b'{"a": "\xff"}')
    assert "UTF-8" in load_servers(file, {})[1][0].mend


def test_identity_is_of_the_configuration_and_not_of_the_rights() -> None:
    one = ServerConfig("a", command="x", args=("y",), env={"A": "1", "B": "2"})
    assert len(one.identity) == 32
    same = ServerConfig("b", command="x", args=("y",), env={"B": "2", "A": "1"}, trust=False, deny=frozenset({"t"}))
    assert one.identity == same.identity
    assert one.identity != ServerConfig("a", command="x", args=("y",), env={"A": "1", "B": "3"}).identity
    assert one.identity != ServerConfig("a", command="x", args=("y",), env={"A": "1", "B": "2"}, cwd="/").identity


def test_variables_follow_the_rules_of_mcp_clients() -> None:
    assert expand("$A ${A} ${B:-b} ${A:-b}${C:-}", {"A": "1"}) == "$A 1 b 1"
    assert expand("${A:-default}", {"A": ""}) == "default"
    assert expand("${A}", {"A": "${B}"}) == "${B}"
    with pytest.raises(UnsetVariableError, match="NOPE"):
        expand("${NOPE}", {})
