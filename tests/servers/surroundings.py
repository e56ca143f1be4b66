"""Tells its environment and its folder."""

import os
from pathlib import Path

from wire import serve, text, tool

serve(
    [tool("tell")], lambda name, arguments, params: text({"environment": dict(os.environ), "folder": str(Path.cwd())})
)
