"""A few jobs reach their worker through Redis before Kafka brings them, and run once."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from typing import Any

import pytest
from client import Client, chat
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


@pytest.mark.promises("C1", "C16")
def test_a_job_starts_while_kafka_stands_still(stack: Any, client: Client) -> None:
    """And its message, when it comes at last, starts nothing again."""
    for _ in range(3):  # the topic's partitions are known, and who reads them
        client.wait(client.submit(chat("w", model=SHORT))["id"])
    stack.signal("kafka", signal.SIGSTOP)
    try:
        early = client.submit(chat("e", model=SHORT))["id"]
        assert client.wait(early, 30)["state"] == "completed"
    finally:
        stack.signal("kafka", signal.SIGCONT)
    late = client.submit(chat("l", model=SHORT))["id"]
    assert client.wait(late)["state"] == "completed"
    assert client.get(early)["attempt"] == 1
