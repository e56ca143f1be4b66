"""Measures routing and holds it to its promises. Run it from a clone that ./scripts/test has set up:

    .venv/bin/python scripts/bench_routing.py [--quick] [DIR ...]

Prints a table, then one line of JSON, and ends with status 1 where a bar does not hold. DIR are folders with
development sets as gzipped JSON lines (see scripts/bench/datasets.py); those that are missing are left out.
--quick judges by one draw of examples instead of three, and asks 600 questions of each catalogue. It measures

- quality: CLINC150 and BANKING77 at 5 and 10 examples a route, how often the first of two that are a toss-up is
  right, MetaTool and apizoo; beside TMWS's way and semantic-router's method;
- sentences: the 400 of tests/data over the shipped patterns and servers, each half by itself;
- speed: decisions among 10 to 10,000 routes and triggers, and 7,000 tools, with the times of loading and learning.

The rows "with embeddings" need the extra [embeddings]. It takes some ten minutes on two cores.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import anyio
from bench import quality_rows, sentence_rows, speed_rows
from bench.machine import machine
from bench.timing import Report


def main() -> int:
    """Measure, print, and return the exit status."""
    words = sys.argv[1:]
    quick = "--quick" in words
    report = Report()
    folders = [Path(word) for word in words if not word.startswith("-")]
    quality_rows.measure(folders, report, seeds=1 if quick else 3, questions=600 if quick else 3_000)
    with tempfile.TemporaryDirectory(prefix="tmws-bench-") as folder:
        anyio.run(sentence_rows.measure, Path(folder), report)
    speed_rows.measure(report, 1_000 if quick else 5_000)
    print(f"{machine()}\n")
    return report.finish("routing")


if __name__ == "__main__":
    sys.exit(main())
