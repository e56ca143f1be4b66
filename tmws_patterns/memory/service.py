"""The memory of one principal: what a program calls (`store`, `recall`, ...) and what a plan runs.

Checks, understands the question, and asks the rows. Every write raises the epoch of the tenant's
tag in its own transaction, so that no kept answer outlives it.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from tmws_patterns.call import MemoryBranch, Principal, Scope
from tmws_patterns.errors import InvalidInput
from tmws_patterns.memory import checks
from tmws_patterns.memory.question import IMPORTANT
from tmws_patterns.memory.reading import in_order, memory_query, widened
from tmws_patterns.memory.recall import Found, Recall
from tmws_patterns.memory.recalled import RecalledMemory
from tmws_patterns.memory.writing import DEFAULT_IMPORTANCE, changed, new_memory, planned_fields
from tmws_patterns.ports import Memory, MemoryQuery, MemoryRows
from tmws_patterns.targets import MemoryOperation

ONE_BY_ONE = 32  # memories stored at once, up to which each is compared with what was said before


def epoch_tag(tenant: str) -> str:
    """The tag that every read of a tenant's memories depends on and every write of them raises."""
    return f"memory:{tenant}"


class MemoryService:
    """Memories as one principal sees them: `engine.memory`, and a MemoryRunner.

    An explicit `agent_id` is the embedding program's word and is trusted; None is the principal's
    agent. `namespace` None means all namespaces when reading, "default" when storing. `since` and
    `until` are times, dates or phrases such as "last week"; until is exclusive. All methods may
    raise InvalidInput and StoreUnavailable, and may be called by many tasks at once.
    """

    def __init__(
        self, rows: MemoryRows, recall: Recall, principal: Principal, clock: Callable[[], float] = time.time
    ) -> None:
        self._rows = rows
        self._recall = recall
        self._principal = principal
        self._clock = clock

    async def store(
        self,
        content: str,
        *,
        agent_id: str | None = None,
        namespace: str | None = None,
        tags: Iterable[str] = (),
        importance: float = DEFAULT_IMPORTANCE,
        access_level: str = checks.DEFAULT_ACCESS,
        expires_at: datetime | None = None,
        team: str | None = None,
        shared_with: Iterable[str] = (),
        summary: str | None = None,
    ) -> str:
        """Remember `content` and return its id; the very next recall finds it.

        What the same agent has said before, in the same or nearly the same words for the same readers, is one memory:
        its id is returned, and it tells how often it was said.

        `access_level` is private, team (needs `team`, unless the principal is in just one), shared
        (needs `shared_with`) or public. `expires_at` is an aware time to come.
        """
        row = {
            "content": content,
            "agent_id": agent_id,
            "namespace": namespace,
            "tags": tags,
            "importance": importance,
            "access_level": access_level,
            "expires_at": expires_at,
            "team": team,
            "shared_with": shared_with,
            "summary": summary,
        }
        (stored,) = await self.store_many([row])
        return stored

    async def store_many(self, rows: Iterable[Mapping[str, Any]]) -> list[str]:
        """Remember all or none. Each row holds `content` and what else `store` takes; returns the ids in order."""
        return await self._write(self._scope(None, None), rows)

    def storable(self, rows: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        """The rows of an import that have not expired.

        Raises:
            InvalidInput: `store_many` would refuse one; its place, from 1, is told.
        """
        scope, now = self._scope(None, None), self._now()
        found: list[Mapping[str, Any]] = []
        for place, row in enumerate(rows, 1):
            try:
                if checks.has_passed(row.get("expires_at"), now):
                    continue
                new_memory(row, scope, now)
            except InvalidInput as exc:
                raise InvalidInput(f"memory {place}: {exc.message}", hint=exc.hint) from exc
            found.append(row)
        return found

    async def recall(
        self,
        query: str,
        *,
        agent_id: str | None = None,
        namespace: str | None = None,
        limit: int = 10,
        tags: Sequence[str] = (),
        min_importance: float | None = None,
        since: datetime | str | None = None,
        until: datetime | str | None = None,
    ) -> list[RecalledMemory]:
        """Memories that share words with the query, best first; the newest for a query without words."""
        asked = {"query": query, "limit": limit, "tags": tags, "importance": min_importance}
        fields = {**asked, "since": since, "until": until}
        return await self._read(MemoryOperation.RECALL, self._scope(agent_id, namespace), fields)

    async def similar(
        self, case: str, *, agent_id: str | None = None, namespace: str | None = None, limit: int = 10
    ) -> list[RecalledMemory]:
        """Memories most like the case described, best first."""
        fields = {"query": case, "limit": limit}
        return await self._read(MemoryOperation.SIMILAR, self._scope(agent_id, namespace), fields)

    async def recent(
        self, *, agent_id: str | None = None, namespace: str | None = None, limit: int = 10
    ) -> list[RecalledMemory]:
        """The newest memories, newest first."""
        return await self._read(MemoryOperation.RECENT, self._scope(agent_id, namespace), {"limit": limit})

    async def by_tag(
        self, tags: str | Iterable[str], *, agent_id: str | None = None, namespace: str | None = None, limit: int = 10
    ) -> list[RecalledMemory]:
        """The newest memories that bear all of the tags ("a, b" is two), in any case of letters."""
        fields = {"tags": tags, "limit": limit}
        return await self._read(MemoryOperation.BY_TAG, self._scope(agent_id, namespace), fields)

    async def by_importance(
        self, minimum: float = IMPORTANT, *, agent_id: str | None = None, namespace: str | None = None, limit: int = 10
    ) -> list[RecalledMemory]:
        """Memories of at least this importance (0 to 1), most important first."""
        fields = {"importance": minimum, "limit": limit}
        return await self._read(MemoryOperation.BY_IMPORTANCE, self._scope(agent_id, namespace), fields)

    async def over_time(
        self,
        query: str = "",
        *,
        since: datetime | str | None = None,
        until: datetime | str | None = None,
        agent_id: str | None = None,
        namespace: str | None = None,
        limit: int = 10,
    ) -> list[RecalledMemory]:
        """Memories of a span of time, oldest first: the best `limit` for the query's words, else the newest."""
        fields = {"query": query, "since": since, "until": until, "limit": limit}
        return await self._read(MemoryOperation.OVER_TIME, self._scope(agent_id, namespace), fields)

    async def get(self, memory_id: str, *, agent_id: str | None = None) -> RecalledMemory | None:
        """A memory by its id; None where the agent sees none such."""
        found = await self._recall.one(checks.clean_name(memory_id, "id"), self._scope(agent_id, None), self._now())
        return None if found is None else RecalledMemory.of(Found(found, 1.0))

    async def update(self, memory_id: str, *, agent_id: str | None = None, **changes: Any) -> bool:
        """Change fields of a memory that the agent owns: content, summary, tags, importance, ...; False for no such.

        The fields are those of `store`; expires_at=None and summary=None clear them. Its id stays.
        """
        scope, now = self._scope(agent_id, None), self._now()
        found = await self._recall.one(checks.clean_name(memory_id, "id"), scope, now)
        if found is None or found.agent_id != scope.agent:
            return False
        return await self._rows.replace(changed(found, changes, now), [epoch_tag(scope.tenant)])

    async def forget_matching(
        self, query: str, *, agent_id: str | None = None, namespace: str | None = None, limit: int = 10
    ) -> list[RecalledMemory]:
        """What a query would forget: the agent's own memories that fit. Deletes nothing: pass their ids to `forget`."""
        scope = self._scope(agent_id, namespace)
        return await self._read(MemoryOperation.RECALL, scope, {"query": query, "limit": limit}, own=True)

    async def exported(
        self, *, agent_id: str | None = None, namespace: str | None = None, portion: int = 1_000
    ) -> AsyncIterator[list[RecalledMemory]]:
        """All memories that the agent sees, in portions, in the order in which they were stored."""
        scope, last = self._scope(agent_id, namespace), 0
        while rows := await self._recall.after(last, MemoryQuery(scope, self._now(), limit=portion)):
            last = rows[-1][0]
            yield [RecalledMemory.of(Found(memory, 1.0)) for _, memory in rows]

    async def count(self) -> int:
        """How many memories there are, of all agents."""
        return await self._rows.count()

    async def encoding_backlog(self) -> int:
        """How many memories the sentence model has not read yet; 0 without one."""
        return await self._recall.backlog()

    async def rebuild_index(self) -> None:
        """Make the index anew from the memories; what is damaged mends itself without it."""
        await self._recall.index.rebuild()

    async def sweep(self) -> int:
        """Delete what has expired, of all agents; returns how many. Every write does so too."""
        return await self._rows.sweep([epoch_tag(self._principal.tenant)])

    async def forget(self, ids: Iterable[str], *, agent_id: str | None = None, namespace: str | None = None) -> int:
        """Delete those of the memories that the agent owns; returns how many."""
        return await self._remove(self._scope(agent_id, namespace), ids)

    async def run(self, branch: MemoryBranch) -> Any:
        """Run a planned operation: a list of plain memories, {"id", "stored"} or {"forgotten"}."""
        if branch.operation is MemoryOperation.STORE:
            (stored,) = await self._write(branch.scope, [planned_fields(branch.arguments)])
            return {"id": stored, "stored": True}
        if branch.operation is MemoryOperation.FORGET:
            return await self._forget(branch)
        found = await self._read(branch.operation, branch.scope, branch.arguments)
        return [memory.to_dict() for memory in found]

    def tags(self, scope: Scope) -> tuple[str, ...]:
        """The tag that makes answers of this scope stale, and that every write to it raises."""
        return (epoch_tag(scope.tenant),)

    def _scope(self, agent_id: str | None, namespace: str | None) -> Scope:
        own = self._principal
        return Scope(own.tenant, own.agent if agent_id is None else agent_id, own.teams, namespace)

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), UTC)

    async def _write(self, scope: Scope, rows: Iterable[Mapping[str, Any]]) -> list[str]:
        now = self._now()
        memories = [new_memory(row, scope, now) for row in rows]
        if len(memories) <= ONE_BY_ONE:
            memories = [await self._said_before(memory, now) for memory in memories]
        return await self._rows.add(memories, [epoch_tag(scope.tenant)]) if memories else []

    async def _said_before(self, memory: Memory, now: datetime) -> Memory:
        """The memory with the fingerprint of one that says the same, if there is one."""
        before = await self._recall.alike(memory, now)
        return memory if before is None else replace(memory, fingerprint=before.fingerprint)

    async def _forget(self, branch: MemoryBranch) -> Any:
        """What was forgotten; of a query without ids only what would be, with the next call."""
        ids, query = branch.arguments.get("ids"), branch.arguments.get("query")
        if ids or not query:
            return {"forgotten": await self._remove(branch.scope, ids)}
        fields = {"query": query, "limit": branch.arguments.get("limit")}
        found = await self._read(MemoryOperation.RECALL, branch.scope, fields, own=True)
        rows = [memory.to_dict() for memory in found]
        return {"forgotten": 0, "found": rows, "next": "nothing was deleted: call again with those ids that are to go"}

    async def _read(
        self, operation: MemoryOperation, scope: Scope, fields: Mapping[str, Any], *, own: bool = False
    ) -> list[RecalledMemory]:
        agents = await self._recall.agents(scope) if fields.get("query") else ()
        words, rest, asked = memory_query(operation, fields, scope, self._now(), agents)
        if own:
            asked = replace(asked, agents=(scope.agent,))
        wider = replace(asked, limit=widened(operation, words, asked))
        found = await (self._recall.find(words, rest, wider) if words else self._recall.listed(wider))
        return in_order(operation, words, asked, [RecalledMemory.of(one) for one in found])

    async def _remove(self, scope: Scope, ids: Any) -> int:
        wanted = checks.clean_names(ids, "ids")
        if not 1 <= len(wanted) <= checks.MAX_LIMIT:
            raise InvalidInput(
                f"{len(wanted)} ids were given", hint=f"name 1 to {checks.MAX_LIMIT} memories to forget by their ids"
            )
        return await self._rows.remove(wanted, scope, [epoch_tag(scope.tenant)])
