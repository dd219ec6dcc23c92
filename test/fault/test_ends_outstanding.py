"""An end whose acknowledgement was lost, in a worker that drops all before the record is back."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from checker import typeid_uuid
from client import Client, chat, until
from fault_proxy import Door
from stacks import ROOT, running, tenant_client

from .conftest import Fault
from .test_leases_astray import WAITING
from .test_links import proxied

HOLD = "select from job where job_id = %s and state = 'running' for update"


@pytest.fixture(scope="module")
def stack() -> Iterator[Any]:
    """With the address sanitizer, which also looks for leaks as a program ends. Text goes into the
    record with the end alone: an end waits for text that was sent before it and never answered."""
    how: dict[str, Any] = {"lite": True, "build": ROOT / "build/asan"}
    worker = {"db_outage_s": 8, "run_flush_ms": 60000}
    with running("ends", workers=1, config_overrides={"worker": worker}, **how) as one:
        yield one


@pytest.fixture(scope="module")
def proxy(stack: Any) -> Iterator[Door]:
    with proxied(stack) as door:
        yield door


@pytest.fixture
def client(stack: Any) -> Iterator[Client]:
    one = tenant_client(stack)
    yield one
    one.close()


def outstanding(stack: Any, client: Client, proxy: Door) -> str:
    """A job that has ended and whose worker never heard so; the record is away from it then. Its
    end waits for the job's row, which we hold, until no answer reaches the worker."""
    fault, seen = Fault(stack), len(stack.log("worker-1"))
    with psycopg.connect(fault.pg_url) as other:

        def held() -> str | None:
            (job,) = fault.under_way(client, chat("e", model="sim?tokens=20&itl_ms=50"), 1, 1)
            row = other.execute(HOLD, [typeid_uuid(job)]).fetchone()
            if row is not None:
                return job
            other.rollback()
            return None

        job = str(until("a running job's row is held", held))
        until("its end waits for the row", lambda: fault.one(WAITING) > 0)
        proxy.set("to-client")
        other.rollback()
    assert client.wait(job)["state"] == "completed"
    proxy.set("refuse")
    for words in ("away for too long", "ends are not acknowledged yet"):
        until(words, lambda words=words: words in stack.log("worker-1")[seen:])
    return job


@pytest.mark.promises("C7", "C16")
def test_an_end_is_settled_under_the_name_of_its_holder(
    stack: Any, client: Client, proxy: Door
) -> None:
    job = outstanding(stack, client, proxy)
    proxy.set("pass")
    later = client.submit(chat("l", model="sim?tokens=2"))["id"]
    assert client.wait(later)["state"] == "completed"
    assert "an end came too late" not in stack.log("worker-1")
    assert len(client.get(job, expand="attempts")["attempts"]) == 1


@pytest.mark.promises("C15")
def test_a_worker_that_leaves_then_frees_what_it_held(
    stack: Any, client: Client, proxy: Door
) -> None:
    outstanding(stack, client, proxy)
    old = stack.pid("worker-1")
    stack.signal("worker-1", signal.SIGTERM)
    until("it has left", lambda: stack.pid("worker-1") != old)
    proxy.set("pass")
    assert "Sanitizer:" not in stack.log("worker-1")
