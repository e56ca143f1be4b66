"""Proving a configuration without running anything: files, triggers, examples, targets."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec

from tmws_patterns.dispatch import BUILTIN, load_servers
from tmws_patterns.errors import Problem
from tmws_patterns.loader import load_packs
from tmws_patterns.pattern import Effect, PatternDefinition
from tmws_patterns.registry import PatternRegistry
from tmws_patterns.routing import READ_CONFIDENCE, WRITE_CONFIDENCE, group_names, trigger_fault
from tmws_patterns.settings import Settings

_EXTRAS = {
    "servers": (("mcp_server_time", "mcp_server_git", "mcp_server_fetch"), "the shipped time, git and fetch servers"),
    "postgres": (("asyncpg",), "memories and cache in PostgreSQL"),
    "speed": (("hiredis", "uvloop"), "a quicker event loop and Redis client"),
}


def check_configuration(settings: Settings) -> list[Problem]:
    """Every fault of the pattern files and servers.json in force; empty where all is right."""
    registry = PatternRegistry(load_packs(settings.pattern_path, trigger_fault))
    servers, problems = load_servers(settings.servers_path, settings.environment)
    known = {*servers, BUILTIN}
    for pattern in registry.patterns:
        problems += _examples(registry, pattern)
        problems += _targets(pattern, known) if settings.pattern_config else ()
        problems += _names(pattern, {p.name for p in registry.personas})
    problems += _twins(registry)
    return [*registry.problems, *problems]


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
            taken = f"goes to {found[0].name} ({found[0].confidence:.2f})" if found else "reaches nothing"
            yield _problem(pattern, "examples", f"{example!r} {taken}", "sharpen a trigger, or set priority")
    for example in pattern.negative_examples:
        found = registry.index.candidates(example)
        if found and found[0].pattern is pattern:
            yield _problem(pattern, "negative_examples", f"{example!r} reaches it", "narrow its trigger")


def _targets(pattern: PatternDefinition, known: set[str]) -> Iterator[Problem]:
    """A server that is not configured, unless the author says how to set it up."""
    server = pattern.call.server if pattern.call else ""
    if server and "{" not in server and server not in known and "setup" not in pattern.metadata:
        yield _problem(
            pattern, "call.server", f"{server!r} is not in servers.json", "add it there, or correct the name"
        )


def _names(pattern: PatternDefinition, personas: set[str]) -> Iterator[Problem]:
    """Names in a pattern that stand for nothing."""
    groups = {name.partition("__")[0] for name in group_names(pattern.trigger_pattern)}
    for name in sorted(pattern.variables - set(pattern.slots) - groups - {"query"}):
        mend = "add the slot, or a group of this name to the trigger"
        yield _problem(pattern, "call" if pattern.call else "memory", f"{{{name}}} is no slot and no group", mend)
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


def _problem(pattern: PatternDefinition, field: str, message: str, mend: str) -> Problem:
    file, line = pattern.source
    return Problem(file, line or None, f"{pattern.name}.{field}", message, mend)
