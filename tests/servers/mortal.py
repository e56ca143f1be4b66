"""Answers, hangs, or dies in mid-call; tells which calls it was told to cancel, and its pid."""

import os
import sys
from pathlib import Path

from wire import NO_ANSWER, READ, serve, text, tool

cancelled = []


def call(name, arguments, params):
    if name in ("die", "die_reading"):
        with Path(arguments["log"]).open("a") as log:
            log.write("x")
        sys.stderr.write("my last words\n")
        sys.stderr.flush()
        os._exit(7)
    if name == "die_once":
        if not Path(arguments["log"]).exists():
            Path(arguments["log"]).touch()
            os._exit(7)
        return text("second life")
    if name == "hang":
        return NO_ANSWER
    return text({"echo": arguments, "pid": os.getpid(), "cancelled": len(cancelled)})


def notified(method, params):
    if method == "notifications/cancelled":
        cancelled.append(params["requestId"])


serve(
    [tool("echo", **READ), tool("hang"), tool("die"), tool("die_reading", **READ), tool("die_once", **READ)],
    call,
    notified,
)
