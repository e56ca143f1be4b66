"""What every transport can write as JSON: a message that one of them cannot takes its connection with it.

Remote ones end at half characters, infinite numbers and whole numbers of thousands of digits, all at a fixed depth.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import partial
from itertools import chain
from typing import Any

from pydantic import TypeAdapter

DEEPEST_ARGUMENTS = 100  # levels; pydantic writes 255 and reads 200, and servers of other languages less

_as_json = partial(TypeAdapter(Any).dump_python, mode="json")  # a date and its like, as the SDK writes them


def fault_of(arguments: Mapping[str, Any]) -> str:
    """Why arguments cannot be sent; "" where they can."""
    if deeper_than(arguments, DEEPEST_ARGUMENTS):
        return f"are nested more than {DEEPEST_ARGUMENTS} levels deep"
    try:
        json.dumps(arguments, ensure_ascii=False, allow_nan=False, default=_as_json).encode()
    except (ValueError, TypeError) as exc:
        return f"cannot be written as JSON: {exc}"
    return ""


def deeper_than(value: Any, limit: int) -> bool:
    """Whether more than `limit` lists and objects lie inside each other; level by level, so that a circle ends too."""
    level = [value]
    for _ in range(limit + 1):
        level = [item for item in level if isinstance(item, Mapping | list | tuple)]
        if not level:
            return False
        level = list(chain.from_iterable(map(_inside, level)))
    return True


def _inside(value: Any) -> Iterable[Any]:
    return value.values() if isinstance(value, Mapping) else value
