"""A process of test_processes.py: worker.py DATA_DIR URL write NAME COUNT | bump TAG | hang."""

from __future__ import annotations

import sys
from pathlib import Path

import anyio
from storage_rows import contents, memory, query

from tmws_patterns.settings import Settings
from tmws_patterns.storage import Database, open_database


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def write(database: Database, name: str, count: str) -> None:
    found = 0
    for number in range(int(count)):
        await database.memories.add([memory(f"{name} wrote note{name}x{number}")], ["memory:acme"])
        await database.totals.add_totals({"calls": 1})
        found += len(await contents(database, query(f"note{name}x{number}")))
    say(f"{database.store_id} {found}")


async def bump(database: Database, tag: str) -> None:
    for _ in sys.stdin:
        await database.epochs.bump([tag])
        say("bumped")


async def hang(database: Database) -> None:
    async with database._connections.write() as connection:
        await connection.run_sync(database.epochs.bump_within, ["hanging"])  # type: ignore[attr-defined]
        say("hanging")
        await anyio.sleep_forever()


async def main(data_dir: str, url: str, task: str, *arguments: str) -> None:
    settings = Settings.load({}, data_dir=Path(data_dir), database_url=url)
    async with open_database(settings) as database:
        await {"write": write, "bump": bump, "hang": hang}[task](database, *arguments)


if __name__ == "__main__":
    anyio.run(main, *sys.argv[1:])
