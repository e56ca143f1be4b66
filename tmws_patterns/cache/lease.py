"""One load for several processes: who holds the lease of a name loads, and the others wait for its answer.

A lease lasts LEASE seconds and is renewed while the load runs, so that a dead holder's passes on. It lives in
the first shared tier that answers; where none does, everybody loads for himself.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from uuid import uuid4

import anyio

from tmws_patterns.ports import Entry, Leasing
from tmws_patterns.tasks import background_tasks

LEASE = 1.0  # seconds; a holder that was killed is waited for no longer than this
RENEWED = LEASE / 3
FIRST_PAUSE, LONGEST_PAUSE = 0.01, 0.1  # seconds between looks for the other's answer: growing, and jittered
_GROWTH = 1.5

Look = Callable[[], Awaitable[Entry | None]]


class Turn:
    """What came of asking for the lease: the answer of who held it, or the leave to load.

    Attributes:
        answer: None where this caller is to load.
        in_vain: True where the load came to nothing that others could use.
    """

    def __init__(self, answer: Entry | None = None, tier: Leasing | None = None) -> None:
        self.answer = answer
        self.in_vain = False
        self._tier = tier
        self._lost = False

    async def publish(self, digest: str, entry: Entry) -> None:
        """Let those who wait for it have the entry, at once; not where the lease went to another meanwhile."""
        if self._tier is not None and not self._lost:
            await self._tier.publish(digest, entry)

    async def renew(self, name: str, token: str) -> None:
        """Keep the lease, until cancelled."""
        while self._tier is not None and not self._lost:
            await anyio.sleep(RENEWED)
            self._lost = await self._tier.renew(name, token, LEASE) is False

    async def end(self, name: str, token: str) -> None:
        """Give the lease back. After a load in vain those who wait are to load for themselves, side by side."""
        if self._tier is not None and self.in_vain:
            await self._tier.waive(name, token, LEASE)
        elif self._tier is not None:
            await self._tier.release(name, token)


@asynccontextmanager
async def turn(tiers: Sequence[Leasing], name: str, look: Look) -> AsyncIterator[Turn]:
    """Wait until the lease of `name` is this caller's, or until `look` finds what its holder loaded.

    The lease is ended on leaving, whatever happens.
    """
    token = uuid4().hex
    tier, answer = await _taken(tiers, name, token, look)
    mine = Turn(answer, tier)
    try:
        async with background_tasks() as tasks:
            if tier is not None and answer is None:
                tasks.start_soon(mine.renew, name, token)
            yield mine
    except Exception:  # not where the caller was cancelled: then the next one is to load
        mine.in_vain = True
        raise
    finally:
        with anyio.move_on_after(RENEWED, shield=True):
            await mine.end(name, token)


async def _taken(tiers: Sequence[Leasing], name: str, token: str, look: Look) -> tuple[Leasing | None, Entry | None]:
    """The tier whose lease was taken, and the answer that was found; a tier that does not answer is passed over."""
    for tier in tiers:
        pause = FIRST_PAUSE
        try:
            while (taken := await tier.lease(name, token, LEASE)) is False:
                await anyio.sleep(pause * random.uniform(0.5, 1))  # noqa: S311 - spreads processes, guards nothing
                pause = min(LONGEST_PAUSE, pause * _GROWTH)
                if (answer := await look()) is not None:
                    return None, answer
            if taken is True:
                return tier, await look()  # who held it before may have finished between the last look and now
        except BaseException:  # cancelled, perhaps while the reply was on its way
            with anyio.move_on_after(RENEWED, shield=True):
                await tier.release(name, token)
            raise
        if taken == "waived":
            break
    return None, None
