"""The text to search for in a sentence that says so: "search the web for X", "look up X", "tell me about X"."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tmws_patterns.routing.understanding.fitting import Taken
from tmws_patterns.routing.understanding.spans import Heard

_ASKING = r"^\s{0,9}(?:(?:please|can you|could you|would you|i want to|i need to|let's|kindly)\s){0,2}"
_KINDS = "pictures|images|photos|articles|news|papers|results|documents|pages"
_CUES = tuple(
    re.compile(cue, re.IGNORECASE)
    for cue in (
        rf"{_ASKING}(?:search|look|google|query|browse|hunt|check)\b[^.?!]{{0,40}}?\s(?:for|about|regarding)\s(?=\S)",
        rf"{_ASKING}(?:look up|google|research|define|find out about)\s(?=\S)",
        r"^[^.?!]{0,60}?\s(?:about|regarding|concerning)\s(?=\S)",
        rf"{_ASKING}(?:find|get|show|list)\s(?:me\s)?(?:{_KINDS})\s(?:of|on|for)\s(?=\S)",
    )
)
_LOOSE = re.compile(r"(?:\s|,|;|\b(?:with|and|using|in|for|at|on|from|to|limit|the|a|as)$)+$", re.IGNORECASE)
_CLOSING = re.compile(r"[\s,]{0,3}(?:please|thanks|thank you)?[\s?!.]{0,5}$", re.IGNORECASE)


def tail(heard: Heard, used: Sequence[tuple[int, int]]) -> Taken | None:
    """What follows the cue, without what other properties took at its end; None where nothing does."""
    match = next(filter(None, (cue.search(heard.plain[:400]) for cue in _CUES)), None)
    if match is None:
        return None
    start, end = match.end(), len(heard.text)
    for place in sorted(used, reverse=True):
        rest = _CLOSING.match(heard.text, place[1]) if place[0] > start else None
        if (
            place[1] >= end
            or (rest is not None and rest.end() >= end)
            or not heard.text[place[1] : end].strip(" ,.;?!")
        ):
            end = max(start, place[0])
            end = start + len(_trimmed(heard.text[start:end]))
    said = heard.text[start:end]
    if (close := _CLOSING.search(said[-40:])) is not None:
        said = said[: len(said) - len(close.group())] if close.group() else said
    if not said.strip() or "\x00" in heard.plain[start : start + len(said)]:
        return None
    return Taken(said, said, start, start + len(said))


def _trimmed(text: str) -> str:
    """A text without the joining words that hung at its end."""
    while (match := _LOOSE.search(text[-40:])) is not None and match.group():
        text = text[: len(text) - len(match.group())]
    return text
