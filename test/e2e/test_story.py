"""What became of one job, whatever came in between: told whole, by any producer."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Iterator
from contextlib import closing
from typing import Any
from urllib.parse import quote

import httpx
import psycopg
import pytest
from checker import typeid_uuid
from client import Client, chat, until
from stacks import Simulator, admin_client, running, tenant_client

OPEN = re.compile(
    r'^longhaul_upstream_breakers\{(?=[^}]*upstream="simulator")(?=[^}]*state="open")[^}]*\} (\d+)',
    re.M,
)
HOLDER = "select w.pid from job_lease l join worker w using (worker_id) where l.job_id = %s"


@pytest.fixture(scope="module")
def stack() -> Iterator[Any]:
    breaker = {"failures_in_row": 3, "open_base_ms": 600_000, "open_max_ms": 600_000}
    patient = {"simulator": {"idle_timeout_ms": 600_000}}
    overrides = {"breaker": breaker, "retry": {"base_ms": 200}, "upstreams": patient}
    with running("story", producers=2, workers=2, config_overrides=overrides) as one:
        yield one


@pytest.fixture(scope="module")
def client(stack: Any) -> Iterator[Client]:
    one = tenant_client(stack)
    yield one
    one.close()


@pytest.fixture(scope="module")
def other(stack: Any) -> Iterator[Client]:
    """The same key, at the other producer."""
    ports = json.loads(stack.layout.state.read_text())["ports"]
    one = Client(f"http://127.0.0.1:{ports['producer-2']}", stack.env["LONGHAUL_API_KEY"])
    yield one
    one.close()


@pytest.fixture(scope="module")
def simulator(stack: Any) -> Iterator[Simulator]:
    one = Simulator(stack.env["LONGHAUL_SIM_URL"])
    yield one
    one.close()


def open_breakers(stack: Any) -> list[int]:
    """How many of the simulator's are open, as each worker sees it."""
    pages = [httpx.get(stack.address(name), timeout=60).text for name in ("worker-1", "worker-2")]
    return [sum(int(found[1]) for found in OPEN.finditer(page)) for page in pages]


def break_model(stack: Any, client: Client, simulator: Simulator, model: str) -> None:
    """Its calls fail until every worker leaves it alone."""
    before = max(open_breakers(stack))
    simulator.http.post("/faults", json={"for_ms": 600_000, "fail": 503}).raise_for_status()

    def is_left_alone() -> bool:
        client.wait(client.submit(chat("x", model=model, max_attempts=1, deadline_s=1))["id"])
        return min(open_breakers(stack)) > before

    until(f"the breaker of {model} is open", is_left_alone)
    simulator.http.delete("/faults").raise_for_status()


def kill_holder(stack: Any, job: str) -> None:
    with psycopg.connect(stack.env["LONGHAUL_PG_URL"]) as record:
        row = record.execute(HOLDER, [typeid_uuid(job)]).fetchone()
    assert row
    holder = next(name for name in ("worker-1", "worker-2") if stack.pid(name) == row[0])
    stack.signal(holder, signal.SIGKILL)


@pytest.mark.promises("C2", "C9")
def test_who_comes_back_at_the_other_producer_gets_exactly_the_rest(
    client: Client, other: Client
) -> None:
    job = client.submit(chat("Tell me", model="sim?tokens=60&itl_ms=20"))["id"]
    first = []
    with closing(client.events(job)) as stream:
        for event in stream:
            first.append(event)
            if len(first) == 12:
                break
    rest = list(other.events(job, after=first[-1][0]))
    both = first + rest
    numbers = [number for number, _, _ in both]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert [kind for _, kind, _ in both].count("job.completed") == 1
    assert both[-1][1] == "job.completed"
    text = "".join(data["text"] for _, kind, data in both if kind == "job.delta")
    assert text == client.get(job)["result"]["choices"][0]["message"]["content"]
    for number, _, _ in both[:-1:10]:
        assert list(other.events(job, after=number)) == list(client.events(job, after=number))


@pytest.mark.promises("S1.9", "C5", "C6", "C7")
def test_one_why_joins_a_429_a_crash_a_breaker_and_a_fallback(
    stack: Any, client: Client, simulator: Simulator
) -> None:
    """Refused at first, called again until its worker dies, kept from its model and its fallback
    by their breakers, answered by the fallback once an operator lets that be called."""
    model, spare = "sim?fail=429&fail_times=1&hang_after=0&seed=71", "sim?tokens=3&seed=72"
    break_model(stack, client, simulator, spare)
    job = client.submit(chat("a long story", model=model, fallback=[{"model": spare}]))["id"]
    until("it is called again", lambda: len(simulator.calls(job)) == 2)
    break_model(stack, client, simulator, model)
    kill_holder(stack, job)
    until("a breaker holds it", lambda: client.get(job)["waiting_for"] == "breaker")
    admin = admin_client(stack)
    path = f"/v1/upstreams/simulator/models/{quote(spare, safe='')}/breaker"
    admin.http.put(path, json={"mode": "allow"}).raise_for_status()
    admin.close()
    done = client.wait(job)
    assert (done["state"], done["fallback_model"]) == ("completed", spare)
    assert done["crashes"] + done["interruptions"] == 1

    told = json.loads(stack.longhaul("--json", "why", job))
    ends = [line for line in told["story"] if line["event"] == "ended"]
    assert [one["status"] for one in ends[:1]] == [429]
    story = stack.longhaul("why", job)
    parts = (
        "accepted and committed",
        "status 429",
        "-> waiting, for retry: such an error may pass: it is tried again",
        "its worker is gone: another one takes it",
        "upstream_breaker",
        "for breaker: nothing was sent: the attempt does not count",
        f"model {spare}, a fallback of the job, instead of {model}",
        "-> completed: the answer is whole",
        "the job is completed",
    )
    at = [story.index(part) for part in parts]
    assert at == sorted(at), story
