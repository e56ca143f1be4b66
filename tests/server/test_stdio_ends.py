"""Our own ends of stdin and stdout: whole lines in, all bytes out, cancellable, files too."""

from __future__ import annotations

import os
from pathlib import Path

import anyio
import pytest

from tmws_patterns.server.stdio import LineReader, LineWriter

pytestmark = pytest.mark.anyio


async def test_lines_arrive_whole_however_they_are_sent() -> None:
    ours, theirs = os.pipe()
    reader = LineReader(ours)
    long = "x" * 300_000

    async def send() -> None:
        writer = LineWriter(theirs)
        for piece in ("fir", "st\nsec", "ond\n", long, "\nlast without end"):
            await writer.write(piece)
            await anyio.lowlevel.checkpoint()
        await writer.flush()
        os.close(theirs)

    async with anyio.create_task_group() as group:
        group.start_soon(send)
        lines = [line async for line in reader]
    os.close(ours)
    assert lines == ["first", "second", long]


async def test_bytes_that_are_no_utf8_are_marked_and_break_nothing() -> None:
    ours, theirs = os.pipe()
    os.write(theirs, b"caf\xe9\nnext\n")
    os.close(theirs)
    assert [line async for line in LineReader(ours)] == ["caf\ufffd", "next"]
    os.close(ours)


async def test_waiting_for_a_line_can_be_cancelled() -> None:
    ours, theirs = os.pipe()
    with anyio.move_on_after(0.05) as scope:
        await anext(LineReader(ours))
    assert scope.cancelled_caught
    os.close(ours)
    os.close(theirs)


async def test_a_file_is_read_and_written_without_waiting(tmp_path: Path) -> None:
    file = tmp_path / "lines"
    file.write_text("one\ntwo\n")
    descriptor = os.open(file, os.O_RDWR)
    assert [line async for line in LineReader(descriptor)] == ["one", "two"]
    await LineWriter(descriptor).write("three\n")
    os.close(descriptor)
    assert file.read_text() == "one\ntwo\nthree\n"
