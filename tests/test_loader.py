"""Pattern files: what is right is loaded, what is wrong is named with file, line, field and mend."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tmws_patterns.loader import Packs, load_packs
from tmws_patterns.registry import PatternRegistry
from tmws_patterns.routing import trigger_fault

GOOD = """
memory_patterns:
  - name: good
    trigger_pattern: ^good
    memory: {operation: recall, query: "{query}"}
"""


def load(folder: Path, text: str) -> Packs:
    file = folder / "pack.yaml"
    file.write_text(text, encoding="utf-8")
    return load_packs(file, trigger_fault)


def only(packs: Packs) -> tuple[int | None, str, str]:
    (problem,) = packs.problems
    assert problem.mend
    return problem.line, problem.field, problem.message


def test_a_right_file_has_no_problems_and_remembers_its_lines(tmp_path: Path) -> None:
    packs = load(tmp_path, GOOD)
    assert packs.problems == ()
    assert packs.patterns[0].source == (str(tmp_path / "pack.yaml"), 3)


@pytest.mark.parametrize(
    ("text", "line", "field"),
    [
        (GOOD + "    colour: red\n", 6, "good.colour"),
        (GOOD + "    priority: high\n", 6, "good.priority"),
        (GOOD + "    cache_ttl: -1\n", 6, "good.cache_ttl"),
        (GOOD.replace("recall", "recal"), 5, "good.memory.operation"),
        (GOOD.replace("good\n    t", "bad name!\n    t"), 3, "bad name!.name"),
        (GOOD.replace("    memory:", "    call: {server: a, tool: b}\n    memory:"), 3, "good.pattern"),
        ("colours:\n  - name: x\n", 1, "colours"),
        ("memory_patterns:\n  name: x\n", 2, "memory_patterns"),
        ("memory_patterns:\n  - just text\n", 2, "memory_patterns"),
        ("- a\n- b\n", 1, "file"),
        ("memory_patterns:\n  - name: [\n", 3, "YAML"),
        ("personas:\n  - name: x\n    title: X\n    description: d\n", 2, "x.workflow"),
        ("memory_patterns:\n  - name: x\n    memory: {operation: recall}\n", 2, "x.trigger_pattern"),
    ],
)
def test_a_fault_names_its_line_and_field(tmp_path: Path, text: str, line: int, field: str) -> None:
    found_line, found_field, _ = only(load(tmp_path, text))
    assert (found_line, found_field) == (line, field)


def test_a_wrong_pattern_costs_only_itself(tmp_path: Path) -> None:
    packs = load(tmp_path, GOOD + "  - name: wrong\n    memory: {operation: nothing}\n")
    assert [p.name for p in packs.patterns] == ["good"]
    assert only(packs)[1] == "wrong.memory.operation"


def test_caching_a_write_is_a_problem(tmp_path: Path) -> None:
    text = GOOD.replace("recall", "store") + "    cache_ttl: 5\n"
    assert only(load(tmp_path, text)) == (6, "good.cache_ttl", "a write is never cached")


def test_two_patterns_of_one_name_keep_the_first_and_name_the_place(tmp_path: Path) -> None:
    packs = load(tmp_path, GOOD + GOOD.replace("memory_patterns:\n", ""))
    assert len(packs.patterns) == 1
    assert "pack.yaml:3" in only(packs)[2]


def test_a_trigger_with_lookahead_is_refused_with_its_line_and_the_rest_runs_on(tmp_path: Path) -> None:
    registry = PatternRegistry(
        load(tmp_path, GOOD + "  - name: ahead\n    trigger_pattern: (?=x)y\n    memory: {operation: recent}\n")
    )
    (problem,) = registry.problems
    assert (problem.line, problem.field, problem.message) == (7, "ahead.trigger_pattern", "lookahead is not supported")
    assert registry.find_matching_pattern("good day").name == "good"


def test_a_backreference_and_a_broken_expression_are_refused_by_name(tmp_path: Path) -> None:
    for trigger, word in ((r"(a)\1", "backreferences"), ("((", "regular expression")):
        text = f"memory_patterns:\n  - name: x\n    trigger_pattern: '{trigger}'\n    memory: {{operation: recent}}\n"
        (problem,) = PatternRegistry(load(tmp_path, text)).problems
        assert word in problem.message


def test_what_cannot_be_read_is_a_problem_and_never_an_error(tmp_path: Path) -> None:
    binary = tmp_path / "binary.yaml"
    binary.write_bytes(b"\xff\xfe\x00")
    for path in (tmp_path / "absent.yaml", binary):
        assert only(load_packs(path))[1] == "file"
    binary.write_bytes(b"a: \x00b")
    assert only(load_packs(binary))[1] == "YAML"


def test_an_empty_folder_says_so(tmp_path: Path) -> None:
    assert only(load_packs(tmp_path)) == (None, "folder", "holds no *.yaml file")


def test_yaml_that_would_run_code_is_refused(tmp_path: Path) -> None:
    packs = load(tmp_path, "memory_patterns:\n  - !!python/object/apply:os.system ['true']\n")
    assert packs.patterns == ()
    assert len(packs.problems) == 1


@pytest.mark.parametrize(
    ("text", "word"),
    [
        (GOOD + "    metadata: {a: 2020-99-99}\n", "cannot be read"),
        (GOOD + "    cost_tokens: !!int abc\n", "cannot be read"),
        (GOOD + "    cost_tokens: " + "9" * 5_000 + "\n", "cannot be read"),
        (GOOD + "    metadata: {a: " + "[" * 3_000 + "]" * 3_000 + "}\n", "deep|nest"),
        (GOOD + "    metadata: {a: " + "[" * 200_000 + "}\n", "deep|nest"),
        (GOOD + "    metadata:\n      " + "- " * 100_000 + "x\n", "deep|nest"),
        (GOOD + '    description: "a\\ud800b"\n', "Unicode"),
        (GOOD + "    metadata: &m {a: *m}\n", "holds itself"),
        (GOOD + "    priority: 1\n    priority: 2\n", "stands twice"),
        (GOOD + "    slots: {n: {type: integer, default: hello}}\n", "no integer"),
        (GOOD + "    slots: {n: {enum: [a, b], default: c}}\n", "no a or b"),
        (GOOD.replace("recall", "store") + "    effect: read\n", "is a write"),
    ],
)
def test_a_hostile_or_senseless_file_is_a_problem_and_no_crash(tmp_path: Path, text: str, word: str) -> None:
    packs = load(tmp_path, text)
    assert any(re.search(word, problem.message) for problem in packs.problems), packs.problems


def test_aliases_that_would_grow_without_end_are_refused(tmp_path: Path) -> None:
    levels = "\n".join(
        f"      l{i}: &l{i} [{', '.join(f'*l{i - 1}' if i else 'x' for _ in range(10))}]" for i in range(9)
    )
    packs = load(tmp_path, GOOD + "    metadata:\n" + levels + "\n")
    assert any("too large" in problem.message for problem in packs.problems)
