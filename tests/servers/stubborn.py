"""Ignores the end of its input and SIGTERM, and so does the process it starts."""

import signal
import subprocess
import sys

from wire import serve, text, tool

signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen(
    [sys.executable, "-c", "import signal, threading; signal.signal(15, signal.SIG_IGN); threading.Event().wait()"],
    stdin=subprocess.DEVNULL,
)
if sys.argv[1:] != ["mute"]:
    serve([tool("child")], lambda name, arguments, params: text(str(child.pid)))
signal.pause()
