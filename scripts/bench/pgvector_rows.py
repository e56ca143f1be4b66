"""Whether pgvector would find the nearest by meaning sooner than the index does: its exact scan of as many signs.

Its own index (HNSW) is quicker and inexact, so that PostgreSQL would rank otherwise than SQLite on the same memories.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np

from bench.timing import Report, timed
from tmws_patterns.encoder import static_encoder
from tmws_patterns.memory.index.meaning import Field, nearest
from tmws_patterns.memory.index.scratch import Scratch
from tmws_patterns.memory.index.segment import LARGEST, Head

_WANTED = 64  # as the index takes of each question


async def measure(url: str, size: int, report: Report, effort: float) -> None:
    """Both ways on the same random signs; nothing where the server has no pgvector."""
    library = import_module("asyncpg")
    width = static_encoder().width
    bits = np.random.default_rng(4).integers(0, 2, (size, width), dtype=np.uint8)
    connection = await library.connect(url)
    try:
        try:
            await connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
        except library.PostgresError as exc:
            report.row(f"postgresql, {size:,}", f"beside it: no pgvector ({exc})")
            return
        await connection.execute(f"CREATE TEMP TABLE signs (number bigint PRIMARY KEY, bits bit({width}))")
        rows = [(number, _bits(library, row)) for number, row in enumerate(bits)]
        await connection.copy_records_to_table("signs", records=rows)
        await connection.execute("ANALYZE signs")
        statement = f"SELECT number FROM signs ORDER BY bits <~> $1 LIMIT {_WANTED}"
        asked = [_bits(library, row) for row in bits[:100]]
        times = await timed(lambda n: connection.fetch(statement, asked[n % 100]), rounds=5, calls=int(60 * effort))
        report.row(f"postgresql, {size:,}", "beside it: pgvector, exact scan", times)
    finally:
        await connection.close()
    starts = range(0, size, LARGEST)
    fields = [Field.of(place, _head(bits[first : first + LARGEST]), None) for place, first in enumerate(starts)]
    vectors = bits[:100].astype(np.float32) * 2 - 1
    scratch = Scratch()

    async def look(number: int) -> None:
        nearest(fields, vectors[number % 100], _WANTED, scratch)

    report.row(
        f"postgresql, {size:,}", "the same by the index itself", await timed(look, rounds=5, calls=int(60 * effort))
    )


def _bits(library: Any, row: Any) -> Any:
    return library.BitString("".join(map(str, row.tolist())))


def _head(bits: Any) -> Head:
    signs = np.packbits(bits, axis=1).view(np.uint64)
    nothing = np.zeros(0, np.uint64)
    return Head(np.arange(len(bits)), (), np.zeros(len(bits), np.uint16), nothing, np.zeros(1, np.uint32), signs, 0)
