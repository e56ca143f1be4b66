"""From a sentence to a plan: candidates, decision, arguments. Pure, without I/O."""

from tmws_patterns.routing.arguments import schema_of
from tmws_patterns.routing.index import TRIGGER, PatternIndex
from tmws_patterns.routing.learning.features import Encoder
from tmws_patterns.routing.learning.knowledge import (
    Encoded,
    Knowledge,
    Learned,
    Lessons,
    confused,
    learn_stage,
    shipped_stage,
    stage_file,
    study,
)
from tmws_patterns.routing.planner import Planner
from tmws_patterns.routing.planning import Limits, Targets
from tmws_patterns.routing.router import READ_CONFIDENCE, WRITE_CONFIDENCE, Bands, Router, check_query, mode_of
from tmws_patterns.routing.signature import signature, summary
from tmws_patterns.routing.tools import parameters_of
from tmws_patterns.routing.triggers import group_names, trigger_fault

__all__ = [
    "READ_CONFIDENCE",
    "TRIGGER",
    "WRITE_CONFIDENCE",
    "Bands",
    "Encoded",
    "Encoder",
    "Knowledge",
    "Learned",
    "Lessons",
    "Limits",
    "PatternIndex",
    "Planner",
    "Router",
    "Targets",
    "check_query",
    "confused",
    "group_names",
    "learn_stage",
    "mode_of",
    "parameters_of",
    "schema_of",
    "shipped_stage",
    "signature",
    "stage_file",
    "study",
    "summary",
    "trigger_fault",
]
