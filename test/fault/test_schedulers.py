"""Two schedulers, one acts; a frozen one cannot act late; doubled messages are harmless."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from typing import Any

import pytest
from client import Client, chat, until
from stacks import running, tenant_client

from .conftest import Fault, rounds

TERM = "select number, until > now() from leader_term"


@pytest.fixture(scope="module")
def stack() -> Iterator[Any]:
    with running("terms", workers=1, schedulers=2) as one:
        yield one


@pytest.fixture
def client(stack: Any) -> Iterator[Client]:
    one = tenant_client(stack)
    yield one
    one.close()


def leader_of(stack: Any) -> str:
    """Who said last that it leads."""
    logs = {name: stack.log(name) for name in ("scheduler-1", "scheduler-2")}
    lines = [(line, name) for name, log in logs.items() for line in log.splitlines()]
    leads = [pair for pair in sorted(lines) if '"leading"' in pair[0] or "leads" in pair[0]]
    return leads[-1][1]


@pytest.mark.promises("C16")
def test_a_frozen_leader_is_followed_and_cannot_act_late(stack: Any, client: Client) -> None:
    fault = Fault(stack)
    for _ in range(rounds(2, 50)):
        term = until("a term is held", lambda: (t := fault.ask(TERM)[0])[1] and t)[0]
        frozen = leader_of(stack)
        stack.signal(frozen, signal.SIGSTOP)
        try:
            until("the next term", lambda t=term: fault.ask(TERM)[0][0] > t, 30)
            job = client.submit({"kind": "noop", "input": {}})["id"]
            assert client.wait(job)["state"] == "completed"
        finally:
            stack.signal(frozen, signal.SIGCONT)
        taken = fault.ask(TERM)[0][0]
        job = client.submit({"kind": "noop", "input": {}})["id"]
        assert client.wait(job)["state"] == "completed"
        assert fault.ask(TERM)[0][0] == taken


@pytest.mark.promises("C16")
def test_a_killed_leader_is_followed(stack: Any, client: Client) -> None:
    fault = Fault(stack)
    term = fault.ask(TERM)[0][0]
    stack.signal(leader_of(stack), signal.SIGKILL)
    until("the next term", lambda: fault.ask(TERM)[0][0] > term, 30)
    job = client.submit(chat("after"))["id"]
    assert client.wait(job)["state"] == "completed"


@pytest.mark.promises("C16")
def test_messages_delivered_five_times_do_nothing_twice(stack: Any, client: Client) -> None:
    """Every message of the log is sent again four times, in another order, while jobs run."""
    from kafka_again import send_all_again

    fault = Fault(stack)
    answers = client.bulk([chat("m", model="sim?tokens=3&itl_ms=20") for _ in range(400)])
    assert all("id" in answer for answer in answers)
    sent = send_all_again(stack.env["LONGHAUL_KAFKA"], times=4)
    assert sent > 0
    verdict = fault.settle([client])
    verdict.phantom = []
    assert verdict.faults() == {} and verdict.repeated_calls == 0, verdict
