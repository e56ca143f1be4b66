"""The least that a gateway made of the SDK can be: its server in front of its client, and nothing in between."""

from __future__ import annotations

import sys

import anyio
from mcp import Client, StdioServerParameters
from mcp.server import Server
from mcp.server.stdio import stdio_server


async def main() -> None:
    target = StdioServerParameters(command=sys.argv[1], args=sys.argv[2:])
    async with Client(target) as client:

        async def call(_, params):  # noqa: ANN001, ANN202 - handed to the SDK as it is
            return await client.call_tool(params.name, params.arguments)

        async def tools(_, __):  # noqa: ANN001, ANN202
            return await client.list_tools()

        server = Server("bare-proxy", on_call_tool=call, on_list_tools=tools)
        async with stdio_server() as (incoming, outgoing):
            await server.run(incoming, outgoing, server.create_initialization_options())


anyio.run(main)
