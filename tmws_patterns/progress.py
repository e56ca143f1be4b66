"""Progress of a computation that several callers wait for, told to each of them while they wait."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tmws_patterns.call import Progress


class Audiences:
    """Who listens to which computation, by a key that equal computations share."""

    def __init__(self) -> None:
        self._listening: dict[str, list[Progress]] = {}

    @contextmanager
    def joined(self, key: str, listener: Progress) -> Iterator[Progress]:
        """Listen while the context lasts; gives what tells all who listen at that moment."""
        audience = self._listening.setdefault(key, [])
        audience.append(listener)

        async def tell(progress: float, total: float | None, message: str | None) -> None:
            for one in tuple(audience):
                await one(progress, total, message)

        try:
            yield tell
        finally:
            audience.remove(listener)
            if not audience and self._listening.get(key) is audience:
                del self._listening[key]
