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
    """Each job's call has begun: an answer to a claim that the cut swallows is another story.
    Where the machine made more than 2.4 s of it, it was another cut, and is made again."""
    fault = Fault(stack)
    simulator = Simulator(stack.env["LONGHAUL_SIM_URL"])

    def returned_nothing() -> bool:
        simulator.clear()
        jobs = [row["id"] for row in client.bulk([chat("c", model=SLOW)] * 20)]
        until("they call", lambda: len(simulator.calls()) >= 20)
        cut_for(proxy, mode, CUT_S)
        done = [client.wait(job) for job in jobs]
        assert {job["state"] for job in done} == {"completed"}
        assert fault.dead_too_soon() == 0
        return {(job["attempt"], job["interruptions"]) for job in done} == {(1, 0)}

    until("a cut of a second and a half", returned_nothing)
    simulator.close()


@pytest.mark.promises("C7")
def test_killed_backends_of_postgres_return_nothing(
    stack: Any, proxy: Door, client: Client
) -> None:
    """A worker that loses every session reconnects within its lease: nobody else gets its jobs."""
    fault = Fault(stack)

    def returned_nothing() -> bool:
        jobs = fault.under_way(client, chat("b", model=SLOW), 20, 20)
        fault.ask(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where usename = 'longhaul_worker'"
        )
        done = [client.wait(job) for job in jobs]
        assert {job["state"] for job in done} == {"completed"}
        assert fault.dead_too_soon() == 0
        return {(job["attempt"], job["interruptions"]) for job in done} == {(1, 0)}

    until("it was back in time", returned_nothing)


@pytest.mark.promises("C7", "C16")
@pytest.mark.parametrize("mode", ["drop", "refuse", "half-open"])
def test_a_long_cut_heals_and_every_job_ends_once(
    stack: Any, proxy: Door, client: Client, mode: str
) -> None:
    fault = Fault(stack)
    jobs = fault.under_way(client, chat("h", model=SLOW), 10, 10)
    cut_for(proxy, mode, 9)
    assert {client.wait(job)["state"] for job in jobs} == {"completed"}
    verdict = fault.settle([client])
    verdict.phantom = []
    assert verdict.faults() == {}, verdict
