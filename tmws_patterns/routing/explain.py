"""Why a sentence went where it went: the stage, the scores, what filled each argument, what would change it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tmws_patterns.call import Candidate, RoutingDecision

_FIRST = 5  # candidates that are shown with their scores


def explained(
    decision: RoutingDecision, needed: float, filled: Mapping[str, str], missing: tuple[str, ...] = ()
) -> dict[str, Any]:
    """The explanation as plain data.

    Args:
        needed: confidence from which the best candidate is followed.
        filled: what filled each argument, by name.
        missing: names of arguments that nothing filled.
    """
    best = decision.candidates[0] if decision.candidates else None
    found: dict[str, Any] = {
        "stage": best.stage if best else "none",
        "needed": needed,
        "candidates": [_scored(candidate) for candidate in decision.candidates[:_FIRST]],
        "arguments": dict(filled),
        "would_change": _change(decision, best, needed),
    }
    return found | ({"missing": list(missing)} if missing else {})


def _scored(candidate: Candidate) -> dict[str, Any]:
    return {"pattern": candidate.name, "confidence": round(candidate.confidence, 3), "stage": candidate.stage}


def _change(decision: RoutingDecision, best: Candidate | None, needed: float) -> str:
    """The least that would make another outcome, in a sentence."""
    if best is None:
        return "nothing resembles the sentence: words that a pattern's examples or a tool's description use"
    second = decision.candidates[1] if len(decision.candidates) > 1 else None
    if decision.error is not None and best.confidence < needed:
        return f"{best.name} is at {best.confidence:.2f} and needs {needed:.2f}: another example like this sentence"
    if decision.error is not None and second is not None:
        return f"{best.name} and {second.name} are too close: a word that only one of them is about, or its name"
    if best.stage == "name":
        return "nothing: the pattern was named"
    after = f"{second.name} ({second.confidence:.2f}, by its {second.stage})" if second else "nothing"
    if best.stage == "trigger":
        return f"without its trigger, or with a trigger of higher priority: {after} comes next"
    lead = f"{best.confidence - second.confidence:.2f} behind" if second else "none behind"
    return f"{after} comes next, {lead}; below {needed:.2f} nothing is run"
