"""A cancel and the end of the work meet: one of them wins, and everybody is told the same."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from client import TERMINAL, Client, chat, until
from stacks import running, tenant_client

from .conftest import rounds

BATCH, AT_ONCE = 50, 8
LONGEST_MS = 40  # a call takes up to so long, and a batch of cancels about as long


@pytest.fixture(scope="module")
def stack() -> Iterator[Any]:
    with running("cancels", workers=2) as one:
        yield one


@pytest.fixture(scope="module")
def client(stack: Any) -> Iterator[Client]:
    one = tenant_client(stack)
    yield one
    one.close()


def cancel(client: Client, job: str) -> str:
    """What the cancel was told of how the job ended."""
    reply = client.http.post(f"/v1/jobs/{job}/cancel")
    if reply.status_code == 409:
        assert "the job is completed" in reply.json()["detail"]
        return "completed"
    assert reply.status_code == 200, reply.text
    return str(reply.json()["state"])


def race(client: Client, chance: random.Random) -> Counter[str]:
    """How often which of the two won."""
    calls = [f"sim?tokens=2&ttft_ms={chance.randrange(LONGEST_MS)}" for _ in range(BATCH)]
    jobs = [row["id"] for row in client.bulk([chat("r", model=call) for call in calls])]
    chance.shuffle(jobs)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        told = list(pool.map(lambda job: cancel(client, job), jobs))
    ended = [client.wait(job)["state"] for job in jobs]
    assert told == ended
    for job, state in zip(jobs, ended, strict=True):
        kinds = [kind.removeprefix("job.") for _, kind, _ in client.events(job)]
        assert [kind for kind in kinds if kind in TERMINAL] == [state]
    assert [client.get(job)["state"] for job in jobs] == ended
    return Counter(ended)


@pytest.mark.promises("C8")
def test_of_a_cancel_and_an_end_one_wins_and_all_are_told_so(client: Client, seed: int) -> None:
    """Ten thousand of them in make faults."""
    chance = random.Random(seed)
    won = sum((race(client, chance) for _ in range(rounds(3, 200))), Counter[str]())
    assert won.keys() <= {"completed", "cancelled"}

    def both() -> bool:
        won.update(race(client, chance) if len(won) < 2 else ())
        return len(won) == 2

    until("each of them wins at least once", both)
