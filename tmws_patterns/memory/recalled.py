"""A memory as its reader gets it: in Python, and as compact plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

from tmws_patterns.memory.checks import DEFAULT_ACCESS, DEFAULT_NAMESPACE
from tmws_patterns.memory.recall import Found


@dataclass(frozen=True, slots=True)
class RecalledMemory:
    """One memory found. `score` is 0 to 1, best first; times are aware UTC; None means none."""

    id: str
    content: str
    score: float
    agent_id: str
    namespace: str
    tags: tuple[str, ...]
    importance: float
    access_level: str
    created_at: datetime
    updated_at: datetime
    expires_at: datetime | None = None
    team: str | None = None
    shared_with: tuple[str, ...] = ()
    summary: str = ""
    times: int = 1
    parts: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, found: Found) -> Self:
        """What was found, as its reader gets it."""
        memory = found.memory
        return cls(
            id=memory.id,
            content=memory.content,
            score=found.score,
            parts=found.parts,
            agent_id=memory.agent_id,
            namespace=memory.namespace,
            tags=memory.tags,
            importance=memory.importance,
            access_level=memory.access_level,
            created_at=memory.created_at,
            updated_at=memory.updated_at,
            expires_at=memory.expires_at,
            team=memory.team,
            shared_with=memory.shared_with,
            summary=memory.summary,
            times=memory.times,
        )

    def to_row(self) -> dict[str, Any]:
        """All that an export holds and `store_many` takes; times in ISO 8601 to the microsecond."""
        row = {
            **{name: getattr(self, name) for name in ("id", "content", "agent_id", "namespace", "importance")},
            "access_level": self.access_level,
            "tags": list(self.tags) or None,
            "summary": self.summary or None,
            "team": self.team,
            "shared_with": list(self.shared_with) or None,
            "times": self.times,
            **{name: getattr(self, name).isoformat() for name in ("created_at", "updated_at")},
            "expires_at": self.expires_at.isoformat() if self.expires_at else None,
        }
        return {name: value for name, value in row.items() if value is not None}

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON data: times in ISO 8601 to the second, nothing that is empty or as by default.

        Left out: an `updated_at` equal to created_at, the namespace "default", the access level "private".
        """
        found = {
            "id": self.id,
            "content": self.content,
            "score": round(self.score, 3),
            "parts": dict(self.parts) or None,
            "agent_id": self.agent_id,
            "namespace": None if self.namespace == DEFAULT_NAMESPACE else self.namespace,
            "tags": list(self.tags) or None,
            "importance": self.importance,
            "access_level": None if self.access_level == DEFAULT_ACCESS else self.access_level,
            "team": self.team,
            "created_at": _iso(self.created_at),
            "updated_at": None if self.updated_at == self.created_at else _iso(self.updated_at),
            "expires_at": _iso(self.expires_at) if self.expires_at else None,
            "summary": self.summary or None,
            "times": self.times if self.times > 1 else None,
        }
        return {name: value for name, value in found.items() if value is not None}


def _iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
