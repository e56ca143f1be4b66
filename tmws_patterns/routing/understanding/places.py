"""From the name of a place to its time zone.

The names are GeoNames' (CC BY 4.0), packed by scripts/make_places.py and read on first use.
"""

from __future__ import annotations

import gzip
import re
import unicodedata
from functools import cache
from importlib.resources import files
from zoneinfo import available_timezones

from tmws_patterns.routing.text import STOP_WORDS

_ABBREVIATIONS = {
    "utc": "Etc/UTC", "gmt": "Etc/GMT", "z": "Etc/UTC",
    "est": "America/New_York", "edt": "America/New_York", "et": "America/New_York", "eastern": "America/New_York",
    "cst": "America/Chicago", "cdt": "America/Chicago", "central": "America/Chicago",
    "mst": "America/Denver", "mdt": "America/Denver", "mountain": "America/Denver",
    "pst": "America/Los_Angeles", "pdt": "America/Los_Angeles", "pacific": "America/Los_Angeles",
    "cet": "Europe/Paris", "cest": "Europe/Paris", "bst": "Europe/London", "ist": "Asia/Kolkata",
    "jst": "Asia/Tokyo", "la": "America/Los_Angeles", "sf": "America/Los_Angeles", "uk": "Europe/London",
    "dc": "America/New_York", "washington dc": "America/New_York",
}  # fmt: skip


def fold(name: str) -> str:
    """A name as it is compared: no case, accents, hyphens or commas."""
    plain = unicodedata.normalize("NFKD", name.casefold())
    kept = "".join(" " if c in "-_," else c for c in plain if not unicodedata.combining(c) and c not in ".'’ʿʾ")
    return " ".join(kept.split())


@cache
def _zones() -> dict[str, str]:
    """Every name known here, with its zone: cities, countries that live in one zone, the zones themselves."""
    text = gzip.decompress(files(__package__).joinpath("places.tsv.gz").read_bytes()).decode()
    found: dict[str, str] = {}
    for line in text.split("\n"):
        zone, *names = line.split("\t")
        found.update(dict.fromkeys(names, zone))
    for zone in sorted(available_timezones(), key=lambda z: ("/" not in z, z)):
        if zone.startswith("Etc/GMT"):  # named with the sign turned round: see zone_of
            continue
        found.setdefault(fold(zone.rsplit("/", 1)[-1]), zone)
        found.setdefault(fold(zone), zone)
    return found | _ABBREVIATIONS


_OFFSET = re.compile(r"(?:utc|gmt)\s*([+-])\s*(\d{1,2})(?::?00)?", re.IGNORECASE)
_FARTHEST = 12  # hours: the zones Etc/GMT-14 to Etc/GMT+12 reach beyond it on one side only


def _is_word(name: str) -> bool:
    """True for a little word that is a village's name too, such as "her"; abbreviations of zones are none."""
    short = len(name) <= 3 and name.islower() and name not in _ABBREVIATIONS  # noqa: PLR2004 - letters
    return short or name.casefold() in STOP_WORDS


def zone_of(place: str) -> str | None:
    """The IANA zone of a city, a zone's name or a common abbreviation; None where it is not known.

    "Paris, France" is tried whole and then by its first part. "UTC+2" is two hours ahead of UTC,
    which the IANA names Etc/GMT-2.
    """
    if offset := _OFFSET.fullmatch(place.strip()):
        sign, hours = offset.groups()
        return f"Etc/GMT{'-' if sign == '+' else '+'}{int(hours)}" if 0 < int(hours) <= _FARTHEST else None
    zones = _zones()
    place = re.sub(r"^(?:(?:in|the|time ?zone|city|of)\s+)+", "", place.strip(), flags=re.IGNORECASE) or place
    told_in = re.split(r"\s+time\b", place, maxsplit=1, flags=re.IGNORECASE)[0]  # "Sydney time. When is that"
    for attempt in (place, place.partition(",")[0], told_in, re.sub(r"^(?:the )?(?:city of )?", "", place)):
        if (zone := zones.get(fold(attempt))) and not _is_word(attempt):
            return zone
    return None
