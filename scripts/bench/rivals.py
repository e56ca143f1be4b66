"""Other ways to look for texts, measured beside ours: plain FTS5, and tantivy where it is installed."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable
from importlib import import_module
from importlib.util import find_spec


class Fts5:
    """As its documentation has it: porter stems, the question's words joined by OR, ranked by bm25()."""

    def __init__(self) -> None:
        self._connection = sqlite3.connect(":memory:")
        self._connection.execute("CREATE VIRTUAL TABLE kept USING fts5(content, tokenize='porter unicode61')")

    def add(self, texts: Iterable[str]) -> None:
        """Texts to be found, numbered from 0 on."""
        self._connection.executemany("INSERT INTO kept (content) VALUES (?)", ([text] for text in texts))

    def look(self, question: str, count: int) -> list[int]:
        """The numbers of the best texts for a question, so many at most, best first."""
        words = " OR ".join(f'"{word}"' for word in _words(question))
        statement = "SELECT rowid - 1 FROM kept WHERE kept MATCH ? ORDER BY rank LIMIT ?"
        return [number for (number,) in self._connection.execute(statement, (words, count))]


class Tantivy:
    """With its English stems, in memory, the question's words joined by OR."""

    is_installed = find_spec("tantivy") is not None

    def __init__(self) -> None:
        self._library = import_module("tantivy")
        schema = self._library.SchemaBuilder()
        schema.add_unsigned_field("number", stored=True)
        schema.add_text_field("content", tokenizer_name="en_stem")
        self._index = self._library.Index(schema.build())
        self._count = 0

    def add(self, texts: Iterable[str]) -> None:
        """Texts to be found, numbered from 0 on."""
        writer = self._index.writer()
        for text in texts:
            writer.add_document(self._library.Document(number=self._count, content=text))
            self._count += 1
        writer.commit()
        writer.wait_merging_threads()
        self._index.reload()

    def look(self, question: str, count: int) -> list[int]:
        """The numbers of the best texts for a question, so many at most, best first."""
        query = self._index.parse_query(" ".join(_words(question)), ["content"])
        searcher = self._index.searcher()
        return [searcher.doc(place)["number"][0] for _, place in searcher.search(query, count).hits]


def _words(question: str) -> list[str]:
    return re.findall(r"\w+", question.lower())
