"""From the fields of a new memory to the row that storage keeps. Pure but for the id it draws."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from tmws_patterns.call import Scope
from tmws_patterns.errors import InvalidInput
from tmws_patterns.memory import checks, query
from tmws_patterns.memory.likeness import fingerprint
from tmws_patterns.ports import Memory

DEFAULT_IMPORTANCE = 0.5

CHANGEABLE = frozenset("content summary namespace tags importance access_level expires_at team shared_with".split())
FIELDS = CHANGEABLE | {"agent_id", "created_at", "updated_at", "times", "id"}


def new_memory(fields: Mapping[str, Any], scope: Scope, now: datetime) -> Memory:
    """A memory of the scope's agent, or of fields["agent_id"]; missing and None fields are as by default.

    An import also tells `id`, `created_at`, `updated_at` and `times`; else they are new, now, and once.

    Raises:
        InvalidInput: a field is unknown or cannot be used.
    """
    if unknown := sorted(set(fields) - FIELDS):
        raise InvalidInput(f"a memory has no {', '.join(unknown)}", hint=f"it has: {', '.join(sorted(FIELDS))}")
    given = {name: value for name, value in fields.items() if value is not None}
    team = checks.clean_name(given["team"], "team") if "team" in given else _only(scope.teams)
    shared_with = checks.clean_names(given.get("shared_with"), "shared_with")
    level = checks.clean_access(given.get("access_level", checks.DEFAULT_ACCESS), team, shared_with)
    content = checks.clean_content(given.get("content", ""))
    namespace = checks.clean_name(given.get("namespace", scope.namespace or checks.DEFAULT_NAMESPACE), "namespace")
    readers = (namespace, level, team if level == "team" else "", *(shared_with if level == "shared" else ()))
    summary = given.get("summary")
    created_at = checks.clean_moment(given.get("created_at"), "created_at", now)
    return Memory(
        id=checks.clean_id(given["id"]) if "id" in given else uuid.uuid4().hex,
        content=content,
        tenant=scope.tenant,
        agent_id=checks.clean_name(given.get("agent_id", scope.agent), "agent_id"),
        namespace=namespace,
        access_level=level,
        tags=checks.clean_names(given.get("tags"), "tags"),
        importance=checks.clean_importance(given.get("importance", DEFAULT_IMPORTANCE)),
        created_at=created_at,
        updated_at=max(created_at, checks.clean_moment(given.get("updated_at"), "updated_at", now)),
        times=checks.clean_count(given.get("times", 1), "times"),
        expires_at=checks.clean_expiry(given.get("expires_at"), now),
        team=team if level == "team" else None,
        shared_with=shared_with if level == "shared" else (),
        summary=checks.clean_content(summary).strip() if summary else "",
        fingerprint=fingerprint(content, [str(reader) for reader in readers]),
    )


def changed(memory: Memory, changes: Mapping[str, Any], now: datetime) -> Memory:
    """A memory with some of its fields as they are to be, said anew now. A None of `expires_at` and `summary` clears.

    Raises:
        InvalidInput: a field is unknown or cannot be used.
    """
    if unknown := sorted(set(changes) - CHANGEABLE):
        raise InvalidInput(f"{', '.join(unknown)} cannot be changed", hint=f"change: {', '.join(sorted(CHANGEABLE))}")
    before = {name: getattr(memory, name) for name in CHANGEABLE}
    made = new_memory({**before, **changes, "id": memory.id}, Scope(memory.tenant, memory.agent_id), now)
    return replace(made, created_at=memory.created_at, updated_at=max(now, memory.created_at), times=memory.times)


def planned_fields(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a memory in a planned STORE; without content, what its sentence wants kept."""
    content = arguments.get("content")
    sentence = arguments.get("query")
    if content is None and isinstance(sentence, str):
        content = query.content_of(sentence)
    kept = ("tags", "importance", "access_level", "team", "shared_with")
    return {"content": content, **{name: arguments[name] for name in kept if name in arguments}}


def _only(teams: frozenset[str]) -> str | None:
    return next(iter(teams)) if len(teams) == 1 else None
