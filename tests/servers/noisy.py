"""Prints what is no message, before, between and without end."""

import sys

from wire import serve, text, tool


def call(name, arguments, params):
    sys.stdout.write(f"log: calling {name}\n")
    sys.stdout.flush()
    sys.stdout.buffer.write(b"\xff\xfe\x00 {not json}\n[]\n\n{}\n")
    sys.stdout.flush()
    return text("answered")


sys.stdout.write("Welcome to the noisy server!\n")
sys.stdout.flush()
serve([tool("speak")], call)
