"""Workers die, freeze and come back: nothing lost, nothing doubled, the right job blamed."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from typing import Any

import pytest
from checker import typeid_uuid
from client import Client, chat, until
from stacks import Simulator, admin_client, running, tenant_client

from .conftest import Fault, rounds

SLOW = "sim?tokens=40&itl_ms=50"


@pytest.fixture(scope="module")
def stack() -> Iterator[Any]:
    with running("deaths", workers=2) as one:
        yield one


@pytest.fixture
def client(stack: Any) -> Iterator[Client]:
    """A clean start for each test: nothing under way, no old calls."""
    one = tenant_client(stack)
    Simulator(stack.env["LONGHAUL_SIM_URL"]).clear()
    yield one
    one.close()


def worker_of(stack: Any, fault: Fault) -> str:
    """The name of the worker that holds most jobs."""
    held = fault.holder_pids()
    names = {stack.pid(name): name for name in ("worker-1", "worker-2")}
    busiest = max((pid for pid in held if pid in names), key=lambda pid: held[pid])
    return names[busiest]


def assert_clean(fault: Fault, client: Client) -> None:
    mine = {typeid_uuid(e.job) for e in client.history.entries if e.job}
    verdict = fault.settle([client])
    verdict.phantom = [job for job in verdict.phantom if job in mine]
    assert verdict.faults() == {}, verdict


@pytest.mark.promises("C7", "C16")
def test_a_killed_workers_jobs_run_elsewhere(stack: Any, client: Client) -> None:
    fault = Fault(stack)
    for _ in range(rounds(2, 20)):
        jobs = [client.submit(chat("k", model=SLOW))["id"] for _ in range(30)]
        until("they run", lambda: fault.running() >= 20)
        stack.signal(worker_of(stack, fault), signal.SIGKILL)
        done = [client.wait(job, 120) for job in jobs]
        assert {job["state"] for job in done} == {"completed"}
        assert max(job["interruptions"] for job in done) >= 1
        assert max(job["crashes"] for job in done) <= 1
        until("both workers are back", lambda: len(fault.ask(LIVE_WORKERS)) >= 2)
    assert_clean(fault, client)


@pytest.mark.promises("X6", "C7")
def test_what_a_killed_workers_attempts_used_is_guessed(stack: Any, client: Client) -> None:
    fault = Fault(stack)
    jobs = [client.submit(chat("some words", model=SLOW))["id"] for _ in range(10)]
    until("they run", lambda: fault.running() == 10)
    stack.signal(worker_of(stack, fault), signal.SIGKILL)
    assert {client.wait(job, 120)["state"] for job in jobs} == {"completed"}
    found = [client.get(job, expand="attempts") for job in jobs]
    lost = [t for job in found for t in job["attempts"] if t["ended_by"] == "reaper"]
    assert lost and all(t["usage"]["input_tokens"] and t["usage"]["estimated"] for t in lost)
    for job in found:
        assert job["usage"]["input_tokens"] == sum(
            t["usage"]["input_tokens"] for t in job["attempts"]
        )
    until("both workers are back", lambda: len(fault.ask(LIVE_WORKERS)) >= 2)


LIVE_WORKERS = "select worker_id from worker where gone is null"


@pytest.mark.promises("C2", "C9", "C7")
def test_a_stream_over_a_crash_has_no_gap_and_says_so(stack: Any, client: Client) -> None:
    fault = Fault(stack)
    job = client.submit(chat("s", model=SLOW))["id"]
    events: list[Any] = []
    for event in client.events(job):
        events.append(event)
        if len(events) == 10:
            stack.signal(worker_of(stack, fault), signal.SIGKILL)
    numbers = [number for number, _, _ in events]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    kinds = [kind for _, kind, _ in events]
    assert kinds.count("job.restarted") == 1 and kinds[-1] == "job.completed"
    restart = kinds.index("job.restarted")
    text = "".join(d["text"] for _, k, d in events[restart:] if k == "job.delta")
    assert text == client.get(job)["result"]["choices"][0]["message"]["content"]


@pytest.mark.promises("C15")
def test_sigterm_drains_and_burns_no_attempt(stack: Any, client: Client) -> None:
    fault = Fault(stack)
    jobs = [client.submit(chat("d", model=SLOW))["id"] for _ in range(30)]
    until("they run", lambda: fault.running() >= 20)
    name = worker_of(stack, fault)
    old = stack.pid(name)
    stack.signal(name, signal.SIGTERM)
    done = [client.wait(job, 120) for job in jobs]
    assert {(job["state"], job["attempt"], job["crashes"]) for job in done} == {("completed", 1, 0)}
    stack.wait_restart(name, old)


@pytest.mark.promises("C7")
def test_one_killed_backend_of_postgres_returns_nothing(stack: Any, client: Client) -> None:
    """A worker that loses every session reconnects within its lease: nobody else gets its jobs."""
    fault = Fault(stack)
    jobs = [client.submit(chat("b", model=SLOW))["id"] for _ in range(20)]
    until("they run", lambda: fault.running() >= 20)
    fault.ask(
        "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'longhaul_worker'"
    )
    done = [client.wait(job, 120) for job in jobs]
    assert {(job["state"], job["attempt"], job["interruptions"]) for job in done} == {
        ("completed", 1, 0)
    }
    assert_clean(fault, client)


@pytest.mark.promises("C15")
def test_an_operator_drains_a_worker(stack: Any, client: Client) -> None:
    admin = admin_client(stack)
    workers = [w for w in admin.http.get("/v1/workers").json()["data"] if w["state"] == "live"]
    reply = admin.http.post(f"/v1/workers/{workers[0]['id']}/drain")
    assert reply.status_code == 200

    def gone() -> bool:
        rows = admin.http.get("/v1/workers").json()["data"]
        return all(w["state"] != "live" for w in rows if w["id"] == workers[0]["id"])

    until("it drained and left", gone)
    assert client.wait(client.submit({"kind": "noop", "input": {}})["id"])["state"] == "completed"
    admin.close()
