"""What a client reads before it asks: within its price, and strict enough for every client."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from tmws_patterns.server.surface import ICON, INSTRUCTIONS, TOOLS, surface_tokens
from tmws_patterns.server.tools import ExecuteArguments, ListArguments, StatsArguments
from tmws_patterns.shaping import compact, count_tokens


def parts(*names: str) -> list[dict[str, Any]]:
    dumped = [tool.model_dump(by_alias=True, exclude_none=True, mode="json") for tool in TOOLS]
    return [{name: tool[name] for name in names if name in tool} for tool in dumped]


def test_instructions_and_definitions_cost_at_most_400_tokens() -> None:
    surface = {"instructions": INSTRUCTIONS, "tools": parts("name", "description", "inputSchema")}
    assert surface_tokens() == count_tokens(compact(surface)) <= 400


def test_output_schemas_annotations_and_icons_cost_at_most_300_tokens() -> None:
    assert count_tokens(compact(parts("outputSchema", "annotations", "icons"))) <= 300


def test_the_schemas_name_exactly_the_arguments_that_are_taken() -> None:
    for tool, model in zip(TOOLS, (ExecuteArguments, ListArguments, StatsArguments), strict=True):
        assert set(tool.input_schema["properties"]) == set(model.model_fields)
        assert tool.input_schema["additionalProperties"] is False
        assert all("type" in of for of in tool.input_schema["properties"].values()), "some clients need it"


def test_the_icon_has_a_valid_address() -> None:
    address = str(ICON.src)
    assert urlsplit(address).scheme == "data"
    assert not set(' "<>\\^`{|}') & set(address)
