"""The last result of each benchmark as the Markdown table of docs/benchmarks.md."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from longhaul_bench.figure import BENCHMARKS

HEADING = "| benchmark | reach | median | spread | runs | peers | revision |\n" + "| --- " * 7 + "|"


def last_results(path: Path) -> dict[str, dict[str, Any]]:
    """By name, the line that was written last."""
    found: dict[str, dict[str, Any]] = {}
    if path.exists():
        for line in path.read_text(encoding="utf-8").splitlines():
            result = json.loads(line)
            found[result["name"]] = result
    return found


def spell(value: float) -> str:
    """Large figures need no decimals, small ones do."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def rows(results: dict[str, dict[str, Any]]) -> Iterator[str]:
    yield HEADING
    for name, what in BENCHMARKS.items():
        result = results.get(name)
        if not result:
            yield f"| {name} | {what.reach} | not measured | | | {what.peer} | |"
            continue
        runs = ", ".join(spell(run) for run in result["runs"])
        spread = "" if result["spread"] is None else f"{result['spread']:.0%}"
        yield (
            f"| {name} | {what.reach} | {spell(result['median'])} {what.unit} | {spread} "
            f"| {runs} | {what.peer} | {result['revision']} |"
        )
