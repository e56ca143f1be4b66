"""Files of memories, this project's and others', as rows for `store_many`. Pure.

- JSON lines with `content` and what else `store` takes: our own export.
- JSON lines of the knowledge graph of @modelcontextprotocol/server-memory: entities with observations, and relations.
  Each observation and each relation is a memory, tagged with what it is about.
- The JSON export of mcp-memory-service: an object with `memories`, whose times are seconds since 1970.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import orjson

from tmws_patterns.errors import InvalidInput
from tmws_patterns.memory.checks import MAX_NAME
from tmws_patterns.memory.writing import FIELDS

_FORMS = "give JSON lines with `content`, a graph of server-memory, or an export of mcp-memory-service"


def rows_of(text: str, name: str) -> Iterator[dict[str, Any]]:
    """The memories of a file; `name` is the file's, for errors.

    Raises:
        InvalidInput: it has none of the known forms; the message names file and line.
    """
    if (whole := _whole(text)) is not None:
        for number, row in enumerate(whole, 1):
            yield _checked(row, f"{name}: memory {number}", _of_service)
        return
    for number, line in enumerate(text.split("\n"), 1):  # other line ends may stand inside of a text
        if line.strip():
            place = f"{name}:{number}"
            try:
                row = orjson.loads(line)
            except orjson.JSONDecodeError as exc:
                raise InvalidInput(f"{place}: {exc}", hint=_FORMS) from exc
            if isinstance(row, dict) and row.get("type") == "entity" and "observations" in row:
                yield from _checked(row, place, _of_entity)
            elif isinstance(row, dict) and row.get("type") == "relation" and "relationType" in row:
                yield _checked(row, place, _of_relation)
            else:
                yield _checked(row, place, _own)


def _whole(text: str) -> list[Any] | None:
    """The memories of a file that is one JSON object or list; None for lines."""
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    if isinstance(found, dict) and isinstance(found.get("memories"), list):
        return list(found["memories"])
    return found if isinstance(found, list) else None


def _checked(row: Any, place: str, read: Any) -> Any:
    try:
        return read(row)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as exc:
        raise InvalidInput(f"{place}: {type(exc).__name__}: {exc}", hint=_FORMS) from exc


def _own(row: Mapping[str, Any]) -> dict[str, Any]:
    if not isinstance(row["content"], str):
        raise TypeError("content is no text")
    return {name: row[name] for name in FIELDS if row.get(name) is not None}


def _of_service(row: Mapping[str, Any]) -> dict[str, Any]:
    tags = row.get("tags") or []
    tags = tags.split(",") if isinstance(tags, str) else list(tags)
    kind = row.get("memory_type")
    found: dict[str, Any] = {"content": row["content"], "tags": _tags([*tags, *([kind] if kind else [])])}
    for name in ("created_at", "updated_at"):
        if row.get(name) is not None:
            found[name] = _moment(row[name])
    return found


def _moment(value: Any) -> datetime:
    if isinstance(value, str):
        moment = datetime.fromisoformat(value)
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return datetime.fromtimestamp(float(value), UTC)


def _of_entity(row: Mapping[str, Any]) -> list[dict[str, Any]]:
    about, kind = str(row["name"]), str(row.get("entityType") or "")
    title = f"{about} ({kind})" if kind else about
    said = [f"{title}: {observation}" for observation in row["observations"]] or [title]
    return [{"content": content, "tags": _tags([about, kind])} for content in said]


def _of_relation(row: Mapping[str, Any]) -> dict[str, Any]:
    one, other = str(row["from"]), str(row["to"])
    between = str(row["relationType"]).replace("_", " ")
    return {"content": f"{one} {between} {other}", "tags": _tags([one, other, "relation"])}


def _tags(found: list[Any]) -> list[str]:
    return [tag for tag in (str(one).strip()[:MAX_NAME] for one in found) if tag]
