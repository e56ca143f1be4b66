"""The SQLite tables, version by version: memory.db and cache.db."""

from __future__ import annotations

from tmws_patterns.storage.migrations import Versions

_MEMORY_1 = (
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    "INSERT INTO meta VALUES ('store_id', lower(hex(randomblob(16))))",
    # content stands last, so that scope is judged without reading its overflow pages
    """
    CREATE TABLE memories (
        number INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        tenant TEXT NOT NULL,
        agent_id TEXT NOT NULL,
        namespace TEXT NOT NULL,
        access_level TEXT NOT NULL,
        team TEXT,
        importance REAL NOT NULL,
        created_at INTEGER NOT NULL,
        updated_at INTEGER NOT NULL,
        expires_at INTEGER,
        tags TEXT NOT NULL,
        shared_with TEXT NOT NULL,
        content TEXT NOT NULL
    )
    """,
    "CREATE INDEX memories_by_time ON memories (tenant, created_at)",
    "CREATE INDEX memories_by_importance ON memories (tenant, importance)",
    "CREATE INDEX memories_by_expiry ON memories (expires_at) WHERE expires_at IS NOT NULL",
    """
    CREATE TABLE memory_tags (
        memory_id TEXT NOT NULL REFERENCES memories (id) ON DELETE CASCADE,
        tag TEXT NOT NULL,
        PRIMARY KEY (memory_id, tag)
    ) WITHOUT ROWID
    """,
    "CREATE INDEX memory_tags_by_tag ON memory_tags (tag, memory_id)",
    """
    CREATE TABLE memory_shares (
        memory_id TEXT NOT NULL REFERENCES memories (id) ON DELETE CASCADE,
        agent_id TEXT NOT NULL,
        PRIMARY KEY (memory_id, agent_id)
    ) WITHOUT ROWID
    """,
    """
    CREATE VIRTUAL TABLE memory_words USING fts5 (
        content, tags, content='memories', content_rowid='number',
        tokenize='porter unicode61 remove_diacritics 2'
    )
    """,
    """
    CREATE TRIGGER memories_added AFTER INSERT ON memories BEGIN
        INSERT INTO memory_words (rowid, content, tags) VALUES (new.number, new.content, new.tags);
    END
    """,
    """
    CREATE TRIGGER memories_removed AFTER DELETE ON memories BEGIN
        INSERT INTO memory_words (memory_words, rowid, content, tags)
        VALUES ('delete', old.number, old.content, old.tags);
    END
    """,
    """
    CREATE TRIGGER memories_changed AFTER UPDATE OF content, tags ON memories BEGIN
        INSERT INTO memory_words (memory_words, rowid, content, tags)
        VALUES ('delete', old.number, old.content, old.tags);
        INSERT INTO memory_words (rowid, content, tags) VALUES (new.number, new.content, new.tags);
    END
    """,
    "CREATE TABLE tag_epochs (tag TEXT PRIMARY KEY, epoch INTEGER NOT NULL) WITHOUT ROWID",
    """
    CREATE TABLE catalogue (
        identity TEXT PRIMARY KEY, server TEXT NOT NULL, tools TEXT NOT NULL, saved_at REAL NOT NULL
    )
    """,
    "CREATE TABLE totals (name TEXT PRIMARY KEY, value REAL NOT NULL) WITHOUT ROWID",
)

# Words are indexed by memory/index from here on, the same on both engines; numbers are never used twice, so that the
# index can tell a new memory from one that has gone.
_MEMORY_2 = (
    "DROP TRIGGER memories_added",
    "DROP TRIGGER memories_removed",
    "DROP TRIGGER memories_changed",
    "DROP TABLE memory_words",
    "ALTER TABLE memories ADD COLUMN summary TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE memories ADD COLUMN times INTEGER NOT NULL DEFAULT 1",
    "ALTER TABLE memories ADD COLUMN fingerprint TEXT NOT NULL DEFAULT ''",
    "CREATE INDEX memories_by_fingerprint ON memories (fingerprint, agent_id)",
    "CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID",
    "INSERT INTO counters SELECT 'memories', coalesce(max(number), 0) FROM memories",
    "INSERT INTO counters VALUES ('segments', 0)",
    """
    CREATE TABLE index_segments (
        id INTEGER PRIMARY KEY, first INTEGER NOT NULL, last INTEGER NOT NULL, docs INTEGER NOT NULL, head BLOB NOT NULL
    )
    """,
    "CREATE TABLE index_chunks (key INTEGER PRIMARY KEY, data BLOB NOT NULL)",
    """
    CREATE TABLE memory_vectors (
        number INTEGER PRIMARY KEY REFERENCES memories (number) ON DELETE CASCADE,
        encoder TEXT NOT NULL,
        vector BLOB NOT NULL
    )
    """,
)

_CACHE_1 = (
    """
    CREATE TABLE cache_entries (
        digest TEXT PRIMARY KEY,
        stored_at REAL NOT NULL,
        expires_at REAL NOT NULL,
        epochs TEXT NOT NULL,
        payload BLOB NOT NULL
    )
    """,
    "CREATE INDEX cache_entries_by_expiry ON cache_entries (expires_at)",
    "CREATE INDEX cache_entries_by_age ON cache_entries (stored_at)",
    """
    CREATE TABLE kept_answers (
        id TEXT PRIMARY KEY,
        tenant TEXT NOT NULL,
        agent_id TEXT NOT NULL,
        kept_at REAL NOT NULL,
        expires_at REAL NOT NULL,
        size INTEGER NOT NULL,
        payload BLOB NOT NULL
    )
    """,
    "CREATE INDEX kept_answers_by_age ON kept_answers (kept_at, id, size)",
)

_CACHE_2 = ("CREATE TABLE learned (digest TEXT PRIMARY KEY, saved_at REAL NOT NULL, payload BLOB NOT NULL)",)

_CACHE_3 = (
    "ALTER TABLE cache_entries ADD COLUMN cost REAL NOT NULL DEFAULT 0",
    "CREATE TABLE leases (name TEXT PRIMARY KEY, token TEXT NOT NULL, until REAL NOT NULL) WITHOUT ROWID",
)

MEMORY = Versions("memory", (_MEMORY_1, _MEMORY_2))
CACHE = Versions("cache", (_CACHE_1, _CACHE_2, _CACHE_3))
