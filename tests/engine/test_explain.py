"""Why a sentence went where it went, what the bands of confidence do, and the sentence model at work."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tmws_patterns import create_pattern_execution_engine

pytestmark = pytest.mark.anyio


async def test_an_answer_says_which_stage_decided_and_what_filled_each_argument(workshop: Any) -> None:
    engine = await workshop.engine()
    why = (await engine.execute("look at plane")).metadata["explain"]
    assert why["stage"] == "trigger"
    assert why["candidates"][0] == {"pattern": "look_at", "confidence": 0.98, "stage": "trigger"}
    assert len(why["candidates"]) <= 5
    assert why["arguments"] == {"key": "trigger"}
    assert "comes next" in why["would_change"]


async def test_a_refusal_says_how_far_it_was_and_what_was_missing(workshop: Any) -> None:
    engine = await workshop.engine(route_read=0.999)
    await engine.learned()
    refused = await engine.execute("could you tell me all of the branches that there are")
    assert refused.error.code == "no_match"
    assert "needs 1.00" in refused.metadata["explain"]["would_change"]
    asked = await engine.execute(pattern="search_by_tag")
    assert asked.error.code == "missing_arguments"
    assert asked.metadata["explain"]["missing"] == ["tags"]


async def test_the_settings_say_from_which_confidence_on_a_sentence_runs(workshop: Any) -> None:
    query = "could you tell me all of the branches that there are"
    bold, shy = await workshop.engine(route_read=0.05), await workshop.engine(route_read=0.999, route_candidate=0.999)
    for engine in (bold, shy):
        await engine.learned()
    assert (await bold.router.route(query)).pattern_name == "git_branches"
    decision = await shy.router.route(query)
    assert decision.pattern_name is None
    assert decision.error.details["candidates"] == []


async def test_what_was_learned_is_kept_for_the_next_start(workshop: Any) -> None:
    first = await workshop.engine()
    await first.learned()
    kept = await first.database.learned.load_learned(f"{first.registry.index.lessons.digest}-256")
    assert kept
    second = await workshop.engine()
    await second.learned()
    query = "could you tell me all of the branches that there are"
    one, other = await first.router.route(query), await second.router.route(query)
    assert one.pattern_name == other.pattern_name == "git_branches"
    assert one.confidence == pytest.approx(other.confidence, abs=0.02)


async def test_a_damaged_memory_of_what_was_learned_is_learned_anew(workshop: Any) -> None:
    first = await workshop.engine()
    digest = f"{first.registry.index.lessons.digest}-256"
    await first.database.learned.save_learned(digest, b"damaged")
    await first.learned()
    assert len(await first.database.learned.load_learned(digest)) > 1_000


async def test_the_sentence_model_is_asked_where_it_is_installed(workshop: Any, tmp_path: Path) -> None:
    (tmp_path / "patterns" / "core.yaml").unlink()
    (tmp_path / "patterns" / "servers.yaml").write_text(
        "memory_patterns:\n"
        "  - name: lamps\n    examples: [polish the brass lamp, clean the light, make the lantern shine]\n"
        "    memory: {operation: recent}\n"
        "  - name: plants\n    examples: [water the flowers, feed the roses, give the fern a drink]\n"
        "    memory: {operation: recent}\n"
    )
    (tmp_path / "patterns" / "personas.yaml").unlink()
    engine = await workshop.engine(route_embeddings=True)
    await engine.learned()
    fine = await engine.database.learned.load_learned(f"{engine.registry.index.lessons.digest}-384")
    assert fine
    decision = await engine.router.route("the tulips are thirsty")
    assert decision.candidates[0].name == "plants"


async def test_a_pattern_registered_while_running_is_learned_too(workshop: Any) -> None:
    from tmws_patterns import PatternDefinition

    async with await create_pattern_execution_engine(workshop.settings()) as engine:
        await engine.learned()
        config = {
            "name": "tides", "pattern_type": "memory", "memory": {"operation": "recent"},
            "examples": ["when is high tide", "how high is the water at the pier", "tide table of the harbour"],
        }  # fmt: skip
        engine.registry.register(PatternDefinition.from_config(config))
        assert (await engine.router.route("when is high tide")).pattern_name == "tides"
        await engine.learned()
        decision = await engine.router.route("how high is the tide in the harbour at noon")
        assert decision.candidates[0].name == "tides"
