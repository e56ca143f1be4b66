"""Forgetting over the engine: by a query it is shown first, and then deleted by its ids."""

from __future__ import annotations

from pathlib import Path

import pytest

from tmws_patterns import Settings, create_pattern_execution_engine

pytestmark = pytest.mark.anyio


async def test_a_query_shows_what_would_go_and_its_ids_delete_it(tmp_path: Path) -> None:
    async with create_pattern_execution_engine(Settings.load({}, data_dir=tmp_path)) as engine:
        stored = await engine.memory.store("the wifi password of the office is tulip")
        shown = await engine.execute(pattern="forget_memories", arguments={"query": "wifi password"})
        assert shown.result["forgotten"] == 0
        assert [row["id"] for row in shown.result["found"]] == [stored]
        assert "nothing was deleted" in shown.result["next"]
        gone = await engine.execute(pattern="forget_memories", arguments={"ids": [stored]})
        assert gone.result == {"forgotten": 1}
        nothing = await engine.execute(pattern="forget_memories", arguments={})
        assert nothing.error is not None
        assert nothing.error.code == "missing_arguments"
