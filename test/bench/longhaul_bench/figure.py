"""What a benchmark gives: samples, and the line that is printed for them."""

import json
import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from longhaul_bench.stage import Stage

RESULTS = Path("var/bench/results.jsonl")


@dataclass(frozen=True)
class Sample:
    """One run: the figure, and what belongs beside it."""

    value: float
    more: dict[str, Any] = field(default_factory=dict)


Measure = Callable[[Stage, int], Iterator[Sample]]


@dataclass(frozen=True)
class Benchmark:
    name: str
    unit: str
    reach: str
    peer: str
    measure: Measure
    apart: bool = False  # only when named: it needs what not everybody has, or much time


BENCHMARKS: dict[str, Benchmark] = {}


def benchmark(
    name: str, unit: str, reach: str, peer: str, *, apart: bool = False
) -> Callable[[Measure], Measure]:
    """Registers a measurement under a name; its docstring says what is measured."""

    def register(measure: Measure) -> Measure:
        BENCHMARKS[name] = Benchmark(name, unit, reach, peer, measure, apart)
        return measure

    return register


def summary(
    what: Benchmark, samples: list[Sample], revision: str, machine: dict[str, Any]
) -> dict[str, Any]:
    """The JSON line of a benchmark; spread is the whole range as a share of the median."""
    runs = [round(sample.value, 3) for sample in samples]
    median = statistics.median(runs)
    return {
        "name": what.name,
        "unit": what.unit,
        "runs": runs,
        "median": round(median, 3),
        "spread": round((max(runs) - min(runs)) / median, 3) if median else None,
        "reach": what.reach,
        "peer": what.peer,
        "more": [sample.more for sample in samples],
        "revision": revision,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
    } | machine


def publish(line: dict[str, Any]) -> None:
    """Prints the line and keeps it."""
    text = json.dumps(line)
    print(text, flush=True)
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    with RESULTS.open("a", encoding="utf-8") as results:
        results.write(text + "\n")
