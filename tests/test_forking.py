"""Child processes may be made while a thread is learning: neither waits for the other for good."""

from __future__ import annotations

import subprocess
import sys

import pytest

# A process of its own, since what is proven is that it ends. uvloop forks, as os.fork does, and OpenBLAS ends its
# threads then; a product of this size is worth two of them.
_PROGRAM = """
import sys, threading
import anyio, numpy as np
from tmws_patterns.forking import fork, product
guarded = sys.argv[1] == "guarded"
rows, weights = np.ones((4_000, 700), np.float32), np.ones((64, 700), np.float32)
ended = threading.Event()
def learn():
    while not ended.is_set():
        if guarded:
            with product():
                rows @ weights.T
        else:
            rows @ weights.T
threading.Thread(target=learn).start()
async def main():
    for _ in range(150):
        if guarded:
            with fork():
                process = await anyio.open_process(["true"])
        else:
            process = await anyio.open_process(["true"])
        await process.wait()
    ended.set()
anyio.run(main, backend_options={"use_uvloop": True})
print("done")
"""


def test_children_are_made_while_a_thread_multiplies_matrices() -> None:
    pytest.importorskip("uvloop", reason="the extra [speed], which has no wheel for this system")
    command = [sys.executable, "-c", _PROGRAM, "guarded"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=50, check=True)
    assert done.stdout == "done\n", done.stderr
