"""The bare statements, without programs around them: what the record itself can give."""

import json
import os
import subprocess
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from longhaul_dev.layout import REPOSITORY

from longhaul_bench.figure import Sample, benchmark
from longhaul_bench.stage import Play, Stage

JOBS = 40_000
CONNECTIONS = 2
DEADLINE_S = 240.0


def run(stage: Stage, play: Play, batch: int) -> dict[str, Any]:
    """One run of bench_record: submits JOBS over 100 tenants, then claims and finishes them."""
    url = urlsplit(play.stack.env["LONGHAUL_PG_URL"])
    passfile = play.stack.var.resolve() / "keys/pgpass"
    conninfo = f"host={url.hostname} port={url.port} dbname=longhaul passfile={passfile}"
    build = stage.build or REPOSITORY / "build/release"
    done = subprocess.run(
        [build / "bench/bench_record", str(JOBS), str(CONNECTIONS), str(batch)],
        env={**os.environ, "LONGHAUL_TEST_PG": conninfo},
        capture_output=True,
        check=True,
        timeout=DEADLINE_S,
    )
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def runs_of(stage: Stage, runs: int, batch: int, figure: str, cost: str) -> Iterator[Sample]:
    with stage.play(tenants=1, lite=True, workers=0) as play:
        for _ in range(runs):
            told = run(stage, play, batch)
            yield Sample(told[figure], {"jobs": JOBS, "batch": batch, "server_us": told[cost]})


@benchmark("record-submit", "jobs/s", "21,000/s in batches of 64", "-")
def record_submit(stage: Stage, runs: int) -> Iterator[Sample]:
    """Submits in batches of 64 over two connections, 100 tenants, 1 KiB of input."""
    yield from runs_of(stage, runs, 64, "submit_per_s", "submit_server_us")


@benchmark("record-work", "jobs/s", "32,000/s in batches of 500", "-")
def record_work(stage: Stage, runs: int) -> Iterator[Sample]:
    """Claims and finishes in batches of 500 over two connections, 100 tenants, results kept."""
    yield from runs_of(stage, runs, 500, "claim_finish_per_s", "claim_finish_server_us")
