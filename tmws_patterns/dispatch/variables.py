"""`${VAR}` and `${VAR:-default}` in the strings of servers.json, as every MCP client expands them.

`$VAR` without braces stays as it is: passwords and shell words hold dollar signs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")


class UnsetVariableError(ValueError):
    """A variable without a default is not set; its name is the argument."""


def expand(text: str, environment: Mapping[str, str]) -> str:
    """The text with its variables replaced.

    A default stands in for a variable that is unset or empty, as in a shell.

    Raises:
        UnsetVariableError: a variable has neither a value nor a default.
    """

    def value(match: re.Match[str]) -> str:
        name, default = match.group(1), match.group(2)
        found = environment.get(name)
        if default is not None:
            return found or default
        if found is None:
            raise UnsetVariableError(name)
        return found

    return _VARIABLE.sub(value, text)
