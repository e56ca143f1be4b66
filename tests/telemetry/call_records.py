"""A finished call with everything filled in but what a test is about."""

from __future__ import annotations

from typing import Any

from tmws_patterns.call import CallRecord
from tmws_patterns.pattern import PatternType


def call_record(**changes: Any) -> CallRecord:
    fields: dict[str, Any] = {
        "pattern_name": "weather",
        "pattern_type": PatternType.INFRASTRUCTURE,
        "success": True,
        "duration_ms": 2.0,
        "tokens_used": 10,
    }
    return CallRecord(**{**fields, **changes})
