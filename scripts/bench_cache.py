"""Measures the cache on real parts and holds it to its promises. Run it from a clone that ./scripts/test has set up:

    .venv/bin/pip install cashews libcachesim   # rivals, measured beside it where they are installed
    .venv/bin/python scripts/bench_cache.py [--quick]

Prints a table, then one line of JSON, and ends with status 1 where a bar does not hold. It takes about a minute;
--quick makes a third of the calls. It measures

- hits: `engine.execute` on a repeated sentence with a page of 1 KB; one look into local memory, Valkey (1 and 50
  callers) and SQLite, with two tags each;
- hit ratio: 500 entries of local memory on traces of 100,000 requests over 10,000 keys;
- stampede: loads that 4 processes with 50 callers each make of one answer;
- outage: Valkey killed, frozen, and slowed by 300 ms, at 200 requests a second of a cache without local memory: failed
  calls, added p99 beyond the load itself, and how soon Valkey's answers are used again.
"""

from __future__ import annotations

import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

import anyio
from bench import cache_rows, fault_rows
from bench.machine import machine
from bench.parts import workplace
from bench.timing import Report

_QUICK = 1 / 3


def main() -> int:
    """Measure, print, and return the exit status."""
    effort = _QUICK if "--quick" in sys.argv[1:] else 1.0
    report = Report()
    with tempfile.TemporaryDirectory(prefix="tmws-bench-") as folder, workplace(Path(folder)) as place:
        loop = {"use_uvloop": find_spec("uvloop") is not None}  # as `serve` does
        anyio.run(cache_rows.measure, place, report, effort, backend_options=loop)
        anyio.run(fault_rows.measure, place, report, backend_options=loop)
    print(f"{machine()}, {'uvloop' if loop['use_uvloop'] else 'asyncio'}\n")
    return report.finish("cache")


if __name__ == "__main__":
    sys.exit(main())
