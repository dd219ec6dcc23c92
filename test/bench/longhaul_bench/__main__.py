"""python -m longhaul_bench run all|list|NAME... | compare REVISION all|NAME... | table"""

import argparse
import json
import signal
import subprocess
import sys
from types import FrameType

from longhaul_dev.fault import Fault

from longhaul_bench import (
    access,
    calls,
    capped,
    effects,
    faults,
    live_text,
    oracle,
    overload,
    parts,
    permits,
    record,
    roles,
    sealing,
    sharing,
    slow_redis,
    submit,
    trace,
    work,
)
from longhaul_bench.compare import FOLDER, compare
from longhaul_bench.figure import BENCHMARKS, RESULTS, Benchmark, publish, summary
from longhaul_bench.machine import settled
from longhaul_bench.stage import Stage
from longhaul_bench.table import last_results, rows

ROOMS = (
    submit,
    slow_redis,
    work,
    calls,
    sharing,
    capped,
    live_text,
    trace,
    faults,
    permits,
    parts,
    record,
    roles,
    sealing,
    access,
    oracle,
    effects,
    overload,
)  # importing them registers what they measure


def chosen(words: list[str]) -> list[Benchmark]:
    if words == ["all"]:
        return [what for what in BENCHMARKS.values() if not what.apart]
    unknown = [word for word in words if word not in BENCHMARKS]
    if unknown:
        raise Fault(f"no benchmark is called {unknown[0]}; there are: {', '.join(BENCHMARKS)}")
    return [BENCHMARKS[word] for word in words]


def revision() -> str:
    command = ["git", "describe", "--always", "--dirty"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    return run.stdout.strip() or "unknown"


def run_all(names: list[Benchmark], runs: int) -> int:
    """Prints a line for each; one that fails says so and does not end the others."""
    stage = Stage(FOLDER / "stack")
    failed = 0
    for what in names:
        try:
            machine = settled(FOLDER)
            publish(summary(what, list(what.measure(stage, runs)), revision(), machine))
        except (Fault, OSError) as fault:
            failed += 1
            print(json.dumps({"name": what.name, "failed": str(fault)}), flush=True)
    return 1 if failed else 0


def leave(number: int, _: FrameType | None) -> None:
    """An order to end takes the benchmark's stack down on the way out, as Control-C does."""
    signal.signal(number, signal.SIG_IGN)
    raise SystemExit(128 + number)


def main() -> int:
    signal.signal(signal.SIGTERM, leave)
    parser = argparse.ArgumentParser(prog="longhaul_bench", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    run = verbs.add_parser("run")
    other = verbs.add_parser("compare")
    other.add_argument("revision")
    for verb in (run, other):
        verb.add_argument("names", nargs="+")
        verb.add_argument("--runs", type=int, default=3)
    verbs.add_parser("table")
    given = parser.parse_args()
    if given.verb == "table":
        print("\n".join(rows(last_results(RESULTS))))
        return 0
    if given.names == ["list"]:
        for what in BENCHMARKS.values():
            print(f"{what.name:20} {what.unit:8} {(what.measure.__doc__ or '').split(':')[0]}")
        return 0
    try:
        names = chosen(given.names)
        if given.verb == "run":
            return run_all(names, given.runs)
        for line in compare(names, given.revision, given.runs):
            print(json.dumps(line), flush=True)
    except Fault as fault:
        print(fault, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
