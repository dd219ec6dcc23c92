"""A worker's memory target: nothing is claimed that would go beyond it, and nothing starves."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from client import TERMINAL, Client, chat, until
from stacks import Simulator, admin_client, most_at_once, running, tenant_client

MIB = 1 << 20
TARGET_MIB = 16
JOBS = 24


@pytest.fixture(scope="module")
def small() -> Iterator[Any]:
    """One worker with the least memory that may be configured, and Postgres alone."""
    with running("memory", lite=True, config_overrides={"worker": {"memory_mb": TARGET_MIB}}) as s:
        yield s


@pytest.fixture(scope="module")
def client(small: Any) -> Iterator[Client]:
    one = tenant_client(small)
    yield one
    one.close()


@contextmanager
def held_back(stack: Any) -> Iterator[None]:
    """What is submitted in the block may start behind it, all at once."""
    admin = admin_client(stack)
    admin.http.post("/v1/queues/default/pause").raise_for_status()
    try:
        yield
    finally:
        admin.http.post("/v1/queues/default/resume").raise_for_status()
        admin.close()


def metric(stack: Any, name: str) -> float:
    text = httpx.get(stack.address("worker-1"), timeout=60).text
    return next(
        float(line.split()[-1]) for line in text.splitlines() if line.startswith(f"{name} ")
    )


@pytest.mark.promises("C15")
def test_large_inputs_are_claimed_as_memory_allows(small: Any, client: Client) -> None:
    text = "word " * (MIB // 5)
    with held_back(small):
        jobs = [client.submit(chat(text, model="sim?ttft_ms=400"))["id"] for _ in range(JOBS)]
    held: list[float] = []

    def look() -> bool:
        held.append(metric(small, "longhaul_memory_held_bytes"))
        return all(client.get(job)["state"] in TERMINAL for job in jobs)

    until("all jobs end", look)
    assert {client.get(job)["state"] for job in jobs} == {"completed"}
    assert metric(small, "longhaul_memory_target_bytes") == TARGET_MIB * MIB
    assert max(held) <= TARGET_MIB * MIB
    # several ran side by side, and never all of them: 24 MiB would not have fitted
    simulator = Simulator(small.env["LONGHAUL_SIM_URL"])
    assert 2 <= most_at_once([call for job in jobs for call in simulator.calls(job)]) < JOBS
    simulator.close()
    until("it is free again", lambda: metric(small, "longhaul_memory_held_bytes") < MIB)


@pytest.mark.promises("C15")
def test_small_jobs_fill_the_slots_again(small: Any, client: Client) -> None:
    jobs = [client.submit(chat("x", model="sim?hang_after=1"))["id"] for _ in range(2 * JOBS)]
    until("all run at once", lambda: metric(small, "longhaul_jobs_held") == len(jobs))
    for job in jobs:
        client.http.post(f"/v1/jobs/{job}/cancel").raise_for_status()
    until("none is held", lambda: metric(small, "longhaul_jobs_held") == 0)
