"""Every shipped pattern, asked by a sentence, does to the real servers and the real memory what it says."""

from __future__ import annotations

import http.server
import json
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from served import SERVERS

from tmws_patterns import ExecutionResult, PatternExecutionEngine, Settings, create_pattern_execution_engine
from tmws_patterns.loader import load_packs

pytestmark = pytest.mark.anyio

PATTERNS = load_packs(Settings.load({}).pattern_path).patterns


@pytest.fixture(scope="module")
def page() -> Iterator[str]:
    """A web page on this machine."""

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = self.path == "/page.html"
            self.send_response(200 if found else 404)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(
                b"<html><body><h1>Tide table</h1><p>High water at noon.</p></body></html>" if found else b""
            )

        def log_message(self, *_: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page) as web:
        thread = threading.Thread(target=web.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{web.server_port}/page.html"
        web.shutdown()
        thread.join()


def git(repo: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=Ann", "-c", "user.email=ann@example.com"]
    return subprocess.run(["git", *identity, *arguments], cwd=repo, check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="module")
def repo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with two commits, a staged and an unstaged change."""
    folder = tmp_path_factory.mktemp("repo")
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "config", "user.name", "Ann")
    git(folder, "config", "user.email", "ann@example.com")
    for number in (1, 2):
        (folder / "boat.txt").write_text(f"boat {number}\n")
        git(folder, "add", "boat.txt")
        git(folder, "commit", "--quiet", "--message", f"Build boat {number}")
    (folder / "mast.txt").write_text("a tall mast\n")
    git(folder, "add", "mast.txt")
    (folder / "boat.txt").write_text("boat 3\n")
    return folder


@pytest.fixture(scope="module")
async def engine(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[PatternExecutionEngine]:
    folder = tmp_path_factory.mktemp("shipped")
    servers = json.loads((Settings.load({}).servers_path).read_text())
    servers["mcpServers"]["fetch"]["args"] += ["--allow-private-ips", "--ignore-robots-txt"]
    servers["mcpServers"]["shell"] = {"command": sys.executable, "args": [str(SERVERS / "shell.py")]}
    (folder / "servers.json").write_text(json.dumps(servers))
    settings = Settings.load(data_dir=folder / "data", servers_config=str(folder / "servers.json"))
    async with await create_pattern_execution_engine(settings) as made:
        for fact, importance, tags in (
            ("sails are mended with waxed thread", 0.9, ["sail", "repair"]),
            ("the sail maker lives in Porto", 0.4, ["sail"]),
            ("anchors rust when left wet", 0.5, []),
        ):
            await made.memory.store(fact, importance=importance, tags=tags)
        yield made


def rows(result: ExecutionResult) -> set[str]:
    """The contents of recalled memories, of a memory pattern or of the memory half."""
    found = result.result["memory"] if isinstance(result.result, dict) else result.result
    return {row["content"] for row in found}


def tool_says(*words: str) -> Callable[[ExecutionResult], bool]:
    return lambda result: all(word in json.dumps(result.result) for word in words)


def hybrid_says(tool_word: str, memory_word: str) -> Callable[[ExecutionResult], bool]:
    return lambda r: tool_word in json.dumps(r.result["tool"]) and any(memory_word in content for content in rows(r))


CASES: list[tuple[str, str, Callable[[ExecutionResult], bool]]] = [
    ("execute_mcp_tool", 'run the tool calculate on tmws with {"expression": "2*21"}', lambda r: r.result == 42),
    ("execute_mcp_tool", "call tool tmws.list_servers", tool_says("time", "git", "fetch", "tmws")),
    ("health_check", "check database health", tool_says('"status": "ok"', "sqlite")),
    ("health_check", "is the cache healthy", tool_says("local_hits", "redis_available")),
    ("health_check", "show me the health of the servers", tool_says('"failed"', "in-process")),
    ("quick_calculation", "what is 15% of 80", lambda r: r.result == 12),
    ("list_servers", "which servers are configured", tool_says("mcp_server_time".split("_")[2], "stdio")),
    ("recall_memory", "recall how sails are mended", lambda r: "sails are mended with waxed thread" in rows(r)),
    ("search_by_tag", "find memories tagged repair", lambda r: rows(r) == {"sails are mended with waxed thread"}),
    ("search_by_tag", "notes tagged sail and repair", lambda r: rows(r) == {"sails are mended with waxed thread"}),
    ("filter_by_importance", "memories with importance above 0.8", lambda r: len(rows(r)) == 1),
    ("semantic_search", "find similar cases of rusty anchors", lambda r: "anchors rust when left wet" in rows(r)),
    ("recent_memories", "show the latest 2 notes", lambda r: len(r.result) == 2),
    ("analyze_codebase", "analyze the codebase of the sail", hybrid_says("Build boat 2", "sail")),
    ("compare_patterns", "compare our anchor and sail designs", hybrid_says("Build boat 2", "anchors")),
    ("aggregate_insights", "aggregate insights about sails", hybrid_says("servers", "sails")),
    ("temporal_analysis", "what happened today", hybrid_says("Build boat 1", "anchors")),
    ("contextual_recommendation", "recommend an approach for sails", hybrid_says("servers", "sails")),
    ("current_time", "what time is it in Boston", lambda r: r.result["timezone"] == "America/New_York"),
    ("current_time", "current time in Mumbai", lambda r: r.result["timezone"] == "Asia/Kolkata"),
    ("current_time", "what's the time in Kyoto right now", lambda r: r.result["timezone"] == "Asia/Tokyo"),
    ("convert_time", "convert 3 pm from London to Tokyo", tool_says("Europe/London", "Asia/Tokyo", "15:00")),
    ("git_status", "git status", tool_says("mast.txt", "boat.txt", "On branch main")),
    ("git_log", "show the last 1 commits", lambda r: "boat 2" in r.result and "boat 1" not in r.result),
    ("git_diff", "show unstaged changes", tool_says("+boat 3")),
    ("git_diff_staged", "show staged changes", tool_says("+a tall mast")),
    ("git_show", "show commit HEAD~1", tool_says("Build boat 1")),
    ("git_branches", "list the branches", tool_says("main")),
    ("git.git_diff", "git diff HEAD~1", tool_says("boat 1", "+boat 3")),
    (
        "changed_files",
        "which files did the last 2 commits change",
        lambda r: [(c["subject"], c["files"], c["added"], c["removed"]) for c in r.result]
        == [("Build boat 2", ["boat.txt"], 1, 1), ("Build boat 1", ["boat.txt"], 1, 0)],
    ),
    (
        "artemis_workflow",
        "run the artemis workflow for mended sails",
        lambda r: "waxed thread" in r.result["past"][0]["content"]
        and r.result["similar"]
        and [c["subject"] for c in r.result["commits"]] == ["Build boat 2", "Build boat 1"]
        and r.result["stored"] is None,
    ),
]  # fmt: skip


@pytest.mark.parametrize(("pattern", "sentence", "holds"), CASES, ids=[c[1] for c in CASES])
async def test_a_sentence_has_its_patterns_effect(
    engine: PatternExecutionEngine, repo: Path, pattern: str, sentence: str, holds: Callable[[ExecutionResult], bool]
) -> None:
    with anyio.fail_after(20):
        result = await engine.execute(sentence, context={"repo_path": str(repo)})
    assert result.error is None, result.error
    assert result.pattern_name == pattern
    assert "failed" not in result.metadata, result.result
    assert holds(result), result.result


async def test_a_page_is_fetched_as_markdown(engine: PatternExecutionEngine, page: str) -> None:
    result = await engine.execute(f"fetch {page}")
    assert result.pattern_name == "fetch_page"
    assert "Tide table" in result.result
    assert "High water at noon." in result.result


async def test_several_pages_become_one_table_and_a_missing_one_says_so(
    engine: PatternExecutionEngine, page: str
) -> None:
    result = await engine.execute(f"make a table of these pages {page} and {page}x")
    assert result.pattern_name == "pages_table"
    found, missing = result.result["result"]
    assert result.metadata["failed"] == ["pages"]
    assert found.pop("characters") > len("Tide table")
    assert found == {"url": page, "title": "Tide table", "headings": ["Tide table"], "error": None}
    assert (missing["url"], missing["title"]) == (f"{page}x", None)
    assert "404" in missing["error"]


async def test_decisions_are_compared_with_the_latest_first(engine: PatternExecutionEngine) -> None:
    for number, said in enumerate(("keep the keel of oak", "build the keel of steel")):
        await engine.memory.store(f"The decision on the keel is: {said}", namespace=f"k{number}")
    result = await engine.execute("recall and compare decisions about the keel")
    assert result.pattern_name == "compare_decisions"
    kept = [result.result["latest"], *result.result["earlier"]]
    assert {"keep the keel of oak", "build the keel of steel"} <= {row["decision"].partition(": ")[2] for row in kept}
    assert all(row["at"] <= kept[0]["at"] for row in kept)


async def test_a_plan_that_is_given_to_the_workflow_is_stored_and_one_that_is_not_is_not(
    engine: PatternExecutionEngine, repo: Path
) -> None:
    done = await engine.execute(
        pattern="artemis_workflow",
        arguments={"topic": "anchors", "plan": "dry them after each trip", "repo_path": str(repo)},
    )
    (plan,) = await engine.memory.by_tag("plan")
    assert done.result["stored"] == plan.id
    assert plan.content == "The optimization plan for anchors is: dry them after each trip"
    await engine.memory.forget([plan.id])


async def test_storing_stores_with_its_tags_and_forgetting_needs_a_name(engine: PatternExecutionEngine) -> None:
    stored = await engine.execute(
        "remember that the jetty is closed", pattern="store_memory", arguments={"tags": ["port"], "importance": 0.2}
    )
    (found,) = await engine.memory.by_tag("port")
    assert (found.id, found.content, found.importance) == (stored.result["id"], "the jetty is closed", 0.2)
    asked = await engine.execute(f"forget memory {found.id}")
    assert asked.error.code == "confirmation_required"
    assert await engine.memory.by_tag("port")
    done = await engine.execute(pattern=asked.error.details["pattern"], arguments=asked.error.details["arguments"])
    assert done.result == {"forgotten": 1}
    assert await engine.memory.by_tag("port") == []


async def test_a_branch_is_created_and_the_stage_is_committed(engine: PatternExecutionEngine, repo: Path) -> None:
    context = {"repo_path": str(repo)}
    assert (await engine.execute("create a branch named harbour/light", context=context)).success
    assert "harbour/light" in git(repo, "branch")
    assert (await engine.execute("git status", context=context)).success
    committed = await engine.execute('commit with message "Raise the mast"', context=context)
    assert committed.pattern_name == "git_commit"
    assert "Raise the mast" in git(repo, "log", "--max-count=1")
    after = await engine.execute("git status", context=context)
    assert not after.cache_hit, "a write through us makes what was read of that server stale"
    assert "mast.txt" not in after.result


async def test_what_git_alone_says_may_destroy_asks_first_and_then_runs(
    engine: PatternExecutionEngine, repo: Path
) -> None:
    """Staging, switching and unstaging, each by its own pattern, whatever its server says of its effect."""
    context = {"repo_path": str(repo)}
    (repo / "keel.txt").write_text("a deep keel\n")
    git(repo, "branch", "harbour/pilot")
    for name, sentence, done in (
        ("git.git_add", "git add keel.txt", lambda: "keel.txt" in git(repo, "diff", "--cached", "--name-only")),
        ("git.git_reset", "reset the staging area", lambda: git(repo, "diff", "--cached", "--name-only") == ""),
        ("git.git_checkout", "switch to the branch harbour/pilot", lambda: "pilot" in git(repo, "status")),
    ):
        result = await engine.execute(sentence, context=context)
        if not result.success:
            details = result.error.details
            assert (result.error.code, details["pattern"]) == ("confirmation_required", name), result.error
            result = await engine.execute(pattern=name, arguments=details["arguments"], context=context)
        assert result.success, result.error
        assert result.pattern_name == name
        assert done(), sentence
    git(repo, "checkout", "--quiet", "main")


async def test_a_command_runs_only_through_a_configured_shell_and_only_by_name(
    engine: PatternExecutionEngine, tmp_path: Path
) -> None:
    flag = tmp_path / "flag"
    asked = await engine.execute(f"run the command touch {flag}")
    assert asked.error.code == "confirmation_required"
    assert not flag.exists()
    done = await engine.execute(pattern=asked.error.details["pattern"], arguments=asked.error.details["arguments"])
    assert done.success
    assert flag.exists()


def test_every_shipped_pattern_has_such_a_test() -> None:
    tested = {pattern for pattern, _, _ in CASES}
    tested |= {"fetch_page", "store_memory", "forget_memories", "git_create_branch", "git_commit", "system_command"}
    tested |= {"pages_table", "compare_decisions"}
    tested |= {"git.git_add", "git.git_checkout", "git.git_reset"}
    assert tested == {pattern.name for pattern in PATTERNS}
    of_old = """execute_mcp_tool system_command health_check quick_calculation recall_memory store_memory search_by_tag
        filter_by_importance semantic_search analyze_codebase compare_patterns aggregate_insights temporal_analysis
        contextual_recommendation""".split()
    assert set(of_old) <= tested
    assert next(p for p in PATTERNS if p.name == "store_memory").cache_ttl == 0
