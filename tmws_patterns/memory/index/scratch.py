"""Arrays that one search after another works in: to ask for as much memory anew for each segment takes time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt

from tmws_patterns.memory.index.segment import LARGEST

_KEPT = 4  # of 1.1 MB each


class Scratch:
    """Room for one segment; what is in it counts until the next segment's turn."""

    def __init__(self) -> None:
        self.sums: npt.NDArray[np.float32] = np.zeros(LARGEST, np.float32)
        self.added: npt.NDArray[np.float32] = np.zeros(LARGEST, np.float32)
        self.signs: npt.NDArray[np.uint64] = np.zeros(LARGEST, np.uint64)
        self.counted: npt.NDArray[np.uint8] = np.zeros(LARGEST, np.uint8)


class Scratches:
    """As many as there are searches at work at once, in the event loop and in threads; a few are kept."""

    def __init__(self) -> None:
        self._free: list[Scratch] = []

    @contextmanager
    def one(self) -> Iterator[Scratch]:
        """One for the block alone, which must not wait: a caller who is cancelled leaves his thread at work."""
        try:
            scratch = self._free.pop()
        except IndexError:
            scratch = Scratch()
        try:
            yield scratch
        finally:
            if len(self._free) < _KEPT:
                self._free.append(scratch)
