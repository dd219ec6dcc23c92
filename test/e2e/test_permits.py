"""Breakers, pacing, keys and the retry budget, as jobs and operators meet them."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
import pytest
from client import Client, chat, until
from prometheus_client.parser import text_string_to_metric_families
from stacks import Simulator, Tree, Workers, admin_client, running, tenant_client

FAST = {"open_base_ms": 300, "open_max_ms": 500, "ramp_ms": 300, "failures_in_row": 5}
SLOTS = 20
TWIN_FAILS = "twin?tokens=2&fail=503&fail_times=1"


@pytest.fixture(scope="module")
def stack() -> Iterator[Any]:
    overrides = {
        "breaker": FAST,
        "retry": {"base_ms": 200, "budget_least_per_minute": 600},
        "worker": {"slots": SLOTS},
        "upstreams": {
            "locked": {"models": ["locked*"]},
            "hung": {"models": ["hung*"]},
            "left": {"models": ["twin*", "left-*"], "model_names": [f"left-twin={TWIN_FAILS}"]},
            "right": {"models": ["twin*"]},
            "paced": {"models": ["paced*"], "requests_per_minute": 600},
            "slow": {"models": ["slow*"], "requests_per_minute": 120},
            "twice": {"models": ["own-*"], "model_names": ["own-x=theirs"]},
            "shut": {"models": ["shut*"], "requests_per_minute": 6},
        },
    }
    with running("permits", workers=2, schedulers=1, config_overrides=overrides) as one:
        yield one


@pytest.fixture(scope="module")
def client(stack: Any) -> Iterator[Client]:
    one = tenant_client(stack)
    yield one
    one.close()


@pytest.fixture(scope="module")
def admin(stack: Any) -> Iterator[Client]:
    one = admin_client(stack)
    yield one
    one.close()


@pytest.fixture(scope="module")
def simulator(stack: Any) -> Iterator[Simulator]:
    one = Simulator(stack.env["LONGHAUL_SIM_URL"])
    yield one
    one.close()


def upstream(admin: Client, name: str) -> dict[str, Any]:
    reply = admin.http.get("/v1/upstreams")
    assert reply.status_code == 200, reply.text
    return next(row for row in reply.json()["data"] if row["name"] == name)


def part(admin: Client, name: str, kind: str, label: str) -> dict[str, Any]:
    """A breaker, a key or a pacing row; empty when nobody used it yet."""
    rows = upstream(admin, name)[kind]
    return next((row for row in rows if row.get("model", row.get("label")) == label), {})


def told(stack: Any, name: str, **labels: str) -> list[float]:
    """What workers say of a metric: a value each, of those that have one."""
    addresses = [stack.address(worker) for worker in ("worker-1", "worker-2")]
    pages = [httpx.get(address, timeout=60).text for address in addresses]
    return [
        sample.value
        for page in pages
        for family in text_string_to_metric_families(page)
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    ]


def outcomes(client: Client, job: str) -> list[str]:
    attempts = client.get(job, expand="attempts")["attempts"]
    return [(one.get("error") or {"code": "ok"})["code"] for one in attempts]


def say(admin: Client, name: str, model: str, **word: Any) -> Any:
    return admin.http.put(f"/v1/upstreams/{name}/models/{quote(model, safe='')}/breaker", json=word)


@pytest.mark.promises("C6", "S1.10", "X3")
def test_an_upstream_that_fails_is_left_alone_and_comes_back_by_stages(
    stack: Any, client: Client, admin: Client, simulator: Any
) -> None:
    model = "sim?tokens=4&seed=1"
    simulator.http.post("/faults", json={"for_ms": 600_000, "fail": 503}).raise_for_status()
    jobs = [j["id"] for j in client.bulk([chat("x", model=model, max_attempts=20)] * 60)]

    def breaker() -> dict[str, Any]:
        return part(admin, "simulator", "breakers", model)

    def steps(found: dict[str, Any]) -> list[tuple[str, str]]:
        return [(step["state"], step["reason"]) for step in reversed(found["history"])]

    opened = until("open", lambda: (b := breaker()) and b["state"] == "open" and b)
    assert ("open", "failures") in steps(opened)
    waiting = until(
        "a job waits for the breaker",
        lambda: [j for j in jobs if client.get(j)["waiting_for"] == "breaker"],
    )
    assert "upstream_breaker" in outcomes(client, waiting[0])
    of = {"upstream": "simulator"}

    def told_open() -> bool:
        closed = told(stack, "longhaul_upstream_breakers", state="closed", **of)
        return len(closed) == 2 and max(closed) < 1

    until("told", told_open)
    assert sum(told(stack, "longhaul_upstream_jobs_parked_total", **of)) >= 1
    until("all share", lambda: told(stack, "longhaul_limits_shared") == [1, 1])
    assert all(0 <= left <= 20 for left in told(stack, "longhaul_upstream_retry_budget", **of))
    simulator.http.delete("/faults").raise_for_status()
    for job in jobs:
        done = client.wait(job)
        assert done["state"] == "completed"
        # waiting for the breaker costs no attempt: each was a call
        assert done["attempt"] == len(simulator.calls(job)) >= 1

    def closed_again() -> dict[str, Any] | None:
        found = breaker()
        client.submit(chat("x", model=model))  # a stage needs calls that show it
        return found if found["state"] == "closed" else None

    passed = steps(until("closed again", closed_again))
    assert ("closed", "stage_passed") in passed
    last = len(passed) - 1 - passed[::-1].index(("ramping", "probe_answered"))
    assert [state for state, _ in passed[last - 1 :]] == [
        "probing",
        "ramping",
        "ramping",
        "ramping",
        "closed",
    ]


@pytest.mark.promises("C6", "S1.10", "S1.12")
def test_an_operator_blocks_and_lets_go(
    stack: Any, client: Client, admin: Client, simulator: Any
) -> None:
    model = "sim?tokens=4&seed=2"
    assert client.wait(client.submit(chat("x", model=model))["id"])["state"] == "completed"
    said = say(admin, "simulator", model, mode="block", ttl_s=600)
    assert said.status_code == 200 and said.json()["mode"] == "block"
    assert said.json()["until"].endswith("Z")

    def refused() -> str | None:
        job = client.submit(chat("x", model=model))["id"]
        done = until("moved", lambda: (j := client.get(job))["state"] != "queued" and j)
        done = until("settled", lambda: (j := client.get(job))["state"] != "running" and j)
        return job if done["waiting_for"] == "breaker" else None

    job = until("a job is held back", refused)
    assert simulator.calls(job) == [] and client.get(job)["attempt"] == 0
    assert part(admin, "simulator", "breakers", model)["mode"] == "block"
    assert "upstream_blocked" in outcomes(client, job)
    story = stack.longhaul("why", job)
    assert "not called: an operator blocked it, upstream_blocked, upstream simulator" in story
    assert "nothing was sent: the attempt does not count" in story
    assert "the model is called" not in story
    row = next(r for r in stack.longhaul("top", "--once").splitlines() if r.startswith("simulator"))
    assert f"block {model}" in row
    assert say(admin, "simulator", model, mode="auto").status_code == 200
    assert client.wait(job)["state"] == "completed"
    history = part(admin, "simulator", "breakers", model)["history"]
    assert [(s["state"], s["reason"]) for s in history[:2]] == [
        ("auto", "operator"),
        ("block", "operator"),
    ]


@pytest.mark.promises("C6")
def test_another_upstream_stands_in_then_another_model(client: Client, admin: Client) -> None:
    assert client.wait(client.submit(chat("x", model="twin"))["id"])["upstream"] == "left"
    assert say(admin, "left", "twin", mode="block").status_code == 200

    def answered_by(upstream_name: str, **more: Any) -> dict[str, Any] | None:
        job = client.submit(chat("x", model="twin", **more))["id"]
        done = client.wait(job)
        return done if done["upstream"] == upstream_name else None

    assert until("the other stands in", lambda: answered_by("right"))["attempt"] == 1
    assert say(admin, "right", "twin", mode="block").status_code == 200
    done = until(
        "the other model stands in",
        lambda: answered_by("simulator", fallback=[{"model": "sim"}, {"wait": True}]),
    )
    assert (done["state"], done["attempt"]) == ("completed", 1)
    for name in ("left", "right"):
        assert say(admin, name, "twin", mode="auto").status_code == 200


@pytest.mark.promises("C6")
def test_the_next_attempt_asks_the_next_upstream_though_nobody_called_it_yet(
    client: Client,
) -> None:
    """The first was called by a name of its own, and each call that failed was followed by one
    that was answered: no breaker opens."""
    for _ in range(3):
        job = client.submit(chat("x", model="left-twin"))["id"]
        assert client.wait(job)["state"] == "completed"
    job = client.submit(chat("x", model=TWIN_FAILS))["id"]
    assert client.wait(job)["state"] == "completed"
    tries = client.get(job, expand="attempts")["attempts"]
    assert [one["upstream"] for one in tries] == ["left", "right"]


@pytest.mark.promises("C6")
def test_a_word_that_makes_no_sense_is_refused(admin: Client) -> None:
    assert say(admin, "nobody", "m", mode="block").status_code == 404
    never = say(admin, "simulator", "gpt", mode="block")
    assert never.status_code == 422 and "there are sim*" in never.json()["detail"]
    pattern = say(admin, "twice", "own-*", mode="block")
    assert pattern.status_code == 422, pattern.text
    for part_of_it in ("own-* is a pattern", "there are own-*, theirs;", "with its keys"):
        assert part_of_it in pattern.json()["detail"]
    assert "there are own-*, theirs" in say(admin, "twice", "mine", mode="allow").json()["detail"]
    for name in ("theirs", "own-1"):
        assert say(admin, "twice", name, mode="allow").status_code == 200
    assert say(admin, "twice", "own-*", mode="auto").status_code == 200  # one from before
    path = "/v1/upstreams/simulator/keys/gold/breaker"
    assert "no key called gold" in admin.http.put(path, json={"mode": "block"}).json()["detail"]
    for word in ({}, {"mode": "ajar"}, {"mode": "block", "ttl_s": 0}, {"mode": "auto", "x": 1}):
        reply = say(admin, "simulator", "m", **word)
        assert reply.status_code == 422 and reply.json()["code"] == "invalid_field", word


@pytest.mark.promises("C14", "X3")
def test_refusals_set_a_key_aside_and_other_keys_go_on(
    stack: Any, client: Client, admin: Client
) -> None:
    for job in [client.submit(chat("x", model="locked?fail=401"))["id"] for _ in range(3)]:
        assert client.wait(job)["error"]["code"] == "upstream_auth"
    until("set aside", lambda: part(admin, "locked", "keys", "default").get("state") == "open")
    usable = "longhaul_upstream_key_usable"
    until("told", lambda: 0 in told(stack, usable, upstream="locked", key="default"))
    until("not the other", lambda: told(stack, usable, upstream="simulator") == [1, 1])
    held = client.submit(chat("x", model="locked"))["id"]
    until("it waits for the key", lambda: client.get(held)["waiting_for"] == "key")
    assert client.wait(client.submit(chat("x"))["id"])["state"] == "completed"
    assert part(admin, "simulator", "keys", "default")["state"] == "closed"
    reply = admin.http.put("/v1/upstreams/locked/keys/default/breaker", json={"mode": "allow"})
    assert reply.status_code == 200
    fine = client.submit(chat("x", model="locked"))["id"]
    assert client.wait(fine)["state"] == "completed"
    reply = client.http.post(f"/v1/jobs/{held}/cancel")
    assert reply.is_success or client.get(held)["state"] == "completed"  # it may run by now


@pytest.mark.promises("C5")
def test_retries_have_a_budget(client: Client) -> None:
    """Every job fails twice, each with a model of its own, so that no breaker opens. The retry that
    fails is paid for; the one that is answered gives back what it took."""
    models = [f"sim?tokens=2&fail=500&fail_times=2&seed={n}" for n in range(1000, 1200)]
    jobs = [j["id"] for j in client.bulk([chat("x", model=model) for model in models])]
    for job in jobs:
        done = client.wait(job)
        assert done["state"] == "completed" and done["attempt"] == 3, done
    waited = [job for job in jobs if "upstream_retry_budget" in outcomes(client, job)]
    assert waited


@pytest.mark.promises("C4")
def test_an_upstream_that_hangs_leaves_slots_for_the_others(client: Client) -> None:
    hanging = chat("x", model="hung?ttft_ms=3600000", attempt_timeout_s=3600)
    held = [job["id"] for job in client.bulk([hanging] * (4 * SLOTS))]
    until(
        "the others are parked",
        lambda: any(client.get(job)["waiting_for"] == "limit" for job in held),
    )
    for _ in range(10):
        assert client.wait(client.submit(chat("x"))["id"])["state"] == "completed"
    for job in held:
        client.http.post(f"/v1/jobs/{job}/cancel").raise_for_status()


@pytest.mark.promises("C14", "X3")
def test_a_limit_holds_for_all_workers_together(
    stack: Any, client: Client, admin: Client, simulator: Any
) -> None:
    simulator.clear()
    # from before the first leave: a call that is late on its way shortens no span that begins here
    began_us = time.time_ns() // 1000
    jobs = [j["id"] for j in client.bulk([chat("x", model="paced?tokens=2")] * 60)]
    for job in jobs:
        assert client.wait(job)["state"] == "completed"
    at = sorted(call["at_us"] for call in simulator.calls() if call["job"] in jobs)
    # ten a second, and what two tenths of a second saved
    assert len(at) == 60 and (at[-1] - began_us) / 1e6 >= (60 - 4) / 10
    assert any("upstream_pacing" in outcomes(client, job) for job in jobs)
    tries = [one for job in jobs for one in client.get(job, expand="attempts")["attempts"]]
    assert "requests" in {one["held_by"] for one in tries}
    left = told(stack, "longhaul_upstream_quota_left_ratio", upstream="paced", rate="requests")
    assert left and all(0 <= share <= 1 for share in left)
    row = part(admin, "paced", "pacing", "paced?tokens=2")
    assert row["requests"]["from"] == "config" and row["requests"]["per_minute"] == 588


def parked(client: Client, jobs: list[str]) -> list[str]:
    return [job for job in jobs if client.get(job)["waiting_for"] == "limit"]


def in_line(client: Client, job: str) -> bool:
    """Its worker told that it holds the job, and which limit it waits for there."""
    last = (client.get(job, expand="attempts")["attempts"] or [{}])[-1]
    return bool(last.get("since")) and (last["upstream"], last["held_by"]) == ("shut", "requests")


@pytest.mark.promises("S1.9", "C14")
def test_who_waits_in_a_worker_is_seen_there(stack: Any, client: Client) -> None:
    """At six calls a minute the second in line stays for long."""
    jobs = [job["id"] for job in client.bulk([chat("x", model="shut?tokens=3")] * 6)]
    one = until(
        "the record knows of one in line",
        lambda: next((job for job in jobs if in_line(client, job)), None),
    )
    held = "held by the upstream's limit of requests"
    until("why says it", lambda: held in stack.longhaul("why", one))
    client.http.post("/v1/jobs/cancel", json={"model": "shut?tokens=3"}).raise_for_status()


@pytest.mark.promises("C12", "C14")
def test_an_urgent_job_goes_before_those_that_were_parked_before_it(
    client: Client, simulator: Any
) -> None:
    """Two calls a second; where the order of parking counted, nearly all would be before it."""
    lazy = chat("x", model="slow?tokens=2", priority=9)
    crowd = [job["id"] for job in client.bulk([lazy] * 80)]
    before = until(
        "the crowd is parked",
        lambda: ids if len(ids := parked(client, crowd)) >= 40 else None,
    )
    urgent = client.submit(chat("x", model="slow?tokens=2", priority=0))["id"]
    assert client.wait(urgent)["state"] == "completed"
    called = [call["job"] for call in simulator.calls()]
    called = called[: called.index(urgent)]
    assert len(set(called) & set(before)) < len(before) / 2
    client.http.post("/v1/jobs/cancel", json={"model": "slow?tokens=2"}).raise_for_status()


@pytest.mark.promises("C6", "C14")
def test_a_limit_that_is_raised_calls_those_who_were_parked_for_it(
    stack: Any, client: Client
) -> None:
    """At six calls a minute the last would come in five minutes."""
    workers = Workers(stack)
    jobs = [j["id"] for j in client.bulk([chat("x", model="shut?tokens=2")] * 30)]
    until("most are parked", lambda: len(parked(client, jobs)) >= 20)

    def change(tree: Tree) -> None:
        shut = next(one for one in tree["upstreams"] if one["name"] == "shut")
        shut["requests_per_minute"] = 6000

    try:
        workers.reload(change, "upstreams.shut")
        until(
            "all are done",
            lambda: all(client.get(job)["state"] == "completed" for job in jobs),
            deadline_s=100,
        )
    finally:
        workers.restore()


def loads_forget(stack: Any) -> None:
    """As if no worker had called anybody for a while: what they told of themselves is gone."""
    at = urlsplit(stack.env["LONGHAUL_REDIS_LIMITS"])
    script = "for _, k in ipairs(redis.call('KEYS', 'lh:load:*')) do redis.call('DEL', k) end"
    with socket.create_connection((at.hostname or "127.0.0.1", at.port or 6379)) as line:
        line.sendall(f'EVAL "{script}" 0\r\n'.encode())
        assert line.recv(100).startswith(b"$-1")


@pytest.mark.promises("C6", "X2")
def test_an_idle_upstream_does_not_look_used_up(stack: Any, client: Client, admin: Client) -> None:
    model = "sim?tokens=1&seed=77"
    assert client.wait(client.submit(chat("x", model=model))["id"])["state"] == "completed"
    until("its load is told", lambda: part(admin, "simulator", "pacing", model))

    def idle() -> dict[str, Any] | None:
        loads_forget(stack)
        row = part(admin, "simulator", "pacing", model)
        return row if row["workers"] == 0 else None

    row = until("nobody tells of it", idle)
    assert (row["in_flight_limit"], row["retries_left"], row["in_flight"]) == (None, None, 0)


@pytest.mark.promises("C6", "C16")
def test_without_redis_jobs_go_on_and_operators_are_told(
    stack: Any, client: Client, admin: Client
) -> None:
    stack.stop("redis-limits")
    try:
        for _ in range(5):
            assert client.wait(client.submit(chat("x"))["id"])["state"] == "completed"
        assert until("told", lambda: not upstream(admin, "simulator")["shared"])
        assert say(admin, "simulator", "sim", mode="block").status_code == 503
    finally:
        stack.start("redis-limits")
    until("shared again", lambda: upstream(admin, "simulator")["shared"])
