"""Recalled memories as a reader of one page gets them: how old each is, and of a long one what was asked for.

A passage is where the words of the question stand closest together; the whole is a link away. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

LONGEST = 700  # characters of a memory that are shown whole; some 160 tokens
_SENTENCE = re.compile(r"(?<=[.!?;\u3002\uff01\uff1f])\s+|\n+")
_WORD = re.compile(r"[^\W_]+")
_ENDING = 2  # letters at the end of a word that may differ: endings of another form of it
_STEPS = ((365 * 86_400, "y"), (30 * 86_400, "mo"), (86_400, "d"), (3_600, "h"), (60, "min"))


def shown(rows: Any, question: str, uri: str, now: float) -> Any:
    """The rows with their ages and without the parts of their scores; long contents as passages with a link to all.

    Links begin with `uri`.

    What is no list of memories is given back as it is. `now` is in seconds since 1970.
    """
    if not isinstance(rows, list):
        return rows
    return [_shown(row, question, uri, now) if _is_memory(row) else row for row in rows]


def passage(content: str, question: str, longest: int = LONGEST) -> str:
    """At most some `longest` characters of a text, around the words of the question; all of a text that is shorter."""
    if len(content) <= longest:
        return content
    asked = {word[: max(3, len(word) - _ENDING)] for word in _WORD.findall(question.casefold()) if len(word) > _ENDING}
    parts = _parts(content, longest)
    hits = [
        sum(any(word.startswith(start) for word in _WORD.findall(part.casefold())) for start in asked) for part in parts
    ]
    first, end = _window(parts, hits, longest)
    found = " ".join(parts[first:end])
    return f"{'… ' if first else ''}{found}{' …' if end < len(parts) else ''}"


def _is_memory(row: Any) -> bool:
    return isinstance(row, Mapping) and all(isinstance(row.get(name), str) for name in ("id", "content", "created_at"))


def _shown(row: Mapping[str, Any], question: str, uri: str, now: float) -> dict[str, Any]:
    content = passage(row["content"], question)
    found = {**{n: v for n, v in row.items() if n != "parts"}, "content": content, "age": _age(row["created_at"], now)}
    return found if content == row["content"] else {**found, "whole": f"{uri}{row['id']}"}


def _age(created_at: str, now: float) -> str:
    seconds = now - datetime.fromisoformat(created_at).astimezone(UTC).timestamp()
    return next((f"{int(seconds // step)} {name}" for step, name in _STEPS if seconds >= step), "now")


def _parts(content: str, longest: int) -> list[str]:
    """Sentences; one that is too long by itself is cut."""
    sentences = [part.strip() for part in _SENTENCE.split(content) if part.strip()]
    return [part[at : at + longest] for part in sentences for at in range(0, len(part), longest)]


def _window(parts: Sequence[str], hits: Sequence[int], longest: int) -> tuple[int, int]:
    """(first, end) of neighbouring parts that fit and hold most of what was asked; the earliest of equal ones."""
    best, found = -1, (0, 1)
    for first in range(len(parts)):
        size, score, end = 0, 0, first
        while end < len(parts) and (end == first or size + len(parts[end]) <= longest):
            size += len(parts[end]) + 1
            score += hits[end]
            end += 1
        if score > best:
            best, found = score, (first, end)
    return found
