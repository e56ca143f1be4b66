"""From words to memories: candidates from the index, and of them those that the conditions let through.

What stands under the floor is no answer: that nothing is known is one too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from tmws_patterns.call import Scope
from tmws_patterns.memory.fine import SecondLook
from tmws_patterns.memory.index import MemoryIndex
from tmws_patterns.memory.index.ranking import Ranked
from tmws_patterns.memory.index.terms import codes
from tmws_patterns.memory.likeness import alike, telling_words
from tmws_patterns.memory.query import MAX_TERMS
from tmws_patterns.ports import Memory, MemoryQuery, MemoryReads

CANDIDATES = 64  # memories that are looked at more closely, by their words and by their meaning each
SELECTIVE = 5_000  # memories that conditions may leave to be looked for among the words: more are filtered afterwards
_LONGEST_WORD = 200  # characters
HOLDS = 0.75  # of the question's words: what holds them is an answer, however long a text they are lost in
_TELLING, _LOOKED_AT, _SAID = 6, 8, 0.5  # words, memories, and the share of the words by which it was said before
_GROWTH = 8  # times as many candidates where the first were too few
FLOOR, FINE_FLOOR = 0.11, 0.2
"""Scores under which a memory is no answer, the latter with a sentence model: settled on tests/data/memories.jsonl,
where higher ones lose more answers that are there than they spare answers where there is none."""


@dataclass(frozen=True, slots=True)
class Found:
    """A memory with its score (0 to 1) and what it is made of."""

    memory: Memory
    score: float
    parts: Mapping[str, float] = field(default_factory=dict)


class Recall:
    """Looks for memories. Shared by all tasks of an event loop. All methods may raise StoreUnavailable."""

    def __init__(self, reads: MemoryReads, index: MemoryIndex, second: SecondLook | None = None) -> None:
        """Look with `index`, and once more with `second`, where there is one."""
        self._reads = reads
        self._second = second
        self.index = index

    async def agents(self, scope: Scope) -> frozenset[str]:
        """Whose memories the scope may see."""
        return await self.index.agents(scope)

    async def listed(self, asked: MemoryQuery) -> list[Found]:
        """Memories in the order of the query, which names no words."""
        return [Found(memory, 1.0) for memory in await self._reads.listed(asked)]

    async def one(self, memory_id: str, scope: Scope, now: datetime) -> Memory | None:
        """A memory by its id; None where the scope sees none."""
        return next(iter(await self._reads.listed(MemoryQuery(scope, now, ids=(memory_id,), limit=1))), None)

    async def backlog(self) -> int:
        """How many memories wait for the second look's encoder."""
        return 0 if self._second is None else await self._second.backlog()

    async def after(self, number: int, asked: MemoryQuery) -> list[tuple[int, Memory]]:
        """Memories that were stored after the one of that number, with theirs."""
        return await self._reads.after(number, asked)

    async def alike(self, memory: Memory, now: datetime) -> Memory | None:
        """What the same owner has said before in nearly the same words for the same readers; None for nothing."""
        scope = Scope(memory.tenant, memory.agent_id, namespace=memory.namespace)
        words = [code for word in telling_words(memory.content, _TELLING) for code in codes(word)]
        asked = self.index.of_words(words, scope, _LOOKED_AT, _SAID)
        ranked = [one for one in await self.index.search(asked) if one.coverage > _SAID]
        if not ranked:
            return None
        there = await self._reads.fetch([one.number for one in ranked], MemoryQuery(scope, now))
        readers = (memory.agent_id, memory.access_level, memory.team, memory.shared_with)
        for found in there.values():
            same = (found.agent_id, found.access_level, found.team, found.shared_with) == readers
            if same and found.fingerprint and alike(found.content, memory.content):
                return found
        return None

    async def find(self, words: Sequence[str], text: str, asked: MemoryQuery) -> list[Found]:
        """Memories that hold the words or mean what the text means, best first."""
        wanted = [code for word in words[:MAX_TERMS] for code in codes(word[:_LONGEST_WORD])][:MAX_TERMS]
        if not wanted:
            return []
        only = await self._only(asked)
        count = max(CANDIDATES, asked.limit)
        finer = await self._second.asked(text) if self._second else None
        floor = FINE_FLOOR if finer else FLOOR
        while True:
            ranked = await self.index.search(self.index.asked(wanted, text, asked.scope, count, only, finer))
            if self._second and finer:
                ranked = await self._second.ranked(finer, ranked)
            fit = [one for one in ranked if one.score >= floor or one.coverage >= HOLDS]
            found = await self._fetched(fit, asked, only)
            if len(found) >= asked.limit or len(fit) < count:  # else all by words may fit, or all by meaning, and more
                return found[: asked.limit]
            count *= _GROWTH

    async def _only(self, asked: MemoryQuery) -> list[int] | None:
        """The numbers of the memories that meet the conditions, where these are few; else None."""
        if not asked.narrows:
            return None
        numbers = await self._reads.numbers(asked, SELECTIVE + 1)
        return numbers if len(numbers) <= SELECTIVE else None

    async def _fetched(self, ranked: Sequence[Ranked], asked: MemoryQuery, only: list[int] | None) -> list[Found]:
        """The memories themselves, as many as are asked for."""
        found: list[Found] = []
        step = max(1, asked.limit)
        for start in range(0, len(ranked), step):
            portion = ranked[start : start + step]
            there = await self._reads.fetch([one.number for one in portion], asked)
            if only is not None or not asked.narrows:  # else they may only fail the conditions
                await self.index.look_after([one.number for one in portion if one.number not in there])
            found += [_found(there[one.number], one) for one in portion if one.number in there]
            if len(found) >= asked.limit:
                break
        return found


def _found(memory: Memory, ranked: Ranked) -> Found:
    parts = {"words": ranked.words, "coverage": ranked.coverage, "meaning": ranked.meaning}
    return Found(memory, ranked.score, {name: round(part, 3) for name, part in parts.items()})
