"""Word pieces as BERT's uncased vocabulary cuts them (Devlin et al., 2019; Schuster and Nakajima, 2012).

Words are remembered with their pieces, so that a sentence of known words costs a look-up a word.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]|[^\W_]+|[^\w\s]|_")
_REMEMBERED = 65_536  # words; beyond it the memory is emptied, which costs less than keeping an order
_LONGEST = 60  # characters of a word that is cut into pieces; longer ones are no words
_LONGEST_TEXT = 2_000  # characters that are looked at: the subject of a text stands in its beginning
UNKNOWN = "[UNK]"


class WordPiece:
    """A vocabulary of pieces; those that continue a word begin with `##`. Safe to share between threads."""

    def __init__(self, vocabulary: Sequence[str]) -> None:
        self._places = {piece: i for i, piece in enumerate(vocabulary)}
        self._known: dict[str, tuple[int, ...]] = {}
        self.unknown = self._places[UNKNOWN]

    def __len__(self) -> int:
        return len(self._places)

    def words(self) -> list[str]:
        """All pieces."""
        return list(self._places)

    def place(self, piece: str) -> int:
        """Where a piece stands in the vocabulary."""
        return self._places[piece]

    def holds(self, word: str) -> bool:
        """True for a word that is a piece as it stands."""
        return word in self._places

    def pieces(self, text: str) -> list[int]:
        """Places of the pieces of a text; empty for one without words and signs."""
        text = text[:_LONGEST_TEXT].lower()
        if not text.isascii():
            text = "".join(c for c in unicodedata.normalize("NFD", text) if unicodedata.category(c) != "Mn")
        found: list[int] = []
        known = self._known
        for word in _WORD.findall(text):
            cut = known.get(word)
            found += cut if cut is not None else self._remember(word)
        return found

    def _remember(self, word: str) -> tuple[int, ...]:
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        cut = self._known[word] = tuple(self._cut(word))
        return cut

    def _cut(self, word: str) -> list[int]:
        """The longest pieces first; one unknown piece where the rest of the word fits none."""
        if len(word) > _LONGEST:
            return [self.unknown]
        found: list[int] = []
        start = 0
        while start < len(word):
            for end in range(len(word), start, -1):
                place = self._places.get(word[start:end] if start == 0 else f"##{word[start:end]}")
                if place is not None:
                    found.append(place)
                    start = end
                    break
            else:
                return [self.unknown]
        return found
