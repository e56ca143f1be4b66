"""Mistyped words of a sentence set right, where one known word is a slip of the finger away.

One letter left out, doubled, changed or swapped with its neighbour (Damerau, 1964, "A technique for
computer detection and correction of spelling errors"), found by leaving out letters on both sides.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from tmws_patterns.routing.text import words

_WORD = re.compile(r"(?<![\w./\\@\-])[A-Za-z]{4,20}(?![\w/\\@]|[.\-]\w)")  # no part of a path, name or address
_RARE = 5  # times as often as a word of no language stands its neighbour: then it is a slip that an example holds
_MOST = 200  # words that are looked at: what is asked stands in the beginning
_SHORTEST = 4  # letters: shorter words are one letter away from too many others


class Speller:
    """Knows the words of some texts. Never changed, safe to share between threads."""

    def __init__(self, texts: Iterable[str]) -> None:
        counts = Counter(word.casefold() for text in texts for word in _WORD.findall(text))
        self._counts = counts
        self._near: dict[str, list[str]] = {}
        for word, _ in counts.most_common():  # the more usual word first
            for shape in _shapes(word):
                self._near.setdefault(shape, []).append(word)

    def corrected(self, sentence: str, is_word: Callable[[str], bool]) -> str:
        """The sentence with its slips set right; the same one where there is none. `is_word` knows the language."""
        if all(len(word) < _SHORTEST or (word.isalpha() and is_word(word)) for word in words(sentence)):
            return sentence  # as most are

        def right(match: re.Match[str]) -> str:
            word = match.group().casefold()
            if is_word(word):
                return match.group()
            meant = next(self._candidates(word), word)
            if word in self._counts and not (is_word(meant) and self._counts[meant] > _RARE * self._counts[word]):
                return match.group()
            return meant if meant != word else match.group()

        return _WORD.sub(right, sentence, count=_MOST)

    def _candidates(self, word: str) -> Iterator[str]:
        for shape in _shapes(word):
            for known in self._near.get(shape, ()):
                if known[0] == word[0] and known != word and _is_slip(word, known):
                    yield known


def _shapes(word: str) -> Iterator[str]:
    """The word, and the word without each one of its letters."""
    yield word
    if len(word) >= _SHORTEST:
        yield from (word[:i] + word[i + 1 :] for i in range(len(word)))


def _is_slip(word: str, known: str) -> bool:
    """True for one letter more, less or other, or two neighbours swapped."""
    if abs(len(word) - len(known)) > 1:
        return False
    start = next((i for i, (a, b) in enumerate(zip(word, known, strict=False)) if a != b), min(len(word), len(known)))
    left, right = word[start:], known[start:]
    swapped = left[:2] == right[1::-1] and left[2:] == right[2:]
    return swapped or left[1:] == right or left == right[1:] or left[1:] == right[1:]
