"""The command line. A person reads tables; a pipe, or --json, gets JSON; errors go to stderr with a status.

The engine and the server are loaded inside the commands that need them, so that --help and --version
are instant.
"""

from __future__ import annotations

import sys

from tmws_patterns.cli.commands import app
from tmws_patterns.errors import TmwsError
from tmws_patterns.settings import one_thread_for_products


def main() -> None:
    """Run a command; a failure named by the product ends with status 1 and says what to do."""
    one_thread_for_products()
    try:
        app()
    except TmwsError as exc:
        sys.stderr.write(f"{exc.code}: {exc.message}\n" + (f"hint: {exc.hint}\n" if exc.hint else ""))
        sys.exit(1)


__all__ = ["app", "main"]
