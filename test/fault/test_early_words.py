"""A few jobs reach their worker through Redis before Kafka brings them, and run once."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from client import Client, chat, until
from stacks import running, tenant_client

# Without this a worker would soon look into the record by itself.
QUIET = {"worker": {"claim_quiet_ms": 60000}}
SHORT = "sim?tokens=3"


@pytest.fixture(scope="module")
def stack() -> Iterator[Any]:
    with running("early", workers=1, config_overrides=QUIET) as one:
        yield one


@pytest.fixture
def client(stack: Any) -> Iterator[Client]:
    one = tenant_client(stack)
    yield one
    one.close()


def brought(stack: Any, way: str) -> float:
    """Jobs that claims of this way brought to the worker so far."""
    headers = {"Authorization": f"Bearer {stack.env['LONGHAUL_ADMIN_KEY']}"}
    text = httpx.get(stack.address("worker-1"), headers=headers, timeout=60).text
    name = f'longhaul_claim_jobs_sum{{way="{way}"}} '
    return sum(float(line.split()[-1]) for line in text.splitlines() if line.startswith(name))


@pytest.mark.promises("C1", "C16")
def test_a_job_starts_while_kafka_stands_still(stack: Any, client: Client) -> None:
    """And its message, when it comes at last, starts nothing again."""

    def run() -> str:
        job = str(client.submit(chat("w", model=SHORT))["id"])
        assert client.wait(job)["state"] == "completed"
        return job

    def early() -> str | None:
        """A word that Redis lost, as it may when somebody is held up, is followed by another."""
        before, job = brought(stack, "message"), run()
        return job if brought(stack, "message") == before + 1 else None

    until("a message brought a job", lambda: run() and brought(stack, "message") > 0)
    stack.signal("kafka", signal.SIGSTOP)
    try:
        job = str(until("a job was brought early", early))
        direct = brought(stack, "direct")
    finally:
        stack.signal("kafka", signal.SIGCONT)
    run()
    assert brought(stack, "direct") == direct
    assert client.get(job)["attempt"] == 1
