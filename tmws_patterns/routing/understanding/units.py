"""Units of measure and money: what a word is a unit of, and one unit in another where that is exact.

Bytes are never converted: a kilobyte is 1,000 to some and 1,024 to others.
"""

from __future__ import annotations

import re
from functools import lru_cache

_TABLE: dict[str, dict[str, float]] = {  # dimension: {units as they are said: factor to the dimension's own unit}
    "time": {
        "ms msec millisecond milliseconds": 0.001, "s sec secs second seconds": 1, "min mins minute minutes": 60,
        "h hr hrs hour hours": 3600, "d day days": 86_400, "w wk week weeks": 604_800,
    },
    "month": {"month months": 1},
    "year": {"year years yr yrs": 1},
    "length": {
        "mm millimeter millimeters millimetre millimetres": 0.001,
        "cm centimeter centimeters centimetre centimetres": 0.01,
        "m meter meters metre metres": 1, "km kms kilometer kilometers kilometre kilometres": 1000,
        "mi mile miles": 1609.344, "ft foot feet": 0.3048, "inch inches": 0.0254, "yd yard yards": 0.9144,
    },
    "mass": {
        "mg milligram milligrams": 0.000_001, "g gram grams gramme grammes": 0.001,
        "kg kgs kilo kilos kilogram kilograms": 1, "lb lbs pound pounds": 0.453_592_37,
        "oz ounce ounces": 0.028_349_523_125, "tonne tonnes": 1000,
    },
    "volume": {"ml milliliter milliliters millilitre millilitres": 0.001, "l liter liters litre litres": 1},
    "percent": {"% percent": 1},
    "celsius": {"°c celsius centigrade": 1},
    "fahrenheit": {"°f fahrenheit": 1},
    "kelvin": {"kelvin kelvins": 1},
    "bytes": {"byte bytes": 1},
    "kb": {"kb kilobyte kilobytes": 1}, "mb": {"mb megabyte megabytes": 1}, "gb": {"gb gigabyte gigabytes": 1},
    "tb": {"tb terabyte terabytes": 1}, "kib": {"kib": 1}, "mib": {"mib": 1}, "gib": {"gib": 1},
    "pixel": {"px pixel pixels": 1},
    "mph": {"mph": 1}, "kmh": {"km/h kmh kph": 1},
}  # fmt: skip
UNITS = {
    word: (dimension, factor)
    for dimension, rows in _TABLE.items()
    for said, factor in rows.items()
    for word in said.split()
}
"""Every unit as it is said, with its dimension and its factor to the dimension's own unit."""

CURRENCIES = frozenset(
    "USD EUR GBP JPY CHF CAD AUD NZD CNY HKD SGD INR KRW BRL MXN ZAR SEK NOK DKK PLN CZK HUF TRY RUB ILS AED SAR THB "
    "IDR MYR PHP VND TWD ARS CLP COP EGP NGN UAH RON BGN ISK BTC ETH".split()
)
SYMBOLS = {"$": "", "€": "EUR", "£": "GBP", "¥": ""}  # dollars and yen or yuan belong to several countries
MONEY = "money"
_TINY = 1e-9  # what is nearer to a whole number than this is one that a factor has blurred
_OWN = re.compile(r"\b(?:in|as|of) (?:whole )?(\w+)\b|\((\w+)\)|\b(\w+) \(", re.IGNORECASE)
_SHORT = 3  # letters: shorter units ("m", "in") are words or indices in a property's name


def dimension_of(unit: str) -> str | None:
    """What a unit measures; None for a word that is no unit."""
    if unit in CURRENCIES or unit in SYMBOLS:
        return MONEY
    found = UNITS.get(unit.casefold())
    return found[0] if found else None


def convert(value: float, unit: str, wanted: str) -> float | int | None:
    """A value in another unit; None where there is no exact way."""
    source, target = UNITS.get(unit.casefold()), UNITS.get(wanted.casefold())
    if source is None or target is None or source[0] != target[0]:
        return None
    if source == target:
        return value
    turned = value * source[1] / target[1]
    return round(turned) if abs(turned - round(turned)) < _TINY else round(turned, 9)


@lru_cache(maxsize=4_096)
def own_unit(words: tuple[str, ...], description: str) -> str:
    """The unit that a property is measured in, from the words of its name or its description; "" for none."""
    for word in reversed(words):
        if word in UNITS and (len(word) >= _SHORT or word in ("ms", "km", "kg", "mb", "gb", "kb", "cm", "mm", "px")):
            return word
    for said in _OWN.findall(description[:400]):
        word = str(next(filter(None, said))).casefold()
        if word in UNITS and len(word) > 1:
            return word
    return ""


def iso_duration(value: float, unit: str) -> str | None:
    """A length of time as ISO 8601 writes it, such as PT2M; None for what is none or has a fraction."""
    signs = {1: "PT{}S", 60: "PT{}M", 3600: "PT{}H", 86_400: "P{}D", 604_800: "P{}W"}
    dimension, factor = UNITS.get(unit.casefold(), ("", 0))
    if value != int(value) or dimension != "time" or factor not in signs:
        return None
    return signs[int(factor)].format(int(value))
