"""The line between a worker and Postgres misbehaves: a short cut returns nothing, a long heals."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
from client import Client, chat, until
from fault_proxy import Door, FaultProxy
from stacks import Simulator, running, tenant_client

from .conftest import Fault

SLOW = "sim?tokens=60&itl_ms=50"
CUT_S = 1.5


@pytest.fixture(scope="module")
def stack() -> Iterator[Any]:
    with running("links", workers=1) as one:
        yield one


@contextmanager
def proxied(stack: Any) -> Iterator[Door]:
    """The only worker reaches Postgres through it from now on."""
    record = urlsplit(stack.env["LONGHAUL_PG_URL"])
    proxy = FaultProxy()
    door = proxy.door("record", "127.0.0.1", int(record.port or 5432))
    config = stack.layout.etc / "worker-1.yaml"
    text = re.sub(r"host=\S+", "host=127.0.0.1", config.read_text())
    text = re.sub(r"(?<!_)port=\d+", f"port={door.port}", text)
    config.write_text(text)
    stack.restart("worker-1")
    yield door
    proxy.close()


@pytest.fixture(scope="module")
def proxy(stack: Any) -> Iterator[Door]:
    with proxied(stack) as door:
        yield door


@pytest.fixture
def client(stack: Any) -> Iterator[Client]:
    one = tenant_client(stack)
    yield one
    one.close()


def cut_for(proxy: Door, mode: str, seconds: float) -> None:
    """The length of the cut is the fault itself."""
    with proxy.fault(mode):
        threading.Event().wait(seconds)


@pytest.mark.promises("C7")
@pytest.mark.parametrize("mode", ["drop", "to-client", "to-server", "reset", "half-open"])
def test_a_cut_of_a_second_and_a_half_returns_nothing(
    stack: Any, proxy: Door, client: Client, mode: str
) -> None:
    """Each job's call has begun: an answer to a claim that the cut swallows is another story."""
    simulator = Simulator(stack.env["LONGHAUL_SIM_URL"])
    simulator.clear()
    jobs = [client.submit(chat("c", model=SLOW))["id"] for _ in range(20)]
    until("they call", lambda: len(simulator.calls()) >= 20)
    simulator.close()
    cut_for(proxy, mode, CUT_S)
    done = [client.wait(job, 60) for job in jobs]
    assert {(job["state"], job["attempt"], job["interruptions"]) for job in done} == {
        ("completed", 1, 0)
    }


@pytest.mark.promises("C7", "C16")
@pytest.mark.parametrize("mode", ["drop", "refuse", "half-open"])
def test_a_long_cut_heals_and_every_job_ends_once(
    stack: Any, proxy: Door, client: Client, mode: str
) -> None:
    fault = Fault(stack)
    jobs = [client.submit(chat("h", model=SLOW))["id"] for _ in range(10)]
    until("they run", lambda: fault.running() >= 10)
    cut_for(proxy, mode, 9)
    assert {client.wait(job, 90)["state"] for job in jobs} == {"completed"}
    verdict = fault.settle([client])
    verdict.phantom = []
    assert verdict.faults() == {}, verdict
