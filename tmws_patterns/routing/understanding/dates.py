"""Dates and times of day as people say them, read against the day that is today.

Pure: today is a parameter. A date that could be two (03/05/2026) is not read at all.
"""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta

from tmws_patterns.routing.understanding.clock import CLOCK, COUNTS, time_of

_COUNT = rf"(?:\d{{1,3}}|an?|{'|'.join(COUNTS)})"
_MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()
_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?"
    r"|nov(?:ember)?|dec(?:ember)?)\.?"
)
_DAYS = "mon tue wed thu fri sat sun".split()
_WEEKDAY = r"(?:mon|tues|wednes|thurs|fri|satur|sun)day"

MOMENT = re.compile(
    rf"""(?<![\w.\-/:])(?:
      (?P<stamp>\d{{4}}-\d\d-\d\d[T\s]\d\d:\d\d(?::\d\d(?:\.\d{{1,9}})?)?(?:Z|[+-]\d\d:?\d\d)?)
    | (?P<iso>\d{{4}}-\d{{1,2}}-\d{{1,2}}|\d{{4}}/\d{{1,2}}/\d{{1,2}})
    | (?P<parted>\d{{1,2}}[./]\d{{1,2}}[./]\d{{4}})
    | (?P<written>(?:the\s)?
        (?:\d{{1,2}}(?:st|nd|rd|th)?(?:\sof)?\s{_MONTH}|{_MONTH}\s(?:the\s)?\d{{1,2}}(?:st|nd|rd|th)?(?![\d:]))
        (?:,?\s\d{{4}}(?![\d:]))?)
    | (?P<named>(?:the\s)?day\s(?:after\stomorrow|before\syesterday)|today|tonight|tomorrow|yesterday)
    | (?P<weekday>(?:(?:next|last|this|coming)\s)?{_WEEKDAY})
    | (?P<away>in\s{_COUNT}\s(?:days?|weeks?|months?|years?)(?!\sof)
        |{_COUNT}\s(?:days?|weeks?|months?|years?)\s(?:ago|from\s(?:now|today)))
    | (?P<period>(?:last|past|next|this|current|coming)\s(?:week|weekend|month|quarter|year))
    | (?P<clock>{CLOCK})
    )(?!\w|:\d)""",
    re.IGNORECASE | re.VERBOSE,
)
"""Every form of a date or time, one group a form; linear, for all repetitions are bounded."""

_PAST = re.compile(r"(?:since|after|last)\s(?:the\s)?$", re.IGNORECASE)
_EITHER = re.compile(r"(?:before|until|till)\s(?:the\s)?$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Moment:
    """A date (ISO 8601) or time (HH:MM) that was said; `moving` where another today would make it another date."""

    kind: str  # "date", "time", "datetime", "period", or "unclear" for what could be two
    value: str
    moving: bool = False


def moment_of(text: str, today: date) -> Moment | None:
    """A whole text as a date, a time of day, or a date with a time; None where it is none of them."""
    text = " ".join(text.split())
    if (match := MOMENT.fullmatch(text)) is not None:
        return read(match, today)
    for joint in re.finditer(r",? at |, | ", text):
        left, right = MOMENT.fullmatch(text, 0, joint.start()), MOMENT.fullmatch(text, joint.end())
        if left and right and (both := join(read(left, today), read(right, today))) is not None:
            return both
    return None


def join(one: Moment | None, other: Moment | None) -> Moment | None:
    """A date and a time as one moment, in whichever order; None where they are not one of each."""
    if one is None or other is None or {one.kind, other.kind} != {"date", "time"}:
        return None
    day, clock = (one, other) if one.kind == "date" else (other, one)
    time, zone = (clock.value[:-1], "Z") if clock.value.endswith("Z") else (clock.value, "")
    return Moment("datetime", f"{day.value}T{time if time.count(':') > 1 else time + ':00'}{zone}", moving=day.moving)


def read(match: re.Match[str], today: date) -> Moment | None:
    """What a match of `MOMENT` means; None for a day or an hour that there is not."""
    text = match.group().lower()
    try:
        match match.lastgroup:
            case "stamp":
                return _stamp(match.group())
            case "clock":
                clock = time_of(text)
                return Moment("time", clock) if clock else None
            case "period":
                return Moment("period", match.group(), moving=True)
            case "written":
                return _written(text, match.string[max(0, match.start() - 12) : match.start()], today)
            case form:
                return _day(form or "", text, today)
    except (ValueError, OverflowError):
        return None


def _stamp(text: str) -> Moment | None:
    day, time, zone = text[:10], text[11:], ""
    date.fromisoformat(day)
    if found := re.search(r"(?:[zZ]|[+-]\d\d:?\d\d)$", time):
        time, zone = time[: found.start()], found.group().upper()
    clock = time_of(time.partition(".")[0])
    return Moment("datetime", f"{day}T{time if time.count(':') > 1 else time + ':00'}{zone}") if clock else None


def _written(text: str, before: str, today: date) -> Moment | None:
    """March 5, 5th of March 2026. Without a year it is the next one, after "since" the last one."""
    month = next(n for n, name in enumerate(_MONTHS, start=1) if re.search(rf"\b{name}", text))
    numbers = [int(n) for n in re.findall(r"\d+", text)]
    if len(numbers) > 1:
        return Moment("date", date(numbers[1], month, numbers[0]).isoformat())
    if _EITHER.search(before):
        return Moment("unclear", text, moving=True)
    date(2024, month, numbers[0])  # a leap year: raises for 31 April, not for 29 February
    past = bool(_PAST.search(before))
    years = range(today.year, today.year - 8, -1) if past else range(today.year, today.year + 9)
    for year in years:
        if numbers[0] <= monthrange(year, month)[1]:
            day = date(year, month, numbers[0])
            if (day <= today) if past else (day >= today):
                return Moment("date", day.isoformat(), moving=True)
    return None


def _day(form: str, text: str, today: date) -> Moment | None:
    if form == "iso":
        year, month, day = (int(n) for n in re.split("[-/]", text))
        return Moment("date", date(year, month, day).isoformat())
    if form == "parted":
        first, second, year = (int(n) for n in re.split("[./]", text))
        if "." in text or first > 12 or first == second:  # noqa: PLR2004 - months
            return Moment("date", date(year, second, first).isoformat())
        return Moment("date", date(year, first, second).isoformat()) if second > 12 else Moment("unclear", text)  # noqa: PLR2004
    if form == "weekday":
        day = _DAYS.index(text.rsplit(maxsplit=1)[-1][:3])
        past = text.startswith("last ")
        ahead = (day - today.weekday()) % 7
        if past:
            ahead = ahead - 7
        elif text.startswith("next ") and ahead == 0:
            ahead = 7
        return Moment("date", (today + timedelta(days=ahead)).isoformat(), moving=True)
    if form == "named":
        days = {"today": 0, "tonight": 0, "tomorrow": 1, "yesterday": -1}.get(text)
        days = days if days is not None else (2 if "after" in text else -2)
        return Moment("date", (today + timedelta(days=days)).isoformat(), moving=True)
    return _away(text, today)


def _away(text: str, today: date) -> Moment:
    """In 3 days, 2 weeks ago. Months and years keep the day of the month, or take the month's last."""
    said = text.removeprefix("in ").split()
    count = COUNTS.get(said[0]) or (1 if said[0] in ("a", "an") else int(said[0]))
    count = -count if said[-1] == "ago" else count
    unit = said[1].rstrip("s")
    if unit in ("day", "week"):
        return Moment("date", (today + timedelta(days=count * (7 if unit == "week" else 1))).isoformat(), moving=True)
    months = today.year * 12 + today.month - 1 + count * (12 if unit == "year" else 1)
    year, month = divmod(months, 12)
    return Moment(
        "date", date(year, month + 1, min(today.day, monthrange(year, month + 1)[1])).isoformat(), moving=True
    )
