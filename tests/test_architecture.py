"""The house's walls: which way imports run, one home for each library, and rooms that stay small."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import tmws_patterns

PACKAGE = Path(tmws_patterns.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))

LAYERS = (
    ("errors", "forking", "quantized", "signs", "tasks"),
    ("regex",),
    ("expressions", "targets"),
    ("selection",),
    ("step",),
    ("pattern",),
    ("call",),
    ("ports", "settings", "routing", "shaping", "loader"),
    ("storage", "encoder", "telemetry", "registry"),
    ("cache", "memory", "dispatch"),
    ("steps",),
    ("branches", "intake", "learner", "presentation", "progress"),
    ("repeats",),
    ("ledger",),
    ("executor",),
    ("app", "check"),
    ("server",),
    ("cli",),
)
LEVEL = {room: level for level, rooms in enumerate(LAYERS) for room in rooms}

HOMES = {
    "mcp": {"server", "dispatch"},
    "httpx2": {"dispatch"},
    "redis": {"cache"},
    "sqlalchemy": {"storage"},
    "sqlite3": {"storage"},
    "asyncpg": {"storage"},
    "prometheus_client": {"telemetry"},
    "yaml": {"loader"},
    "re2": {"routing", "regex"},
    "jmespath": {"expressions"},
    "numpy": {"routing", "encoder", "memory", "quantized", "signs"},
    "Stemmer": {"memory"},
    "onnxruntime": {"encoder"},
    "toktok": {"shaping"},
    "typer": {"cli"},
    "rich": {"cli"},
    "uvicorn": {"server"},
    "starlette": {"server"},
    "pydantic_settings": {"settings"},
    "platformdirs": {"settings"},
}


def room_of(file: Path) -> str:
    return file.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(tree: ast.AST) -> list[str]:
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            found += [name if name in MODULES else str(node.module) for name in names]
    return found


def module_of(file: Path) -> str:
    return ".".join(["tmws_patterns", *file.relative_to(PACKAGE).with_suffix("").parts]).removesuffix(".__init__")


MODULES = {module_of(file) for file in FILES}


def trees() -> list[tuple[Path, ast.Module]]:
    return [(file, ast.parse(file.read_text(encoding="utf-8"))) for file in FILES]


def test_imports_run_one_way_through_the_layers() -> None:
    wrong = []
    for file, tree in trees():
        room = room_of(file)
        if room in ("__init__", "__main__"):
            continue
        for name in imported(tree):
            if not name.startswith("tmws_patterns."):
                continue
            other = name.split(".")[1]
            if other != room and LEVEL[other] >= LEVEL[room]:
                wrong.append(f"{file.relative_to(PACKAGE)} imports {name}")
    assert wrong == []


def test_modules_of_a_room_import_each_other_without_a_circle() -> None:
    graph = {module_of(file): set(imported(tree)) & MODULES - {module_of(file)} for file, tree in trees()}
    done: set[str] = set()

    def visit(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, f"circle: {' -> '.join([*path, module])}"
        if module not in done:
            for other in graph[module]:
                visit(other, (*path, module))
            done.add(module)

    for module in graph:
        visit(module, ())


def test_every_library_has_one_home() -> None:
    wrong = [
        f"{file.relative_to(PACKAGE)} imports {name}"
        for file, tree in trees()
        for name in imported(tree)
        if (home := HOMES.get(name.split(".")[0])) and room_of(file) not in home
    ]
    assert wrong == []


def test_no_import_hides_behind_type_checking() -> None:
    assert [str(file) for file, tree in trees() if "TYPE_CHECKING" in ast.dump(tree)] == []


def test_only_the_settings_read_the_environment() -> None:
    wrong = [
        f"{file.relative_to(PACKAGE)}:{node.lineno}"
        for file, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv") and room_of(file) != "settings"
    ]
    assert wrong == []


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(PACKAGE)))
def test_a_module_has_a_docstring_and_at_most_400_lines(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert ast.get_docstring(ast.parse(text)), "says what it owns"
    assert len(text.splitlines()) <= 400


def test_the_root_exports_a_sorted_list_of_at_most_twelve_names_that_all_resolve() -> None:
    names = tmws_patterns.__all__
    assert names == sorted(names)
    assert len(names) <= 12
    assert set(names) == set(tmws_patterns._HOMES)
    for name in names:
        assert getattr(tmws_patterns, name).__name__ == name


def test_asking_for_the_version_loads_neither_the_sdk_nor_a_database_nor_numpy() -> None:
    script = (
        "import sys; sys.argv=['tmws-patterns','--version']\n"
        "from tmws_patterns.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print(sorted({'mcp','sqlalchemy','numpy','redis','yaml'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout == f"tmws-patterns {tmws_patterns.__version__}\n[]\n"
