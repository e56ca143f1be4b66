"""Keeps the making of child processes and matrix products in other threads apart.

OpenBLAS, which numpy brings, ends its threads before each fork and waits for them. A thread that is just being given
work then misses it, and the process stands still for good (seen with OpenBLAS 0.3.31 under uvloop, which forks;
asyncio's own loop uses vfork). So a fork waits for the product that is under way, which takes milliseconds, and the
next product for the fork.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

_products = Lock()
_counting = Lock()
_forks = 0


@contextmanager
def product() -> Iterator[None]:
    """Around a matrix product, or a few, in a thread beside the event loop's."""
    with _products:
        yield


@contextmanager
def fork() -> Iterator[None]:
    """Around what makes a child process. May be entered by several tasks at once, and be left after a while."""
    global _forks  # noqa: PLW0603 - there is one OpenBLAS in a process
    with _counting:
        if _forks == 0:
            _products.acquire()
        _forks += 1
    try:
        yield
    finally:
        with _counting:
            _forks -= 1
            if _forks == 0:
                _products.release()
