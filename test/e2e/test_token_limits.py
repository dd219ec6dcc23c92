"""How many tokens a tenant's calls may use: who waits, who does not, what Redis may lose."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from client import TERMINAL, Client, chat, until
from limits_world import LimitsWorld, Tenants
from roles_world import made
from stacks import admin_client, running

pytestmark = pytest.mark.promises("S1.2", "C14")

HOUR = 3600
# Of the input, and of an answer of fifty: a call is rated so, and uses a little less or more.
MODEL, MOST, CALL = "sim?tokens=50", 50, 80


@pytest.fixture(scope="module")
def world() -> Iterator[LimitsWorld]:
    with running("token-limits", workers=2, schedulers=1) as stack:
        admin = admin_client(stack)
        yield LimitsWorld(stack, admin)
        admin.close()


@pytest.fixture
def place(world: LimitsWorld) -> Iterator[LimitsWorld]:
    yield world
    world.clear()


class Tenant:
    """A tenant, what it has submitted, and what its calls used."""

    def __init__(self, place: LimitsWorld, plan: str | None = None) -> None:
        tenants = Tenants(place.stack, place.admin)
        self.name = tenants.tenant()
        self.client = Client(place.urls[0], tenants.key(self.name))
        self.jobs: list[str] = []
        if plan:
            place.plan(self.name, plan)

    def submit(self, n: int, model: str = MODEL, **more: Any) -> list[str]:
        job = chat("x", model=model, **more)
        job["input"]["max_tokens"] = MOST
        fresh = [answer["id"] for answer in self.client.bulk([job] * n)]
        self.jobs += fresh
        return fresh

    def now(self) -> list[dict[str, Any]]:
        return [self.client.get(job) for job in self.jobs]

    def used(self) -> int:
        return sum(
            job["usage"]["input_tokens"] + job["usage"]["output_tokens"]
            for job in self.now()
            if job["state"] == "completed"
        )

    def settled(self) -> tuple[list[dict[str, Any]], list[dict[str, Any]]] | None:
        """Those that ended and those that wait for the limit, once there are no others."""
        jobs = self.now()
        done = [job for job in jobs if job["state"] in TERMINAL]
        held = [job for job in jobs if job["waiting_for"] == "limit"]
        return (done, held) if len(done) + len(held) == len(jobs) else None


def limit(place: LimitsWorld, plan: str, tokens: int, window_s: int = HOUR, **more: int) -> None:
    body = {"tokens": tokens, "window_s": window_s, **more}
    made(place.admin.http.put(f"/v1/limits/{plan}/tokens", json=body), 200)


def in_force(place: LimitsWorld) -> None:
    """Until both workers hold back by what was said before: a further tenant tells."""
    limit(place, "mark", 1)
    probe = Tenant(place, "mark")

    def held_by() -> set[str]:
        probe.submit(4)
        jobs = [probe.client.get(job, expand="attempts") for job in probe.jobs]
        return {
            one["worker"]
            for job in jobs
            for one in job["attempts"]
            if (one.get("error") or {}).get("code") == "tenant_tokens"
        }

    until("both workers limit", lambda: len(held_by()) == 2)


def test_who_is_over_its_limit_waits_and_others_pass(place: LimitsWorld) -> None:
    limit(place, "small", 2000)
    poor, other = Tenant(place, "small"), Tenant(place)
    in_force(place)
    poor.submit(60)
    done, held = until("they ended or wait", poor.settled)
    assert 2000 - 2 * CALL <= poor.used() <= 2000 + CALL
    assert len(done) + len(held) == 60 and {job["state"] for job in done} == {"completed"}
    # they hold no slot, and no attempt of theirs counts
    assert {(job["state"], job["attempt"]) for job in held} == {("waiting", 0)}
    assert other.client.wait(other.submit(1)[0])["state"] == "completed"
    limit(place, "small", 200_000)
    for job in poor.jobs:
        assert poor.client.wait(job)["state"] == "completed"
