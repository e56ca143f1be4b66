"""A process of test_durability.py: remembering.py DATA_DIR NAME COUNT EVERY. Prints a line for each acknowledged store.

Each EVERY-th store is followed by a recall, which must find it; 0 for none.
"""

from __future__ import annotations

import sys
from pathlib import Path

import anyio

from tmws_patterns.call import Principal
from tmws_patterns.encoder import static_encoder
from tmws_patterns.memory import open_memory
from tmws_patterns.settings import Settings
from tmws_patterns.storage import open_database


async def main(data_dir: str, name: str, count: str, every: str) -> None:
    settings = Settings.load({}, data_dir=Path(data_dir))
    async with (
        open_database(settings) as database,
        open_memory(database, Principal("acme", name), static_encoder()) as memory,
    ):
        for number in range(int(count)):
            said = f"{name} keeps note{name}x{number}"
            stored = await memory.store(said, access_level="public")
            sys.stdout.write(f"{stored} {said}\n")
            sys.stdout.flush()
            if int(every) and number % int(every) == 0:
                found = await memory.recall(f"note{name}x{number}")
                if found[0].id != stored:
                    raise RuntimeError(f"{said!r} was not found by the next recall")


if __name__ == "__main__":
    anyio.run(main, *sys.argv[1:])
