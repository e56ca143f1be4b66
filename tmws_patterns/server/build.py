"""The MCP server object with all its handlers, the same for every transport."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from mcp.server import NotificationOptions, Server
from mcp.server.models import InitializationOptions

from tmws_patterns import __version__
from tmws_patterns.server.host import Host, Opener
from tmws_patterns.server.prompts import Prompts
from tmws_patterns.server.resources import Resources
from tmws_patterns.server.surface import ICON, INSTRUCTIONS
from tmws_patterns.server.tools import Tools


def build_server(open_app: Opener) -> tuple[Server[Host], Host]:
    """The server and the host of its App, which its lifespan runs."""
    host = Host(open_app)
    tools, resources, prompts = Tools(host), Resources(host), Prompts(host)

    @asynccontextmanager
    async def lifespan(_: Server[Host]) -> AsyncGenerator[Host, None]:
        async with host.running():
            yield host

    server: Server[Host] = Server(
        "tmws-patterns",
        version=__version__,
        title="TMWS patterns",
        description="One server in front of all of an agent's MCP servers and its memory",
        instructions=INSTRUCTIONS,
        icons=[ICON],
        lifespan=lifespan,
        on_list_tools=tools.list,
        on_call_tool=tools.call,
        on_list_resources=resources.list,
        on_list_resource_templates=resources.templates,
        on_read_resource=resources.read,
        on_list_prompts=prompts.list,
        on_get_prompt=prompts.get,
        on_completion=prompts.complete,
    )
    return server, host


def initialization(server: Server[Any]) -> InitializationOptions:
    """What `initialize` answers. The three tools never change, so no change is announced."""
    return server.create_initialization_options(NotificationOptions())
