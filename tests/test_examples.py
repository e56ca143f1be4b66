"""Each program of scripts/examples runs as a newcomer runs it, and its output says what it promises."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parent.parent / "scripts" / "examples"
NAMES = sorted(file.stem for file in EXAMPLES.glob("*.py"))
TWICE = "artemis_workflow"
LONGEST = 80  # lines of one example

Outputs = dict[str, list[str]]


def run(name: str, folder: Path, times: int) -> list[str]:
    """What an example prints, in each of so many runs on one data folder."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("TMWS_")} | {"TMWS_ROUTE_EMBEDDINGS": "false"}
    outputs = []
    for _ in range(times):
        done = subprocess.run(
            [sys.executable, str(EXAMPLES / f"{name}.py")],
            env={**clean, "TMWS_DATA_DIR": str(folder)},
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        outputs.append(done.stdout)
    return outputs


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Future[list[str]]]]:
    """All examples, started side by side, each with a data folder of its own."""
    with ThreadPoolExecutor(max_workers=4) as pool:
        first = sorted(NAMES, key=lambda name: name != TWICE)
        yield {name: pool.submit(run, name, tmp_path_factory.mktemp(name), 2 if name == TWICE else 1) for name in first}


def output(running: dict[str, Future[list[str]]], name: str) -> str:
    return running[name].result()[0]


def after(text: str, mark: str) -> str:
    """The part of an output from a mark to the next empty line."""
    return text.partition(mark)[2].partition("\n\n")[0]


@pytest.mark.parametrize("name", NAMES)
def test_an_example_ends_with_status_0_and_says_what_it_did(running: dict[str, Future[list[str]]], name: str) -> None:
    assert output(running, name).strip()


@pytest.mark.parametrize("name", NAMES)
def test_an_example_is_short_and_begins_with_what_it_shows(name: str) -> None:
    text = (EXAMPLES / f"{name}.py").read_text()
    assert text.startswith('"""')
    assert len(text.splitlines()) < LONGEST


def test_basic_execution_asks_a_tool_a_cache_and_memory_and_survives_a_failure(
    running: dict[str, Future[list[str]]],
) -> None:
    text = output(running, "basic_execution")
    assert "'timezone': 'Asia/Tokyo'" in after(text, "> what time is it in Tokyo")
    first, second = text.split("> what is 15% of 80")[1:3]
    assert "quick_calculation, computed" in first
    assert "quick_calculation, cache (local)" in second
    assert "'content': 'invoices go out on Fridays'" in after(text, "> recall when invoices go out")
    refused = after(text, "> water the geraniums")
    assert "failed: no_match" in refused
    assert "6 executions, 1 failed, 1 from the cache" in text


def test_modes_show_that_fast_leaves_memory_alone_and_comprehensive_asks_both(
    running: dict[str, Future[list[str]]],
) -> None:
    text = output(running, "modes")
    fast, balanced, both = after(text, "> check database health\n").splitlines()
    assert (fast.split()[:3], balanced.split()[:3]) == (
        ["fast", "health_check", "infrastructure"],
        ["balanced", "health_check", "infrastructure"],
    )
    assert re.search(r"comprehensive +health_check +hybrid +tool: \d+ found, memory: 1 found", both)
    fast, balanced, both = after(text, "> recall the database password policy\n").splitlines()
    assert "failed: no_match" in fast
    assert re.search(r"recall_memory +memory +answer: list of 1", balanced)
    assert re.search(r"hybrid +tool: (?:no_match|\d+ found), memory: 1 found", both)


def test_a_custom_pattern_is_reached_by_sentence_and_by_name(running: dict[str, Future[list[str]]]) -> None:
    text = output(running, "custom_pattern")
    assert "by sentence: 24.0" in text
    assert "by name: 8.4" in text
    assert "the rate from the context: 30.0" in text
    assert "an amount that is no number: missing_arguments: vat needs amount" in text
    assert "why: vat by its trigger" in text


def test_a_batch_keeps_its_order_and_one_failure_fails_no_other(running: dict[str, Future[list[str]]]) -> None:
    lines = output(running, "batch").splitlines()
    expected = ("Asia/Tokyo", "America/New_York", "missing_arguments", "Asia/Kolkata", "144", "Australia/Sydney")
    assert [word in line for word, line in zip(expected, lines[1:12:2], strict=True)] == [True] * 6
    assert lines[-1].startswith("5 of 6 answered in ")


def test_the_second_run_of_artemis_finds_what_the_first_stored(running: dict[str, Future[list[str]]]) -> None:
    first, second = running[TWICE].result()
    plan = "the optimization plan for the slow importer, step 1, is: add an index on job_id"
    assert "1. past optimisations: 0" in first
    assert "3. similar cases: 0" in first
    assert f"4. stored: {plan}" in first
    assert f"1. past optimisations: 1\n   - {plan}" in second
    assert re.search(r"2\. the present: analyze_codebase sees .* and 1 memories", second)
    assert "3. similar cases: 1" in second
    assert "4. stored: the optimization plan for the slow importer, step 2" in second


def test_hera_and_athena_do_not_see_what_is_private_to_the_other(running: dict[str, Future[list[str]]]) -> None:
    text = output(running, "hera_athena")
    private = after(text, "who sees the private lesson of Hera?")
    assert "hera: ['the lesson from the billing migration is: freeze releases for a day']" in private
    assert "athena: []" in private
    public = after(text, "who sees her public rule?")
    assert public.count("Deploys stop at noon on Fridays") == 2
    assert text.count("store_memory: done") == 2
    for pattern in ("health_check", "aggregate_insights", "recall_memory", "temporal_analysis", "compare_patterns"):
        assert f"    {pattern}: " in text


def test_prometheus_reads_the_names_of_tmws_from_a_real_server(running: dict[str, Future[list[str]]]) -> None:
    text = output(running, "prometheus")
    assert 'tmws_pattern_executions_total{pattern_type="infrastructure",success="true"} 2.0' in text
    assert 'tmws_pattern_executions_total{pattern_type="memory",success="true"} 1.0' in text
    assert 'tmws_pattern_execution_duration_seconds_count{pattern_type="memory"} 1.0' in text
    assert "tmws_pattern_cache_hit_rate 0.25" in text
    assert re.search(r"tmws_pattern_tokens_used_total [1-9]", text)
    assert "the server ended with status 0" in text
