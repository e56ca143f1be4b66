"""Vectors in a column of pgvector's, where PostgreSQL has it: compared beside the data, and there for others' queries.

A distance is the same to the last bit as the one reckoned from bytes (see `quantized`), so that both engines give one
order of answers. The table has a schema of its own and no numbered version: what it holds can be encoded anew, so that
it may be dropped, and a dump of the schema tmws_patterns can be restored where there is no pgvector.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Double,
    MetaData,
    Table,
    Text,
    bindparam,
    cast,
    literal_column,
    select,
    text,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import UserDefinedType

from tmws_patterns.errors import StoreUnavailable
from tmws_patterns.quantized import UNKNOWN
from tmws_patterns.storage.connections import Connections, Reads
from tmws_patterns.storage.postgres_versions import LOCK, SCHEMA
from tmws_patterns.storage.vector_rows import spanned, upsert

_LOG = logging.getLogger(__name__)

_SCHEMA = f"{SCHEMA}_vectors"
_TABLE = "memory_halfvecs"
_WAIT = "SET LOCAL lock_timeout = '2s'"  # making the table stops writers, who must not queue behind one that waits
_MAKE = "CREATE EXTENSION IF NOT EXISTS vector SCHEMA public"
_EXTENSION = text("""
    SELECT quote_ident(nspname), extversion
    FROM pg_extension JOIN pg_namespace ON pg_namespace.oid = extnamespace
    JOIN pg_type ON typnamespace = extnamespace AND typname = 'halfvec'
    WHERE extname = 'vector'
""")
_AVAILABLE = text("SELECT count(*) FROM pg_available_extensions WHERE name = 'vector'")
_MADE = text("""
    SELECT count(*) FROM pg_attribute JOIN pg_constraint ON conrelid = attrelid
    WHERE attrelid = to_regclass(:name) AND attname = 'vector' AND NOT attisdropped
    AND contype = 'f' AND confrelid = to_regclass(:memories)
""").bindparams(name=f"{_SCHEMA}.{_TABLE}", memories=f"{SCHEMA}.memories")


class HalfvecTable:
    """Vectors as pgvector's halfvec (0.7 and later), the extension being in this schema."""

    def __init__(self, quick: Reads, schema: str, version: str) -> None:
        self.name = f"pgvector {version}"
        self._quick = quick
        halfvec = _Halfvec(schema)
        self.table = Table(
            _TABLE,
            MetaData(),
            Column("number", BigInteger, primary_key=True),
            Column("encoder", Text, nullable=False),
            Column("vector", halfvec, nullable=False),
            schema=_SCHEMA,
        )
        row = self.table.c
        # read once and not for each row, by standing in a query of its own
        asked = select(cast(cast(bindparam("asked"), Text), halfvec)).scalar_subquery()
        far: ColumnElement[float] = row.vector.op(f"OPERATOR({schema}.<=>)", return_type=Double())(asked)
        these = row.number.in_(bindparam("numbers", expanding=True))
        self._far = select(row.number, far).where(these, row.encoder == bindparam("encoder"))
        self.upsert = upsert(postgresql.insert, self.table)
        self.spanned = spanned(self.table, literal_column(f"{schema}.binary_quantize(vector)"))

    async def distances(self, asked: bytes, numbers: Sequence[int], encoder: str) -> dict[int, float]:
        """See VectorTable."""
        values = {"asked": self.kept(asked), "numbers": list(numbers), "encoder": encoder}
        rows = await self._quick.rows(self._far, values)
        return {number: UNKNOWN if math.isnan(distance) else distance for number, distance in map(tuple, rows)}

    def kept(self, vector: bytes) -> str:
        """See VectorTable."""
        return str(memoryview(vector).cast("b").tolist())

    def signs(self, read: Sequence[Any], width: int) -> tuple[list[int], bytes]:
        """See VectorTable."""
        rows = [(number, bits.bytes) for number, bits in read if len(bits) == width]
        return [number for number, _ in rows], b"".join([told for _, told in rows])


async def open_halfvecs(connections: Connections, quick: Reads) -> HalfvecTable | None:
    """The table, made if need be, and the extension too where the server has it and the user may.

    None where there is no pgvector, or an old one.
    """
    try:
        async with connections.write() as connection:
            for statement in (*LOCK, _WAIT):
                await connection.exec_driver_sql(statement)
            if not await connection.scalar(_AVAILABLE):
                return None
            if (await connection.execute(_EXTENSION)).first() is None:
                await connection.exec_driver_sql(_MAKE)
            found = (await connection.execute(_EXTENSION)).first()
            if found is None:
                return None
            schema, version = found
            if not await connection.scalar(_MADE):
                for statement in _made(schema):
                    await connection.exec_driver_sql(statement)
            for statement in _tried(schema):
                await connection.exec_driver_sql(statement)
    except StoreUnavailable as exc:
        _LOG.info("pgvector is there and is left alone: %s", exc)
        return None
    return HalfvecTable(quick, schema, version)


def _made(schema: str) -> tuple[str, ...]:
    return (
        f"CREATE SCHEMA IF NOT EXISTS {_SCHEMA}",
        f"DROP TABLE IF EXISTS {_SCHEMA}.{_TABLE}",  # of other memories, or without its vectors
        f"""
        CREATE TABLE {_SCHEMA}.{_TABLE} (
            number BIGINT PRIMARY KEY REFERENCES {SCHEMA}.memories (number) ON DELETE CASCADE,
            encoder TEXT NOT NULL,
            vector {schema}.halfvec NOT NULL
        )
        """,
    )


def _tried(schema: str) -> tuple[str, ...]:
    """What fails where the user may not read or write the table, or not use the extension; it changes nothing."""
    return (
        f"""
        INSERT INTO {_SCHEMA}.{_TABLE} SELECT 0, '', CAST('[1]' AS {schema}.halfvec) WHERE false
        ON CONFLICT (number) DO UPDATE SET vector = excluded.vector
        """,
        f"""
        SELECT {schema}.binary_quantize(vector), vector OPERATOR({schema}.<=>) CAST('[1]' AS {schema}.halfvec)
        FROM {_SCHEMA}.{_TABLE} LIMIT 0
        """,  # noqa: S608
    )


class _Halfvec(UserDefinedType[Any]):
    """pgvector's type, by the schema of the extension. Values are its text: whole numbers in brackets."""

    cache_ok = True

    def __init__(self, schema: str) -> None:
        self.schema = schema

    def get_col_spec(self, **_: Any) -> str:
        return f"{self.schema}.halfvec"

    def bind_expression(self, bindvalue: Any) -> Any:
        return cast(cast(bindvalue, Text), self)
