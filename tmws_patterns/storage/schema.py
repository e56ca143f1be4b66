"""The tables as SQLAlchemy sees them. `migrations` makes them; a change here needs a migration there.

Times are integers of microseconds since 1970, so that both engines compare them alike.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Dialect,
    Double,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TypeDecorator,
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

metadata = MetaData()


def moment_of(microseconds: int) -> datetime:
    """The aware time so long after 1970."""
    return _EPOCH + timedelta(microseconds=microseconds)


def microseconds_of(moment: datetime) -> int:
    """The reverse."""
    return (moment - _EPOCH) // _MICROSECOND


class Moment(TypeDecorator[datetime]):
    """An aware datetime, kept as microseconds since 1970; these may be given as they are."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | int | None, _dialect: Dialect) -> Any:
        return microseconds_of(value) if isinstance(value, datetime) else value

    def process_result_value(self, value: Any, _dialect: Dialect) -> datetime | None:
        return None if value is None else moment_of(value)


schema_versions = Table(
    "schema_versions",
    metadata,
    Column("name", Text, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("applied_at", Double, nullable=False),
)

meta = Table("meta", metadata, Column("name", Text, primary_key=True), Column("value", Text, nullable=False))

memories = Table(
    "memories",
    metadata,
    Column("number", BigInteger, primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("tenant", Text, nullable=False),
    Column("agent_id", Text, nullable=False),
    Column("namespace", Text, nullable=False),
    Column("access_level", Text, nullable=False),
    Column("team", Text),
    Column("importance", Double, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
    Column("expires_at", Moment),
    Column("tags", Text, nullable=False),
    Column("shared_with", Text, nullable=False),
    Column("content", Text, nullable=False),
    Column("summary", Text, nullable=False),
    Column("times", Integer, nullable=False),
    Column("fingerprint", Text, nullable=False),
)

counters = Table(
    "counters", metadata, Column("name", Text, primary_key=True), Column("value", BigInteger, nullable=False)
)

index_segments = Table(
    "index_segments",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("first", BigInteger, nullable=False),
    Column("last", BigInteger, nullable=False),
    Column("docs", Integer, nullable=False),
    Column("head", LargeBinary, nullable=False),
)

index_chunks = Table(
    "index_chunks", metadata, Column("key", BigInteger, primary_key=True), Column("data", LargeBinary, nullable=False)
)

memory_vectors = Table(
    "memory_vectors",
    metadata,
    Column("number", BigInteger, primary_key=True),
    Column("encoder", Text, nullable=False),
    Column("vector", LargeBinary, nullable=False),
)

memory_tags = Table(
    "memory_tags", metadata, Column("memory_id", Text, primary_key=True), Column("tag", Text, primary_key=True)
)

memory_shares = Table(
    "memory_shares", metadata, Column("memory_id", Text, primary_key=True), Column("agent_id", Text, primary_key=True)
)

tag_epochs = Table(
    "tag_epochs", metadata, Column("tag", Text, primary_key=True), Column("epoch", BigInteger, nullable=False)
)

catalogue = Table(
    "catalogue",
    metadata,
    Column("identity", Text, primary_key=True),
    Column("server", Text, nullable=False),
    Column("tools", Text, nullable=False),
    Column("saved_at", Double, nullable=False),
)

totals = Table("totals", metadata, Column("name", Text, primary_key=True), Column("value", Double, nullable=False))

cache_entries = Table(
    "cache_entries",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("stored_at", Double, nullable=False),
    Column("expires_at", Double, nullable=False),
    Column("epochs", Text, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("cost", Double, nullable=False),
)

leases = Table(
    "leases",
    metadata,
    Column("name", Text, primary_key=True),
    Column("token", Text, nullable=False),
    Column("until", Double, nullable=False),
)

kept_answers = Table(
    "kept_answers",
    metadata,
    Column("id", Text, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("agent_id", Text, nullable=False),
    Column("kept_at", Double, nullable=False),
    Column("expires_at", Double, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("payload", LargeBinary, nullable=False),
)

learned = Table(
    "learned",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("saved_at", Double, nullable=False),
    Column("payload", LargeBinary, nullable=False),
)
