"""From a sentence to a plan: candidates, decision, arguments. Pure, without I/O."""

from tmws_patterns.routing.arguments import schema_of
from tmws_patterns.routing.index import PatternIndex
from tmws_patterns.routing.planner import Limits, Planner, Targets
from tmws_patterns.routing.router import READ_CONFIDENCE, WRITE_CONFIDENCE, Router, check_query, mode_of
from tmws_patterns.routing.signature import signature, summary
from tmws_patterns.routing.triggers import group_names, trigger_fault

__all__ = [
    "READ_CONFIDENCE",
    "WRITE_CONFIDENCE",
    "Limits",
    "PatternIndex",
    "Planner",
    "Router",
    "Targets",
    "check_query",
    "group_names",
    "mode_of",
    "schema_of",
    "signature",
    "summary",
    "trigger_fault",
]
