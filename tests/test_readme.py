"""The README is true: its programs and commands run, its files load, its tables name everything there is.

Fences that run: ```python is a whole program; in ```console each line that begins with `$ ` is a command.
The blocks run side by side, the commands of one block in order, each block with a data folder of its own.
```yaml is a pattern file and ```json is JSON; other fences (```bash, ```text) are only read.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from tmws_patterns import Settings, TmwsError
from tmws_patterns.check import check_configuration
from tmws_patterns.dispatch import load_servers
from tmws_patterns.pattern import ExecutionMode, PatternConfig, Slot
from tmws_patterns.targets import MemoryTarget, ToolTarget
from tmws_patterns.telemetry import PrometheusExporter

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
TEXT = "\n".join([README, *(page.read_text(encoding="utf-8") for page in sorted((ROOT / "docs").glob("*.md")))])
LONGEST = 400  # lines
SHIPPED = Settings.load({}).pattern_path


def fences(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


PROGRAMS = fences("python")
SESSIONS = fences("console")


def table(first: str) -> dict[str, str]:
    """The rows of the table whose first column has this title: each name in code with its second column."""
    rows: dict[str, str] = {}
    body = TEXT.partition(f"\n| {first} |")[2].partition("\n\n")[0]
    for row in body.splitlines()[2:]:
        names, second = row.strip("| ").split(" | ")[:2]
        rows |= dict.fromkeys(re.findall(r"`([^`]+)`", names), second)
    return rows


def environment(folder: Path) -> dict[str, str]:
    """A newcomer's: no settings but the data folder, and the command on the path."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("TMWS_")} | {"TMWS_ROUTE_EMBEDDINGS": "false"}
    path = f"{Path(sys.executable).parent}{os.pathsep}{clean.get('PATH', '')}"
    return {**clean, "PATH": path, "TMWS_DATA_DIR": str(folder)}


def run(commands: list[list[str]], folder: Path) -> None:
    for command in commands:
        done = subprocess.run(
            command, env=environment(folder), cwd=folder, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        assert done.stdout.strip() or done.stderr.strip(), f"{command} said nothing"


def commands_of(session: str) -> list[list[str]]:
    return [["bash", "-c", line.removeprefix("$ ")] for line in session.splitlines() if line.startswith("$ ")]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Future[None]]]:
    """Every program and every session, started side by side."""
    jobs = {f"program {i}": [[sys.executable, "-c", code]] for i, code in enumerate(PROGRAMS, 1)}
    jobs |= {f"session {i}": commands_of(session) for i, session in enumerate(SESSIONS, 1)}
    with ThreadPoolExecutor(max_workers=4) as pool:
        yield {name: pool.submit(run, commands, tmp_path_factory.mktemp("readme")) for name, commands in jobs.items()}


@pytest.mark.parametrize("number", range(1, len(PROGRAMS) + 1))
def test_a_program_runs(running: dict[str, Future[None]], number: int) -> None:
    running[f"program {number}"].result()


@pytest.mark.parametrize("number", range(1, len(SESSIONS) + 1))
def test_the_commands_of_a_session_run(running: dict[str, Future[None]], number: int) -> None:
    running[f"session {number}"].result()


def test_there_is_something_to_run_and_all_of_it_is_ours() -> None:
    assert PROGRAMS
    commands = [command[-1] for session in SESSIONS for command in commands_of(session)]
    assert len(commands) >= 10
    assert all(command.startswith("tmws-patterns ") for command in commands)


def test_the_two_commands_stand_at_the_top() -> None:
    top = "\n".join(README.splitlines()[:12])
    for command in ('./scripts/run "what time is it in Tokyo"', "./scripts/test"):
        assert command in top
        assert os.access(ROOT / command.split()[0], os.X_OK)


def test_it_is_short_enough_to_be_read() -> None:
    assert len(README.splitlines()) <= LONGEST


def test_every_pattern_file_shown_passes_check_beside_the_shipped_ones(tmp_path: Path) -> None:
    for file in SHIPPED.iterdir():
        shutil.copy(file, tmp_path)
    for i, text in enumerate(fences("yaml")):
        (tmp_path / f"shown-{i}.yaml").write_text(text)
    found = check_configuration(Settings.load({}, pattern_config=str(tmp_path)))
    assert [problem for problem in found if not problem.note] == []


def test_every_servers_file_shown_loads(tmp_path: Path) -> None:
    shown = [text for text in map(json.loads, fences("json")) if "mcpServers" in text]
    assert len(shown) == 3
    for content in shown:
        (tmp_path / "servers.json").write_text(json.dumps(content))
        servers, problems = load_servers(tmp_path / "servers.json", {})
        assert (set(servers), problems) == (set(content["mcpServers"]), [])


def test_the_client_configuration_shown_is_the_one_of_the_clone() -> None:
    ours = json.loads((ROOT / ".mcp.json").read_text())
    assert ours in [json.loads(text) for text in fences("json")]
    (server,) = ours["mcpServers"].values()
    assert os.access(ROOT / server["command"], os.X_OK)


def shown(default: Any) -> str | None:
    """A default as the tables write it; None where they say it in words."""
    if isinstance(default, bool):
        return str(default).lower()
    if isinstance(default, int | float):
        return f"{default:.12g}"
    return str(default) if isinstance(default, str) and default else None


def test_every_setting_stands_in_the_table_with_its_default() -> None:
    rows = table("variable")
    fields = {f"TMWS_{n.upper()}": f.default for n, f in Settings.model_fields.items() if n != "environment"}
    assert set(rows) == set(fields)
    for name, default in fields.items():
        assert shown(default) in (None, rows[name]), name


def test_every_variable_named_anywhere_exists() -> None:
    known = {f"TMWS_{name.upper()}" for name in Settings.model_fields}
    named = set(re.findall(r"\bTMWS_[A-Z][A-Z_]*[A-Z]\b", TEXT.replace("TMWS_PATTERN_...", "")))
    assert named <= known


@pytest.mark.parametrize(
    ("title", "model"),
    [
        ("field", PatternConfig),
        ("field of a slot", Slot),
        ("field of `call`", ToolTarget),
        ("field of `memory`", MemoryTarget),
    ],
)
def test_every_field_of_a_pattern_stands_in_its_table(title: str, model: type[BaseModel]) -> None:
    rows = table(title)
    assert set(rows) == set(model.model_fields)
    for name, field in model.model_fields.items():
        assert (rows[name] == "required") == (field.is_required() and name != "pattern_type") or name == "default"


def test_every_mode_stands_in_the_table() -> None:
    assert set(table("`execution_mode`")) == {*map(str, ExecutionMode), "hybrid"}


def test_every_error_code_stands_in_the_table() -> None:
    def codes(kind: type[TmwsError]) -> set[str]:
        return {kind.code}.union(*map(codes, kind.__subclasses__()))

    assert codes(TmwsError) <= set(table("what you see"))


def test_every_metric_named_is_served() -> None:
    page = PrometheusExporter(lambda: 0.0).render()[0].decode()
    named = re.findall(r"`(tmws_pattern_\w+)", TEXT)
    assert len(named) == 4
    assert all(f"# TYPE {name} " in page for name in named)


def test_every_file_linked_exists() -> None:
    for page in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        links = [link for link in re.findall(r"\]\(([^)]+)\)", page.read_text(encoding="utf-8")) if "://" not in link]
        assert links
        assert all((page.parent / link).exists() for link in links)


def test_the_mark_of_the_registry_is_there() -> None:
    assert "<!-- mcp-name: io.github.tmws/tmws-patterns -->" in TEXT
