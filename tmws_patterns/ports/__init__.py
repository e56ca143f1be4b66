"""What the rooms promise each other: Protocols of a few methods, with their rules.

Every implementation is safe to share among tasks of one event loop. Failures are TmwsErrors unless a
Protocol says otherwise. Nothing waits without a deadline.
"""

from tmws_patterns.ports.cache import (
    AnswerCache,
    Cached,
    CacheRows,
    CacheTier,
    Entry,
    Epochs,
    LeaseRows,
    Leasing,
    Loaded,
    SharedTier,
    told_epochs,
)
from tmws_patterns.ports.dispatch import CatalogueRows, ToolCaller
from tmws_patterns.ports.kept import KeptAnswers, LearnedRows, Observer, Totals
from tmws_patterns.ports.memory import (
    IndexRows,
    IndexSegment,
    IndexState,
    Memory,
    MemoryQuery,
    MemoryReads,
    MemoryRows,
    MemoryRunner,
    Unindexed,
    VectorRows,
)

__all__ = [
    "AnswerCache",
    "CacheRows",
    "CacheTier",
    "Cached",
    "CatalogueRows",
    "Entry",
    "Epochs",
    "IndexRows",
    "IndexSegment",
    "IndexState",
    "KeptAnswers",
    "LearnedRows",
    "LeaseRows",
    "Leasing",
    "Loaded",
    "Memory",
    "MemoryQuery",
    "MemoryReads",
    "MemoryRows",
    "MemoryRunner",
    "Observer",
    "SharedTier",
    "ToolCaller",
    "Totals",
    "Unindexed",
    "VectorRows",
    "told_epochs",
]
