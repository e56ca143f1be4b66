"""How a command speaks: tables for a person, JSON for a pipe."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import orjson


def as_json(wanted: bool) -> bool:
    """True where the output is read by a program."""
    return wanted or not sys.stdout.isatty()


def show_json(data: Any) -> None:
    """Plain data as indented JSON."""
    option = orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS
    sys.stdout.write(orjson.dumps(data, option=option, default=str).decode() + "\n")


def show_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Rows under named columns."""
    from rich.console import Console  # noqa: PLC0415 - its import takes time that only a person's table is worth
    from rich.table import Table  # noqa: PLC0415

    table = Table(title=title or None, title_justify="left", header_style="bold", show_header=any(columns))
    for column in columns:
        table.add_column(column, overflow="fold", no_wrap=column == "id")
    for row in rows:
        table.add_row(*(str(cell) for cell in row))
    Console().print(table)


def show_facts(title: str, facts: Mapping[str, Any]) -> None:
    """Names with values, nested ones flattened with dots."""
    show_table(title, ("", ""), list(_flat(facts)))


def show_value(value: Any) -> None:
    """An answer as a person reads it: text as text, rows as a table, everything else as JSON."""
    if isinstance(value, dict) and len(value) == 1 and isinstance(rows := next(iter(value.values())), list):
        value = rows
    if isinstance(value, str):
        sys.stdout.write(value.rstrip("\n") + "\n")
    elif isinstance(value, list) and value and all(isinstance(row, dict) for row in value):
        columns = sorted(dict.fromkeys(name for row in value for name in row), key=lambda name: name == "id")
        show_table("", columns, [[row.get(c, "") for c in columns] for row in value])
    elif isinstance(value, dict) and all(not isinstance(v, dict | list) for v in value.values()):
        show_facts("", value)
    else:
        show_json(value)


def _flat(facts: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    rows: list[tuple[str, Any]] = []
    for name, value in facts.items():
        if isinstance(value, Mapping):
            rows += _flat(value, f"{prefix}{name}.")
        else:
            rows.append((f"{prefix}{name}", value))
    return rows
