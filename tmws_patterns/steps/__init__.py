"""Patterns that are a graph of calls and recalls: run side by side, under one deadline, to one answer."""

from tmws_patterns.steps.runner import StepRunner, first_end

__all__ = ["StepRunner", "first_end"]
