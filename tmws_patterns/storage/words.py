"""Words as the search indexes take them: no operator of either query language can leak in. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

MAX_TERMS = 128
"""Terms of one search: each costs a scan of its postings, and no question has more words."""

MAX_TERM_LENGTH = 200
"""Characters of one term: PostgreSQL refuses a word of more than 2,046 bytes."""


def plain_words(text: str) -> str:
    """`text` in lower case without accents, with a space for whatever is no letter or digit.

    What FTS5's unicode61 does by itself; PostgreSQL's parser would see hosts, paths and tags instead.
    """
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    letters = (c if c.isalnum() else " " for c in decomposed if not unicodedata.combining(c))
    return " ".join("".join(letters).split())


def sqlite_match(terms: Sequence[str]) -> str:
    """An FTS5 expression that finds any of the terms; "" where none of them holds a word."""
    usable = (term[:MAX_TERM_LENGTH].replace('"', " ") for term in terms[:MAX_TERMS])
    words = (_encodable(term) for term in usable if plain_words(term))
    return " OR ".join(f'"{word}"' for word in words)


def postgres_match(terms: Sequence[str]) -> str:
    """A tsquery that finds any of the terms; "" where none of them holds a word."""
    words = (plain_words(term[:MAX_TERM_LENGTH]) for term in terms[:MAX_TERMS])
    return " | ".join(f"'{word}'" for word in words if word)


def tag_key(tag: str) -> str:
    """A tag as it is compared: without regard to case, everything else exact."""
    return unicodedata.normalize("NFKC", tag).casefold().strip()


def _encodable(text: str) -> str:
    # a NUL ends FTS5's expression early, half a surrogate pair has no UTF-8
    return text.replace("\0", " ").encode("utf-8", "ignore").decode()
