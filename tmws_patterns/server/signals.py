"""Ending by a signal: SIGTERM and SIGINT ask for an orderly end instead of killing the process."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable

import anyio


async def on_signal(end: Callable[[], None]) -> None:
    """Call `end` once, on the first SIGTERM or SIGINT. On Windows, where no loop can wait for one, never."""
    if sys.platform == "win32":
        return
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async for _ in signals:
            end()
            return
