"""How fast jobs are taken in, durably."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import perf_counter

import httpx

from longhaul_bench.figure import Sample, benchmark
from longhaul_bench.process import Meter
from longhaul_bench.stage import FILLERS, QUEUE, Play, Stage
from longhaul_bench.wrk import Load, press

BODY_BYTES = 1024
LINE_BYTES = 200
SECONDS = 8.0
BULK_JOBS = 200_000
POLLED = 100


def chat_of(size: int, model: str = "sim") -> bytes:
    """A chat job whose text makes it so many bytes long."""
    job = {"kind": "chat", "input": {"model": model, "messages": [{"role": "user", "content": ""}]}}
    text = "long " * size
    bare = len(json.dumps(job, separators=(",", ":")))
    job["input"]["messages"][0]["content"] = text[: max(1, size - bare)]  # type: ignore[index]
    return json.dumps(job, separators=(",", ":")).encode()


@benchmark("submit", "jobs/s", ">= 10,000/s, p99 <= 20 ms", "River 2,600/s, in-process")
def submit(stage: Stage, runs: int) -> Iterator[Sample]:
    """Durable submits over HTTP: 1 KB body, 64 connections, 100 tenants mixed, queue paused.

    A run before the first, not counted, and a checkpoint before each leave WAL segments to write
    again, as any cluster older than an hour has them: in a young one each new segment is filled
    with zeros first, which stalls all commits by 20 to 45 ms.
    """
    with stage.play(workers=1) as play:
        play.queue(QUEUE, "pause")
        body = play.file("body", chat_of(BODY_BYTES).decode())
        submit_load(play, body)
        for _ in range(runs):
            play.stack.psql("checkpoint")
            before, meter = play.number("select count(*) from job"), Meter(play.stack)
            load = submit_load(play, body)
            kept = play.number("select count(*) from job") - before
            more = {"p50_ms": load.p50_us / 1000, "p99_ms": load.p99_us / 1000}
            more |= {"answered": load.requests, "kept": int(kept)}
            yield Sample(load.rate, more | {"cpu_us": meter.us_each(load.requests)})


@benchmark("submit-limited", "jobs/s", ">= 0.7 of the same without", "-")
def submit_limited(stage: Stage, runs: int) -> Iterator[Sample]:
    """As submit, without limits and then with limits at five levels that are far away: each request
    is asked at all of them through Redis. `without` is the run before in the same stack."""
    with stage.play(workers=1) as play:
        yield from _limited_runs(play, play.keys_file(), runs)


@benchmark("submit-limited-alike", "jobs/s", ">= 0.85 of the same without", "-")
def submit_limited_alike(stage: Stage, runs: int) -> Iterator[Sample]:
    """As submit-limited, all by one key: what comes at once is asked for together."""
    with stage.play(workers=1) as play:
        yield from _limited_runs(play, play.file("one-key", play.keys[0]), runs)


def _limited_runs(play: Play, keys: Path, runs: int) -> Iterator[Sample]:
    play.queue(QUEUE, "pause")
    body = play.file("body", chat_of(BODY_BYTES).decode())
    submit_load(play, body, keys)
    for _ in range(runs):
        without = _limited_load(play, body, keys, limited=False)
        load = _limited_load(play, body, keys, limited=True)
        more = {"without": without.rate, "ratio": load.rate / without.rate}
        yield Sample(load.rate, more | {"p99_ms": load.p99_us / 1000})


def _limited_load(play: Play, body: Path, keys: Path, limited: bool) -> Load:
    limits_set(play, limited)
    play.stack.psql("checkpoint")
    return submit_load(play, body, keys)


def limits_set(play: Play, limited: bool) -> None:
    """Limits at five levels that are far away, or none; returns when it is so."""
    for level in ("global", "ip", "tenant", "role:service", "user"):
        path = f"/v1/limits/default/{level}"
        if limited:
            play.admin.call("PUT", path, {"requests": 900_000_000, "window_s": 86_400})
        elif level in {row["level"] for row in play.admin.json("GET", "/v1/limits")["data"]}:
            play.admin.call("DELETE", path)
    play.wait(lambda: _is_limited(play) == limited, "the limits", 30)


def _is_limited(play: Play) -> bool:
    reply = httpx.get(f"{play.url}/v1/jobs", headers={"Authorization": f"Bearer {play.keys[0]}"})
    return "ratelimit" in reply.headers


def submit_load(play: Play, body: Path, keys: Path | None = None) -> Load:
    """SECONDS of it, by the keys of a file in turn, by default one of each tenant."""
    return press(
        "submit",
        f"{play.url}/v1/jobs",
        [keys or play.keys_file(), body],
        connections=64,
        seconds=SECONDS,
    ).check()


@benchmark("bulk", "jobs/s", ">= 25,000/s", "graphile-worker 60,000/s, in-process")
def bulk(stage: Stage, runs: int) -> Iterator[Sample]:
    """Bulk submits: 200-byte lines, 1,000 a request, short reply lines, queue paused."""
    body = b"\n".join([chat_of(LINE_BYTES)] * 1000) + b"\n"
    with stage.play(workers=1) as play:
        play.queue(QUEUE, "pause")
        for _ in range(runs):
            yield _bulk_run(play, body)


def _bulk_run(play: Play, body: bytes) -> Sample:
    """Replies are counted here and not parsed: the client's own time is not the figure."""

    def part(number: int) -> int:
        client = play.clients[number % len(play.clients)]
        reply = client.call("POST", "/v1/jobs/bulk", body, media="application/x-ndjson")
        return reply.count(b'"id":"job_')

    before = play.number("select count(*) from job")
    start, meter = perf_counter(), Meter(play.stack)
    with ThreadPoolExecutor(FILLERS) as pool:
        told = sum(pool.map(part, range(BULK_JOBS // 1000)))
    took = perf_counter() - start
    each = meter.us_each(told)
    kept = play.number("select count(*) from job") - before
    more = {"told": told, "kept": int(kept), "connections": FILLERS}
    return Sample(told / took, more | {"cpu_us": each})


@benchmark("poll", "polls/s", ">= 20,000/s", "-")
def poll(stage: Stage, runs: int) -> Iterator[Sample]:
    """GET of a job that has not changed, with its ETag: 64 connections, 100 jobs."""
    with stage.play(workers=1) as play:
        play.queue(QUEUE, "pause")
        lines = []
        for client, key in zip(play.clients, play.keys, strict=True):
            path = f"/v1/jobs/{client.json('POST', '/v1/jobs', json.loads(chat_of(300)))['id']}"
            lines.append(f"{key} {path} {client.etag(path)}")
        polls = play.file("polls", "\n".join(lines[:POLLED]) + "\n")
        for _ in range(runs):
            meter = Meter(play.stack)
            load = press("poll", play.url, [polls], connections=64, seconds=SECONDS).check()
            more = {"p99_ms": load.p99_us / 1000, "bytes_each": load.bytes // load.requests}
            yield Sample(load.rate, more | {"cpu_us": meter.us_each(load.requests)})


@benchmark("poll-content", "polls/s", ">= 8,000/s", "-")
def poll_content(stage: Stage, runs: int) -> Iterator[Sample]:
    """GET of a completed job, its answer with it: audited, 64 connections, 100 jobs."""
    with stage.play(workers=1) as play:
        lines = []
        for client, key in zip(play.clients, play.keys, strict=True):
            path = f"/v1/jobs/{client.json('POST', '/v1/jobs', json.loads(chat_of(300)))['id']}"
            client.json("GET", f"{path}?wait=30")
            lines.append(f"{key} {path} -")
        polls = play.file("polls", "\n".join(lines[:POLLED]) + "\n")
        for _ in range(runs):
            meter = Meter(play.stack)
            rows = play.number("select count(*) from audit where action = 'job.read'")
            load = press("poll", play.url, [polls], connections=64, seconds=SECONDS).check()
            rows = play.number("select count(*) from audit where action = 'job.read'") - rows
            more = {"p99_ms": load.p99_us / 1000, "bytes_each": load.bytes // load.requests}
            more |= {"audit_rows": int(rows)}
            yield Sample(load.rate, more | {"cpu_us": meter.us_each(load.requests)})
