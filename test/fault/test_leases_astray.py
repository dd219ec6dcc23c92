"""A lease that the record gave and the worker never heard of, or forgot, must not rest with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from checker import typeid_uuid
from client import Client, chat, until
from stacks import admin_client, running, tenant_client

from .conftest import Fault
from .test_links import proxied

SLOW = "sim?tokens=100&itl_ms=100"


@pytest.fixture(scope="module")
def stack() -> Iterator[Any]:
    worker = {"db_outage_s": 2, "live_flush_ms": 1}
    with running("astray", workers=1, config_overrides={"worker": worker}) as one:
        yield one


@pytest.fixture
def client(stack: Any) -> Iterator[Client]:
    one = tenant_client(stack)
    yield one
    one.close()


@pytest.mark.promises("C7", "C16")
def test_jobs_dropped_in_a_long_outage_run_again(stack: Any, client: Client) -> None:
    fault = Fault(stack)
    jobs = fault.under_way(client, chat("o", model=SLOW), 5, 5)
    seen = len(stack.log("worker-1"))
    stack.stop("postgres")
    until("the worker drops them", lambda: "away for too long" in stack.log("worker-1")[seen:])
    stack.start("postgres")
    until("it is read again", lambda: client.http.get(f"/v1/jobs/{jobs[0]}").status_code == 200)
    assert {client.wait(job)["state"] for job in jobs} == {"completed"}


@pytest.mark.promises("C7", "C16")
def test_a_claim_whose_answer_is_cut_off_is_not_forgotten(stack: Any, client: Client) -> None:
    fault = Fault(stack)
    with proxied(stack) as proxy:

        def cut_off() -> bool:
            """A claim is made before the worker sees that nothing comes back."""
            client.wait(client.submit(chat("w", model="sim?tokens=3"))["id"])
            proxy.set("to-client")
            jobs = [client.submit(chat("c", model="sim?tokens=3"))["id"] for _ in range(5)]
            met = comes("their claim is committed", lambda: fault.running() > 0)
            proxy.set("reset")
            proxy.set("pass")
            assert {client.wait(job)["state"] for job in jobs} == {"completed"}
            return met

        until("a claim's answer was cut off", cut_off)


WAITING = "select count(*) from pg_locks where not granted and locktype = 'transactionid'"


@pytest.mark.promises("C7", "C16")
def test_a_claim_committed_after_its_line_was_cut_is_not_forgotten(
    stack: Any, client: Client
) -> None:
    """Its session waits for a row, sees no cut, and commits when the worker is long back."""
    fault, admin = Fault(stack), admin_client(stack)
    with proxied(stack) as proxy, psycopg.connect(fault.pg_url) as other:
        admin.http.post("/v1/queues/default/pause").raise_for_status()
        job = client.submit(chat("late", model="sim?tokens=3"))["id"]
        other.execute("select from job where job_id = %s for update", [typeid_uuid(job)])
        admin.http.post("/v1/queues/default/resume").raise_for_status()
        until("its claim waits for the row", lambda: fault.one(WAITING) > 0)
        proxy.set("reset")
        proxy.set("pass")
        behind = client.submit(chat("behind", model="sim?tokens=3"))["id"]
        assert client.wait(behind)["state"] == "completed"
        other.rollback()
        assert client.wait(job)["state"] == "completed"
    admin.close()


def comes(what: str, check: Callable[[], bool]) -> bool:
    """Whether it does, in less than a worker's silence may last."""
    try:
        return bool(until(what, check, 1))
    except AssertionError:
        return False


def cut_at_more(fault: Fault, proxy: Any) -> bool:
    """Loses the server's answers until more numbers are reserved, or for less than a silence."""
    numbers = "select coalesce(max(event_to - event_from), 0) from job_lease"
    before = fault.one(numbers)
    proxy.set("to-client")
    met = comes("more are reserved", lambda: fault.one(numbers) > before)
    proxy.set("reset")
    proxy.set("pass")
    return met


@pytest.mark.promises("C2", "C9", "C16")
def test_running_text_whose_answer_is_cut_off_is_written_once(stack: Any, client: Client) -> None:
    """More deltas than a block has numbers: the writing that asks for more loses its answer."""
    fault = Fault(stack)
    long = chat("t", model="sim?tokens=2500&itl_ms=5")
    with proxied(stack) as proxy:

        def met() -> str | None:
            """The job whose reservation a cut met, if that did not cost it its attempt."""
            (job,) = fault.under_way(client, long, 1, 1)
            cut = False
            while not cut and client.get(job)["state"] == "running":
                cut = cut_at_more(fault, proxy)
            done = client.wait(job)
            assert done["state"] == "completed" and fault.dead_too_soon() == 0
            return job if cut and done["attempt"] == 1 and done["interruptions"] == 0 else None

        job = until("a cut met a reservation", met)
    text = "".join(data["text"] for _, kind, data in client.events(job) if kind == "job.delta")
    assert text == client.get(job)["result"]["choices"][0]["message"]["content"]
