"""Several observers as one."""

from __future__ import annotations

from tmws_patterns.call import CallRecord
from tmws_patterns.ports import Observer


class Observers:
    """Tells each of its observers, in order."""

    def __init__(self, *observers: Observer) -> None:
        self._observers = observers

    def record(self, record: CallRecord) -> None:
        """Pass the record on."""
        for observer in self._observers:
            observer.record(record)
