"""What is lost or doubled when everything that may fail does, one thing after the other."""

import itertools
import json
import random
import signal
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import asdict
from http.client import HTTPException

from checker import judge
from client import Entry, History
from longhaul_dev.fault import Fault

from longhaul_bench.figure import Sample, benchmark
from longhaul_bench.stage import Play, Stage

JOBS = 100_000
BETWEEN_S = 2.0
BEYOND_LEASE_S = 8.0
HEAL_S = 300.0
MODEL = "sim?tokens=20&chunk_tokens=5&itl_ms=20&jitter=0.5"

Hurt = Callable[[Play], None]


def kill_worker(play: Play) -> None:
    play.stack.signal("worker-1", signal.SIGKILL)


def freeze_worker(play: Play) -> None:
    """Longer than its lease: when it goes on, its jobs are others'."""
    play.stack.signal("worker-2", signal.SIGSTOP)
    time.sleep(BEYOND_LEASE_S)
    play.stack.signal("worker-2", signal.SIGCONT)


def freeze_scheduler(play: Play) -> None:
    play.stack.signal("scheduler-1", signal.SIGSTOP)
    time.sleep(BEYOND_LEASE_S)
    play.stack.signal("scheduler-1", signal.SIGCONT)


def kill_scheduler(play: Play) -> None:
    play.stack.signal("scheduler-2", signal.SIGKILL)


def kill_producer(play: Play) -> None:
    play.stack.signal("producer-1", signal.SIGKILL)


def wipe_kafka(play: Play) -> None:
    play.stack.stop("kafka", signal.SIGKILL)
    play.stack.wipe("kafka")
    play.stack.start("kafka")


def wipe_redis(play: Play) -> None:
    play.stack.stop("redis-limits", signal.SIGKILL)
    play.stack.wipe("redis-limits")
    play.stack.start("redis-limits")


def restart_postgres(play: Play) -> None:
    play.stack.restart("postgres")


def fail_models(play: Play) -> None:
    """A third of the calls is refused, or breaks off, for a while."""
    for fault in ({"fail": 503}, {"truncate": 5}):
        body = json.dumps({"for_ms": 1000, "share": 0.3, **fault}).encode()
        url = play.stack.env["LONGHAUL_SIM_URL"].removesuffix("/v1") + "/faults"
        urllib.request.urlopen(urllib.request.Request(url, body), timeout=30).close()
        time.sleep(1)


HURTS: tuple[Hurt, ...] = (
    kill_worker,
    freeze_worker,
    fail_models,
    wipe_kafka,
    kill_scheduler,
    wipe_redis,
    kill_producer,
    restart_postgres,
    freeze_scheduler,
)


@benchmark(
    "faults", "per 100,000", "0 lost, 0 doubled", "River and Asynq: a continued worker overwrites"
)
def faults(stage: Stage, runs: int) -> Iterator[Sample]:
    """Lost and doubled results per 100,000 streamed jobs while all parts fail in turn."""
    for run in range(runs):
        with stage.play(workers=2, schedulers=2) as play:
            yield _run(play, seed=run)


def _run(play: Play, seed: int) -> Sample:
    history, healed = History(), threading.Event()
    done: list[str] = []
    hurting = threading.Thread(target=_hurt, args=(play, random.Random(seed), healed, done))
    hurting.start()
    try:
        _submit(play, history)
        told = sum(entry.outcome == "ok" for entry in history.entries)
        play.wait(lambda: _ended(play) >= told, "all acknowledged jobs end", HEAL_S)
    finally:
        healed.set()
        hurting.join()
    play.wait_ended()
    url = play.stack.env["LONGHAUL_SIM_URL"].removesuffix("/v1")
    verdict = asdict(judge(history, play.stack.env["LONGHAUL_PG_URL"], url))
    counts = {k: len(v) if isinstance(v, list) else v for k, v in verdict.items()}
    counts["completed_twice"] = int(
        play.number(
            "select count(*) from (select 1 from attempt where state = 'completed' "
            "group by tenant_id, job_id having count(*) > 1) twice"
        )
    )
    bad = counts["lost"] + counts["doubled"] + counts["phantom"] + counts["completed_twice"]
    return Sample(bad * 100_000 / told, {"seed": seed, "faults": done, **counts})


def _hurt(play: Play, dice: random.Random, healed: threading.Event, done: list[str]) -> None:
    """One fault after the other, in shuffled rounds, until the jobs are done."""
    while not healed.is_set():
        for hurt in dice.sample(HURTS, len(HURTS)):
            if healed.wait(BETWEEN_S):
                return
            hurt(play)
            done.append(hurt.__name__)


def _submit(play: Play, history: History) -> None:
    """Small bulks, over the whole time; one that breaks is of unknown outcome."""
    message = {"role": "user", "content": "Say something."}
    job = {
        "kind": "chat",
        "max_attempts": 20,
        "input": {"model": MODEL, "messages": [message]},
    }
    lines = [json.dumps(job).encode()] * 500
    told, clients = 0, itertools.cycle(play.clients)
    while told < JOBS:
        try:
            ids = next(clients).bulk(lines)
        except (Fault, OSError, ValueError, HTTPException) as trouble:
            history.entries.append(Entry("info", str(trouble)))
            time.sleep(0.2)
            continue
        history.entries += [Entry("ok", job_id, job_id) for job_id in ids]
        told += len(ids)


def _ended(play: Play) -> int:
    """Ended jobs; the record itself may be away just now."""
    try:
        return int(play.number("select count(*) from job_done"))
    except Fault:
        return -1
