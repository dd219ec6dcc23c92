"""How well upstreams are paced, and how soon a dead one is left alone."""

import itertools
import json
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from typing import Any

from longhaul_bench.figure import Sample, benchmark
from longhaul_bench.stage import QUEUE, Play, Stage

WORKERS = 4
SCALE = 12  # 60 requests and 100,000 tokens a minute, so many times as fast
WINDOW_MS = 20_000
REQUESTS, TOKENS = 60 * SCALE // 3, 100_000 * SCALE // 3  # in a window
WARM_S, MEASURE_S = 20, 40
QUOTA_MODEL = f"quota?rpm={REQUESTS}&tpm={TOKENS}&window_ms={WINDOW_MS}&tokens=40&ttft_ms=100"
PER_MINUTE = 60_000 // WINDOW_MS

DEAD_JOBS_PER_S = 100
GOOD_S, DEAD_S = 12, 12


def line(model: str, **more: Any) -> bytes:
    message = {"role": "user", "content": "Say something."}
    body = {"kind": "chat", "input": {"model": model, "messages": [message]}, **more}
    return json.dumps(body).encode()


@benchmark("quota", "% of quota", ">= 95 %, < 1 % 429", "-")
def quota(stage: Stage, runs: int) -> Iterator[Sample]:
    """A hard quota, 240 requests and 400,000 tokens in any 20 s (60 and 100,000 a minute, twelve
    times as fast), four workers, more jobs than it lets through: share of it that was used."""
    limits = {
        "models": ["quota*"],
        "requests_per_minute": REQUESTS * PER_MINUTE,
        "tokens_per_minute": TOKENS * PER_MINUTE,
    }
    for _ in range(runs):
        with stage.play(
            tenants=4, workers=WORKERS, config_overrides={"upstreams": {"paced": limits}}
        ) as play:
            yield _quota_run(play)


def _quota_run(play: Play) -> Sample:
    jobs = REQUESTS * 1000 // WINDOW_MS * (WARM_S + MEASURE_S + 20)
    play.fill(jobs, lambda _: line(QUOTA_MODEL))
    time.sleep(WARM_S)
    begin_us = time.time_ns() // 1000
    time.sleep(MEASURE_S)
    end_us = time.time_ns() // 1000
    asked = [call for call in play.calls() if begin_us <= call["at_us"] < end_us]
    refused = sum(call["status"] == 429 for call in asked)
    most = REQUESTS * MEASURE_S * 1000 / WINDOW_MS
    parked = play.number("select count(*) from attempt where outcome = 'upstream_pacing'")
    held = play.number("select count(*) from job_lease")
    more = {"asked": len(asked), "refused": refused, "refused_percent": 100 * refused / len(asked)}
    more |= {"parked": int(parked), "jobs": jobs, "held": int(held)}
    return Sample(100 * (len(asked) - refused) / most, more)


@benchmark("breaker", "s", "<= 3 s", "-")
def breaker(stage: Stage, runs: int) -> Iterator[Sample]:
    """An upstream dies under 100 jobs a second on four workers, after 12 good seconds: from the
    first failure until it gets at most one call a second."""
    for _ in range(runs):
        with stage.play(tenants=4, workers=WORKERS) as play:
            yield _breaker_run(play)


def _breaker_run(play: Play) -> Sample:
    model = "sim?tokens=20&ttft_ms=50"
    play.queue(QUEUE, "resume")
    end = time.monotonic() + GOOD_S + DEAD_S
    dead = False
    play.forget_calls()
    while time.monotonic() < end:
        play.fill(DEAD_JOBS_PER_S // 4, lambda _: line(model, deadline_s=600))
        if not dead and time.monotonic() > end - DEAD_S:
            dead = True
            _die(play)
        time.sleep(0.25)
    failed = [call["at_us"] / 1e6 for call in play.calls() if call["status"] == 503]
    return Sample(_quiet_after(failed), {"reached": len(failed), "by_second": _seconds(failed)})


def _die(play: Play) -> None:
    url = play.stack.env["LONGHAUL_SIM_URL"].removesuffix("/v1") + "/faults"
    body = json.dumps({"for_ms": 600_000, "fail": 503}).encode()
    urllib.request.urlopen(urllib.request.Request(url, body), timeout=30).close()


def _quiet_after(failed: list[float]) -> float:
    """Seconds from the first failure to the last call that another followed within a second."""
    last = failed[0]
    for before, at in itertools.pairwise(failed):
        if at - before < 1:
            last = at
    return last - failed[0]


def _seconds(failed: list[float]) -> list[int]:
    counts = Counter(int(at - failed[0]) for at in failed)
    return [counts[n] for n in range(max(counts) + 1)]
