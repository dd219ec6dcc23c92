"""Workers frozen beyond their lease, again and again: what they write when they wake is refused.

Leases are short here, so that a thousand freezes fit into an hour. The control without the fence is
test_zombie_control.py.
"""

from __future__ import annotations

import random
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from client import Client, chat, until
from stacks import running, tenant_client

from .conftest import Fault, rounds

WORKERS, AT_ONCE, JOBS = 4, 2, 24  # half of the fleet at once: more and the reaper would wait
# No worker has room for all the jobs, so that several hold some.
QUICK = {"worker": {"lease_ms": 1000, "beat_ms": 100, "slots": JOBS // 3}}
MODEL = "sim?tokens=20&itl_ms=50&jitter=0.5"
LIVE = "select count(*) from worker where gone is null"


@pytest.fixture(scope="module")
def stack() -> Iterator[Any]:
    with running("frozen", workers=WORKERS, config_overrides=QUICK) as one:
        yield one


@contextmanager
def frozen(stack: Any, names: list[str]) -> Iterator[None]:
    for name in names:
        stack.signal(name, signal.SIGSTOP)
    try:
        yield
    finally:
        for name in names:
            stack.signal(name, signal.SIGCONT)


def holders(stack: Any, fault: Fault) -> list[str]:
    held = fault.holder_pids()
    names = {stack.pid(f"worker-{n + 1}"): f"worker-{n + 1}" for n in range(WORKERS)}
    return sorted(names[pid] for pid in held if pid in names)


def freeze_once(stack: Any, fault: Fault, client: Client, dice: random.Random) -> int:
    """Some holders sleep through their lease; how many of their jobs others had to run."""
    jobs = [row["id"] for row in client.bulk([chat("z", model=MODEL, max_attempts=20)] * JOBS)]
    until("enough of them hold jobs", lambda: len(holders(stack, fault)) >= AT_ONCE)
    with frozen(stack, dice.sample(holders(stack, fault), AT_ONCE)):
        done = {job: client.wait(job, 120) for job in jobs}
    assert {job["state"] for job in done.values()} == {"completed"}
    until("all workers are live again", lambda: fault.one(LIVE) >= WORKERS, 60)
    assert {job: client.get(job) for job in jobs} == done, "a late write went through"
    return sum(job["interruptions"] for job in done.values())


@pytest.mark.promises("C7")
def test_workers_frozen_beyond_their_lease_overwrite_nothing(stack: Any, seed: int) -> None:
    fault, client, dice = Fault(stack), tenant_client(stack), random.Random(seed)
    taken = sum(freeze_once(stack, fault, client, dice) for _ in range(rounds(3, 500)))
    assert taken > 0
    verdict = fault.settle([client])
    assert verdict.faults() == {}, verdict
    print(f"{rounds(3, 500) * AT_ONCE} freezes, {taken} jobs run elsewhere meanwhile")
    client.close()
