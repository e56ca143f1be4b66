"""The inverted index of all memories: their words in segments that never change, kept in the database.

terms.py says what a word is, segment.py what a segment holds and how it is written, ranking.py how it is
scored; live.py keeps one process's view of them up to date.
"""

from tmws_patterns.memory.index.live import MemoryIndex

__all__ = ["MemoryIndex"]
