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
from stacks import Simulator, running, tenant_client

from .conftest import Fault, rounds, settled

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
    slow = chat("z", model=MODEL, max_attempts=20)

    def held() -> tuple[list[str], list[str]] | None:
        jobs, names = fault.under_way(client, slow, JOBS, AT_ONCE), holders(stack, fault)
        return (jobs, names) if len(names) >= AT_ONCE else None

    jobs, names = until("enough of them hold jobs", held)
    with frozen(stack, dice.sample(names, AT_ONCE)):
        done = {job: client.wait(job) for job in jobs}
    assert {job["state"] for job in done.values()} == {"completed"}
    until("all workers are live again", lambda: fault.one(LIVE) >= WORKERS)
    later = {job: settled(client.get(job)) for job in jobs}
    assert later == {job: settled(one) for job, one in done.items()}, "a late write went through"
    return sum(job["interruptions"] for job in done.values())


@pytest.mark.promises("C7")
def test_workers_frozen_beyond_their_lease_overwrite_nothing(stack: Any, seed: int) -> None:
    fault, client, dice = Fault(stack), tenant_client(stack), random.Random(seed)
    taken = sum(freeze_once(stack, fault, client, dice) for _ in range(rounds(3, 500)))
    # a freeze that comes when all jobs have ended shows nothing
    until("jobs ran elsewhere", lambda: taken or freeze_once(stack, fault, client, dice))
    verdict = fault.settle([client])
    assert verdict.faults() == {}, verdict
    print(f"{rounds(3, 500) * AT_ONCE} freezes, {taken} jobs run elsewhere meanwhile")
    client.close()


@pytest.mark.promises("X6", "C7")
def test_what_a_fenced_off_attempt_used_is_booked(stack: Any) -> None:
    fault, client = Fault(stack), tenant_client(stack)
    slow = chat("z", model="sim?tokens=60&itl_ms=50", max_attempts=20)

    def written(job: str) -> bool:
        found = client.get(job)
        return found["state"] == "completed" or found["progress"]["output_tokens"] > 0

    def lost(jobs: list[str]) -> list[dict[str, Any]]:
        tries = [t for job in jobs for t in client.get(job, expand="attempts")["attempts"]]
        return [t for t in tries if t["ended_by"] == "reaper"]

    def interrupted() -> list[str]:
        """Jobs of which some had text when their workers froze."""
        jobs = fault.under_way(client, slow, 8, 8)
        until("text came", lambda: all(written(job) for job in jobs))
        with frozen(stack, holders(stack, fault)[:AT_ONCE]):
            assert {client.wait(job)["state"] for job in jobs} == {"completed"}
        return jobs if lost(jobs) else []

    jobs = until("jobs ran elsewhere", interrupted)
    until("their usage is booked", lambda: all(t["upstream"] for t in lost(jobs)))
    tries = lost(jobs)
    assert {t["upstream"] for t in tries} == {"simulator"}
    assert all(t["usage"]["output_tokens"] for t in tries)
    for job in jobs:
        one = client.get(job, expand="attempts")
        for name in ("input_tokens", "output_tokens"):
            assert one["usage"][name] == sum(t["usage"][name] for t in one["attempts"])
    client.close()


@pytest.mark.promises("X6", "C7")
def test_what_a_fenced_off_attempt_used_agrees_with_the_model_to_the_token(stack: Any) -> None:
    """Each call falls silent after nine tokens; a holder sleeps, the next one's is cancelled."""
    fault, client = Fault(stack), tenant_client(stack)
    simulator = Simulator(stack.env["LONGHAUL_SIM_URL"])
    body = chat("z", model="sim?tokens=20&hang_after=9&usage_each=1", max_attempts=20)

    def came(job: str, attempt: int) -> bool:
        """Or it has had more: a worker that is held up for a second is taken for dead here."""
        now = client.get(job, expand="attempts,partial_output")
        written = len(now["partial_output"].split()) == 9
        return len(now["attempts"]) > attempt or (len(now["attempts"]) == attempt and written)

    def twice() -> str | None:
        """A job that had just two attempts, each as far as its model went."""
        job = str(client.submit(body)["id"])
        until("all of it came", lambda: came(job, 1))
        with frozen(stack, holders(stack, fault)):
            until("another holds it, and all of it came again", lambda: came(job, 2))
            client.http.post(f"/v1/jobs/{job}/cancel").raise_for_status()
        tries = until("both have ended", lambda: ended(job))
        calls = until("both calls are cut", lambda: cut(job))
        two = [one["ended_by"] for one in tries] == ["reaper", "cancel"]
        return job if two and [one["tokens"] for one in calls] == [9, 9] else None

    def ended(job: str) -> Any:
        tries = client.get(job, expand="attempts")["attempts"]
        return all(one["ended_by"] for one in tries) and tries

    def cut(job: str) -> Any:
        calls = simulator.calls(job)
        return all(call["hung_up"] for call in calls) and calls

    job = str(until("a job ran on two workers", twice))

    def booked() -> bool:
        tries = client.get(job, expand="attempts")["attempts"]
        return all(one["upstream"] and one["usage"]["output_tokens"] for one in tries)

    until("both attempts have their usage", booked)
    done = client.get(job, expand="attempts")  # that one's job may be older than its attempts
    assert [one["usage"]["output_tokens"] for one in done["attempts"]] == [9, 9]
    assert not any(one["usage"]["estimated"] for one in done["attempts"])
    assert done["usage"]["output_tokens"] == 18
    simulator.close()
    client.close()
