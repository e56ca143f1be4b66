"""How much memory a process takes that serves recalls, alone: a database, the index, and no more than answers need.

    python scripts/bench/resident.py FOLDER [URL]

Prints the megabytes that it takes after some questions to the database in FOLDER, or to that of the URL.
"""

from __future__ import annotations

import resource
import sys
from pathlib import Path

import anyio

from tmws_patterns import Settings
from tmws_patterns.call import Principal
from tmws_patterns.encoder import static_encoder
from tmws_patterns.memory import open_memory
from tmws_patterns.storage import open_database

_QUESTIONS = ("why did the deploy fail", "the colour of the harbour", "who asked for more memory", "what was said last")


async def main(folder: Path, url: str) -> None:
    """Ask, and print."""
    settings = Settings.load({}, data_dir=folder, database_url=url)
    async with (
        open_database(settings) as database,
        open_memory(database, Principal("bench", "owner"), static_encoder()) as memory,
    ):
        for _ in range(5):
            for question in _QUESTIONS:
                await memory.recall(question, agent_id="guest")
        print(await _megabytes())


async def _megabytes() -> int:
    """Without the pages of files, which the system may take back; the peak of all where it does not tell them apart."""
    try:
        status = await anyio.Path("/proc/self/status").read_text()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    (line,) = (line for line in status.splitlines() if line.startswith("RssAnon"))
    return int(line.split()[1]) // 1024


if __name__ == "__main__":
    anyio.run(main, Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "")
