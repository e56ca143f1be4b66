"""Registries of which all is learned already, by the table alone."""

from __future__ import annotations

from tmws_patterns import PatternDefinition
from tmws_patterns.encoder import static_encoder
from tmws_patterns.registry import PatternRegistry
from tmws_patterns.routing import Learned, study


def learned(registry: PatternRegistry) -> PatternRegistry:
    """The registry with what its patterns teach."""
    lessons = registry.index.lessons
    registry.take(Learned(study(lessons, static_encoder()), known=lessons.taught))
    return registry


def pattern(name: str, **fields: object) -> PatternDefinition:
    shape = {"name": name, "pattern_type": "memory", "memory": {"operation": "recent"}, **fields}
    return PatternDefinition.from_config(shape)


def registry(*patterns: PatternDefinition) -> PatternRegistry:
    found = PatternRegistry()
    found.register_batch(patterns)
    return learned(found)
