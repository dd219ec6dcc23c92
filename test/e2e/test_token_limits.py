"""How many tokens calls may use: who waits, who does not, what Redis may lose."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from client import TERMINAL, Client, chat, until
from limits_world import LimitsWorld, Tenants
from roles_world import made, put_user
from stacks import admin_client, running

pytestmark = pytest.mark.promises("S1.2", "C14")

# So long that nothing to speak of comes back while a test runs, however slowly.
DAY = 86400
# Redis is waited for: a slow machine shall not leave workers alone.
CONFIG = {"redis": {"command_timeout_ms": 20_000}}
# Of the input, and of an answer of fifty: a call is rated so, and uses a little less or more.
MODEL, MOST, CALL = "sim?tokens=50", 50, 80


@pytest.fixture(scope="module")
def world() -> Iterator[LimitsWorld]:
    with running("token-limits", workers=2, schedulers=1, config_overrides=CONFIG) as stack:
        admin = admin_client(stack)
        yield LimitsWorld(stack, admin)
        admin.close()


@pytest.fixture
def place(world: LimitsWorld) -> Iterator[LimitsWorld]:
    yield world
    world.cancel_jobs()  # those that wait yet would use up what the next test allows
    world.clear()


class Tenant:
    """A tenant, or one user of it; what it has submitted, and what its calls used."""

    def __init__(
        self, place: LimitsWorld, plan: str | None = None, name: str = "", **key: Any
    ) -> None:
        tenants = Tenants(place.stack, place.admin)
        self.name = name or tenants.tenant()
        self.client = Client(place.urls[0], tenants.key(self.name, **key))
        self.jobs: list[str] = []
        place.busy.add(self.name)
        if plan:
            place.plan(self.name, plan)

    def submit(self, n: int, model: str = MODEL, **more: Any) -> list[str]:
        job = chat("x", model=model, **more)
        job["input"]["max_tokens"] = MOST
        fresh = [answer["id"] for answer in self.client.bulk([job] * n)]
        self.jobs += fresh
        return fresh

    def held(self, code: str) -> list[dict[str, Any]]:
        """The attempts that were sent back for want of tokens."""
        jobs = [self.client.get(job, expand="attempts") for job in self.jobs]
        attempts = [one for job in jobs for one in job["attempts"]]
        return [one for one in attempts if (one.get("error") or {}).get("code") == code]

    def held_by(self) -> set[str]:
        """By which workers."""
        return {one["worker"] for one in self.held("tenant_tokens")}

    def known_to_both(self) -> None:
        """Until both workers have heard that it has used up its limit."""
        until("both workers limit it", lambda: self.submit(4) and len(self.held_by()) == 2)

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

    def spent(self, tokens: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]] | None:
        """The same, once what is left of a limit is not enough for two calls; never over it."""
        settled, used = self.settled(), self.used()
        assert used <= tokens + CALL
        return settled if used >= tokens - 2 * CALL else None


def limit(
    place: LimitsWorld, plan: str, tokens: int, window_s: int = DAY, level: str = "tokens"
) -> None:
    body = {"tokens": tokens, "window_s": window_s}
    made(place.admin.http.put(f"/v1/limits/{plan}/{level}", json=body), 200)


def user(place: LimitsWorld, tenant: str, name: str, *roles: str) -> tuple[str, Tenant]:
    """A user's id, and a key that acts for it."""
    told = put_user(place.admin, name, *roles, tenant=tenant)
    return told["id"], Tenant(place, name=tenant, user=name)


def in_force(place: LimitsWorld) -> None:
    """Until both workers hold back by what was said before: a further tenant tells."""
    limit(place, "mark", 1)
    Tenant(place, "mark").known_to_both()


def test_who_is_over_its_limit_waits_and_others_pass(place: LimitsWorld) -> None:
    limit(place, "small", 2000)
    poor, other = Tenant(place, "small", name="demo"), Tenant(place)
    in_force(place)
    poor.submit(60)
    done, held = until("the limit is used up", lambda: poor.spent(2000))
    assert len(done) + len(held) == 60 and {job["state"] for job in done} == {"completed"}
    # they hold no slot, and no attempt of theirs counts
    assert {(job["state"], job["attempt"]) for job in held} == {("waiting", 0)}
    assert other.client.wait(other.submit(1)[0])["state"] == "completed"
    story = place.stack.longhaul("why", held[0]["id"])
    assert "the tenant's limit of tokens is used up for now, tenant_tokens" in story
    assert "nothing was sent: the attempt does not count" in story
    assert re.search(r"waiting, for limit|waited for limit|wait for limit", story), story
    page = json.loads(place.stack.longhaul("top", "--json"))
    (row,) = [row for row in page["limits"] if row["tenant"] == "demo"]
    assert row["level"] == "tokens" and row["left"] < 1000 and row["burst"] == 2000
    assert other.name not in {row["tenant"] for row in page["limits"]}
    assert re.search(r"^tokens +demo ", place.stack.longhaul("top", "--once"), re.MULTILINE)
    limit(place, "small", 200_000, 60)
    for job in poor.jobs:
        assert poor.client.wait(job)["state"] == "completed"
    place.plan("demo", None)


# Who of alice's friends is refused with her: a colleague of the same role, a key that holds it, a
# colleague of another role, a stranger. What an attempt shows, and the words of it.
LEVELS = {
    "tokens:user": ((False,) * 4, "user_tokens", "the user's limit of tokens is used up"),
    "tokens:role:batch": (
        (True, True, False, False),
        "role_tokens",
        "the limit of tokens of one of the user's roles is used up",
    ),
    "tokens:global": (
        (True,) * 4,
        "global_tokens",
        "the installation's limit of tokens is used up",
    ),
}


@pytest.mark.parametrize("level", LEVELS)
def test_each_level_holds_back_those_who_share_it(place: LimitsWorld, level: str) -> None:
    refused, code, words = LEVELS[level]
    plan = "default" if level == "tokens:global" else "levels"
    tenant = Tenants(place.stack, place.admin).tenant()
    rule = {"parents": ["service"]}
    made(place.admin.http.put(f"/v1/tenants/{tenant}/roles/batch", json=rule), 200, 201)
    limit(place, plan, 1000, level=level)
    place.plan(tenant, plan)
    alice_id, alice = user(place, tenant, "alice@example.org", "batch")
    friends = [
        user(place, tenant, "bob@example.org", "service", "batch")[1],
        Tenant(place, name=tenant, roles=["batch"]),
        user(place, tenant, "carol@example.org", "service")[1],
        Tenant(place),
    ]
    in_force(place)
    alice.submit(30)
    until("the limit is used up", lambda: alice.held(code))
    _, held = until("they ended or wait", alice.settled)
    assert {(job["state"], job["attempt"]) for job in held} == {("waiting", 0)}
    for friend, waits in zip(friends, refused, strict=True):
        if waits:  # what is left of the limit may be enough for one more
            until("a friend waits, too", lambda f=friend: f.submit(1) and f.held(code))
        else:
            assert friend.client.wait(friend.submit(1)[0])["state"] == "completed"
    story = alice.held(code)[0]
    assert story["waiting_for"] == "limit" and story["error"]["message"] == f"{words} for now"
    page = json.loads(place.stack.longhaul("top", "--json"))
    (row,) = [row for row in page["limits"] if row["level"] == level]
    assert row["user"] == (alice_id if level == "tokens:user" else None)
    assert (row["tenant_id"] is None) == (level == "tokens:global")
    assert row["burst"] == 1000
    # what all of them used was counted once
    sharing = [alice, *(one for one, waits in zip(friends, refused, strict=True) if waits)]
    assert sum(one.used() for one in sharing) <= 1000 + CALL
    limit(place, plan, 900_000, 60, level)
    for one in [alice, *friends]:
        for job in one.jobs:
            assert one.client.wait(job)["state"] == "completed"


def test_a_limit_that_can_never_be_reached_is_refused(place: LimitsWorld) -> None:
    limit(place, "strict", 6000, 60)
    put = place.admin.http.put
    for level in ("tokens:user", "tokens:role:guest"):
        reply = put(f"/v1/limits/strict/{level}", json={"tokens": 6001, "window_s": 60})
        (fault,) = made(reply, 422)["errors"]
        assert fault["pointer"] == "/tokens"
        assert f"strict/{level} > strict/tokens: 6001 in 60 s" in fault["detail"]
    limit(place, "strict", 6000, 60, "tokens:user")
    reply = put("/v1/limits/strict/tokens", json={"tokens": 5999, "window_s": 60})
    assert "strict/tokens:user > strict/tokens" in made(reply, 422)["errors"][0]["detail"]
    for level in ("strict/tokens:global", "strict/tokens:role:", "strict/tokens:ip"):
        assert put(f"/v1/limits/{level}", json={"tokens": 5, "window_s": 60}).status_code == 422
    told = place.stack.longhaul("limit", "set", "strict", "tokens:user", "--tokens", "500")
    assert "500 tokens in 60 s" in told and "two seconds" in told


def test_what_was_not_used_comes_back(place: LimitsWorld) -> None:
    """Calls that are rated at fifty tokens and more, and use a few or none: many more than a
    limit would hold of the rated ones end without a wait."""
    limit(place, "frugal", 600)
    tenant = Tenant(place, "frugal")
    in_force(place)
    for n in range(30):
        model = "sim?tokens=2" if n % 2 else f"sim?fail=400&seed={n}"
        (job,) = tenant.submit(1, model)
        found = tenant.client.get(tenant.client.wait(job)["id"], expand="attempts")
        assert [one["waiting_for"] for one in found["attempts"]] == [None], found
    (job,) = tenant.submit(1, "sim?ttft_ms=3600000")
    until("it runs", lambda: tenant.client.get(job)["state"] == "running")
    tenant.client.http.post(f"/v1/jobs/{job}/cancel").raise_for_status()
    tenant.submit(20)
    # what the cancelled call was rated at came back too
    until("the limit is used up", lambda: tenant.spent(600))


def test_a_redis_that_is_gone_and_comes_back_empty_gives_nothing_away(place: LimitsWorld) -> None:
    limit(place, "kept", 1000)
    tenant = Tenant(place, "kept")
    in_force(place)
    tenant.submit(40)
    tenant.known_to_both()
    until("they ended or wait", tenant.settled)
    used = tenant.used()
    place.stack.stop("redis-limits")
    until("all are alone", lambda: shared(place) == [0, 0])
    tenant.submit(10)
    until("they ended or wait", tenant.settled)
    place.stack.start("redis-limits")
    until("all share", lambda: shared(place) == [1, 1])
    tenant.submit(10)
    until("they ended or wait", tenant.settled)
    assert used <= tenant.used() <= 1000 + 2 * CALL


def shared(place: LimitsWorld) -> list[float]:
    pages = [httpx.get(place.stack.address(f"worker-{n}"), timeout=60).text for n in (1, 2)]
    lines = [line for page in pages for line in page.splitlines()]
    return [float(line.split()[1]) for line in lines if line.startswith("longhaul_limits_shared ")]


def test_limits_of_tokens_are_written_and_shown(place: LimitsWorld) -> None:
    admin = place.admin.http
    change = made(
        admin.put("/v1/limits/tried/tokens", json={"tokens": 5000, "window_s": 60, "burst": 900}),
        200,
    )
    assert change["after"] == {"tokens": 5000, "window_s": 60, "burst": 900}
    (row,) = [row for row in admin.get("/v1/limits").json()["data"] if row["plan"] == "tried"]
    assert (row["level"], row["tokens"], row["burst"]) == ("tokens", 5000, 900)
    for body in (
        {"requests": 5, "window_s": 60},
        {"tokens": 5, "window_s": 60, "burst": 6},
        {"tokens": 2_000_000_000, "window_s": 60},
        {"tokens": -1, "window_s": 60},
        {"tokens": 5},
    ):
        assert admin.put("/v1/limits/tried/tokens", json=body).status_code == 422, body
    assert admin.put("/v1/limits/tried/user", json={"tokens": 5, "window_s": 60}).status_code == 422
