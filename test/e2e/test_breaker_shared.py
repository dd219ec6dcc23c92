"""That workers share what they know of an upstream; its control is the same without Redis."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import count
from typing import Any, NamedTuple

import httpx
import pytest
from client import Client, chat, until
from stacks import running, tenant_client

WORKERS, IN_ROW = 4, 5
OVER = {"failed", "waiting"}
SEEDS = count(1)  # each a model of its own, which no breaker knows yet


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


class Seen(NamedTuple):
    """Who refused a job that was to go to a dead upstream, and who had failed there by then."""

    refused_by: set[str]
    failures: Counter[str]


def dead_upstream(client: Client) -> Seen:
    """Waves of a job for each worker, each with one slot, until a breaker refuses one."""
    model = f"sim?fail=503&ttft_ms=200&seed={next(SEEDS)}"
    jobs: list[str] = []

    def refused() -> bool:
        wave = [
            job["id"] for job in client.bulk([chat("x", model=model, max_attempts=1)] * WORKERS)
        ]
        jobs.extend(wave)
        ends = [
            until("over", lambda job=job: (j := client.get(job))["state"] in OVER and j)
            for job in wave
        ]
        return any(end["waiting_for"] == "breaker" for end in ends)

    until("a job waits for the breaker", refused)
    tries = [t for job in jobs for t in client.get(job, expand="attempts")["attempts"]]
    for job in jobs:
        client.http.post(f"/v1/jobs/{job}/cancel")
    by_code = {
        code: Counter(t["worker"] for t in tries if t["error"]["code"] == code)
        for code in ("upstream_breaker", "upstream_unavailable")
    }
    return Seen(set(by_code["upstream_breaker"]), by_code["upstream_unavailable"])


def sharing(stack: Any) -> list[str]:
    """What each worker says of whether it shares its limits."""
    pages = [httpx.get(stack.address(f"worker-{n + 1}"), timeout=60).text for n in range(WORKERS)]
    return [
        row.split()[-1]
        for page in pages
        for row in page.splitlines()
        if row.startswith("longhaul_limits_shared ")
    ]


@pytest.mark.promises("C6")
def test_four_workers_leave_a_dead_upstream_alone_together(stack: Any, client: Client) -> None:
    """Five failures in a row open a breaker. Shared, a worker refuses that saw fewer of them,
    which one alone cannot; how many each sees is the machine's choice, so there may be several
    rounds. The second half is the control: without Redis each that refuses has seen five."""
    until("all share", lambda: sharing(stack) == ["1"] * WORKERS)

    def together() -> bool:
        seen = dead_upstream(client)
        assert sum(seen.failures.values()) >= IN_ROW
        return any(seen.failures[worker] < IN_ROW for worker in seen.refused_by)

    until("a worker refuses for what others saw", together)
    stack.stop("redis-limits")
    until("each is alone", lambda: sharing(stack) == ["0"] * WORKERS)
    for _ in range(3):
        alone = dead_upstream(client)
        assert all(alone.failures[worker] >= IN_ROW for worker in alone.refused_by)
