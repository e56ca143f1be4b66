"""How a row is timed, and what a row, a bar and the report of a run are.

Works that are compared run turn by turn, in an order that rotates, so that a noisy moment of the
machine falls on all of them. A row is the median, over the rounds, of each round's percentile.
"""

from __future__ import annotations

import gc
import json
import statistics
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from bench.machine import machine

Work = Callable[[int], Awaitable[Any]]
"""One call to be timed. Its number differs from call to call; works that run side by side get the same."""

WARM_UP = 20  # calls before the first round: connections, statements, and the interpreter's specialised code


@dataclass(frozen=True, slots=True)
class Times:
    """Milliseconds of one work."""

    p50: float
    p95: float
    p99: float

    @classmethod
    def of(cls, rounds: Sequence[Sequence[float]]) -> Times:
        """Medians of the rounds' percentiles."""
        return cls(*(statistics.median(percentile(r, percent) for r in rounds) for percent in (50, 95, 99)))


@dataclass(frozen=True, slots=True)
class Bar:
    """A promise with what was measured: `value` may not exceed `bar`, or, with `at_least`, not fall below it."""

    name: str
    value: float
    unit: str
    bar: float
    at_least: bool = False

    @property
    def holds(self) -> bool:
        """Whether the promise is kept."""
        return self.value >= self.bar if self.at_least else self.value <= self.bar

    def to_dict(self) -> dict[str, Any]:
        """The fields of the JSON line."""
        measured = {"value": round(self.value, 4), "unit": self.unit, "bar": self.bar, "holds": self.holds}
        return {"name": self.name, **measured}


@dataclass(slots=True)
class Report:
    """Rows for people, as (group, what, times or None, note), and the bars."""

    rows: list[tuple[str, str, Times | None, str]] = field(default_factory=list)
    bars: list[Bar] = field(default_factory=list)

    def row(self, group: str, what: str, times: Times | None = None, note: str = "") -> None:
        """Add a line to the table."""
        self.rows.append((group, what, times, note))

    def bar(self, name: str, value: float, unit: str, bar: float, *, at_least: bool = False) -> None:
        """Hold a value to a promise."""
        self.bars.append(Bar(name, value, unit, bar, at_least))

    def finish(self, bench: str) -> int:
        """Print the table, the bars, and the line of JSON that names the benchmark; returns the exit status."""
        timed = any(times for _, _, times, _ in self.rows)
        if timed:
            print(f"{'':17} {'':41} {'p50':>9} {'p95':>9} {'p99':>9}")
        before = ""
        for group, what, times, note in self.rows:
            measured = _shown(times) if times else ""
            print(f"{group if group != before else '':17} {what:41} {measured}  {note}".rstrip())
            before = group
        print()
        for bar in self.bars:
            verdict, sign = "holds" if bar.holds else "FAILS", ">=" if bar.at_least else "<="
            print(f"{verdict}  {bar.name:42} {bar.value:9.2f} {sign} {bar.bar:g} {bar.unit}")
        print()
        print(json.dumps({"bench": bench, "on": machine(), "bars": [bar.to_dict() for bar in self.bars]}))
        return 0 if all(bar.holds for bar in self.bars) else 1


def _shown(times: Times) -> str:
    """Three columns, in microseconds below a millisecond."""
    columns = (f"{ms * 1000:.1f} us" if ms < 1 else f"{ms:.2f} ms" for ms in (times.p50, times.p95, times.p99))
    return " ".join(f"{column:>9}" for column in columns)


def percentile(values: Sequence[float], percent: float) -> float:
    """The nearest-rank percentile."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


async def timed(work: Work, *, rounds: int, calls: int) -> Times:
    """One work by itself."""
    return (await turn_by_turn({"": work}, rounds=rounds, calls=calls))[""]


async def turn_by_turn(works: Mapping[str, Work], *, rounds: int, calls: int) -> dict[str, Times]:
    """Several works, `calls` calls of each in a round, by turns."""
    numbers, names = count(), list(works)
    for number in (next(numbers) for _ in range(WARM_UP)):
        for work in works.values():
            await work(number)
    measured: dict[str, list[list[float]]] = {name: [] for name in names}
    for _ in range(rounds):
        with settled_heap():
            spans: dict[str, list[float]] = {name: [] for name in names}
            for number in (next(numbers) for _ in range(calls)):
                turn = number % len(names)
                for name in names[turn:] + names[:turn]:
                    work = works[name]
                    began = time.perf_counter_ns()
                    await work(number)
                    spans[name].append((time.perf_counter_ns() - began) / 1e6)
        for name in names:
            measured[name].append(spans[name])
    return {name: Times.of(rounds) for name, rounds in measured.items()}


@contextmanager
def settled_heap() -> Iterator[None]:
    """The collector stays on, as it is where the product runs, but what was there before is none of its work."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
