"""Patterns that are a graph of calls and recalls: run side by side, under one deadline, to one answer."""

from tmws_patterns.steps.runner import Ended, StepRunner

__all__ = ["Ended", "StepRunner"]
