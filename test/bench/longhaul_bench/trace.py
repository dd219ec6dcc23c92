"""A real trace of requests, replayed ever faster until longhaul adds too much.

The trace says when requests came, how long their prompts were and how long their answers. Arrivals
are compressed K times; the model is not: it writes a token every 20 ms. K is therefore the rate of
arrivals and of tokens against that service's own, and concurrency follows from both.
"""

import csv
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from checker import typeid_uuid
from longhaul_dev.fault import Fault

from longhaul_bench.figure import Sample, benchmark
from longhaul_bench.load import Line, Load, press, share, trace_file
from longhaul_bench.process import Meter
from longhaul_bench.stage import Play, Stage

ADDED_MS = 100.0
TRY_S = 60.0  # a try replays at most so long
WARM_S = 8.0  # caches, connections, the first plans: counted nowhere
TRIES = 6
STEP = 1.4
TENANTS = 100
BYTES_PER_TOKEN = 4
FOLLOW_ONE_IN = 20
ITL_MS, TTFT_MS = 20, 200
SHAPE = {"worker": {"slots": 20000, "memory_mb": 4096}, "log": {"level": "warn"}}


@dataclass(frozen=True)
class Request:
    at_s: float
    prompt_tokens: int
    tokens: int


@dataclass(frozen=True)
class Replay:
    """One try: what was added to each call, and whether everything came through."""

    speed: float
    jobs: int
    refused: int
    lost: int
    repeated: int
    p50_ms: float
    p99_ms: float
    max_ms: float
    before_p99_ms: float  # from when it was due to the request at the model
    after_p99_ms: float  # from the model's last byte to the finished row
    reader_p99_ms: float  # to the end of the event stream, of those that were followed
    about: dict[str, Any]

    def holds(self) -> bool:
        whole = not (self.refused or self.lost)
        return whole and self.jobs > 0 and self.p99_ms < ADDED_MS


def read_trace(last_s: float) -> list[Request]:
    path = trace_file(os.environ.get("TRACE", ""))
    with path.open(encoding="ascii", newline="") as rows:
        told = [
            (datetime.fromisoformat(row["TIMESTAMP"][:26]), row) for row in csv.DictReader(rows)
        ]
    start = told[0][0]
    requests = [
        Request(
            (at - start).total_seconds(), int(row["ContextTokens"]), int(row["GeneratedTokens"])
        )
        for at, row in told
    ]
    return [request for request in requests if request.at_s < last_s]


def plan(requests: list[Request], speed: float, chunk: int) -> list[Line]:
    model = f"sim?tokens=1000000&chunk_tokens={chunk}&itl_ms={ITL_MS}&ttft_ms={TTFT_MS}"
    return [
        Line(
            int(request.at_s * 1e6 / speed),
            n % TENANTS,
            n % FOLLOW_ONE_IN == 0,
            request.prompt_tokens * BYTES_PER_TOKEN,
            max(request.tokens, 1),
            model,
        )
        for n, request in enumerate(requests)
    ]


def finished_us(play: Play) -> dict[str, int]:
    """When each completed job's last row was written, by the record."""
    rows = play.stack.psql(
        "select job_id, (extract(epoch from finished_at) * 1000000)::bigint from job_done "
        "where state = 'completed'"
    )
    return {job: int(at) for job, at in rows}


def judge(play: Play, load: Load, speed: float, about: dict[str, Any]) -> Replay:
    """Lost: accepted, and not completed. A repeated call's first tries count as added."""
    done = finished_us(play)
    calls: dict[str, dict[str, Any]] = {}
    repeated = 0
    for call in play.calls():
        repeated += call["job"] in calls
        calls[call["job"]] = call
    accepted = [sent for sent in load.sent if sent.status == 202]
    whole = [s for s in accepted if s.job in calls and typeid_uuid(s.job) in done]
    before, after, added, reader = [], [], [], []
    for sent in whole:
        call = calls[sent.job]
        before.append((call["at_us"] - sent.due_us) / 1000)
        after.append((done[typeid_uuid(sent.job)] - call["ended_us"]) / 1000)
        added.append(before[-1] + after[-1])
        if sent.ended_us:
            reader.append(before[-1] + (sent.ended_us - call["ended_us"]) / 1000)
    for values in (before, after, added, reader):
        values.sort()
    return Replay(
        speed=speed,
        jobs=len(load.sent),
        refused=len(load.sent) - len(accepted) + int(load.about["unsent"]),
        lost=len(accepted) - len(whole),
        repeated=repeated,
        p50_ms=share(added, 0.5),
        p99_ms=share(added, 0.99),
        max_ms=share(added, 1.0),
        before_p99_ms=share(before, 0.99),
        after_p99_ms=share(after, 0.99),
        reader_p99_ms=share(reader, 0.99),
        about=about,
    )


def replay(
    stage: Stage, play: Play, trace: list[Request], speed: float, chunk: int, wall_s: float = TRY_S
) -> Replay:
    part = [request for request in trace if request.at_s < speed * wall_s]
    play.forget_calls()
    play.stack.psql("checkpoint")
    meter = Meter(play.stack)
    last_s = part[-1].at_s / speed
    load = press(stage, play, plan(part, speed, chunk), last_s=last_s)
    play.wait_ended()
    tokens = sum(request.tokens for request in part)
    about = {"trace_s": round(part[-1].at_s), "wall_s": round(last_s, 1)}
    about |= {"jobs_per_s": round(len(part) / last_s), "tokens_per_s": round(tokens / last_s)}
    about |= {"cpu_us_per_job": meter.us_each(len(part)), "generator": load.about}
    return judge(play, load, speed, about)


def search(stage: Stage, play: Play, chunk: int, speed: float) -> list[Replay]:
    """Widens from speed until one holds and a faster one does not, then halves the gap."""
    trace = read_trace(float(os.environ.get("TRACE_S") or "inf"))
    replay(stage, play, trace, speed, chunk, WARM_S)
    tries: list[Replay] = []
    while len(tries) < int(os.environ.get("TRACE_TRIES") or TRIES):
        tries.append(replay(stage, play, trace, speed, chunk))
        held = [one.speed for one in tries if one.holds()]
        failed = [one.speed for one in tries if not one.holds()]
        if held and failed:
            speed = (max(held) * min(failed)) ** 0.5
        else:
            speed = speed * STEP if held else speed / STEP
    return tries


def measure(stage: Stage, runs: int, chunk: int, reach: float) -> Iterator[Sample]:
    if not read_trace(float("inf")):
        raise Fault("the trace holds no requests.")
    for _ in range(runs):
        with stage.play(tenants=TENANTS, workers=1, config_overrides=SHAPE) as play:
            tries = search(stage, play, chunk, reach)
        held = [one for one in tries if one.holds()]
        best = max(held, key=lambda one: one.speed, default=None)
        seen = [
            {"speed": round(one.speed, 1), "p99_ms": round(one.p99_ms, 1), "holds": one.holds()}
            for one in tries
        ]
        about = asdict(best or tries[-1])
        yield Sample(best.speed if best else 0.0, {"tries": seen, **about})


@benchmark("trace-10", "times", "K >= 100, p99 added < 100 ms", "-", apart=True)
def trace_10(stage: Stage, runs: int) -> Iterator[Sample]:
    """A service's trace K times as fast, 10 tokens a chunk: the largest K at which p99 of the
    latency that longhaul adds stays under 100 ms and nothing is lost."""
    yield from measure(stage, runs, 10, 100.0)


@benchmark("trace-1", "times", "K >= 15, p99 added < 100 ms", "-", apart=True)
def trace_1(stage: Stage, runs: int) -> Iterator[Sample]:
    """The same with 1 token a chunk."""
    yield from measure(stage, runs, 1, 15.0)
