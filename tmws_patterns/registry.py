"""The patterns there are: declared, registered in Python, and made from downstream tools.

Every change raises the version and drops the index, so that the next call sees it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tmws_patterns.errors import InvalidInput, Problem
from tmws_patterns.loader import Packs, Persona
from tmws_patterns.pattern import NAME, PatternDefinition, PatternType, ToolDefinition, faults_between
from tmws_patterns.routing import READ_CONFIDENCE, Learned, PatternIndex, parameters_of, trigger_fault
from tmws_patterns.targets import Effect, ToolTarget, worst

_KEPT_MATCHES = 4_096
_LONGEST_KEPT = 1_000  # characters of a sentence that is remembered


class PatternRegistry:
    """Holds patterns by name. A declared pattern hides the tool of the same name."""

    def __init__(self, packs: Packs = Packs()) -> None:  # noqa: B008 - an empty value that nobody can change
        self._declared: dict[str, PatternDefinition] = {}
        self._tools: Mapping[str, ToolDefinition] = {}
        self._servers: Mapping[str, str] = {}
        self._index: PatternIndex | None = None
        self._learned: Learned | None = None
        self._matches: dict[tuple[str, PatternType | None], PatternDefinition | None] = {}
        self._hits = self._misses = 0
        self.version = 0
        self.changes = 0  # of the patterns themselves: what is learned of them must follow
        self.personas: tuple[Persona, ...] = packs.personas
        self.problems: list[Problem] = list(packs.problems)
        self._declared |= {pattern.name.casefold(): pattern for pattern in packs.patterns}

    @property
    def index(self) -> PatternIndex:
        """All patterns arranged for routing; made again after a change, when it is first asked for."""
        if self._index is None:
            hidden = self._declared
            derived = [_from_tool(d) for n, d in self._tools.items() if n.casefold() not in hidden]
            parameters = {name: parameters_of(d.input_schema) for name, d in self._tools.items()}
            self._index = PatternIndex([*self._declared.values(), *derived], parameters, self._learned)
        return self._index

    def take(self, learned: Learned) -> None:
        """Use what was learned from the next call on; of patterns that changed meanwhile, their words are used."""
        self._learned = learned
        if self._index is not None:
            self._index = self._index.knowing(learned)
        self.version += 1
        self._matches.clear()

    @property
    def patterns(self) -> tuple[PatternDefinition, ...]:
        """Every pattern, the declared ones first."""
        return self.index.patterns

    def register(self, pattern: PatternDefinition) -> None:
        """Add a pattern, or replace the one of its name. It takes part from the next call.

        Raises:
            InvalidInput: its trigger is no RE2 expression.
        """
        self.register_batch([pattern])

    def register_batch(self, patterns: Iterable[PatternDefinition]) -> None:
        """Add several patterns, all or none.

        Raises:
            InvalidInput: one of their triggers is no RE2 expression.
        """
        added = list(patterns)
        for pattern in added:
            if not (pattern.call or pattern.memory or pattern.steps) or not re.fullmatch(NAME, pattern.name):
                raise InvalidInput(
                    f"{pattern.name!r} can never run", hint="use PatternDefinition.from_config, which checks"
                )
            if fault := trigger_fault(pattern.trigger_pattern):
                raise InvalidInput(f"{pattern.name}.trigger_pattern: {fault[0]}", hint=fault[1])
        together = {**self._declared, **{p.name.casefold(): p for p in added}}
        for name, (message, mend) in faults_between(together).items():
            raise InvalidInput(f"{name}.steps: {message}", hint=mend)
        self._declared = together
        self._changed()

    def set_tools(self, tools: Mapping[str, ToolDefinition], servers: Mapping[str, str]) -> None:
        """Replace what is known of the downstream tools (by `server.tool`) and servers (name to identity)."""
        self._tools, self._servers = dict(tools), dict(servers)
        self._changed()

    def find_matching_pattern(
        self, query: str, pattern_type_filter: PatternType | str | None = None
    ) -> PatternDefinition | None:
        """The pattern that fits a sentence best, of one type if given; None where none is likely."""
        wanted = PatternType(pattern_type_filter) if pattern_type_filter else None
        key = (query, wanted)
        if key in self._matches:
            self._hits += 1
            return self._matches[key]
        self._misses += 1
        found = self.index.candidates(query)
        likely = (
            c.pattern for c in found if c.confidence >= READ_CONFIDENCE and wanted in (None, c.pattern.pattern_type)
        )
        if len(self._matches) >= _KEPT_MATCHES:
            self._matches.clear()
        best = next(likely, None)
        if len(query) <= _LONGEST_KEPT:
            self._matches[key] = best
        return best

    def get_stats(self) -> dict[str, Any]:
        """Counts of patterns, and of the matches remembered by find_matching_pattern (rate in percent)."""
        asked = self._hits + self._misses
        kinds = Counter(p.pattern_type for p in self.patterns)
        return {
            "total_patterns": len(self.patterns),
            "patterns_by_type": {str(kind): kinds[kind] for kind in PatternType},
            "cache_hits": self._hits,
            "cache_misses": self._misses,
            "cache_hit_rate": round(100 * self._hits / asked, 2) if asked else 0.0,
            "cache_size": len(self._matches),
        }

    def effect(self, pattern: PatternDefinition) -> Effect | None:
        """What a pattern does: its author's word, else its tool's or its steps'; None where nobody declared it."""
        if pattern.steps and pattern.effect is None:
            return worst(effect for _, effect in self.effects_of_steps(pattern))
        if pattern.declared_effect is not None or pattern.call is None:
            return pattern.declared_effect
        definition = self.tool(pattern.call.server, pattern.call.tool)
        return definition.effect if definition else None

    def effects_of_steps(self, pattern: PatternDefinition) -> Iterator[tuple[str, Effect | None]]:
        """What each step of a pattern does, by its name; None where nobody declared it."""
        for step in pattern.steps:
            effect: Effect | None = None
            if step.memory is not None:
                effect = step.memory.operation.effect
            elif step.call is not None:
                definition = self.tool(step.call.server, step.call.tool)
                effect = definition.effect if definition else None
            elif (other := self.index.named(step.pattern or "")) is not None:
                effect = self.effect(other)
            yield step.name, effect

    def schema(self, pattern: PatternDefinition) -> Mapping[str, Any] | None:
        """The JSON schema of the tool behind a pattern; None where there is none or it is not known."""
        definition = self.tool(pattern.call.server, pattern.call.tool) if pattern.call else None
        return definition.input_schema if definition else None

    def tool(self, server: str, tool: str) -> ToolDefinition | None:
        """A downstream tool's definition; None where it is not known."""
        return self._tools.get(f"{server}.{tool}")

    def servers_of(self, tool: str) -> list[str]:
        """Servers that have a tool of that name."""
        return [d.server for d in self._tools.values() if d.name == tool]

    def tools_of(self, server: str) -> list[str]:
        """Names of a server's tools; empty where they are not known."""
        return [d.name for d in self._tools.values() if d.server == server]

    def identity(self, server: str) -> str:
        """Hash of a server's configuration; "" for one that is not configured."""
        return self._servers.get(server, "")

    def _changed(self) -> None:
        self.version += 1
        self.changes += 1
        self._index = None
        self._matches.clear()


def _from_tool(definition: ToolDefinition) -> PatternDefinition:
    """The pattern that a tool is by itself."""
    return PatternDefinition(
        name=f"{definition.server}.{definition.name}",
        pattern_type=PatternType.INFRASTRUCTURE,
        description=definition.description,
        effect=definition.effect,
        call=ToolTarget(server=definition.server, tool=definition.name),
        cache_ttl=0,  # that a tool only reads does not say how long its answer stays true
        definition_hash=definition.definition_hash,
    )
