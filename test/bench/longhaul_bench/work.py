"""How fast jobs are claimed, run and finished."""

import json
import statistics
from collections.abc import Iterator
from typing import Any

from longhaul_dev.fault import Fault

from longhaul_bench.figure import Sample, benchmark
from longhaul_bench.process import Meter
from longhaul_bench.stage import QUEUE, Play, Stage
from longhaul_bench.submit import chat_of

NOOP_JOBS = 60_000
CALL_JOBS = 20_000
OTHER_JOBS = 1_000_000
OTHER_QUEUE = "other"
BURST_JOBS = 10_000
NOOP_PEER = "River 13,600/s; graphile-worker 27,000/s in one process, keeps nothing"


def noop(_: int) -> bytes:
    return b'{"kind":"noop","input":{}}'


def call(_: int) -> bytes:
    return chat_of(200, "sim?tokens=8")


def other(_: int) -> bytes:
    return json.dumps({"kind": "noop", "queue": OTHER_QUEUE, "input": {}}).encode()


def drain(play: Play, jobs: int, line: Any = noop) -> Sample:
    """Fills a paused queue, lets it go, and counts from then to the last end."""
    play.queue(QUEUE, "pause")
    play.fill(jobs, line)
    start, meter = play.now(), Meter(play.stack)
    play.queue(QUEUE, "resume")
    play.wait_ended()
    each = meter.us_each(jobs)
    done, last = play.finished(start)
    if done != jobs:
        raise Fault(f"{done} of {jobs} jobs are completed.")
    more = {"jobs": jobs, "seconds": round(last - start, 3), "cpu_us": each}
    return Sample(jobs / (last - start), more)


def drains(stage: Stage, runs: int, jobs: int, line: Any = noop, **shape: Any) -> Iterator[Sample]:
    with stage.play(**shape) as play:
        for _ in range(runs):
            yield drain(play, jobs, line)


@benchmark("noop-direct-1", "jobs/s", ">= 20,000/s with the best number of workers", NOOP_PEER)
def noop_direct_1(stage: Stage, runs: int) -> Iterator[Sample]:
    """Claim + finish of kind noop, claimed directly from Postgres, 100 tenants, one worker."""
    yield from drains(stage, runs, NOOP_JOBS, lite=True, workers=1)


@benchmark("noop-direct-2", "jobs/s", ">= 20,000/s with the best number of workers", NOOP_PEER)
def noop_direct_2(stage: Stage, runs: int) -> Iterator[Sample]:
    """The same with two workers."""
    yield from drains(stage, runs, NOOP_JOBS, lite=True, workers=2)


@benchmark("noop-kafka-1", "jobs/s", ">= 8,000/s with the best number of workers", NOOP_PEER)
def noop_kafka_1(stage: Stage, runs: int) -> Iterator[Sample]:
    """Claim + finish of kind noop, dispatched through Kafka, 100 tenants, one worker."""
    yield from drains(stage, runs, NOOP_JOBS, workers=1)


@benchmark("noop-kafka-2", "jobs/s", ">= 8,000/s with the best number of workers", NOOP_PEER)
def noop_kafka_2(stage: Stage, runs: int) -> Iterator[Sample]:
    """The same with two workers."""
    yield from drains(stage, runs, NOOP_JOBS, workers=2)


@benchmark("noop-behind-million", "jobs/s", ">= 95 % of noop-direct", "-")
def noop_behind_million(stage: Stage, runs: int) -> Iterator[Sample]:
    """noop-direct-1 with 1,000,000 jobs of another, paused queue in the same tables, which have
    been there for a while: vacuumed and written out, as they would be after some minutes. The same
    stack runs as often without them first (alone)."""
    with stage.play(lite=True, workers=1) as play:
        alone = statistics.median(drain(play, NOOP_JOBS).value for _ in range(runs))
        play.make_queue(OTHER_QUEUE)
        play.queue(OTHER_QUEUE, "pause")
        play.fill(OTHER_JOBS, other)
        play.stack.psql("vacuum (analyze)")
        play.stack.psql("checkpoint")
        for _ in range(runs):
            sample = drain(play, NOOP_JOBS)
            rows = play.number("select count(*) from job_ready")
            more = {"rows_behind": int(rows), "alone": round(alone)}
            yield Sample(sample.value, sample.more | more)


@benchmark("burst-cold", "s", "no stall", "River ran into its 10 s time-out")
def burst_cold(stage: Stage, runs: int) -> Iterator[Sample]:
    """A fresh, idle stack, then 10,000 jobs at once: seconds from first submit to last end."""
    for _ in range(runs):
        with stage.play(workers=1) as play:
            start = play.now()
            play.fill(BURST_JOBS, noop)
            play.wait_ended()
            done, last = play.finished(start)
            gap = play.number(
                "select max(gap) from (select extract(epoch from finished_at - lag(finished_at) "
                "over (order by finished_at)) as gap from job_done) gaps"
            )
            if done != BURST_JOBS:
                raise Fault(f"{done} of {BURST_JOBS} jobs are completed.")
            yield Sample(last - start, {"longest_gap_s": gap})


@benchmark("call-1", "jobs/s", ">= 6,000/s", "-")
def call_1(stage: Stage, runs: int) -> Iterator[Sample]:
    """Claim + instant HTTP model call (8 tokens, streamed) + finish, one worker."""
    yield from drains(stage, runs, CALL_JOBS, call, workers=1)
