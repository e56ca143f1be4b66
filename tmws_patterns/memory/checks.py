"""What a caller may pass, and the words that say so when it is something else. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from tmws_patterns.errors import InvalidInput

MAX_CONTENT = 100_000
"""Characters of one memory: more than any page an agent reads, less than PostgreSQL can index."""

MAX_NAME = 256
"""Characters of a tag, an agent, a team or a namespace: they are keys of an index."""

MAX_LIMIT = 1000
"""Memories of one answer, and ids of one forget."""

_ID = re.compile(r"[0-9a-f]{32}")

ACCESS_LEVELS = ("private", "team", "shared", "public")
DEFAULT_ACCESS = "private"
DEFAULT_NAMESPACE = "default"


def clean_text(value: Any, name: str) -> str:
    """`value` if it is text that every database can hold.

    Raises:
        InvalidInput: it is no text, or holds a NUL or half of a surrogate pair.
    """
    if not isinstance(value, str):
        raise InvalidInput(f"{name} is {type(value).__name__}, not text", hint=f"give {name} as a string")
    if "\0" in value:
        raise InvalidInput(f"{name} holds a NUL character", hint="remove U+0000 from the text")
    if any(unicodedata.category(c) == "Cs" for c in value if c >= "\ud800"):
        raise InvalidInput(f"{name} holds half of a surrogate pair", hint="pass the text as valid Unicode")
    return value


def clean_content(value: Any) -> str:
    """The content of a memory, as it is given. Raises InvalidInput where it is empty or too long."""
    content = clean_text(value, "content")
    if not content.strip():
        raise InvalidInput("content is empty", hint="say what to remember")
    if len(content) > MAX_CONTENT:
        raise InvalidInput(
            f"content has {len(content):,} characters, and {MAX_CONTENT:,} are allowed",
            hint="store a summary, or split it into several memories",
        )
    return content


def clean_name(value: Any, name: str) -> str:
    """A short name, without the space around it. Raises InvalidInput."""
    text = clean_text(value, name).strip()
    if not text or len(text) > MAX_NAME:
        raise InvalidInput(f"{name} is empty or longer than {MAX_NAME} characters", hint=f"give {name} a short name")
    return text


def clean_id(value: Any) -> str:
    """An id as this store gives them. Raises InvalidInput."""
    if not isinstance(value, str) or not _ID.fullmatch(value):
        raise InvalidInput(
            f"id {str(value)[:80]!r} is none of ours", hint="leave id out, or give 32 hexadecimal digits"
        )
    return value


def clean_names(value: Any, name: str) -> tuple[str, ...]:
    """Names from a list, or from text with commas between them; each once, in their order. Raises InvalidInput."""
    if value is None:
        return ()
    if isinstance(value, str):
        value = [part for part in value.split(",") if part.strip()]
    if not isinstance(value, Iterable):
        raise InvalidInput(f"{name} is {type(value).__name__}, not a list", hint=f'give {name} as ["a", "b"] or "a, b"')
    return tuple(dict.fromkeys(clean_name(part, name) for part in value))


def clean_importance(value: Any) -> float:
    """A number from 0 to 1. Raises InvalidInput."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = float("nan")
    if isinstance(value, bool) or not 0 <= number <= 1:
        raise InvalidInput(f"importance {value!r} is no number from 0 to 1", hint="give importance between 0 and 1")
    return number


def has_passed(value: Any, now: datetime) -> bool:
    """True for a time, also as ISO 8601 text, that is over; False for whatever is none."""
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
        return isinstance(moment, datetime) and moment <= now
    except (ValueError, TypeError):  # no time, or one without a time zone: refused with its reason later
        return False


def clean_moment(value: Any, name: str, now: datetime) -> datetime:
    """A time that has passed, as UTC; now for None. Text is taken as ISO 8601. Raises InvalidInput."""
    if value is None:
        return now
    hint = f"give {name} as a past time with its time zone, such as 2026-01-31T12:00:00Z"
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError as exc:
        raise InvalidInput(f"{name} {value!r} is no time", hint=hint) from exc
    if not isinstance(moment, datetime) or moment.tzinfo is None or moment > now:
        raise InvalidInput(f"{name} {value!r} is no past time with a time zone", hint=hint)
    return moment.astimezone(UTC)


def clean_count(value: Any, name: str) -> int:
    """A whole number of 1 or more. Raises InvalidInput."""
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value < 2**31:
        raise InvalidInput(f"{name} {value!r} is no whole number of 1 or more", hint=f"give {name}, such as 1")
    return value


def clean_limit(value: Any) -> int:
    """A whole number from 1 to MAX_LIMIT. Raises InvalidInput."""
    try:
        number = int(value)
    except (TypeError, ValueError, OverflowError):
        number = 0
    if isinstance(value, bool) or not 1 <= number <= MAX_LIMIT or number != float(value):
        raise InvalidInput(f"limit {value!r} is no whole number from 1 to {MAX_LIMIT}", hint="give limit, such as 10")
    return number


def clean_access(level: Any, team: str | None, shared_with: tuple[str, ...]) -> str:
    """An access level, with what it needs. Raises InvalidInput."""
    if level not in ACCESS_LEVELS:
        raise InvalidInput(f"no access level {level!r}", hint=f"use one of: {', '.join(ACCESS_LEVELS)}")
    if level == "team" and team is None:
        raise InvalidInput("access level team needs a team", hint="name the team, or set TMWS_TEAMS to one team")
    if level == "shared" and not shared_with:
        raise InvalidInput("access level shared needs shared_with", hint="name the agents that may read it")
    return str(level)


def clean_expiry(value: Any, now: datetime) -> datetime | None:
    """A time to come, as UTC; None for never. Text is taken as ISO 8601. Raises InvalidInput."""
    if value is None:
        return None
    hint = "give expires_at as a time to come with its time zone, such as 2030-01-31T12:00:00Z"
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError as exc:
        raise InvalidInput(f"expires_at {value!r} is no time", hint=hint) from exc
    if not isinstance(moment, datetime) or moment.tzinfo is None:
        raise InvalidInput(f"expires_at {value!r} is no time with a time zone", hint=hint)
    if moment <= now:
        raise InvalidInput(f"expires_at {moment.isoformat()} has passed", hint=hint)
    return moment.astimezone(UTC)
