"""Database errors in the product's own words: translated once, here."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from tmws_patterns.errors import StoreUnavailable

_HINTS = (
    ("not a database", "the file is damaged or no SQLite database: move it away or restore a backup"),
    ("malformed", "the file is damaged: move it away or restore a backup"),
    ("unable to open", "check that the folder exists and may be written"),
    ("readonly", "check that the file and its folder may be written"),
    ("locked", "another process holds the database: end it, or try again"),
    ("disk is full", "free some space on the disk"),
    ("permission denied", "grant the database user the rights to create and use the schema tmws_patterns"),
)
_OTHERWISE = "check TMWS_DATABASE_URL and that the database is running; `tmws-patterns doctor` looks closer"


def _hint(text: str) -> str:
    lowered = text.lower()
    return next((hint for sign, hint in _HINTS if sign in lowered), _OTHERWISE)


def tells_damage(failure: StoreUnavailable) -> bool:
    """True where SQLite found a file that is no database, or one that is broken inside."""
    return any(sign in failure.message for sign in ("file is not a database", "malformed"))


@contextmanager
def translated(place: str) -> Iterator[None]:
    """Turn what the drivers raise inside the block into StoreUnavailable, naming `place` (no password in it)."""
    try:
        yield
    except PoolTimeout as exc:
        raise StoreUnavailable(
            f"{place}: every connection stayed busy", hint="raise TMWS_DB_MAX_CONNECTIONS, or try again"
        ) from exc
    except (SQLAlchemyError, sqlite3.Error, OSError) as exc:
        text = str(exc.orig if isinstance(exc, DBAPIError) else exc)
        raise StoreUnavailable(f"{place}: {text}", hint=_hint(text)) from exc
