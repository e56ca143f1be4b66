"""Times of day as people say them: 14:30, 3 pm, 7 in the morning, half past six, quarter to nine am, 2100 hours."""

from __future__ import annotations

import re

COUNTS = {
    word: n for n, word in enumerate("one two three four five six seven eight nine ten eleven twelve".split(), start=1)
}
_MINUTES = {"half": 30, "quarter": 15, "twenty": 20, "twenty-five": 25} | COUNTS
_HOUR = rf"(?:\d{{1,2}}|{'|'.join(COUNTS)})"
_HALF = r"(?:\s?(?:[ap]\.m\.|[ap]m)|\s(?:in\sthe\s(?:morning|afternoon|evening)|at\snight))"
_SHARP = r"(?:\so['’]?\s?clock)"
_MINUTE = r"(?:five|ten|twenty|twenty-five|\d{1,2})"
_PAST = rf"(?:half\spast|(?:a\s)?quarter\s(?:past|to)|{_MINUTE}\s(?:minutes\s(?:past|to)|past))"
_ZONE = r"(?:\s?(?:UTC|GMT|Z))"

CLOCK = (
    rf"(?:\d{{1,2}}:\d{{2}}(?::\d{{2}})?{_HALF}?|\d{{1,2}}\.\d{{2}}{_HALF}|{_PAST}\s{_HOUR}{_SHARP}?{_HALF}?"
    rf"|{_MINUTE}\sto\s{_HOUR}(?:{_SHARP}|{_HALF})"  # "ten to twelve" alone may be a range
    rf"|{_HOUR}{_SHARP}?{_HALF}|{_HOUR}{_SHARP}|\d{{4}}\shours|noon|midday|midnight){_ZONE}?"
)
"""Every form of a time of day; linear, for all repetitions are bounded. For `re` with IGNORECASE and VERBOSE."""

_NUMERIC = re.compile(
    rf"(\d{{1,2}})(?:[:.](\d{{2}}))?(?::(\d{{2}}))?({_HALF})?({_ZONE})?|(\d\d)(\d\d)\shours({_ZONE})?", re.IGNORECASE
)
_SPOKEN = re.compile(
    rf"(?:(?:a\s)?(?P<minutes>[\w\-]+)\s(?:minutes\s)?(?P<way>past|to)\s)?(?P<hour>{_HOUR}){_SHARP}?"
    rf"(?P<half>{_HALF})?(?P<zone>{_ZONE})?",
    re.IGNORECASE,
)
_NAMED = re.compile(rf"(noon|midday|midnight)({_ZONE})?", re.IGNORECASE)


def time_of(text: str) -> str | None:
    """A time of day as HH:MM, with seconds and "Z" for UTC where they were said; None where there is no such time."""
    text = " ".join(text.split())
    if match := _NAMED.fullmatch(text):
        return ("00:00" if match.group(1).casefold() == "midnight" else "12:00") + ("Z" if match.group(2) else "")
    if match := _NUMERIC.fullmatch(text):
        hour, minute, second, half, zone, military, minutes, sea = match.groups()
        if military:
            return _written(int(military), int(minutes), "", "", sea)
        if minute is None and half is None:
            return None
        return _written(int(hour), int(minute or 0), second or "", half or "", zone)
    match = _SPOKEN.fullmatch(text)
    return _spoken(match) if match and (match["way"] or match["half"] or "clock" in text.casefold()) else None


def _spoken(match: re.Match[str]) -> str | None:
    """Half past six, ten to nine am, 7 o'clock."""
    said = (match["minutes"] or "").casefold()
    minute = _MINUTES.get(said, int(said) if said.isdigit() else -1) if said else 0
    hour = COUNTS.get(match["hour"].casefold()) or int(match["hour"])
    if minute < 0:
        return None
    if (match["way"] or "").casefold() == "to":
        hour, minute = (hour - 1 or 12 if match["half"] else hour - 1), 60 - minute
    return _written(hour, minute, "", match["half"] or "", match["zone"])


def _written(hour: int, minute: int, second: str, half: str, zone: str | None) -> str | None:
    """The time as it is handed on; None where no clock shows it."""
    if half:
        if not 1 <= hour <= 12:  # noqa: PLR2004 - hours of a clock's face
            return None
        hour = hour % 12 + (12 if _is_late(half.strip().casefold(), hour) else 0)
    if not (0 <= hour <= 23 and minute <= 59 and int(second or 0) <= 59):  # noqa: PLR2004 - hours, minutes, seconds
        return None
    return f"{hour:02d}:{minute:02d}" + (f":{second}" if second else "") + ("Z" if zone else "")


def _is_late(half: str, hour: int) -> bool:
    """True for the second half of the day; twelve and the small hours "at night" are the first."""
    if half == "at night":
        return 5 < hour < 12  # noqa: PLR2004 - from six in the evening to eleven
    return half.startswith("p") or half.endswith(("afternoon", "evening"))
