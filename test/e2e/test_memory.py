"""A worker's memory target: nothing is claimed that would go beyond it, and nothing starves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from client import TERMINAL, Client, chat, until
from stacks import running, tenant_client

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


def metric(stack: Any, name: str) -> float:
    text = httpx.get(stack.address("worker-1")).text
    return next(
        float(line.split()[-1]) for line in text.splitlines() if line.startswith(f"{name} ")
    )


@pytest.mark.promises("C15")
def test_large_inputs_are_claimed_as_memory_allows(small: Any, client: Client) -> None:
    text = "word " * (MIB // 5)
    jobs = [client.submit(chat(text, model="sim?ttft_ms=400"))["id"] for _ in range(JOBS)]
    held: list[float] = []
    together: list[float] = []

    def look() -> bool:
        held.append(metric(small, "longhaul_memory_held_bytes"))
        together.append(metric(small, "longhaul_jobs_held"))
        return all(client.get(job)["state"] in TERMINAL for job in jobs)

    until("all jobs end", look, 90)
    assert {client.get(job)["state"] for job in jobs} == {"completed"}
    assert metric(small, "longhaul_memory_target_bytes") == TARGET_MIB * MIB
    assert max(held) <= TARGET_MIB * MIB
    # several ran side by side, and never all of them: 24 MiB would not have fitted
    assert 2 <= max(together) < JOBS
    until("it is free again", lambda: metric(small, "longhaul_memory_held_bytes") < MIB)


@pytest.mark.promises("C15")
def test_small_jobs_fill_the_slots_again(small: Any, client: Client) -> None:
    jobs = [client.submit(chat("x", model="sim?ttft_ms=3000"))["id"] for _ in range(2 * JOBS)]
    until("all run at once", lambda: metric(small, "longhaul_jobs_held") == len(jobs))
    for job in jobs:
        assert client.wait(job)["state"] == "completed"
