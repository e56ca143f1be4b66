"""Opening the App for a command. Here stands the one sanctioned deferred import."""

from __future__ import annotations

import gc
import logging
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from importlib import import_module
from typing import Any, TypeVar

import anyio

from tmws_patterns.settings import Settings

T = TypeVar("T")

_NOISY = ("mcp.client", "client", "mcp.server")
"""The SDK logs a traceback for every downstream failure that we report in our own words."""


def settings() -> Settings:
    """The environment's settings, with logging to stderr set up by them."""
    found = Settings.load()
    logging.basicConfig(stream=sys.stderr, level=found.log_level, format="%(levelname)s %(name)s: %(message)s")
    if found.log_level != "DEBUG":
        for name in _NOISY:
            logging.getLogger(name).setLevel(logging.CRITICAL)
    return found


@asynccontextmanager
async def open_app(given: Settings) -> AsyncGenerator[Any, None]:
    """The App, its modules loaded in a thread so that a server meanwhile answers."""
    module = await anyio.to_thread.run_sync(import_module, "tmws_patterns.app")
    async with module.open_app(given) as app:
        gc.freeze()  # what was loaded stays: going through it again and again stops everything for 0.15 s each time
        yield app


def with_app(work: Callable[[Any], Awaitable[T]]) -> T:
    """Run some work with an App that is closed afterwards."""

    async def run() -> T:
        async with open_app(settings()) as app:
            return await work(app)

    return anyio.run(run)
