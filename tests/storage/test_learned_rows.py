"""What routing learned is kept by its hash, and only the newest of it."""

from __future__ import annotations

import pytest

from tmws_patterns import Settings
from tmws_patterns.storage import open_database

pytestmark = pytest.mark.anyio


async def test_what_was_learned_is_found_by_its_hash_and_the_oldest_makes_way(settings: Settings) -> None:
    moments = iter(range(1, 100))
    async with open_database(settings, clock=lambda: float(next(moments))) as database:
        assert await database.learned.load_learned("none") is None
        for number in range(10):
            await database.learned.save_learned(f"hash{number}", bytes([number]))
        await database.learned.save_learned("hash9", b"again")
        assert await database.learned.load_learned("hash9") == b"again"
        assert await database.learned.load_learned("hash2") == b"\x02"
        assert await database.learned.load_learned("hash1") is None
