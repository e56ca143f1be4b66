"""Downstream servers may be started while a thread is learning: neither waits for the other for good."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

# A process of its own, since what is proven is that it ends. uvloop forks, as os.fork does, and OpenBLAS ends its
# threads then; products of this size are worth two of them.
_PROGRAM = """
import os, sys, threading
import anyio, numpy as np
from tmws_patterns.dispatch.stdio import ChildTransport
from tmws_patterns.routing.learning import head
rows, labels = np.ones((4_000, 700), np.float32), np.arange(4_000) % 64
ended = threading.Event()
def learn():
    while not ended.is_set():
        head.train(rows, labels, 64)
threading.Thread(target=learn, daemon=True).start()
async def main():
    for _ in range(60):
        command = [sys.executable, "-S", "-c", ""]
        async with ChildTransport(command, dict(os.environ), cwd=None, name="child", on_end=lambda: None):
            pass
    ended.set()
anyio.run(main, backend_options={"use_uvloop": True})
print("done")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="nothing forks there")
def test_servers_are_started_while_a_thread_learns() -> None:
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "2"}  # with one, as in our own processes, nothing can hang
    command = [sys.executable, "-c", _PROGRAM]
    done = subprocess.run(command, capture_output=True, text=True, timeout=50, check=True, env=environment)
    assert done.stdout == "done\n"
