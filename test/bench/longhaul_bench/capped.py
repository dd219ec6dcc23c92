"""What a cap costs a queue that does not reach it."""

from collections.abc import Iterator
from statistics import median

from longhaul_bench.figure import Sample, benchmark
from longhaul_bench.sharing import hung
from longhaul_bench.stage import QUEUE, Play, Stage
from longhaul_bench.work import call, drain

CAP = 100_000  # more than any worker has slots
JOBS = 12_000
TURNS = 4  # each way in a run
HELD = 1_000
HELD_QUEUE = "held"
SLOTS = 2_500
SHAPE = {"worker": {"slots": SLOTS}, "pacing": {"slots_percent": 100}}


@benchmark("capped", "ratio", ">= 0.9", "-")
def capped(stage: Stage, runs: int) -> Iterator[Sample]:
    """Claim + instant model call + finish (call-1) of a queue with a cap that is not reached, by
    the same queue without one: the medians of turns that alternate in one stack."""
    with stage.play(workers=1, config_overrides=SHAPE) as play:
        drain(play, JOBS, call)  # tables and connections are warm then
        for _ in range(runs):
            yield turns(play)


@benchmark("capped-holding", "ratio", ">= 0.9", "-")
def capped_holding(stage: Stage, runs: int) -> Iterator[Sample]:
    """The same while the worker holds 1,000 calls of another capped queue, that last: each claim
    of a capped queue counts what its worker holds."""
    with stage.play(workers=1, config_overrides=SHAPE) as play:
        play.admin.call("PATCH", f"/v1/queues/{HELD_QUEUE}", {"concurrency": HELD})
        play.fill(HELD, lambda n: hung(n, HELD_QUEUE))
        play.wait(lambda: play.number("select count(*) from job_lease") == HELD, "the calls", 60)
        drain(play, JOBS, call)
        for _ in range(runs):
            yield turns(play)


def turns(play: Play) -> Sample:
    rates: dict[bool, list[float]] = {False: [], True: []}
    parts: dict[bool, list[float]] = {False: [], True: []}
    for turn in range(2 * TURNS):
        has = turn % 4 in (1, 2)  # without, with, with, without: a drift is in both as well
        cap_set(play, CAP if has else 0)
        sample = drain(play, JOBS, call)
        rates[has].append(round(sample.value))
        parts[has].append(sample.more["cpu_us"]["postgres"])
    without, given = (median(rates[has]) for has in (False, True))
    more = {"with": rates[True], "without": rates[False]}
    more |= {"postgres_us": [round(median(parts[has]), 1) for has in (True, False)]}
    return Sample(given / without, more)


def cap_set(play: Play, cap: int) -> None:
    """Every worker has its part of it, or none, when this returns."""
    play.admin.call("PATCH", f"/v1/queues/{QUEUE}", {"concurrency": cap})
    sql = f"select count(*) from worker_grant join queue using (queue_id) where name = '{QUEUE}'"
    play.wait(lambda: (play.number(sql) > 0) == (cap > 0), "the workers' parts of the cap", 30)
