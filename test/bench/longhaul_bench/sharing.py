"""What sharing costs a scheduler with a deep backlog, and what it gives a queue beside another."""

import json
import time
from collections.abc import Iterator
from statistics import median
from typing import Any

from longhaul_dev.fault import Fault

from longhaul_bench.figure import Sample, benchmark
from longhaul_bench.native import Native
from longhaul_bench.process import cpu_s
from longhaul_bench.stage import BULK_LINES, QUEUE, Play, Stage
from longhaul_bench.submit import chat_of
from longhaul_bench.work import noop

DEEP_JOBS = 1_000_000
DEEP_QUEUE = "deep"
WATCH_S = 20.0
MOVED_JOBS = 20_000
SLOTS = 200
LONE_JOBS = 400
ISOLATION_TURNS = 6  # each way in a run
HUNG_JOBS = 1_000
HUNG_QUEUE = "hung"
RUNAWAY_JOBS = 100_000
RUNAWAY_SLOTS = 20
JOB_MS = 1000
SINGLE_JOBS = 40


def deep(_: int) -> bytes:
    return json.dumps({"kind": "noop", "queue": DEEP_QUEUE, "input": {}}).encode()


def hung(_: int, queue: str = HUNG_QUEUE) -> bytes:
    job = json.loads(chat_of(50, "sim?hang_after=1&tokens=9"))
    return json.dumps(job | {"queue": queue, "attempt_timeout_s": 3600}).encode()


def quick(_: int) -> bytes:
    return chat_of(50, "sim?ttft_ms=20&tokens=4")


def _postgres_us(play: Play) -> float:
    return cpu_s(play.stack.status()["postgres"]["pid"])


def _scheduler_share(play: Play, seconds: float) -> dict[str, float]:
    """Shares of a core that the scheduler and its Postgres took meanwhile, in percent."""
    pid = play.stack.status()["scheduler-1"]["pid"]
    began, own, base = time.monotonic(), cpu_s(pid), _postgres_us(play)
    time.sleep(seconds)
    took = time.monotonic() - began
    return {
        "scheduler_percent": round(100 * (cpu_s(pid) - own) / took, 2),
        "postgres_percent": round(100 * (_postgres_us(play) - base) / took, 2),
    }


@benchmark("scheduler-cost", "% of a core", "<= 5 % of a core", "-")
def scheduler_cost(stage: Stage, runs: int) -> Iterator[Sample]:
    """The scheduler's processor time with 1,000,000 jobs of 100 tenants waiting behind a call that
    hangs and the queue's concurrency of one, through Kafka; beside it what all Postgres takes
    then, and the rate at which another queue's jobs go through meanwhile."""
    with stage.play(workers=1) as play:
        play.admin.call("PATCH", f"/v1/queues/{DEEP_QUEUE}", {"concurrency": 1})
        play.clients[0].bulk([hung(0, DEEP_QUEUE)])
        play.wait(lambda: _held(play, DEEP_QUEUE) == 1, "the call that hangs", 30)
        play.fill(DEEP_JOBS, deep)
        for _ in range(runs):
            share = _scheduler_share(play, WATCH_S)
            more = share | _moved(play)
            yield Sample(share["scheduler_percent"], more)


def _moved(play: Play) -> dict[str, float]:
    """How fast the other queue's jobs go through, with all that waits beside them."""
    play.queue(QUEUE, "pause")
    play.fill(MOVED_JOBS, noop)
    start = play.now()
    play.queue(QUEUE, "resume")
    play.wait_ended()
    done, last = play.finished(start)
    return {"jobs_a_second": round(done / (last - start), 1), "waiting": DEEP_JOBS}


@benchmark("isolation", "ratio", "<= 1.2", "-")
def isolation(stage: Stage, runs: int) -> Iterator[Sample]:
    """p99 from submit to end of a queue's jobs while another queue's upstream hangs for ever, by
    the same alone: the medians of turns that alternate, since whatever else a small machine does
    then is in both; one worker of 200 slots, 20 ms a call, one job each 10 ms."""
    with stage.play(tenants=2, workers=1, config_overrides={"worker": {"slots": SLOTS}}) as play:
        play.make_queue(HUNG_QUEUE)
        _lone(play)  # connections are open then
        for _ in range(runs):
            yield _isolation_run(play)


def _isolation_run(play: Play) -> Sample:
    turns: dict[bool, list[float]] = {False: [], True: []}
    held = SLOTS
    for turn in range(2 * ISOLATION_TURNS):
        hangs = turn % 4 in (1, 2)  # alone, beside, beside, alone: a drift is in both as well
        if hangs:
            play.fill(HUNG_JOBS, hung)
            play.wait(lambda: _held(play) >= SLOTS / 2, "calls that hang", 30)
        turns[hangs].append(_lone(play))
        if hangs:
            held = min(held, _held(play))
            _cancel(play)
    alone, beside = (median(turns[hangs]) for hangs in (False, True))
    more = {"alone_ms": turns[False], "beside_ms": turns[True], "hung": held}
    return Sample(beside / alone, more)


@benchmark("runaway", "job lengths", "< 1", "-")
def runaway(stage: Stage, runs: int) -> Iterator[Sample]:
    """How long a tenant's single job waits for its start while another tenant has 100,000 jobs
    waiting, as a share of a job's length: the longest wait of 40, one after the other; one worker
    of 20 slots, 1 s a call, half of it more or less by chance. `alone_ms`: before those came."""
    slots = {"worker": {"slots": RUNAWAY_SLOTS}}
    with stage.play(tenants=2, workers=1, config_overrides=slots) as play:
        alone = _single_waits(play, 5)
        for _ in range(0, RUNAWAY_JOBS, BULK_LINES):
            play.clients[0].bulk([long(0)] * BULK_LINES)
        for _ in range(runs):
            waits = _single_waits(play, SINGLE_JOBS)
            left = play.number("select count(*) from job_ready")
            more = {"p50_ms": median(waits), "alone_ms": median(alone), "waiting": int(left)}
            yield Sample(max(waits) / JOB_MS, more)


def long(_: int) -> bytes:
    return chat_of(50, f"sim?ttft_ms={JOB_MS}&tokens=1&jitter=0.5")


def _single_waits(play: Play, jobs: int) -> list[float]:
    """From submit to claim, in milliseconds, by the record's clock; one after the other."""
    start, client = play.now(), play.clients[1]
    for n in range(jobs):
        job = client.json("POST", "/v1/jobs", json.loads(long(n)))["id"]
        play.wait(lambda j=job: _has_ended(client, j), f"the end of {job}", 60)
    waits = play.stack.psql(
        "select extract(epoch from j.started_at - j.created_at) * 1000 from job j"
        " join tenant t using (tenant_id) where t.name = 'bench1'"
        f" and j.created_at >= to_timestamp({start!r})"
    )
    return [round(float(row[0]), 2) for row in waits]


def _has_ended(client: Native, job: str) -> bool:
    return client.json("GET", f"/v1/jobs/{job}?wait=20")["state"] == "completed"


def _held(play: Play, queue: str = HUNG_QUEUE) -> int:
    sql = f"select count(*) from job_lease join queue using (queue_id) where name = '{queue}'"
    return int(play.number(sql))


def _lone(play: Play) -> float:
    """p99 of the record's own times, submit to end, in milliseconds."""
    start = play.now()
    for n in range(LONE_JOBS):
        play.clients[1].json("POST", "/v1/jobs", json.loads(quick(n)))
        time.sleep(0.01)
    play.wait_ended()
    took = play.stack.psql(
        "select extract(epoch from j.finished_at - j.created_at) * 1000 from job j"
        f" join queue q using (queue_id) where q.name = '{QUEUE}'"
        f" and j.created_at >= to_timestamp({start!r}) order by 1"
    )
    if len(took) != LONE_JOBS:
        raise Fault(f"{len(took)} of {LONE_JOBS} jobs ended.")
    return round(float(took[int(len(took) * 0.99)][0]), 2)


def _cancel(play: Play) -> None:
    for client in play.clients:
        more: Any = True
        while more:
            more = client.json("POST", "/v1/jobs/cancel", {"queue": HUNG_QUEUE})["has_more"]
    play.wait_ended(HUNG_QUEUE)
