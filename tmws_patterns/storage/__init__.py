"""Everything that is kept: memories, epochs, cache rows, the catalogue, kept answers and totals.

The only home of SQL. One database of two SQLite files, or one PostgreSQL database; both behind the
Protocols of `ports` and held equal by one conformance suite.
"""

from tmws_patterns.storage.database import Database, open_database

__all__ = ["Database", "open_database"]
