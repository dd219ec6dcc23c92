"""Programs whose wall clocks are wrong, or set while they run: what time it is says the record.

test/preload/wall-clock.c stands before the C library of producer, first worker and scheduler; the
second worker's clock is right. Each case proves that the clocks were wrong: of all that a program
says, one thing is dated by its host, the Date of its replies.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from uuid import UUID

import httpx
import pytest
from checker import typeid_uuid
from client import Client, until
from issuer import Issuer, compact, hs256
from preloads import Preloaded, preloaded
from stacks import Stack, admin_client, running, tenant_client

from .conftest import LONG, Fault, value
from .load import assert_whole, load, more

HOUR_US = 3600 * 1_000_000
MOVED = ("producer-1", "worker-1", "scheduler-1")
# Hours that each of them is ahead: all at once, and in the long form another time, and one alone.
TOGETHER = [(24, -24, 24)]
ALONE = [(-1, 1, -24)] + [
    tuple(h if at == n else 0 for at in range(3)) for n in range(3) for h in (1, -1, 24, -24)
]
SECRET = "a secret of tokens whose clock is right"
UPKEEP = ("partitions", "tidy")
QUICK = {"scheduler": {"upkeep_ms": 1000}}


@dataclass
class World:
    stack: Stack
    clocks: Preloaded
    client: Client
    issuer: Issuer
    first: dict[str, Any]

    def set(self, *hours: float) -> None:
        for name, ahead in zip(MOVED, hours, strict=True):
            self.clocks.set(name, int(ahead * HOUR_US))

    def begin(self, hours: tuple[int, ...]) -> None:
        """Starts the programs anew with such clocks, and sees that they have them."""
        self.set(*hours)
        for name, ahead in zip(MOVED, hours, strict=True):
            self.stack.restart(name)
            assert round(hours_ahead(self.stack, name)) == ahead, "its clock is right"

    def token(self, left_s: int) -> int:
        """What is answered to a token that ends so many seconds from now."""
        now = int(time.time())
        claims = self.issuer.claims(iat=now - 7200, exp=now + left_s)
        signed = compact({"alg": "HS256", "kid": "s"}, claims, hs256(SECRET.encode()))
        headers = {"Authorization": f"Bearer {signed}"}
        return self.client.http.get("/v1/jobs", headers=headers).status_code


def hours_ahead(stack: Stack, name: str) -> float:
    """Of a program's own clock."""
    dated = httpx.get(stack.address(name), timeout=60).headers["date"]
    return (parsedate_to_datetime(dated) - datetime.now(UTC)) / timedelta(hours=1)


def first_job(client: Client) -> dict[str, Any]:
    job = {"kind": "noop", "input": {"n": 1}, "retain_s": 86400}
    return client.wait(client.submit(job, key="the first")["id"])


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with (
        preloaded("wall-clock") as clocks,
        running("clocks", workers=2, program_env=clocks.env, config_overrides=QUICK) as stack,
    ):
        admin, client = admin_client(stack), tenant_client(stack)
        issuer = Issuer("https://idp.test/clocks", "", "demo")
        whose = {"tenant": "demo", "issuer": issuer.iss, "audience": issuer.audience}
        more = {"roles": {"*": "reader"}, "secret": SECRET, "kid": "s"}
        admin.http.post("/v1/issuers", json=whose | more).raise_for_status()
        one = World(stack, clocks, client, issuer, first_job(client))
        until("the issuer is known", lambda: one.token(600) == 200)
        yield one
        client.close()
        admin.close()


@contextmanager
def due_in_half_an_hour(client: Client) -> Iterator[None]:
    """There is a job that nobody may run meanwhile."""
    soon = (datetime.now(UTC) + timedelta(minutes=30)).isoformat()
    job = client.submit({"kind": "noop", "input": {}, "run_at": soon})["id"]
    yield
    client.http.post(f"/v1/jobs/{job}/cancel").raise_for_status()
    assert client.get(job)["attempt"] == 0


def ran_once(world: World) -> None:
    """Under load no lease is taken from its holder, and Kafka takes every message. Where the
    machine stood still for longer than a lease, it was another story, and is told again."""
    fault = Fault(world.stack)
    unsent = "longhaul_unsent_jobs_total"

    def told() -> tuple[Any, ...]:
        again = "select count(*) from job where attempt > 1 or interruptions > 0"
        return fault.one(again), value(world.stack, "scheduler-1", unsent)

    def once() -> bool:
        before = told()
        with load(world.stack) as one, due_in_half_an_hour(world.client):
            more(one, 60)
        assert_whole(world.stack, one)
        assert fault.dead_too_soon() == 0
        return told() == before

    until("each job ran once, and none went unsent", once)


def judged_rightly(world: World) -> None:
    """Tokens, ids and dates, keys of idempotency, what is due, what is kept."""
    client, now = world.client, datetime.now(UTC)
    assert (world.token(1800), world.token(-1800)) == (200, 401)
    job = client.submit({"kind": "noop", "input": {}})
    born = datetime.fromtimestamp((UUID(typeid_uuid(job["id"])).int >> 80) / 1000, UTC)
    made = datetime.fromisoformat(job["created_at"])
    assert max(abs(born - now), abs(made - now)) < timedelta(minutes=30)
    assert first_job(client)["id"] == world.first["id"]
    assert client.get(world.first["id"]) == world.first


def upkeep_came(world: World) -> None:
    """The leader has looked for what may go."""
    names = [f'longhaul_duty_seconds_count{{duty="{duty}"}}' for duty in UPKEEP]

    def turns() -> list[float]:
        return [value(world.stack, "scheduler-1", name) or 0 for name in names]

    before = turns()
    until(
        "a turn of the upkeep",
        lambda: all(now >= was + 1 for now, was in zip(turns(), before, strict=True)),
    )


@pytest.mark.promises("C7", "C16")
@pytest.mark.parametrize("hours", TOGETHER + (ALONE if LONG else []))
def test_programs_started_with_wrong_clocks_do_as_ever(
    world: World, hours: tuple[int, ...]
) -> None:
    world.begin(hours)
    ran_once(world)
    upkeep_came(world)
    judged_rightly(world)


@contextmanager
def strobed(world: World, dice: random.Random) -> Iterator[None]:
    """Each clock is set anew every twentieth of a second, by up to a day to and fro."""
    over = threading.Event()

    def strobe() -> None:
        while not over.wait(0.05):
            world.set(*(dice.choice((0, 1, -1, 24, -24)) for _ in MOVED))

    thread = threading.Thread(target=strobe)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@pytest.mark.promises("C7", "C16")
def test_clocks_that_jump_to_and_fro_while_jobs_run(world: World, seed: int) -> None:
    with strobed(world, random.Random(seed)):
        ran_once(world)
        judged_rightly(world)


@pytest.mark.promises("C16")
def test_a_clock_that_is_set_back_while_kafka_is_away_keeps_nobody_from_it(world: World) -> None:
    """Whoever waits for a moment of the wall clock before it tries again would wait for a day."""
    stack = world.stack
    world.set(0, 0, 0)
    stack.stop("kafka")
    stack.restart("worker-1")  # it reads nothing now
    until("it is missed", lambda: value(stack, "scheduler-1", "longhaul_kafka_up") == 0)
    world.set(-24, -24, -24)
    stack.start("kafka")
    until("the leader sends", lambda: value(stack, "scheduler-1", "longhaul_kafka_up") == 1)
    until("the worker reads", lambda: value(stack, "worker-1", "longhaul_kafka_partitions"))
    ran_once(world)
