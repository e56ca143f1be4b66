"""The memories of all agents as they are written, over either engine.

Every write takes the counter of numbers first, and with it a lock: memories become visible in the order of their
numbers, so that who has seen one has seen all before it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar
from uuid import uuid4

from sqlalchemy import BigInteger, bindparam, delete, func, insert, select, update

from tmws_patterns.call import Scope
from tmws_patterns.ports import Memory
from tmws_patterns.storage.connections import Connections, Transaction
from tmws_patterns.storage.epochs import EpochLedger
from tmws_patterns.storage.schema import counters, memories, memory_shares, memory_tags, microseconds_of, moment_of
from tmws_patterns.storage.words import tag_key

T = TypeVar("T")

COLUMNS = tuple(column.name for column in memories.c if column.name != "number")

_TIMES = ("created_at", "updated_at", "expires_at")

_INSERT = insert(memories)
_INSERT_TAGS = insert(memory_tags)
_INSERT_SHARES = insert(memory_shares)
_EXPIRED = delete(memories).where(memories.c.expires_at <= bindparam("now", type_=BigInteger))
_OWNED = delete(memories).where(
    memories.c.id.in_(bindparam("ids", expanding=True)),
    memories.c.tenant == bindparam("tenant"),
    memories.c.agent_id == bindparam("agent"),
)
_OWNED_IN_NAMESPACE = _OWNED.where(memories.c.namespace == bindparam("namespace"))
_DELETED = delete(memories).where(memories.c.id == bindparam("id"))
_COUNT = select(func.count()).select_from(memories)
_TAKE = (
    update(counters)
    .where(counters.c.name == bindparam("counter"))
    .values(value=counters.c.value + bindparam("taken"))
    .returning(counters.c.value)
)
_ALIKE = select(memories).where(memories.c.fingerprint.in_(bindparam("fingerprints", expanding=True)))
_OWNERS = select(memories.c.id, memories.c.tenant, memories.c.agent_id)
_TAKEN = _OWNERS.where(memories.c.id.in_(bindparam("ids", expanding=True)))
_AT_ONCE = 500  # fingerprints or ids looked for by one statement


def take_numbers(connection: Transaction, counter: str, count: int) -> int:
    """The first of so many numbers that nobody had or will have."""
    taken: int = connection.execute(_TAKE, {"counter": counter, "taken": count}).scalar_one()
    return taken - count + 1


class SqlMemoryRows:
    """MemoryRows over one engine."""

    def __init__(self, connections: Connections, epochs: EpochLedger, clock: Callable[[], float]) -> None:
        self._connections = connections
        self._epochs = epochs
        self._clock = clock

    async def add(self, memories: Sequence[Memory], bump: Iterable[str]) -> list[str]:
        """See MemoryRows. What has expired by now is deleted."""

        def work(connection: Transaction) -> list[str]:
            connection.execute(_EXPIRED, {"now": self._now()})
            first = take_numbers(connection, "memories", len(memories))
            stored = _own_ids(memories, _taken(connection, memories))
            found = _alike(connection, [memory for memory in stored if memory is not None])
            ids, new, known = _sorted_out([memory for memory in stored if memory is not None], found)
            _write(connection, new, first)
            for memory in known:  # as new ones under their old ids, since their words may have changed
                connection.execute(_DELETED, {"id": memory.id})
            _write(connection, known, first + len(new))
            given = iter(ids)
            return [said.id if memory is None else next(given) for said, memory in zip(memories, stored, strict=True)]

        return await self._written(work, bump)

    async def replace(self, memory: Memory, bump: Iterable[str]) -> bool:
        """See MemoryRows."""
        owner = {"ids": [memory.id], "tenant": memory.tenant, "agent": memory.agent_id}

        def work(connection: Transaction) -> bool:
            first = take_numbers(connection, "memories", 1)
            there: bool = connection.execute(_OWNED, owner).rowcount > 0
            if there:
                _write(connection, [memory], first)
            return there

        return await self._written(work, bump)

    async def remove(self, ids: Sequence[str], scope: Scope, bump: Iterable[str]) -> int:
        """See MemoryRows."""
        values: dict[str, Any] = {"ids": list(ids), "tenant": scope.tenant, "agent": scope.agent}
        statement = _OWNED
        if scope.namespace is not None:
            statement, values["namespace"] = _OWNED_IN_NAMESPACE, scope.namespace
        return await self._written(lambda connection: connection.execute(statement, values).rowcount, bump)

    async def sweep(self, bump: Iterable[str]) -> int:
        """See MemoryRows."""
        return await self._written(lambda connection: connection.execute(_EXPIRED, {"now": self._now()}).rowcount, bump)

    async def _written(self, work: Callable[[Transaction], T], bump: Iterable[str]) -> T:
        """What `work` returns, in one transaction with the bump of the tags."""

        def whole(connection: Transaction) -> tuple[T, Mapping[str, int]]:
            raised = self._epochs.bump_within(connection, bump)
            return work(connection), raised

        done, raised = await self._connections.transact(whole)
        self._epochs.learn(raised)
        return done

    def _now(self) -> int:
        """Microseconds since 1970."""
        return int(self._clock() * 1_000_000)

    async def count(self) -> int:
        """See MemoryRows."""
        ((count,),) = await self._connections.rows(_COUNT)
        return int(count)


def memory_of(row: Sequence[Any]) -> Memory:
    """A row of the table as what it stands for; times may be as the database holds them."""
    (_, name, tenant, agent, namespace, access, team, importance, created, updated, expires, tags, shared, *rest) = row
    content, summary, times, fingerprint = rest
    return Memory(  # by position, which is quicker than by name
        name,
        content,
        tenant,
        agent,
        namespace,
        access,
        _names(tags),
        importance,
        _moment(created),
        _moment(updated),
        None if expires is None else _moment(expires),
        team,
        _names(shared),
        summary,
        times,
        fingerprint,
    )


def _names(kept: str) -> tuple[str, ...]:
    return () if kept == "[]" else tuple(json.loads(kept))


def _moment(kept: int | datetime) -> datetime:
    return moment_of(kept) if isinstance(kept, int) else kept


def _alike(connection: Transaction, memories: Sequence[Memory]) -> dict[tuple[str, ...], Memory]:
    """What is there of the same owners with the same fingerprints."""
    wanted = sorted({memory.fingerprint for memory in memories if memory.fingerprint})
    found: dict[tuple[str, ...], Memory] = {}
    for start in range(0, len(wanted), _AT_ONCE):
        rows = connection.execute(_ALIKE, {"fingerprints": wanted[start : start + _AT_ONCE]})
        found |= {_identity(memory): memory for memory in map(memory_of, rows)}
    return found


def _taken(connection: Transaction, stored: Sequence[Memory]) -> dict[str, tuple[str, str]]:
    """The ids that are taken, with their owners (tenant, agent)."""
    ids = [memory.id for memory in stored]
    found: dict[str, tuple[str, str]] = {}
    for start in range(0, len(ids), _AT_ONCE):
        rows = connection.execute(_TAKEN, {"ids": ids[start : start + _AT_ONCE]})
        found |= {name: (tenant, agent) for name, tenant, agent in rows}
    return found


def _own_ids(stored: Sequence[Memory], taken: Mapping[str, tuple[str, str]]) -> list[Memory | None]:
    """None for each that its owner has already; one whose id is another owner's gets an id of its own."""
    owners, found = dict(taken), list[Memory | None]()
    for memory in stored:
        owner = (memory.tenant, memory.agent_id)
        if memory.id not in owners:
            owners[memory.id] = owner
            found.append(memory)
        else:
            found.append(None if owners[memory.id] == owner else replace(memory, id=uuid4().hex))
    return found


def _sorted_out(
    stored: Sequence[Memory], found: Mapping[tuple[str, ...], Memory]
) -> tuple[list[str], list[Memory], list[Memory]]:
    """(the id of each, the new ones, those that were there, renewed): what is said again is one memory."""
    ids: list[str] = []
    held: dict[tuple[str, ...], Memory] = {}
    for memory in stored:
        same = _identity(memory) if memory.fingerprint else (memory.id,)
        before = held.get(same) or found.get(same)
        held[same] = memory if before is None else _again(before, memory)
        ids.append(held[same].id)
    known = [memory for same, memory in held.items() if same in found]
    return ids, [memory for same, memory in held.items() if same not in found], known


def _again(before: Memory, said: Memory) -> Memory:
    """A memory that was said once more: the longer text, all tags, both times, how often, and the later end."""
    ends = (before.expires_at, said.expires_at)
    return replace(
        before,
        content=max(said.content, before.content, key=len),
        summary=said.summary or before.summary,
        tags=tuple(dict.fromkeys((*before.tags, *said.tags))),
        importance=max(before.importance, said.importance),
        updated_at=max(before.updated_at, said.updated_at),
        expires_at=None if None in ends else max(end for end in ends if end is not None),
        times=before.times + said.times,
    )


def _identity(memory: Memory) -> tuple[str, ...]:
    return (memory.tenant, memory.agent_id, memory.fingerprint)


def _write(connection: Transaction, stored: Sequence[Memory], first: int) -> None:
    inserts = (
        (_INSERT, [{"number": first + place, **_row(memory)} for place, memory in enumerate(stored)]),
        (_INSERT_TAGS, [row for memory in stored for row in _tag_rows(memory)]),
        (_INSERT_SHARES, [row for memory in stored for row in _share_rows(memory)]),
    )
    for statement, rows in inserts:
        if rows:
            connection.execute(statement, rows)


def _row(memory: Memory) -> dict[str, Any]:
    row = {name: getattr(memory, name) for name in COLUMNS}
    for time in _TIMES:
        row[time] = None if row[time] is None else microseconds_of(row[time])
    row["tags"] = json.dumps(memory.tags, ensure_ascii=False)
    row["shared_with"] = json.dumps(memory.shared_with, ensure_ascii=False)
    return row


def _tag_rows(memory: Memory) -> list[dict[str, str]]:
    return [{"memory_id": memory.id, "tag": tag} for tag in sorted({tag_key(tag) for tag in memory.tags})]


def _share_rows(memory: Memory) -> list[dict[str, str]]:
    return [{"memory_id": memory.id, "agent_id": agent} for agent in sorted(set(memory.shared_with))]
