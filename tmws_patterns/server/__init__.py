"""The MCP server that agents talk to: three tools, on stdio, SSE and streamable HTTP. A home of `mcp`."""
