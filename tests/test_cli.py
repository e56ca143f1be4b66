"""The command line: JSON for a pipe, tables for a person, errors on stderr with a status."""

from __future__ import annotations

import json
import logging
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import tmws_patterns
from tmws_patterns.cli import main

COMMAND = [sys.executable, "-m", "tmws_patterns"]


@dataclass
class Done:
    returncode: int
    stdout: str
    stderr: str


class Cli:
    """Runs commands on one data folder: in this process, which is quick, or in one of their own."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch, capture: pytest.CaptureFixture[str]) -> None:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("TMWS_")} | {
            "TMWS_ROUTE_EMBEDDINGS": "false"
        }
        self.environment = {**clean, "TMWS_DATA_DIR": str(folder / "data"), "COLUMNS": "120"}
        self._patch = patch
        self._capture = capture

    def at(self, folder: Path) -> Cli:
        return Cli(folder, self._patch, self._capture)

    def run(self, *arguments: str, **environment: str) -> Done:
        with self._patch.context() as patch:
            for name in [n for n in os.environ if n.startswith("TMWS_") and n != "TMWS_ROUTE_EMBEDDINGS"]:
                patch.delenv(name)
            for name, value in {**self.environment, **environment}.items():
                patch.setenv(name, value)
            patch.setattr(sys, "argv", ["tmws-patterns", *arguments])
            code = 0
            try:
                main()
            except SystemExit as ended:
                code = int(ended.code or 0)
        return Done(code, *self._capture.readouterr())

    def json(self, *arguments: str, **environment: str) -> Any:
        done = self.run(*arguments, **environment)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def on_terminal(self, *arguments: str) -> str:
        """What a person sees."""
        ours, theirs = pty.openpty()
        process = subprocess.Popen([*COMMAND, *arguments], stdout=theirs, stderr=theirs, env=self.environment)
        os.close(theirs)
        seen = b""
        try:
            while chunk := os.read(ours, 65_536):
                seen += chunk
        except OSError:
            pass  # Linux says EIO where a terminal's other end is closed
        os.close(ours)
        process.wait(timeout=30)
        return seen.decode()


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Cli]:
    levels = {name: logging.getLogger(name).level for name in ("mcp.client", "client", "mcp.server")}
    yield Cli(tmp_path, monkeypatch, capsys)
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


def test_the_version_is_told(cli: Cli) -> None:
    assert cli.run("--version").stdout == f"tmws-patterns {tmws_patterns.__version__}\n"


def test_the_package_runs_as_a_module(cli: Cli) -> None:
    done = subprocess.run([*COMMAND, "--help"], env=cli.environment, capture_output=True, text=True, check=True)
    assert "memory" in done.stdout


def test_a_pipe_gets_the_whole_result_as_json(cli: Cli) -> None:
    found = cli.json("run", "calculate 6*7")
    assert (found["result"], found["pattern_name"], found["success"]) == (42, "quick_calculation", True)
    assert found["metadata"]["pattern_type"] == "infrastructure"


def test_what_one_process_remembers_another_recalls(cli: Cli) -> None:
    stored = cli.json("run", "remember that the billing service uses Postgres because of row locks")
    recalled = cli.json("run", "recall why billing uses Postgres")
    assert recalled["result"][0]["id"] == stored["result"]["id"]


def test_a_person_reads_a_value_and_what_it_cost(cli: Cli) -> None:
    seen = cli.on_terminal("run", "calculate 6*7")
    assert seen.startswith("42")
    assert "quick_calculation" in seen
    assert "tokens" in seen


def test_a_person_reads_tables(cli: Cli) -> None:
    seen = cli.on_terminal("servers")
    assert "transport" in seen
    assert "{" not in seen
    assert "recall_memory(query: string" in cli.on_terminal("patterns", "--limit", "40")


def test_a_failure_ends_with_status_1_and_says_on_stderr_what_to_do(cli: Cli) -> None:
    failed = cli.run("run", "run the command ls")
    assert failed.returncode == 1
    assert json.loads(failed.stdout)["error"]["code"] == "server_unavailable"
    assert "hint:" in failed.stderr


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("run", "x", "--arguments", "{"), "JSON"),
        (("run", "x", "--arguments", "[1]"), "object"),
        (("serve", "--transport", "pigeon"), "stdio or http"),
        (("memory", "import", "/no/such/file"), "cannot be read"),
    ],
)
def test_wrong_words_are_an_error_with_a_hint(cli: Cli, arguments: tuple[str, ...], word: str) -> None:
    done = cli.run(*arguments)
    assert done.returncode == 1
    assert word in done.stderr
    assert "Traceback" not in done.stderr


def test_a_setting_that_cannot_be_used_is_named(cli: Cli) -> None:
    done = cli.run("run", "calculate 1+1", TMWS_REDIS_TIMEOUT="soon")
    assert done.returncode == 1
    assert "TMWS_REDIS_TIMEOUT" in done.stderr


def test_patterns_named_explicitly_take_arguments_and_fields(cli: Cli) -> None:
    found = cli.json("run", "--pattern", "tmws.list_servers", "--select", "servers.name")
    assert {"servers.name": "tmws"} in found["result"]["servers.name"] or "tmws" in json.dumps(found["result"])
    assert cli.json("run", "--pattern", "calculate", "--arguments", '{"expression": "2+3"}')["result"] == 5


def test_patterns_are_listed_best_first(cli: Cli) -> None:
    found = cli.json("patterns", "what time it is in a city")
    assert found["patterns"][0]["call"].startswith("current_time(")
    assert cli.json("patterns", "--server", "git", "--limit", "1")["patterns"][0]["call"].startswith(
        "analyze_codebase("
    )


def test_statistics_of_all_sessions_are_kept(cli: Cli) -> None:
    cli.json("run", "calculate 1+1")
    cli.json("run", "calculate 1+1")
    stats = cli.json("stats")
    assert (stats["total_executions"], stats["cache_hits"]) == (2, 1)


def test_memories_are_added_searched_exported_and_imported(cli: Cli, tmp_path: Path) -> None:
    stored = cli.run("memory", "add", "the kettle leaks", "--tag", "kitchen", "--importance", "0.9").stdout.strip()
    (found,) = cli.json("memory", "search", "kettle")
    assert (found["id"], found["tags"], found["importance"]) == (stored, ["kitchen"], 0.9)
    file = tmp_path / "all.jsonl"
    assert cli.run("memory", "export", str(file)).returncode == 0
    other = cli.at(tmp_path / "other")
    assert other.run("memory", "import", str(file)).stdout == "1 memories stored\n"
    (again,) = other.json("memory", "search", "kettle")
    assert (again["content"], again["tags"], again["importance"]) == ("the kettle leaks", ["kitchen"], 0.9)


def test_a_wrong_line_stops_an_import_before_anything_is_stored(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "wrong.jsonl"
    file.write_text('{"content": "a right line"}\nnot json\n')
    done = cli.run("memory", "import", str(file))
    assert done.returncode == 1
    assert "wrong.jsonl:2" in done.stderr
    assert cli.json("memory", "search", "right line") == []


def test_check_is_silent_about_what_is_right_and_names_what_is_wrong(cli: Cli, tmp_path: Path) -> None:
    assert cli.json("check") == []
    folder = tmp_path / "patterns"
    folder.mkdir()
    (folder / "pack.yaml").write_text(
        "memory_patterns:\n"
        "  - name: a\n    trigger_pattern: ^go\n    memory: {operation: recent}\n"
        "  - name: b\n    trigger_pattern: (?=x)\n    memory: {operation: recent}\n"
        "  - name: d\n    examples: [go away]\n    memory: {operation: recent}\n"
        "infrastructure_patterns:\n"
        "  - name: c\n    trigger_pattern: ^call\n    call: {server: nowhere, tool: t}\n"
    )
    done = cli.run("check", TMWS_PATTERN_CONFIG=str(folder))
    assert done.returncode == 1
    fields = {problem["field"]: problem["line"] for problem in json.loads(done.stdout)}
    assert fields == {"b.trigger_pattern": 6, "d.examples": 8, "c.call.server": 12}


def test_doctor_says_what_works_and_what_an_extra_would_add(cli: Cli) -> None:
    found = cli.json("doctor")
    assert found["status"] == "ok"
    assert found["database"]["engine"] == "sqlite"
    assert set(found["extras"]) == {"servers", "embeddings", "postgres", "speed"}
    assert found["problems"] == []


def test_run_explains_why_it_went_there_when_asked(cli: Cli) -> None:
    why = cli.json("run", "--explain", "calculate 6 * 7")["metadata"]["explain"]
    assert (why["stage"], why["candidates"][0]["pattern"]) == ("trigger", "quick_calculation")
    assert "explain" not in cli.json("run", "calculate 6 * 7")["metadata"]


def test_check_names_overlaps_confusable_pairs_and_wrong_tools(cli: Cli, tmp_path: Path) -> None:
    folder = tmp_path / "patterns"
    folder.mkdir()
    (folder / "pack.yaml").write_text(
        "memory_patterns:\n"
        "  - name: a\n    trigger_pattern: ^go\n    priority: 2\n    memory: {operation: recent}\n"
        "    examples: [go home, walk to the house, go back to the house]\n"
        "  - name: b\n    trigger_pattern: home$\n    memory: {operation: recent}\n    examples: [drive home]\n"
        "infrastructure_patterns:\n"
        "  - name: c\n    trigger_pattern: ^count\n    effect: read\n    call: {server: tmws, tool: calculat}\n"
        "  - name: d\n    trigger_pattern: ^reckon (?P<sum>.+)\n    effect: read\n"
        '    call: {server: tmws, tool: calculate, arguments: {sums: "{sum}"}}\n'
    )
    (folder / "servers.json").write_text('{"mcpServers": {}}')
    done = cli.run("check", "--connect", "--notes", TMWS_PATTERN_CONFIG=str(folder))
    found = {problem["field"]: problem for problem in json.loads(done.stdout)}
    assert done.returncode == 1
    assert "'go home'" in found["a.trigger_pattern"]["message"]
    assert found["a.trigger_pattern"]["note"]
    assert "nearest: calculate" in found["c.call.tool"]["mend"]
    assert "'sums'" in found["d.call.arguments"]["message"]
