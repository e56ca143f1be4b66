"""One load at a time for a key: whoever asks while it runs waits for it.

The load belongs to none of them. It runs in a task group of the cache's own, so that a caller who is
cancelled takes nobody with it, and it is cancelled when the last of them has gone.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

import anyio
from anyio.abc import TaskGroup

from tmws_patterns.errors import TmwsError

T = TypeVar("T")


class _Flight(Generic[T]):
    def __init__(self) -> None:
        self.landed = anyio.Event()
        self.scope = anyio.CancelScope()
        self.waiters = 0
        self.value: list[T] = []
        self.error: Exception | None = None

    def outcome(self) -> T:
        if isinstance(self.error, TmwsError):
            raise _twin(self.error) from self.error
        if self.error is not None:
            raise self.error
        if not self.value:
            raise TmwsError("the answer was given up", hint="its computation was cancelled from outside; ask again")
        return self.value[0]


class SingleFlight(Generic[T]):
    """Shares loads among the callers of one event loop. Failures are shared too, and not kept."""

    def __init__(self, tasks: TaskGroup) -> None:
        self._tasks = tasks
        self._flights: dict[Hashable, _Flight[T]] = {}
        self.coalesced = 0

    def flying(self, key: Hashable) -> bool:
        """True while a load of the key runs."""
        return key in self._flights

    async def get(self, key: Hashable, load: Callable[[], Awaitable[T]]) -> T:
        """What `load` returns, or what a load of the same key that already runs will return."""
        flight = self._flights.get(key)
        if flight is None:
            flight = _Flight()
            self._tasks.start_soon(self._fly, key, flight, load)
            self._flights[key] = flight  # only once it flies: nobody may wait for one that never started
        else:
            self.coalesced += 1
        flight.waiters += 1
        try:
            await flight.landed.wait()
        finally:
            flight.waiters -= 1
            if flight.waiters == 0 and not flight.landed.is_set():
                # Forgotten at once: who comes now must not join a load that is being cancelled.
                self._forget(key, flight)
                flight.scope.cancel()
        return flight.outcome()

    async def _fly(self, key: Hashable, flight: _Flight[T], load: Callable[[], Awaitable[T]]) -> None:
        try:
            with flight.scope:
                flight.value.append(await load())
        except Exception as exc:  # nothing is swallowed: those who wait raise it
            flight.error = exc
        finally:
            self._forget(key, flight)
            flight.landed.set()

    def _forget(self, key: Hashable, flight: _Flight[T]) -> None:
        if self._flights.get(key) is flight:
            del self._flights[key]


def _twin(error: TmwsError) -> TmwsError:
    """An equal error for one waiter: one object raised in many tasks would mix their tracebacks."""
    kind = type(error)
    # Not by copy.copy, which would hand the message to constructors that take something else.
    twin = kind.__new__(kind, *error.args)
    twin.__dict__.update(vars(error))
    return twin
