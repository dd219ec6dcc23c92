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


def leading(stack: Any, fault: Fault) -> tuple[str, int]:
    """Who holds the term, and its number; known when it has said so itself."""

    def told() -> tuple[str, int] | None:
        number, held = fault.ask(TERM)[0]
        names = ("scheduler-1", "scheduler-2")
        said = [n for n in names if f'"message":"leading","term":{number},' in stack.log(n)]
        return (said[0], number) if held and said else None

    return until("a term is held", told)


@pytest.mark.promises("C16")
def test_a_frozen_leader_is_followed_and_cannot_act_late(stack: Any, client: Client) -> None:
    fault = Fault(stack)
    for _ in range(rounds(2, 50)):
        frozen, term = leading(stack, fault)
        seen = len(stack.log(frozen))
        stack.signal(frozen, signal.SIGSTOP)
        try:
            until("the next term", lambda t=term: fault.ask(TERM)[0][0] > t)
            job = client.submit({"kind": "noop", "input": {}})["id"]
            assert client.wait(job)["state"] == "completed"
        finally:
            stack.signal(frozen, signal.SIGCONT)
        # it learns that its term is over, and only a later one may be its own again
        until("it follows", lambda n=frozen, s=seen: '"message":"following"' in stack.log(n)[s:])
        taken = fault.ask(TERM)[0][0]
        job = client.submit({"kind": "noop", "input": {}})["id"]
        assert client.wait(job)["state"] == "completed"
        assert fault.ask(TERM)[0][0] >= taken > term


@pytest.mark.promises("C16")
def test_a_killed_leader_is_followed(stack: Any, client: Client) -> None:
    fault = Fault(stack)
    leader, term = leading(stack, fault)
    stack.signal(leader, signal.SIGKILL)
    until("the next term", lambda: fault.ask(TERM)[0][0] > term)
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
