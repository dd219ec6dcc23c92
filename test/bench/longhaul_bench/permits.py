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
MINUTES = 5
REQUESTS, TOKENS = 60, 100_000  # in any minute
SHORT, LONG = 40, 3000  # tokens of an answer: so requests bind, or tokens
HURRY = 12  # quota-fast: so many times as fast
FAST_S = 40
AWAY_S = 40  # quota-away

DEAD_JOBS_PER_S = 100
GOOD_S, DEAD_S = 12, 12


def line(model: str, **more: Any) -> bytes:
    message = {"role": "user", "content": "Say something."}
    body = {"kind": "chat", "input": {"model": model, "messages": [message]}, **more}
    return json.dumps(body).encode()


def limits(models: str, times: int) -> dict[str, Any]:
    upstream = {
        "models": [models],
        "requests_per_minute": REQUESTS * times,
        "tokens_per_minute": TOKENS * times,
    }
    return {"upstreams": {"paced": upstream}}


@benchmark("quota", "% of quota", ">= 95 %, < 1 % 429", "-", apart=True)
def quota(stage: Stage, runs: int) -> Iterator[Sample]:
    """Two models with a hard quota, 60 requests and 100,000 tokens in any minute, four workers that
    know nothing of them yet, more jobs than are let through, five minutes from the first call on:
    share of the quota that was used by the model of short answers, and by that of long ones,
    whichever is less."""
    for _ in range(runs):
        with stage.play(tenants=4, workers=WORKERS, config_overrides=limits("quota*", 1)) as play:
            yield _quota_run(play)


def _quota_run(play: Play) -> Sample:
    models = [
        f"quota?rpm={REQUESTS}&tpm={TOKENS}&tokens={tokens}&ttft_ms=100" for tokens in (SHORT, LONG)
    ]
    jobs = REQUESTS * (MINUTES + 2)
    play.fill(jobs * len(models), lambda n: line(models[n % len(models)]))
    play.wait(lambda: play.calls("&limit=1"), "the first call", 60)
    time.sleep(MINUTES * 60 + 1)
    calls = play.calls()
    short, long = (_used([c for c in calls if c["model"] == model]) for model in models)
    return Sample(
        min(short["requests"], long["tokens"]), {"short_answers": short, "long_answers": long}
    )


def _used(calls: list[dict[str, Any]]) -> dict[str, float]:
    """What one model's calls used of its quota in the minutes after the first one."""
    end_us = calls[0]["at_us"] + MINUTES * 60_000_000
    asked = [call for call in calls if call["at_us"] < end_us]
    passed = [call for call in asked if call["status"] != 429]
    tokens = sum(call["tokens"] for call in passed)  # of the answers: those of the input besides
    refused = len(asked) - len(passed)
    return {
        "asked": len(asked),
        "refused": refused,
        "refused_percent": 100 * refused / len(asked),
        "requests": 100 * len(passed) / (REQUESTS * MINUTES),
        "tokens": 100 * tokens / (TOKENS * MINUTES),
    }


@benchmark("quota-away", "% refused", "-", "-", apart=True)
def quota_away(stage: Stage, runs: int) -> Iterator[Sample]:
    """Answers of 40 tokens under a hard quota of 60 requests in any minute, four workers, and Redis
    away for 40 s from the middle of the first minute on: share of the calls of two minutes that
    are refused. `by_span`: asked and refused before, while it was away, and after."""
    for _ in range(runs):
        with stage.play(tenants=4, workers=WORKERS, config_overrides=limits("quota*", 1)) as play:
            yield _away_run(play)


def _away_run(play: Play) -> Sample:
    model = f"quota?rpm={REQUESTS}&tokens={SHORT}&ttft_ms=100"
    play.fill(REQUESTS * 4, lambda _: line(model))
    play.wait(lambda: play.calls("&limit=1"), "the first call", 60)
    marks = [0.0]
    for wait_s, act in ((30, play.stack.stop), (AWAY_S, play.stack.start)):
        time.sleep(wait_s)
        marks.append(time.time())
        act("redis-limits")
    time.sleep(120 - 30 - AWAY_S)
    calls = play.calls()
    spans = []
    for since, until in itertools.pairwise([*marks, float("inf")]):
        span = [call for call in calls if since <= call["at_us"] / 1e6 < until]
        spans.append([len(span), sum(call["status"] == 429 for call in span)])
    asked, refused = (sum(column) for column in zip(*spans, strict=True))
    return Sample(100 * refused / asked, {"asked": asked, "refused": refused, "by_span": spans})


@benchmark("quota-fast", "% of quota", ">= 95 %, < 1 % 429", "-")
def quota_fast(stage: Stage, runs: int) -> Iterator[Sample]:
    """The quota of requests twelve times as fast, 240 in any 20 s, where jobs come and go so much
    faster: share of it that was used."""
    for _ in range(runs):
        with stage.play(
            tenants=4, workers=WORKERS, config_overrides=limits("quota*", HURRY)
        ) as play:
            yield _fast_run(play)


def _fast_run(play: Play) -> Sample:
    per_s = REQUESTS * HURRY // 60
    model = f"quota?rpm={20 * per_s}&window_ms=20000&tokens={SHORT}&ttft_ms=100"
    play.fill(per_s * (FAST_S + 40), lambda _: line(model))
    time.sleep(20)
    begin_us = time.time_ns() // 1000
    time.sleep(FAST_S)
    end_us = time.time_ns() // 1000
    asked = [call for call in play.calls() if begin_us <= call["at_us"] < end_us]
    refused = sum(call["status"] == 429 for call in asked)
    parked = play.number("select count(*) from attempt where outcome = 'upstream_pacing'")
    held = play.number("select count(*) from job_lease")
    more = {"asked": len(asked), "refused": refused, "refused_percent": 100 * refused / len(asked)}
    more |= {"parked": int(parked), "held": int(held)}
    return Sample(100 * (len(asked) - refused) / (per_s * FAST_S), more)


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
