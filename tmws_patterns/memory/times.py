"""Times as people say them: "yesterday", "last 3 days", "since March", "2026-01-05". Pure; in UTC.

A phrase means a span from `since` (inclusive) to `until` (exclusive); None is an open end.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from tmws_patterns.errors import InvalidInput

FORMS = (
    'a date or time such as "2026-01-05", "today", "yesterday", "last week", "this month", "last 3 days",'
    ' "2 hours ago", "in October", "since March" or "before 2026-01-05"'
)

_MONTHS = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip
_UNITS = {
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(weeks=1),
    "month": timedelta(days=30),
    "year": timedelta(days=365),
}
_NUMBERS = {
    "a": 1, "an": 1, "one": 1, "two": 2, "couple": 2, "three": 3, "few": 3, "four": 4, "five": 5, "six": 6,
    "seven": 7, "eight": 8, "nine": 9, "ten": 10,
}  # fmt: skip
_AMBIGUOUS_MONTHS = ("mar", "march", "may")
"""Words of other meanings: in a sentence they are months only after "in", "since" and such, or before a year."""

_NUMBER = rf"\d{{1,4}}|{'|'.join(_NUMBERS)}"
_UNIT = rf"({'|'.join(_UNITS)})s?"
_MONTH = "|".join(f"{name[:3]}(?:{name[3:]})?" for name in _MONTHS)
_ISO = r"\d{4}-\d{2}-\d{2}(?:[t ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:z|[+-]\d{2}:?\d{2})?)?"


@dataclass(frozen=True, slots=True)
class Span:
    """From `since` (inclusive) to `until` (exclusive), aware UTC; None is open."""

    since: datetime | None = None
    until: datetime | None = None


def _day(now: datetime) -> datetime:
    return now.replace(hour=0, minute=0, second=0, microsecond=0)


def _start(now: datetime, unit: str, back: int) -> datetime:
    """The start of the unit that holds now, `back` units earlier."""
    day = _day(now)
    if unit == "week":
        return day - timedelta(days=day.weekday(), weeks=back)
    if unit == "month":
        year, month = divmod(day.year * 12 + day.month - 1 - back, 12)
        return day.replace(year=year, month=month + 1, day=1)
    if unit == "year":
        return day.replace(year=day.year - back, month=1, day=1)
    if unit == "day":
        return day - timedelta(days=back)
    whole = now.replace(minute=0 if unit == "hour" else now.minute, second=0, microsecond=0)
    return whole - back * _UNITS[unit]


def _calendar(match: re.Match[str], now: datetime) -> Span:
    """Last week is the one before this; "the last week" and "the past week" are the seven days until now."""
    article, which, unit = match.groups()
    if which == "past" or (article and which == "last"):
        return Span(now - _UNITS[unit], None)
    back = 0 if which == "this" else 1
    return Span(_start(now, unit, back), _start(now, unit, back - 1))


def _rolling(match: re.Match[str], now: datetime) -> Span:
    return Span(now - _count(match[1]) * _UNITS[match[2]], None)


def _ago(match: re.Match[str], now: datetime) -> Span:
    length = _UNITS[match[2]]
    since = now - _count(match[1]) * length
    if length >= timedelta(days=1):
        since = _day(since)
    return Span(since, since + length)


def _older(match: re.Match[str], now: datetime) -> Span:
    number, unit = match[1] or match[3], match[2] or match[4]
    return Span(None, now - _count(number) * _UNITS[unit])


def _named_day(match: re.Match[str], now: datetime) -> Span:
    since = _day(now) - timedelta(days=1 if match[0] == "yesterday" else 0)
    return Span(since, since + timedelta(days=1))


def _month(match: re.Match[str], now: datetime) -> Span:
    """The month of the year said, else the latest one that has begun."""
    month = next(n for n, name in enumerate(_MONTHS, 1) if name.startswith(match[1][:3]))
    year = int(match[2]) if match[2] else now.year - (month > now.month)
    since = datetime(year, month, 1, tzinfo=UTC)
    return Span(since, datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC))


def _year(match: re.Match[str], _: datetime) -> Span:
    return Span(datetime(int(match[1]), 1, 1, tzinfo=UTC), datetime(int(match[1]) + 1, 1, 1, tzinfo=UTC))


def _iso(match: re.Match[str], _: datetime) -> Span:
    moment = datetime.fromisoformat(match[1].upper())
    moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    length = timedelta(days=1) if len(match[1]) == len("2026-01-05") else timedelta(0)
    return Span(moment, moment + length)


def _count(word: str) -> int:
    return _NUMBERS.get(word) or int(word)


_Reader = Callable[[re.Match[str], datetime], Span]
_PHRASES: tuple[tuple[str, _Reader], ...] = (
    (rf"({_ISO})", _iso),
    (r"today|yesterday", _named_day),
    (rf"(?:more than|over|at least) ({_NUMBER}) (?:of )?{_UNIT} ago|older than ({_NUMBER}) (?:of )?{_UNIT}", _older),
    (rf"(?:the )?(?:last|past|previous) ({_NUMBER}) (?:of )?{_UNIT}", _rolling),
    (rf"(?:about )?({_NUMBER}) (?:of )?{_UNIT} ago", _ago),
    (rf"(the )?(this|last|past|previous) {_UNIT}", _calendar),
    (rf"(?:early |late |mid )?(?:last )?({_MONTH})(?:,? (\d{{4}}))?", _month),
    (r"((?:19|20)\d\d)(?!-)", _year),
)
_LEAD = r"(?:(since|after|from|before|until|till|up to|in|on|during|within|over)\s+)?"
_FROM, _TO = ("since", "from", "after"), ("before", "until", "till", "up to")
_COMPILED = tuple(
    (re.compile(rf"\b{_LEAD}(?P<phrase>{source})\b"), re.compile(source), read) for source, read in _PHRASES
)


def _led(lead: str | None, span: Span) -> Span:
    if lead in _FROM:
        return Span(span.until if lead == "after" else span.since, None)
    if lead in _TO:
        return Span(None, span.since if lead == "before" else span.until)
    return span


def _clear(read: _Reader, phrase: re.Match[str]) -> bool:
    """True for a phrase that is a time even without "in", "since" and such before it."""
    if read is _month:
        return phrase[2] is not None or phrase[1] not in _AMBIGUOUS_MONTHS
    return read is not _year


def find_span(sentence: str, now: datetime) -> tuple[Span, str]:
    """The span that a sentence names, with the sentence less its phrases; Span() where it names none.

    Two phrases make one span: "from March until June".
    """
    rest, found = sentence.casefold(), Span()
    for whole, phrase, read in _COMPILED:
        for match in list(whole.finditer(rest)):
            inner = phrase.fullmatch(match["phrase"])
            if inner is None or not (match[1] or _clear(read, inner)):
                continue
            try:
                span = _led(match[1], read(inner, now))
            except (ValueError, OverflowError):
                continue
            found = Span(_later(found.since, span.since), _earlier(found.until, span.until))
            rest = rest.replace(match[0], " ", 1)
    return found, " ".join(rest.split()) if found != Span() else sentence


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    return max(one, other) if one and other else one or other


def _earlier(one: datetime | None, other: datetime | None) -> datetime | None:
    return min(one, other) if one and other else one or other


def parse_since(value: Any, now: datetime) -> datetime | None:
    """The beginning that a date, time or phrase names; None for None or "". Raises InvalidInput, naming the forms."""
    span = _parse(value, now, "since")
    return span.since if span else None


def parse_until(value: Any, now: datetime) -> datetime | None:
    """The end, exclusive, that a date, time or phrase names ("2026-01-05" includes that day); None for None or "".

    Raises:
        InvalidInput: it is none of the forms, which the hint names.
    """
    span = _parse(value, now, "until")
    return (span.until or now) if span else None


def _parse(value: Any, now: datetime, name: str) -> Span | None:
    if value is None or value == "":
        return None
    if isinstance(value, datetime):
        moment = value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
        return Span(moment, moment)
    text = value.isoformat() if isinstance(value, date) else value
    if isinstance(text, str):
        for sentence in (text, f"in {text}"):
            span, rest = find_span(sentence, now)
            if span != Span() and not rest:
                return span
    raise InvalidInput(f"{name} {str(value)[:80]!r} is not understood", hint=f"give {FORMS}")
