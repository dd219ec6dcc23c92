"""How soon text reaches a reader: the first of an answer, and every piece after it.

The simulator writes into each piece when it sent it (stamp=1), and the load generator subtracts
that from the time at which the piece came out of the job's event stream; both read one clock.
"""

import json
import re
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from longhaul_dev.fault import Fault
from longhaul_dev.plan import metrics_port

from longhaul_bench.figure import Sample, benchmark
from longhaul_bench.load import Line, Load, Sent, press, share
from longhaul_bench.process import Meter, rss_kib
from longhaul_bench.stage import Play, Stage

STREAMS = 1000
BEGIN_S = 5.0  # over which they begin
WARM_S = 8.0
MEASURE_S = 30.0
PROBES_PER_S = 20
PROMPT_BYTES = 4000
ITL_MS = 50
RUNNING = f"sim?tokens=1000000&itl_ms={ITL_MS}&jitter=0.1&stamp=1"  # a token a chunk
CHUNKED = f"{RUNNING}&chunk_tokens=10"  # 20 tokens a second in 2 chunks, as calls-10k's
PROBE = "sim?tokens=1000000&itl_ms=20&ttft_ms=200&jitter=0.1&stamp=1"
PROBE_TOKENS = 20
PARTS = ("submit_p50_ms", "to_model_p50_ms", "to_reader_p50_ms")  # of way()
MANY = 10_000  # streams of one worker
MANY_FOLLOWED = 10  # one in so many
MANY_BEGIN_S, MANY_WARM_S, MANY_MEASURE_S = 8.0, 16.0, 15.0
MANY_SHAPE = {"worker": {"slots": MANY + 500, "memory_mb": 4096}}
SHAPE = {"worker": {"slots": STREAMS * 2}}
TURNS = re.compile(r'^longhaul_loop_turn_seconds_bucket\{.*le="([^"]+)".*\} ([0-9]+)$', re.M)


@dataclass(frozen=True)
class Scene:
    """What came of one: the streams', the probes', and what each part used, in cores."""

    streams: Load
    probes: Load
    cores: dict[str, float]


def streams_plan(model: str) -> list[Line]:
    """A thousand streams that run all the time."""
    tokens = int((WARM_S + MEASURE_S) * 1000 / ITL_MS)
    return [
        Line(int(n * BEGIN_S * 1e6 / STREAMS), n % 100, True, PROMPT_BYTES, tokens, model)
        for n in range(STREAMS)
    ]


def probes_plan() -> list[Line]:
    """Short calls that come and go meanwhile."""
    return [
        Line(int((WARM_S + n / PROBES_PER_S) * 1e6), n % 100, True, 400, PROBE_TOKENS, PROBE)
        for n in range(int((MEASURE_S - BEGIN_S) * PROBES_PER_S))
    ]


def scene(stage: Stage, play: Play, model: str) -> Scene:
    """Plays it once. The probes are another process: what a thousand readers in one program
    wait for each other is not longhaul's."""
    play.forget_calls()
    meter = Meter(play.stack)
    last_s = WARM_S + MEASURE_S
    plan = streams_plan(model)
    with ThreadPoolExecutor(2) as pool:
        streams = pool.submit(
            press, stage, play, plan, count_from_s=WARM_S, last_s=last_s, name="streams"
        )
        probes = pool.submit(press, stage, play, probes_plan(), last_s=last_s, name="probes")
        loads = (streams.result(), probes.result())
    sent = [one for load in loads for one in load.sent]
    refused = sum(one.status != 202 for one in sent)
    unended = sum(not one.ended_us for one in sent)
    if refused or unended or any(load.about["unsent"] for load in loads):
        raise Fault(f"{refused} submits refused, {unended} streams did not end.")
    of_a_ms = meter.us_each(int(last_s * 1000))
    return Scene(*loads, {name: round(used / 1000, 3) for name, used in of_a_ms.items()})


def way(sent: Sent, call: dict[str, Any]) -> tuple[float, float, float]:
    """A probe's three parts, in ms: until its submit was answered, from there until its request
    was at the model, and from the model's first token to its reader."""
    return (
        (sent.answered_us - sent.due_us) / 1000,
        (call["at_us"] - sent.answered_us) / 1000,
        (sent.first_us - call["first_us"]) / 1000,
    )


def first_texts(stage: Stage, runs: int, model: str) -> Iterator[Sample]:
    with stage.play(workers=1, config_overrides=SHAPE) as play:
        for _ in range(runs):
            seen = scene(stage, play, model)
            calls = {call["job"]: call for call in play.calls()}
            ways = [way(sent, calls[sent.job]) for sent in seen.probes.sent]
            added = sorted(sum(one) for one in ways)
            more = {"p99_ms": share(added, 0.99), "max_ms": added[-1], "probes": len(added)}
            for name, parts in zip(PARTS, zip(*ways, strict=True), strict=True):
                more[name] = share(sorted(parts), 0.5)
            yield Sample(share(added, 0.5), more | {"load": seen.probes.about, "cores": seen.cores})


@benchmark("ttft", "ms", "p50 <= 5 ms, p99 <= 30 ms", "-")
def ttft(stage: Stage, runs: int) -> Iterator[Sample]:
    """Added to the time to the first token while 1,000 streams run, 20 tokens a second in 2 chunks:
    from the submit to its text in the event stream, less what the model took."""
    yield from first_texts(stage, runs, CHUNKED)


@benchmark("ttft-dense", "ms", "-", "-")
def ttft_dense(stage: Stage, runs: int) -> Iterator[Sample]:
    """The same with a chunk for each token: 20,000 pieces of text a second beside it."""
    yield from first_texts(stage, runs, RUNNING)


@benchmark("stream-delta", "ms", "p99 <= 50 ms", "-")
def stream_delta(stage: Stage, runs: int) -> Iterator[Sample]:
    """From a token's leaving the model to its reader's event stream, 1,000 streams of 20 tokens a
    second, all followed: p99."""
    with stage.play(workers=1, config_overrides=SHAPE) as play:
        for _ in range(runs):
            seen = scene(stage, play, RUNNING)
            about = seen.streams.about
            more = {"p50_ms": about["text_p50_us"] / 1000, "max_ms": about["text_max_us"] / 1000}
            more |= {"texts": about["texts"], "load": about, "cores": seen.cores}
            yield Sample(about["text_p99_us"] / 1000, more)


@benchmark("streams-followed", "ms", "p99 <= 20 ms; 10,000 held, <= 28 KiB each", "-")
def streams_followed(stage: Stage, runs: int) -> Iterator[Sample]:
    """10,000 streams in one worker, 20 tokens a second in 2 chunks, one in ten followed through its
    event stream: how long a turn of the worker's loop keeps everything else waiting, p99 (the upper
    bound of its bucket)."""
    for _ in range(runs):
        with stage.play(workers=1, config_overrides=MANY_SHAPE) as play:
            yield many(stage, play)


def many(stage: Stage, play: Play) -> Sample:
    worker = play.stack.pid("worker-1")
    if worker is None:
        raise Fault("worker-1 does not run.")
    last_s, rss = MANY_WARM_S + MANY_MEASURE_S + 2, rss_kib(worker)
    with ThreadPoolExecutor(1) as pool:
        pressing = pool.submit(
            press, stage, play, many_plan(last_s), count_from_s=MANY_WARM_S, last_s=last_s
        )
        time.sleep(MANY_WARM_S)
        turns, meter, held = turns_of(play), Meter(play.stack), rss_kib(worker) - rss
        running = int(play.number("select count(*) from job_lease"))
        time.sleep(MANY_MEASURE_S)
        of_a_ms = meter.us_each(int(MANY_MEASURE_S * 1000))
        took = {bound: n - turns[bound] for bound, n in turns_of(play).items()}
        load = pressing.result()
    cores = {name: round(used / 1000, 3) for name, used in of_a_ms.items()}
    texts = {name: load.about[name] for name in ("texts", "text_p50_us", "text_p99_us")}
    more = {"running": running, "kib_each": round(held / MANY, 1), "cores": cores} | texts
    return Sample(1000 * bound_of(took, 0.99), more | {"turn_p50_ms": 1000 * bound_of(took, 0.5)})


def many_plan(last_s: float) -> list[Line]:
    tokens = int(last_s * 1000 / ITL_MS)
    return [
        Line(
            int(n * MANY_BEGIN_S * 1e6 / MANY),
            n % 100,
            n % MANY_FOLLOWED == 0,
            400,
            tokens,
            CHUNKED,
        )
        for n in range(MANY)
    ]


def turns_of(play: Play) -> dict[float, int]:
    """How many turns of the worker's loop took no longer than each bound, in seconds."""
    ports = json.loads(play.stack.layout.state.read_text())["ports"]
    url = f"http://127.0.0.1:{ports[metrics_port('worker-1')]}/metrics"
    with urllib.request.urlopen(url, timeout=30) as reply:
        page = reply.read().decode()
    found = TURNS.findall(page)
    return {float(bound): int(n) for bound, n in found}


def bound_of(counts: dict[float, int], part: float) -> float:
    most = max(counts.values())
    return min(bound for bound, n in counts.items() if n >= part * most)
