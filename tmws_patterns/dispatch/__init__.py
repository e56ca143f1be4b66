"""The MCP client side: every downstream server, its tools and their effects, and how a tool is called."""

from tmws_patterns.dispatch.builtin import builtin_server
from tmws_patterns.dispatch.config import BUILTIN, ServerConfig, Transport
from tmws_patterns.dispatch.connection import Deadlines
from tmws_patterns.dispatch.dispatcher import Dispatcher, open_dispatcher
from tmws_patterns.dispatch.serversfile import load_servers

__all__ = [
    "BUILTIN",
    "Deadlines",
    "Dispatcher",
    "ServerConfig",
    "Transport",
    "builtin_server",
    "load_servers",
    "open_dispatcher",
]
