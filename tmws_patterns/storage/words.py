"""How tags are compared. Pure."""

from __future__ import annotations

import unicodedata


def tag_key(tag: str) -> str:
    """A tag as it is compared: without regard to case, everything else exact."""
    return unicodedata.normalize("NFKC", tag).casefold().strip()
