"""What a child process is given: its program and its environment, and nothing beyond that."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping, Sequence
from importlib.util import find_spec

from mcp.client.stdio import DEFAULT_INHERITED_ENV_VARS

from tmws_patterns.dispatch.config import ServerConfig

# Without these `uvx` and `npx` fail behind a proxy or a private certificate authority (UnknownIssuer).
_PASSED_ON = frozenset(
    {
        *DEFAULT_INHERITED_ENV_VARS,
        *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY"),
        *("http_proxy", "https_proxy", "no_proxy", "all_proxy"),
        *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"),
        *("PIP_CERT", "PIP_INDEX_URL"),
    }
)
_PASSED_ON_PREFIXES = ("UV_", "npm_config_", "NPM_CONFIG_")
_SHELL_FUNCTION = "()"  # bash exports functions as values that begin so; the SDK withholds them too


def child_environment(config: ServerConfig, environment: Mapping[str, str]) -> dict[str, str]:
    """The variables of a server's process: the short list, proxies and certificates, and its own."""
    passed_on = {
        name: value
        for name, value in environment.items()
        if (name in _PASSED_ON or name.startswith(_PASSED_ON_PREFIXES)) and not value.startswith(_SHELL_FUNCTION)
    }
    return passed_on | dict(config.env)


def program(config: ServerConfig, environment: Mapping[str, str]) -> list[str]:
    """The command line to start.

    `python -m module` runs in this interpreter where it has the module, because that is where
    `pip install tmws-patterns[servers]` put it, whatever python comes first on the PATH.
    """
    found = shutil.which(config.command, path=environment.get("PATH"))
    if config.command in ("python", "python3") and (found is None or _is_ours(config.args)):
        found = sys.executable
    return [found or config.command, *config.args]


def _is_ours(args: Sequence[str]) -> bool:
    match args:
        case ["-m", str(module), *_]:
            top = module.partition(".")[0]
            return top.isidentifier() and find_spec(top) is not None
        case _:
            return False
