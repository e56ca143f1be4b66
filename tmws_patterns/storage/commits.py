"""What tells that a SQLite file has another commit; asked before each answer that is given again.

SQLite's own answer is `PRAGMA data_version`. It takes and gives back a lock, and in between compares the head of the
WAL index, memory that all processes share who have the file open, with the head that it saw last. Each commit changes
that head (https://sqlite.org/walformat.html, section 2.1). Where this process can see where SQLite has that memory,
the head is compared here, without the lock.
"""

from __future__ import annotations

import ctypes
import re
import sqlite3
from pathlib import Path
from typing import Any

_HEAD = 48  # bytes: the first of the head's two copies, the one that a commit writes last
_FORMAT = (3_007_000).to_bytes(4, "little")  # the head begins with it, in the order of the machine's bytes
_MAPPINGS = Path("/proc/self/maps")  # of Linux
_BEGINNING = re.compile(r"^([0-9a-f]+)-\S+ \S+ 0+ \S+ \S+ +(/.*)$", re.MULTILINE)  # a line of it: address, file


class Commits:
    """A reading connection of its own, for one thread.

    Raises:
        sqlite3.Error: the file cannot be read, is held by somebody for himself, or this is closed.
    """

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)
        self._connection.execute("PRAGMA query_only = ON")
        self._ask = self._connection.cursor().execute
        self._data_version()  # SQLite has the WAL index in memory from its first look until the connection is closed
        self._head = _head(path)

    def stamp(self) -> int | bytes:
        """Another value after each commit of any process; never waits."""
        head = self._head
        return self._data_version() if head is None else head.raw

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """The rows of a statement that reads; they are no older than any earlier stamp."""
        return self._connection.execute(statement).fetchall()

    def close(self) -> None:
        """Close the connection; without it there may be no WAL index left to look at."""
        self._head = None
        self._connection.close()

    def _data_version(self) -> int:
        (version,) = self._ask("PRAGMA data_version").fetchone()
        return int(version)


def _head(path: Path) -> ctypes.Array[ctypes.c_char] | None:
    """The head where SQLite has it; None where that cannot be seen, or has a form that is not known."""
    if (place := _mapped(f"{path.resolve()}-shm")) is None:
        return None
    head = (ctypes.c_char * _HEAD).from_address(place)
    return head if head.raw.startswith(_FORMAT) else None


def _mapped(name: str) -> int | None:
    """The address of a file's beginning in this process's memory; None where it is not there, or nobody tells."""
    try:
        text = _MAPPINGS.read_text(errors="surrogateescape")
    except OSError:
        return None
    places = (place for place, mapped in _BEGINNING.findall(text) if mapped == name)
    return next((int(place, 16) for place in places), None)
