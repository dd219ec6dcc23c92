"""Single parts with nothing around them: the ceilings under the figures of the whole."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from longhaul_dev.fault import Fault
from longhaul_dev.layout import REPOSITORY

from longhaul_bench.figure import Sample, benchmark
from longhaul_bench.stage import Stage

CALLS = 60_000
STREAMS = 9_500  # both ends of each count against one limit of open files here


@contextmanager
def simulator(build: Path) -> Iterator[str]:
    """A simulator of its own on a free port; its base URL."""
    command = [str(build / "simulator"), "--listen", "127.0.0.1:0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        port = json.loads(process.stderr.readline())["port"]
        try:
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            process.terminate()
            process.wait(30)


def client_runs(stage: Stage, runs: int, words: list[Any]) -> Iterator[dict[str, Any]]:
    """bench_http against a simulator: what it printed."""
    build = stage.build or REPOSITORY / "build/release"
    with simulator(build) as url:
        for _ in range(runs):
            command = [str(build / "bench/bench_http"), url, *map(str, words)]
            run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
            if run.returncode:
                raise Fault(f"bench_http failed: {run.stderr or run.stdout}")
            yield json.loads(run.stdout)


@benchmark("http-calls", "calls/s", "-", "-")
def http_calls(stage: Stage, runs: int) -> Iterator[Sample]:
    """Instant streamed model calls by the HTTP client alone, 64 at a time."""
    for result in client_runs(stage, runs, ["sim?tokens=8", 64, CALLS]):
        yield Sample(result["rate"], {"cores": result["cores"]})


@benchmark("http-streams", "KiB each", "-", "curl alone: 16 KiB, 22 % of a core")
def http_streams(stage: Stage, runs: int) -> Iterator[Sample]:
    """Streams of 30 s, 20 tokens a second in 2 chunks, held by the HTTP client alone."""
    model = "sim?tokens=600&chunk_tokens=10&itl_ms=50&jitter=0.1"
    for result in client_runs(stage, runs, [model, STREAMS, STREAMS]):
        more = {key: result[key] for key in ("at_once", "cores", "seconds")}
        yield Sample(result["kib_each"], more)


@benchmark("token", "us", "200", "-")
def token(stage: Stage, runs: int) -> Iterator[Sample]:
    """CPU time to check a token of ours, signature included; beside it the same from the cache,
    the judging of a caller by 100,000 revocations, and the signing of one."""
    build = stage.build or REPOSITORY / "build/release"
    for _ in range(runs):
        command = [str(build / "bench/producer/bench_token")]
        run = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
        result = json.loads(run.stdout)
        yield Sample(result.pop("us"), result)


@benchmark("limiter", "decisions/s", ">= 12,000", "-")
def limiter(stage: Stage, runs: int) -> Iterator[Sample]:
    """Requests let in a second by all five levels at once, Redis included: 64 wait at any time, of
    1,000 users of 100 tenants. Beside it one that waits alone (`alone`)."""
    with stage.play(tenants=0, producers=1, workers=0, schedulers=0) as play:
        url = play.stack.env["LONGHAUL_REDIS_LIMITS"]
        for _ in range(runs):
            result, alone = (limiter_run(stage, url, at_once) for at_once in (64, 1))
            if result["admitted"] < 1:
                raise Fault(f"not all were let in: {result}")
            yield Sample(result.pop("rate"), result | {"alone": alone["rate"]})


def limiter_run(stage: Stage, url: str, at_once: int) -> dict[str, Any]:
    build = stage.build or REPOSITORY / "build/release"
    command = [str(build / "bench/producer/bench_limiter"), url, str(at_once)]
    run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    if run.returncode:
        raise Fault(f"bench_limiter failed: {run.stderr}")
    return json.loads(run.stdout)
