"""What starts the benchmarks: what it needs is said, and an order to end leaves nothing running."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PATHS = ":".join(str(ROOT / folder) for folder in ("ops/dev", "test/bench", "test"))
WAITS = """
import signal, sys
from longhaul_bench import __main__ as bench

def run_all(names, runs):
    try:
        print("begun", flush=True)
        signal.pause()
    finally:
        print("taken down", flush=True)

bench.run_all = run_all
sys.argv = ["longhaul_bench", "run", "trace-1"]
sys.exit(bench.main())
"""


def environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name != "TRACE"}
    return kept | {"PYTHONPATH": PATHS}


def test_sigterm_takes_down_what_a_benchmark_put_up() -> None:
    command = [sys.executable, "-c", WAITS]
    with subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout and run.stdout.readline() == "begun\n"
        run.send_signal(signal.SIGTERM)
        assert run.communicate(timeout=60)[0] == "taken down\n"
    assert run.returncode == 128 + signal.SIGTERM


def test_a_trace_that_is_not_named_is_asked_for() -> None:
    read = "from longhaul_bench.trace import read_trace; read_trace(1.0)"
    run = subprocess.run(
        [sys.executable, "-c", read], env=environment(), capture_output=True, text=True, timeout=60
    )
    assert run.returncode == 1
    assert "no trace is named: TRACE=file says where it lies" in run.stderr
