"""Model calls: how soon, how many at once, how soon again after a crash."""

import json
import random
import signal
import statistics
import time
from collections.abc import Iterator
from typing import Any

from longhaul_dev.fault import Fault

from longhaul_bench.figure import Sample, benchmark
from longhaul_bench.process import cpu_s, rss_kib
from longhaul_bench.stage import Play, Stage

LATENCY_JOBS = 300
STREAMS = 10_000
STREAM_S = 30
CRASH_JOBS = 200
LEASE_S = 6.0
LEADER_AGE = (
    "select coalesce(min(extract(epoch from now() - backend_start)), 0) "
    "from pg_stat_activity where usename = 'longhaul_scheduler'"
)


def chat(model: str) -> dict[str, Any]:
    message = {"role": "user", "content": "Say something long."}
    return {"kind": "chat", "input": {"model": model, "messages": [message]}}


@benchmark(
    "idle-latency",
    "ms",
    "p50 <= 4 ms, p99 <= 10 ms",
    "1.8 / 6.8 ms not durable, 4 / 9 ms durable, both without HTTP",
)
def idle_latency(stage: Stage, runs: int) -> Iterator[Sample]:
    """Idle system: from before the submit to the model's first byte of the request."""
    with stage.play(tenants=1, workers=1) as play:
        _latencies(play, 20)  # the first ones open connections
        for _ in range(runs):
            took = sorted(_latencies(play, LATENCY_JOBS))
            at = {share: took[int(len(took) * share / 1000)] for share in (500, 900, 990)}
            more = {"p90_ms": at[900], "p99_ms": at[990], "max_ms": took[-1]}
            yield Sample(at[500], more | {"mean_ms": statistics.mean(took)})


def _latencies(play: Play, count: int) -> list[float]:
    """One job after the other, the system idle before each."""
    client = play.clients[0]
    dice = random.Random(7)
    began: dict[str, int] = {}
    play.forget_calls()
    for _ in range(count):
        time.sleep(dice.uniform(0.02, 0.06))  # idle, and in no step with anyone's tick
        at = time.time_ns() // 1000
        job = client.json("POST", "/v1/jobs", chat("sim?tokens=1"))["id"]
        began[job] = at
        client.json("GET", f"/v1/jobs/{job}?wait=10")
    asked = {call["job"]: call["at_us"] for call in reversed(play.calls())}
    return [(asked[job] - at) / 1000 for job, at in began.items()]


@benchmark(
    "streams",
    "s",
    "10,000 held; <= 20 KiB each; <= 60 % of a core; wall <= 34 s",
    "10,000 at 19 KiB (graphile-worker, no streaming)",
)
def streams(stage: Stage, runs: int) -> Iterator[Sample]:
    """10,000 streams of 30 s, 20 tokens a second in 2 chunks, in one worker process: wall time
    from the first submit to the last end."""
    slots = {"worker": {"slots": STREAMS + 500}}
    for _ in range(runs):
        with stage.play(workers=1, config_overrides=slots) as play:
            yield _stream_run(play)


def _stream_run(play: Play) -> Sample:
    tokens = STREAM_S * 20
    line = json.dumps(chat(f"sim?tokens={tokens}&chunk_tokens=10&itl_ms=50&jitter=0.1")).encode()
    worker = play.stack.pid("worker-1")
    if worker is None:
        raise Fault("worker-1 does not run.")
    rss, start = rss_kib(worker), play.now()
    play.fill(STREAMS, lambda _: line)
    taken_s = play.now() - start
    held = _sample(play, worker)
    play.wait_ended()
    done, last = play.finished(start)
    if done != STREAMS:
        raise Fault(f"{done} of {STREAMS} streams are completed.")
    asked = [entry["at_us"] / 1e6 - start for entry in play.calls()]
    more = held | {"submit_s": round(taken_s, 2), "calls": len(asked)}
    more |= {"first_asked_s": round(min(asked), 2), "last_asked_s": round(max(asked), 2)}
    return Sample(last - start, more | {"kib_each": round((held["rss_kib"] - rss) / STREAMS, 1)})


def _sample(play: Play, worker: int) -> dict[str, Any]:
    """Processor and memory while the streams flow."""
    time.sleep(5)
    names = {"worker": worker}
    for name in ("simulator", "scheduler-1", "redis-limits"):
        pid = play.stack.pid(name)
        if pid:
            names[name] = pid
    before = {name: cpu_s(pid) for name, pid in names.items()}
    begin = time.monotonic()
    time.sleep(15)
    took = time.monotonic() - begin
    cores = {name: round((cpu_s(pid) - before[name]) / took, 3) for name, pid in names.items()}
    running = int(play.number("select count(*) from job_lease"))
    return {"cores": cores, "rss_kib": rss_kib(worker), "running": running}


@benchmark("crash", "s", "<= 3 s", "BullMQ 4.6 s tuned, 91 s by default; pg-boss 20 s")
def crash(stage: Stage, runs: int) -> Iterator[Sample]:
    """SIGKILL of a worker: seconds until the last of its jobs is asked of the model again.

    The leader believes nobody dead before its own session has lived a lease (a restart of Postgres
    silences everybody): the first kill waits for that, as a stack is rarely younger.
    """
    model = "sim?tokens=300&chunk_tokens=5&itl_ms=50"
    line = json.dumps(chat(model)).encode()
    with stage.play(tenants=4, workers=2) as play:
        play.wait(lambda: play.number(LEADER_AGE) > LEASE_S, "the leader has lived a lease", 20)
        for _ in range(runs):
            play.forget_calls()
            play.fill(CRASH_JOBS, lambda _: line)
            play.wait(lambda: len(play.calls()) >= CRASH_JOBS, "all jobs run", 20)
            busiest = _busiest(play)
            killed_us = time.time_ns() // 1000
            play.stack.signal(busiest, signal.SIGKILL)
            play.wait_ended()
            yield _again(play, killed_us)


def _busiest(play: Play) -> str:
    """The worker that holds most jobs."""
    pid = play.number(
        "select w.pid from job_lease join worker w using (worker_id) "
        "group by w.pid order by count(*) desc limit 1"
    )
    names = [name for name, at in play.stack.status().items() if at["pid"] == int(pid)]
    if not names:
        raise Fault("no worker holds a job.")
    return names[0]


def _again(play: Play, killed_us: int) -> Sample:
    seen: set[str] = set()
    again = []
    for entry in play.calls():
        if entry["job"] in seen:
            again.append((entry["at_us"] - killed_us) / 1e6)
        seen.add(entry["job"])
    if not again:
        raise Fault("the killed worker held no job.")
    return Sample(max(again), {"jobs": len(again), "median_s": statistics.median(again)})
