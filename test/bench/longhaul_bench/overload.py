"""What a full queue answers, how soon, and whether what it says of the wait is true."""

import threading
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from typing import Any

from longhaul_dev.fault import Fault

from longhaul_bench.figure import Sample, benchmark
from longhaul_bench.load import Line, Sent, press, share
from longhaul_bench.process import memory_kib
from longhaul_bench.stage import QUEUE, Play, Stage
from longhaul_bench.work import drain

CONCURRENCY, CALL_MS = 30, 100  # of the queue: some 280 jobs a second
BOUND = 800  # jobs that may wait: about three seconds of them
TIMES = (1, 2, 4)  # as many submits as the queue works off
SECONDS = 8.0
SEED_JOBS = 2_000
PROMPT_BYTES = 400
LOOK_S = 0.25  # between two looks at how many wait
MODEL = f"sim?ttft_ms={CALL_MS}"


@benchmark("overload", "ms", "<= 20 ms; refused before memory or latency grows", "-")
def overload(stage: Stage, runs: int) -> Iterator[Sample]:
    """Submits at one, two and four times the rate at which a queue at its bound is worked off, in
    an open loop: p99 of the answers at four times, from the moment each was due. Beside it for each
    rate: what was accepted and refused a second, p99 of both, how many waited at most, the
    producer's memory, and Retry-After as a share of the time until all was begun that waited at
    the refusal, and of the time until the next submit was accepted."""
    with stage.play(workers=1) as play:
        play.admin.call("PATCH", f"/v1/queues/{QUEUE}", {"concurrency": CONCURRENCY})
        capacity = drain(play, SEED_JOBS, seed).value
        play.admin.call("PATCH", f"/v1/queues/{QUEUE}", {"max_queued": BOUND})
        stages(stage, play, capacity, TIMES[-1:])  # connections and memory are warm then
        for _ in range(runs):
            found = stages(stage, play, capacity, TIMES)
            worst = found[f"x{TIMES[-1]}"]
            more = {"capacity_s": round(capacity), "bound": BOUND, **found}
            yield Sample(max(worst["accepted_p99_ms"], worst["refused_p99_ms"]), more)


def seed(_: int) -> bytes:
    message = f'{{"role":"user","content":"{"long " * (PROMPT_BYTES // 5)}"}}'
    return (
        f'{{"kind":"chat","input":{{"model":"{MODEL}","max_tokens":2,"messages":[{message}]}}}}'
    ).encode()


def stages(stage: Stage, play: Play, capacity: float, times: tuple[int, ...]) -> dict[str, Any]:
    return {f"x{n}": one(stage, play, n * capacity) for n in times}


def one(stage: Stage, play: Play, rate: float) -> dict[str, Any]:
    """One rate, the queue full when it begins."""
    producer = play.stack.pid("producer-1")
    if producer is None:
        raise Fault("producer-1 does not run.")
    since = play.now()
    play.clients[0].bulk([seed(n) for n in range(BOUND)])
    count, (before, _) = int(rate * SECONDS), memory_kib(producer)
    plan = [
        Line(int(n * 1e6 / rate), n % len(play.keys), False, PROMPT_BYTES, 2, MODEL)
        for n in range(count)
    ]
    over, waited = threading.Event(), [0]
    looking = threading.Thread(target=look, args=(play, over, waited))
    looking.start()
    try:
        load = press(stage, play, plan, last_s=SECONDS)
    finally:
        over.set()
        looking.join()
    after, _ = memory_kib(producer)
    play.wait_ended()
    took = [sent for sent in load.sent if sent.status == 202]
    refused = [sent for sent in load.sent if sent.status in (429, 503)]
    if len(took) + len(refused) != count or any(not sent.retry_after_s for sent in refused):
        raise Fault(f"{count} submits, {len(took)} taken, {len(refused)} refused.")
    return {
        "offered_s": round(rate),
        "accepted_s": round(len(took) / SECONDS),
        "refused_s": round(len(refused) / SECONDS),
        "accepted_p99_ms": p99_ms(took),
        "refused_p99_ms": p99_ms(refused),
        "most_waiting": waited[0],
        "producer_kib": [before, after],
    } | told(play, since, took, refused)


def look(play: Play, over: threading.Event, waited: list[int]) -> None:
    while not over.wait(LOOK_S):
        waited[0] = max(waited[0], int(play.number("select count(*) from job_ready")))


def p99_ms(sent: list[Sent]) -> float:
    return round(share(sorted((one.answered_us - one.due_us) / 1000 for one in sent), 0.99), 2)


def told(play: Play, since: float, took: list[Sent], refused: list[Sent]) -> dict[str, Any]:
    """Retry-After, and what was true: by the record, when what waited had begun; by the answers,
    when another submit was accepted."""
    if not refused:
        return {}
    rows = play.stack.psql(
        "select extract(epoch from created_at), extract(epoch from started_at) from job"
        f" where created_at >= to_timestamp({since!r})"
    )
    created = sorted(float(row[0]) for row in rows)
    started = sorted(float(row[1]) for row in rows)
    answers = sorted(sent.answered_us / 1e6 for sent in took)
    worked_off, room = [], []
    for sent in refused:
        at = sent.answered_us / 1e6
        worked_off.append(max(0.0, started[bisect_right(created, at) - 1] - at))
        later = bisect_left(answers, at)
        if later < len(answers):
            room.append(answers[later] - at)
    said = [float(sent.retry_after_s) for sent in refused]
    return {
        "retry_after_s": spread(said),
        "worked_off_s": spread(worked_off),
        "of_worked_off": spread([a / max(b, 0.1) for a, b in zip(said, worked_off, strict=True)]),
        "room_s": spread(room),
    }


def spread(values: list[float]) -> list[float]:
    """p10, p50 and p90."""
    ordered = sorted(values)
    return [round(share(ordered, part), 2) for part in (0.1, 0.5, 0.9)]
