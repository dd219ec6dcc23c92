"""What sharing costs a scheduler with a deep backlog, and what it gives a queue beside another."""

import json
import time
from collections.abc import Iterator
from statistics import median
from typing import Any

from longhaul_dev.fault import Fault

from longhaul_bench.figure import Sample, benchmark
from longhaul_bench.process import cpu_s
from longhaul_bench.stage import QUEUE, Play, Stage
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
