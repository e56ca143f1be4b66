"""Pattern files: YAML in, PatternDefinitions and Problems out. The only user of yaml.

A fault is told with its file, line, field and mend, and costs only the pattern it stands in.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import orjson
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tmws_patterns.errors import InvalidInput, Problem
from tmws_patterns.pattern import NAME, UNKNOWN_FIELD, PatternConfig, PatternDefinition, PatternType, faults_between
from tmws_patterns.targets import Effect

_SECTIONS = {f"{kind}_patterns": kind for kind in PatternType}
_MOST_NODES, _DEEPEST = 100_000, 60  # values of one file with its aliases written out, and levels of nesting
_LARGEST = 4 * 2**20  # bytes of one file; a pattern pack is written by hand


class Persona(BaseModel):
    """Someone the agent can be: a name to act under and a workflow of sentences with `{topic}` in them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=NAME)
    title: str
    description: str
    workflow: tuple[str, ...] = Field(min_length=1)


_BRACKETS = 5_000  # of a file: libyaml still stands 10,000 levels of them
_STEEP = re.compile(
    r"^ {1000}|(?:[-?:] ){50}", re.MULTILINE
)  # indentation and marks that open more levels than any file needs
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the quicker one, where PyYAML has libyaml with it


@dataclass(frozen=True, slots=True)
class Packs:
    """What a folder of pattern files holds."""

    patterns: tuple[PatternDefinition, ...] = ()
    personas: tuple[Persona, ...] = ()
    problems: tuple[Problem, ...] = ()


class _TangledError(Exception):
    """A tree that must not be walked on."""

    def __init__(self, line: int, why: str) -> None:
        super().__init__(why)
        self.line, self.why = line, why


@dataclass(slots=True)
class _Reading:
    """One file while it is read: its text tree for line numbers, and what was found so far."""

    file: str
    trigger_fault: TriggerCheck
    patterns: list[PatternDefinition] = field(default_factory=list)
    personas: list[Persona] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def fault(self, line: int | None, name: str, message: str, mend: str) -> None:
        self.problems.append(Problem(self.file, line, name, message, mend))


TriggerCheck = Callable[[str], tuple[str, str] | None]
"""Gives (message, mend) for a trigger that cannot be used, None for one that can."""


def load_packs(path: Path, trigger_fault: TriggerCheck = lambda _: None) -> Packs:
    """All patterns and personas of a file, or of the *.yaml and *.yml files of a folder.

    Never raises: what cannot be read is a Problem.
    """
    files = sorted(f for f in path.iterdir() if f.suffix in (".yaml", ".yml")) if path.is_dir() else [path]
    readings = [_read(file, trigger_fault) for file in files]
    problems = [p for r in readings for p in r.problems]
    if not files:
        problems.append(Problem(str(path), None, "folder", "holds no *.yaml file", "put a pattern file there"))
    patterns = _that_may_run_together(_without_twins([p for r in readings for p in r.patterns], problems), problems)
    return Packs(tuple(patterns), tuple(p for r in readings for p in r.personas), tuple(problems))


def _read(file: Path, trigger_fault: TriggerCheck) -> _Reading:
    reading = _Reading(str(file), trigger_fault)
    try:
        if file.stat().st_size > _LARGEST:
            reading.fault(None, "file", f"is over {_LARGEST:,} bytes", "split it")
            return reading
        text = file.read_text(encoding="utf-8")
        root = yaml.compose(text, Loader=_LOADER if _is_flat(text) else yaml.SafeLoader)
    except (OSError, UnicodeDecodeError) as exc:
        reading.fault(None, "file", f"cannot be read: {exc}", "check that the path exists and holds UTF-8 text")
        return reading
    except yaml.MarkedYAMLError as exc:
        line = exc.problem_mark.line + 1 if exc.problem_mark else None
        reading.fault(line, "YAML", f"{exc.problem or exc}", "correct the indentation, quotes or colons there")
        return reading
    except yaml.YAMLError as exc:
        reading.fault(None, "YAML", str(exc).split("\n")[0], "remove the character named")
        return reading
    except RecursionError:
        reading.fault(None, "YAML", "is nested too deeply", "write it flatter")
        return reading
    if root is not None and not _tangled(reading, root):
        _read_sections(reading, root)
    return reading


def _is_flat(text: str) -> bool:
    """True where nothing can be nested so deeply that libyaml overruns its stack; the other loader only refuses."""
    return text.count("[") + text.count("{") <= _BRACKETS and _STEEP.search(text) is None


def _tangled(reading: _Reading, root: yaml.Node) -> bool:
    """Whether a tree holds a name twice, itself, or too much once its aliases are written out; each is a fault."""
    left = [_MOST_NODES]
    before = len(reading.problems)

    def walk(node: yaml.Node, above: frozenset[int]) -> None:
        left[0] -= 1
        if left[0] < 0 or id(node) in above or len(above) > _DEEPEST:
            why = "holds itself" if id(node) in above else "is too large or too deep with its aliases written out"
            raise _TangledError(_line(node), why)
        names: set[str] = set()
        for child in node.value if isinstance(node, yaml.MappingNode) else ():
            if (name := str(child[0].value)) in names:
                reading.fault(_line(child[0]), name, "stands twice in one mapping", "keep one of them")
            names.add(name)
            walk(child[1], above | {id(node)})
        for item in node.value if isinstance(node, yaml.SequenceNode) else ():
            walk(item, above | {id(node)})

    try:
        walk(root, frozenset())
    except _TangledError as exc:
        reading.fault(exc.line, "YAML", exc.why, "write the values out, without aliases")
    return len(reading.problems) > before and reading.problems[-1].field == "YAML"


def _read_sections(reading: _Reading, root: yaml.Node) -> None:
    if not isinstance(root, yaml.MappingNode):
        reading.fault(_line(root), "file", "is no mapping", f"use the sections {', '.join(_SECTIONS)}")
        return
    for key, entries in root.value:
        section = str(key.value)
        if section not in _SECTIONS and section != "personas":
            mend = f"use one of {', '.join([*_SECTIONS, 'personas'])}"
            reading.fault(_line(key), section, "no such section", mend)
        elif not isinstance(entries, yaml.SequenceNode):
            if entries.tag != "tag:yaml.org,2002:null":
                reading.fault(_line(entries), section, "is no list", "begin each entry with `- name: ...`")
        else:
            for entry in entries.value:
                _read_entry(reading, section, entry)


def _read_entry(reading: _Reading, section: str, node: yaml.Node) -> None:
    try:
        config = _plain(node)
    except (yaml.YAMLError, ValueError, RecursionError) as exc:
        reading.fault(_line(node), section, f"cannot be read: {exc}", "use plain YAML values")
        return
    if not isinstance(config, Mapping):
        reading.fault(_line(node), section, "an entry is no mapping", "begin it with `- name: ...`")
    elif section == "personas":
        _read_persona(reading, node, config)
    else:
        _read_pattern(reading, node, {"pattern_type": _SECTIONS[section].value, **config})


def _read_pattern(reading: _Reading, node: yaml.Node, config: Mapping[str, Any]) -> None:
    try:
        orjson.dumps(config, default=str)  # half a surrogate pair, say, which nothing further on could write
        pattern = PatternDefinition.from_config(config, source=(reading.file, _line(node)))
    except TypeError as exc:
        reading.fault(
            _line(node), str(config.get("name", "?"))[:80], f"cannot be used: {exc}", "use plain text and numbers"
        )
        return
    except InvalidInput as exc:
        for path, message in exc.details["fields"]:
            name = f"{config.get('name', '?')}.{path}"
            reading.fault(_line_of(node, path), name, message, _mend(path, message))
        return
    trigger = reading.trigger_fault(pattern.trigger_pattern)
    if fault := ("trigger_pattern", *trigger) if trigger else _nonsense(pattern):
        reading.fault(_line_of(node, fault[0]), f"{pattern.name}.{fault[0]}", fault[1], fault[2])
        return
    reading.patterns.append(pattern)


def _read_persona(reading: _Reading, node: yaml.Node, config: Mapping[str, Any]) -> None:
    try:
        reading.personas.append(Persona.model_validate(config))
    except ValidationError as exc:
        for error in exc.errors():
            path = ".".join(map(str, error["loc"]))
            mend = "a persona has name, title, description and workflow"
            reading.fault(_line_of(node, path), f"{config.get('name', '?')}.{path}", error["msg"], mend)


def _mend(path: str, message: str) -> str:
    """What to do about a wrong field."""
    name = path.rsplit(".", 1)[-1]
    if message == UNKNOWN_FIELD:
        near = get_close_matches(name, PatternConfig.model_fields, 1)
        return (
            f"did you mean {near[0]}?" if near else f"remove it; the fields are {', '.join(PatternConfig.model_fields)}"
        )
    return f"correct the value of {name}"


def _nonsense(pattern: PatternDefinition) -> tuple[str, str, str] | None:
    """(field, message, mend) of a combination that cannot be meant."""
    effect = pattern.declared_effect
    if (pattern.cache_ttl or 0) > 0 and effect is not None and effect is not Effect.READ:
        return "cache_ttl", f"a {effect} is never cached", "set cache_ttl: 0"
    if pattern.memory and pattern.effect and pattern.memory.operation.effect.exceeds(pattern.effect):
        operation = pattern.memory.operation
        return "effect", f"{operation} is a {operation.effect}", f"write effect: {operation.effect}, or leave it out"
    if not (pattern.trigger_pattern or pattern.examples or pattern.description):
        return "trigger_pattern", "nothing could ever reach this pattern", "give it a trigger_pattern or examples"
    return None


def _without_twins(patterns: list[PatternDefinition], problems: list[Problem]) -> list[PatternDefinition]:
    """The first of each name."""
    kept: dict[str, PatternDefinition] = {}
    for pattern in patterns:
        first = kept.setdefault(pattern.name.casefold(), pattern)
        if first is not pattern:
            file, line = pattern.source
            where = f"{first.source[0]}:{first.source[1]}"
            problems.append(Problem(file, line, f"{pattern.name}.name", f"is taken by {where}", "rename one of them"))
    return list(kept.values())


def _that_may_run_together(patterns: list[PatternDefinition], problems: list[Problem]) -> list[PatternDefinition]:
    """Those whose steps run only patterns that they may, and never lead back to themselves."""
    faults = faults_between({pattern.name.casefold(): pattern for pattern in patterns})
    for pattern in patterns:
        if (fault := faults.get(pattern.name.casefold())) is not None:
            file, line = pattern.source
            problems.append(Problem(file, line, f"{pattern.name}.steps", *fault))
    return [pattern for pattern in patterns if pattern.name.casefold() not in faults]


def _plain(node: yaml.Node) -> Any:
    """The value of a node, by YAML's safe rules."""
    loader = yaml.SafeLoader("")
    try:
        return loader.construct_document(node)
    finally:
        loader.dispose()


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _line_of(node: yaml.Node, path: str) -> int:
    """The line of a field by its dotted path, or of the nearest thing around it that exists."""
    line = _line(node)
    for part in path.split("."):
        if isinstance(node, yaml.MappingNode):
            found = next(((k, v) for k, v in node.value if str(k.value) == part), None)
            if found is None:
                break
            line, node = _line(found[0]), found[1]
        elif isinstance(node, yaml.SequenceNode) and part.isdigit() and int(part) < len(node.value):
            node = node.value[int(part)]
            line = _line(node)
    return line
