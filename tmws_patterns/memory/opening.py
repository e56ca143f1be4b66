"""Putting the room together: the index over its rows, recall over the index, and the service over both."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Protocol

from tmws_patterns.call import Principal
from tmws_patterns.memory.fine import Model, SecondLook
from tmws_patterns.memory.index import MemoryIndex
from tmws_patterns.memory.index.segment import Encoder
from tmws_patterns.memory.recall import Recall
from tmws_patterns.memory.service import MemoryService
from tmws_patterns.ports import IndexRows, MemoryReads, MemoryRows, VectorRows
from tmws_patterns.tasks import background_tasks


class MemoryStore(Protocol):
    """What storage keeps of memories."""

    @property
    def memories(self) -> MemoryRows: ...

    @property
    def reads(self) -> MemoryReads: ...

    @property
    def index(self) -> IndexRows: ...

    @property
    def vectors(self) -> VectorRows: ...


@asynccontextmanager
async def open_memory(
    store: MemoryStore,
    principal: Principal,
    encoder: Encoder,
    clock: Callable[[], float] = time.time,
    fine: Model | None = None,
) -> AsyncIterator[MemoryService]:
    """The memory of one principal, what it means being read by `encoder`, and by `fine` where there is such a model.

    What has gathered is indexed and encoded in the background until the context is left.
    """
    index = MemoryIndex(store.index, encoder)
    second = SecondLook(store.vectors, fine, index) if fine else None
    async with background_tasks() as tasks:
        tasks.start_soon(index.run)
        if second:
            tasks.start_soon(second.run)
        yield MemoryService(store.memories, Recall(store.reads, index, second), principal, clock)
