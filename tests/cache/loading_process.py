"""A process of its own that asks one cache: `python loading_process.py JSON`. Prints the answers it got, as JSON.

It says "ready", and begins with the next line of its input. The JSON holds the settings, the key, how many callers
ask, a file to which each load appends a line, and how long a load takes.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import anyio

from tmws_patterns.cache import open_cache
from tmws_patterns.ports import Loaded
from tmws_patterns.settings import Settings
from tmws_patterns.storage import open_database


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def write_line(path: str, line: str) -> None:
    with Path(path).open("a", encoding="utf-8") as file:
        file.write(f"{line}\n")


async def main(told: dict[str, Any]) -> None:
    settings = Settings.load({}, **{**told["settings"], "data_dir": Path(told["settings"]["data_dir"])})
    answers: list[str] = []
    async with (
        open_database(settings) as database,
        open_cache(settings, database.cache_rows, database.epochs, told["store"]) as cache,
    ):

        async def load() -> Loaded:
            write_line(told["file"], str(os.getpid()))
            await anyio.sleep(told["takes"])
            return Loaded(str(os.getpid()).encode(), keep=True)

        async def ask() -> None:
            found = await cache.get_or_load((told["key"],), load, ttl=60, tags=("server:x",), shared=True)
            answers.append(found.payload.decode())

        while settings.redis_url and not cache.get_stats()["redis_available"]:
            await anyio.sleep(0.01)
        say("ready")
        await anyio.to_thread.run_sync(sys.stdin.readline)
        async with anyio.create_task_group() as tasks:
            for _ in range(told["callers"]):
                tasks.start_soon(ask)
    say(json.dumps(answers))


if __name__ == "__main__":
    anyio.run(main, json.loads(sys.argv[1]))
