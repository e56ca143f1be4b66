"""Our own ends of stdin and stdout: whole lines in, all bytes out, cancellable, files too."""

from __future__ import annotations

import json
import os
from pathlib import Path

import anyio
import pytest

from tmws_patterns.server.stdio import LineReader, LineWriter, readable

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
    assert lines == ["first", "second", long, "last without end"]


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


def test_half_a_surrogate_pair_becomes_a_replacement_mark_and_a_whole_one_stays() -> None:
    cut = '{"jsonrpc":"2.0","id":2,"method":"x","params":{"q":"cut \\ud83d, \\ude00"}}'
    message, _ = readable(cut)
    assert json.loads(message)["params"]["q"] == "cut \ufffd, \ufffd"
    whole = '{"jsonrpc":"2.0","id":2,"method":"x","params":{"q":"\\ud83d\\ude00"}}'
    assert readable(whole) == (whole, "")


@pytest.mark.parametrize(
    ("line", "number"),
    [
        ("garbage", None),
        ("", None),
        ("[]", None),
        ('{"id": 7, "jsonrpc": "2.0", "params": [[[', 7),
        ('{"id":"a","x":1}', "a"),
    ],
)
async def test_a_line_that_is_no_message_is_answered_and_the_next_is_read(line: str, number: object) -> None:
    ours, theirs = os.pipe()
    back, answers = os.pipe()
    os.set_blocking(back, False)  # no answer is a failure and no wait
    good = '{"jsonrpc":"2.0","id":1,"method":"ping"}'
    os.write(theirs, f"{line}\n{good}\n".encode())
    os.close(theirs)
    assert [message async for message in LineReader(ours, LineWriter(answers))] == [good]
    answer = json.loads(os.read(back, 10_000))
    assert (answer["id"], answer["error"]["code"]) == (number, -32700)
    for descriptor in (ours, back, answers):
        os.close(descriptor)


async def test_a_client_that_has_gone_is_no_error() -> None:
    ours, theirs = os.pipe()
    os.close(ours)
    await LineWriter(theirs).write("nobody reads this\n")
    os.close(theirs)
