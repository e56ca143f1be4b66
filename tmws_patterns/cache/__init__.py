"""Answers kept for a while: local memory, Redis and the database, with one load at a time for a key.

The only home of `redis`. What may be kept and for how long is the caller's to say.
"""

from tmws_patterns.cache.tiered import TieredCache, open_cache

__all__ = ["TieredCache", "open_cache"]
