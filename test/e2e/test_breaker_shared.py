"""That workers share what they know of an upstream; its control is the same without Redis."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from client import Client, chat, until
from stacks import Simulator, running, tenant_client

WORKERS, IN_ROW = 4, 5
OVER = {"failed", "waiting"}
WAVES = IN_ROW + 1  # alone, a worker of one slot needs a wave for each of its failures


@pytest.fixture(scope="module")
def stack() -> Iterator[Any]:
    overrides = {
        "breaker": {"open_base_ms": 600_000, "open_max_ms": 600_000, "failures_in_row": IN_ROW},
        "worker": {"slots": 1},
    }
    with running("breaker", workers=WORKERS, schedulers=1, config_overrides=overrides) as one:
        yield one


@pytest.fixture(scope="module")
def client(stack: Any) -> Iterator[Client]:
    one = tenant_client(stack)
    yield one
    one.close()


@pytest.fixture(scope="module")
def simulator(stack: Any) -> Iterator[Simulator]:
    one = Simulator(stack.env["LONGHAUL_SIM_URL"])
    yield one
    one.close()


def calls_to_the_dead(client: Client, simulator: Any, seed: int) -> int:
    """How many calls reach a dead upstream until its breaker refuses a job. Jobs come in waves of
    one for each worker, each with one slot, so that every worker sees a part of the failures."""
    model = f"sim?fail=503&ttft_ms=200&seed={seed}"
    jobs: list[str] = []
    for _ in range(WAVES * WORKERS):
        wave = [chat("x", model=model, max_attempts=1)] * WORKERS
        ids = [job["id"] for job in client.bulk(wave)]
        jobs += ids
        states = [
            until("over", lambda job=job: (j := client.get(job))["state"] in OVER and j)
            for job in ids
        ]
        if any(state["waiting_for"] == "breaker" for state in states):
            break
    made = sum(len(simulator.calls(job)) for job in jobs)
    for job in jobs:
        client.http.post(f"/v1/jobs/{job}/cancel")
    return made


@pytest.mark.promises("C6")
def test_four_workers_leave_a_dead_upstream_alone_together(
    stack: Any, client: Client, simulator: Any
) -> None:
    """Proves that a breaker counts what all workers saw. Five failures in a row open it: shared,
    that is the second wave of four calls, and what was under way then; alone, each worker must
    fail five times itself, which makes twenty calls, or fewer where one worker is quicker than the
    others. The second half is the control: it takes Redis away and sees more calls then."""
    shared = calls_to_the_dead(client, simulator, 1)
    assert IN_ROW <= shared <= 3 * WORKERS
    stack.stop("redis-limits")
    assert calls_to_the_dead(client, simulator, 2) > shared
