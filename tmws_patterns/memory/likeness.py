"""When two texts say the same: then the second is no new memory. Pure.

The same words in the same order, whatever their case, endings and marks, are the same. So are texts of which all but
a few words are, as long as none of these is a number, a name or a "not": what differs in one of them says something
else ("the limit is 30", "the limit is 60").
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from hashlib import blake2b

from tmws_patterns.memory.index.terms import stems

ALIKE = 0.85  # the least share of words in common, of all words of both (Jaccard, 1912)
_FEWEST = 6  # words of a text from which on some of them may differ
_ARTICLES = frozenset(("a", "an", "the"))
_TELLING = re.compile(
    r"\d|^(?:not?|never|none|nothing|without|unless|except|only|against|cannot|dis\w+|un\w+|\w*n[\'\u2019]?t)$"
)
_NAME = re.compile(r"(?<![.!?:]\s)(?<!^)\b[^\W\d_a-z]\w*")


def fingerprint(content: str, readers: Sequence[str]) -> str:
    """The same for texts whose words are the same in the same order, whatever their case, endings and marks.

    `readers` are part of it: what others may read is another memory.
    """
    said = [stem for stem in stems(content) if stem not in _ARTICLES] or [content]  # marks alone are what they are
    return blake2b(json.dumps([said, list(readers)]).encode(), digest_size=16).hexdigest()


def alike(one: str, other: str) -> bool:
    """True where two texts say the same, as far as their words tell."""
    first, second = set(stems(one)) - _ARTICLES, set(stems(other)) - _ARTICLES
    if min(len(first), len(second)) < _FEWEST or len(first & second) < ALIKE * len(first | second):
        return False
    differ = first ^ second
    names = {stem for text in (one, other) for name in _NAME.findall(text) for stem in stems(name)}
    return not any(_TELLING.search(stem) or stem in names for stem in differ)


def telling_words(content: str, count: int) -> list[str]:
    """The longest words of a text, which are the rarest as a rule."""
    found = dict.fromkeys(stem for stem in stems(content) if stem not in _ARTICLES)
    return sorted(found, key=len, reverse=True)[:count]
