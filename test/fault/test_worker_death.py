"""Workers die, freeze and come back: nothing lost, nothing doubled, the right job blamed."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from typing import Any

import pytest
from checker import typeid_uuid
from client import Client, chat, until
from longhaul_dev.readiness import http_answers
from stacks import Simulator, Tree, Workers, admin_client, running, tenant_client

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


def worker_of(stack: Any, fault: Fault) -> str | None:
    """The name of the worker that holds most jobs, if one holds any."""
    held = fault.holder_pids()
    names = {stack.pid(name): name for name in ("worker-1", "worker-2")}
    holders = sorted((pid for pid in held if pid in names), key=lambda pid: held[pid])
    return names[holders[-1]] if holders else None


def kill_holder(stack: Any, fault: Fault) -> None:
    name = worker_of(stack, fault)
    if name:
        stack.signal(name, signal.SIGKILL)


def assert_clean(fault: Fault, client: Client) -> None:
    mine = {typeid_uuid(e.job) for e in client.history.entries if e.job}
    verdict = fault.settle([client])
    verdict.phantom = [job for job in verdict.phantom if job in mine]
    assert verdict.faults() == {}, verdict


@pytest.mark.promises("C7", "C16")
def test_a_killed_workers_jobs_run_elsewhere(stack: Any, client: Client) -> None:
    fault = Fault(stack)

    def interrupted() -> bool:
        """By a kill that met jobs under way: it may come too late for them."""
        jobs = fault.under_way(client, chat("k", model=SLOW), 30, 20)
        kill_holder(stack, fault)
        done = [client.wait(job) for job in jobs]
        assert {job["state"] for job in done} == {"completed"}
        assert max(job["crashes"] for job in done) <= 1
        until("both workers are back", lambda: len(fault.ask(LIVE_WORKERS)) >= 2)
        return any(job["interruptions"] for job in done)

    for _ in range(rounds(2, 20)):
        until("a killed worker held jobs", interrupted)
    assert_clean(fault, client)


@pytest.mark.promises("X6", "C7")
def test_what_a_killed_workers_attempts_used_is_guessed(stack: Any, client: Client) -> None:
    fault = Fault(stack)

    def lost() -> list[dict[str, Any]]:
        """Attempts that a kill ended, of jobs whose sums agree."""
        jobs = fault.under_way(client, chat("some words", model=SLOW), 10, 10)
        kill_holder(stack, fault)
        assert {client.wait(job)["state"] for job in jobs} == {"completed"}
        found = [client.get(job, expand="attempts") for job in jobs]
        for job in found:
            assert job["usage"]["input_tokens"] == sum(
                t["usage"]["input_tokens"] for t in job["attempts"]
            )
        until("both workers are back", lambda: len(fault.ask(LIVE_WORKERS)) >= 2)
        return [t for job in found for t in job["attempts"] if t["ended_by"] == "reaper"]

    tries = until("a killed worker held jobs", lost)
    assert all(t["usage"]["input_tokens"] and t["usage"]["estimated"] for t in tries)


LIVE_WORKERS = "select worker_id from worker where gone is null"


@pytest.mark.promises("C2", "C9", "C7")
def test_a_stream_over_a_crash_has_no_gap_and_says_so(stack: Any, client: Client) -> None:
    fault = Fault(stack)

    def killed_midway() -> tuple[str, list[Any]] | None:
        """A job and its events, when the kill came before its end."""
        job = client.submit(chat("s", model=SLOW))["id"]
        events: list[Any] = []
        for event in client.events(job):
            events.append(event)
            if len(events) == 10:
                kill_holder(stack, fault)
        numbers = [number for number, _, _ in events]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        done = client.get(job)
        return (job, events) if done["interruptions"] + done["crashes"] else None

    job, events = until("a stream over a crash", killed_midway)
    kinds = [kind for _, kind, _ in events]
    assert kinds.count("job.restarted") == 1 and kinds[-1] == "job.completed"
    restart = kinds.index("job.restarted")
    text = "".join(d["text"] for _, k, d in events[restart:] if k == "job.delta")
    assert text == client.get(job)["result"]["choices"][0]["message"]["content"]
    until("both workers are back", lambda: len(fault.ask(LIVE_WORKERS)) >= 2)


@pytest.mark.promises("C15")
def test_sigterm_drains_and_burns_no_attempt(stack: Any, client: Client) -> None:
    fault = Fault(stack)
    jobs = fault.under_way(client, chat("d", model=SLOW), 30, 20)
    name = worker_of(stack, fault) or "worker-1"
    old = stack.pid(name)
    stack.signal(name, signal.SIGTERM)
    done = [client.wait(job) for job in jobs]
    assert {(job["state"], job["attempt"], job["crashes"]) for job in done} == {("completed", 1, 0)}
    stack.wait_restart(name, old)


def take_signals(stack: Any) -> None:
    """A worker that answers is in its loop; SIGHUP would end one that still starts."""
    for name in ("worker-1", "worker-2"):
        until(f"{name} answers", lambda name=name: http_answers(stack.address(name)))


@pytest.mark.promises("C15")
def test_what_outlasts_the_drain_is_handed_back_unburnt(stack: Any, client: Client) -> None:
    fault, workers = Fault(stack), Workers(stack)

    def impatient(tree: Tree) -> None:
        tree["worker"]["drain_s"] = 1

    take_signals(stack)
    try:
        workers.reload(impatient, "worker.drain_s: 30 -> 1")
        job = client.submit(chat("d", model="sim?ttft_ms=600000"))["id"]
        name = until("it runs", lambda: worker_of(stack, fault))
        old = stack.pid(name)
        stack.signal(name, signal.SIGTERM)
        until("it was handed back", lambda: client.get(job)["interruptions"] == 1)
        until("it runs again", lambda: client.get(job)["state"] == "running")
        found = client.get(job, expand="attempts")
        assert (found["attempt"], found["crashes"]) == (1, 0)
        (first,) = [one for one in found["attempts"] if one["ended_by"]]
        assert (first["number"], first["state"], first["ended_by"]) == (1, "queued", "holder")
        client.http.post(f"/v1/jobs/{job}/cancel").raise_for_status()
        stack.wait_restart(name, old)
    finally:
        take_signals(stack)
        workers.restore()


@pytest.mark.promises("C15")
def test_an_operator_drains_a_worker_and_it_stays_away(stack: Any, client: Client) -> None:
    admin = admin_client(stack)

    def live() -> list[dict[str, Any]]:
        rows = admin.http.get("/v1/workers").json()["data"]
        return [w for w in rows if w["state"] == "live" and w["pid"] in names]

    names = {stack.pid(name): name for name in ("worker-1", "worker-2")}
    workers = until("a worker is live", live)
    name = names[workers[0]["pid"]]
    starts = stack.status()[name]["starts"]
    reply = admin.http.post(f"/v1/workers/{workers[0]['id']}/drain")
    assert reply.status_code == 200

    def gone() -> bool:
        rows = admin.http.get("/v1/workers").json()["data"]
        return all(w["state"] != "live" for w in rows if w["id"] == workers[0]["id"])

    until("it drained and left", gone)
    until("its supervisor knows", lambda: stack.status()[name]["drained"])
    assert workers[0]["id"] in stack.longhaul("worker", "list")
    assert workers[0]["id"] not in stack.longhaul("top", "--once")
    assert (stack.pid(name), stack.status()[name]["starts"]) == (None, starts)
    assert client.wait(client.submit({"kind": "noop", "input": {}})["id"])["state"] == "completed"
    stack.start(name)
    assert not stack.status()[name]["drained"]
    admin.close()
