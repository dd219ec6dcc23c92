"""Kafka, Redis and Postgres stop, forget and restart: nothing acknowledged is lost."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from client import chat, until
from stacks import running, tenant_client

from .load import assert_whole, load, more


@pytest.fixture(scope="module")
def stack() -> Iterator[Any]:
    with running("parts", workers=2, schedulers=2) as one:
        yield one


@pytest.mark.promises("C16")
def test_kafka_stopped_and_wiped(stack: Any) -> None:
    with load(stack) as one:
        more(one, 50)
        stack.stop("kafka")
        more(one, 50)
        stack.wipe("kafka")
        stack.start("kafka")
        more(one, 50)
    assert_whole(stack, one)


def worked_s(pid: int) -> float:
    """Processor time of all its threads."""
    after_name = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(after_name[11]) + int(after_name[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.promises("C16")
def test_no_program_spins_while_kafka_is_away(stack: Any) -> None:
    """A core was lost to a library's threads that woke each other; resting takes a hundredth."""
    pids = [stack.pid(f"{name}-1") for name in ("scheduler", "producer", "worker")]
    pids.append(stack.pid("scheduler-2"))
    stack.stop("kafka")
    before, began = [worked_s(pid) for pid in pids], time.monotonic()
    until("long enough to be measured", lambda: time.monotonic() - began > 8)
    shares = [
        (worked_s(p) - w) / (time.monotonic() - began) for p, w in zip(pids, before, strict=True)
    ]
    stack.start("kafka")
    assert max(shares) < 0.2, shares


@pytest.mark.promises("C16")
def test_redis_stopped_and_flushed(stack: Any) -> None:
    with load(stack) as one:
        more(one, 50)
        stack.stop("redis-limits")
        more(one, 50)
        stack.wipe("redis-limits")
        stack.start("redis-limits")
        more(one, 50)
    assert_whole(stack, one)


@pytest.mark.promises("C16", "C19")
def test_postgres_restarted(stack: Any) -> None:
    with load(stack) as one:
        more(one, 50)
        stack.restart("postgres")
        more(one, 50)
    assert_whole(stack, one)


@pytest.mark.promises("C16")
def test_without_postgres_a_submit_is_503_and_reads_say_so(stack: Any) -> None:
    client = tenant_client(stack)
    kept = client.submit({"kind": "noop", "input": {}, "run_at": "2099-01-01T00:00:00Z"})
    stack.stop("postgres")
    try:
        refused = until(
            "a 503",
            lambda: (r := client.http.post("/v1/jobs", json=chat("x"))).status_code == 503 and r,
        )
        assert refused.json()["code"] == "unavailable" and int(refused.headers["retry-after"]) >= 1
        assert client.http.get("/healthz").status_code == 200
        assert client.http.get("/readyz").status_code == 200
    finally:
        stack.start("postgres")
    until("it is taken again", lambda: client.http.get(f"/v1/jobs/{kept['id']}").status_code == 200)
    # Each lane finds its own way back, and until then it says 503.
    cancel = f"/v1/jobs/{kept['id']}/cancel"
    until("changes are taken again", lambda: client.http.post(cancel).is_success)
    client.close()


@pytest.mark.promises("C2", "C9", "C16")
def test_a_stream_goes_on_from_postgres_while_redis_is_away(stack: Any) -> None:
    client = tenant_client(stack)
    job = client.submit(chat("r", model="sim?tokens=80&itl_ms=50"))["id"]
    events: list[Any] = []
    for event in client.events(job):
        events.append(event)
        if len(events) == 10:
            stack.stop("redis-limits")
    try:
        numbers = [number for number, _, _ in events]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        text = "".join(d["text"] for _, k, d in events if k == "job.delta")
        assert text == client.get(job)["result"]["choices"][0]["message"]["content"]
    finally:
        stack.start("redis-limits")
    client.close()
