"""How many requests come in: four producers, one limit; what each level counts; what Redis may lose."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from client import Client, until
from limits_world import KEYS, Crowd, LimitsWorld
from roles_world import made
from stacks import admin_client, running

pytestmark = pytest.mark.promises("S1.6")

PRODUCERS = 4
HOUR = 3600


@pytest.fixture(scope="module")
def world() -> Iterator[LimitsWorld]:
    with running("request-limits", producers=PRODUCERS, workers=0, schedulers=0) as stack:
        admin = admin_client(stack)
        yield LimitsWorld(stack, admin)
        admin.close()


@pytest.fixture
def place(world: LimitsWorld) -> Iterator[LimitsWorld]:
    yield world
    world.clear()


class Tenants:
    """A tenant of its own for each test, so that no bucket is another's."""

    def __init__(self, world: LimitsWorld) -> None:
        self.world, self.n = world, 0

    def tenant(self) -> str:
        self.n += 1
        name = f"{self.world.stack.psql('select substr(gen_random_uuid()::text, 1, 8)')[0][0]}-{self.n}"
        made(self.world.admin.http.post("/v1/tenants", json={"name": name}), 201)
        return name

    def key(self, tenant: str, **more: Any) -> str:
        reply = self.world.admin.http.post("/v1/api-keys", json={"tenant": tenant, **more})
        made(reply, 201)
        return str(reply.json()["key"])


@pytest.fixture
def tenants(world: LimitsWorld) -> Tenants:
    return Tenants(world)


def test_four_producers_let_in_what_one_limit_allows(place: LimitsWorld, tenants: Tenants) -> None:
    """By Redis' own clock: never more than burst + rate x time, and when demand never ceases within
    1 % of it. A refusal later than a moment proves that everything until then was handed out."""
    rate, burst = 50, 100
    tenant = tenants.tenant()
    keys = [tenants.key(tenant) for _ in range(3)]
    place.limit("crowd", "tenant", 2 * rate, 2, burst=burst)
    begun = place.now()
    place.plan(tenant, "crowd")
    place.in_force(keys[0], '"tenant";q=100;w=2')
    with Crowd(place.urls, keys, 24) as crowd:
        until("the burst is used up", crowd.refused_anew())
        counted = crowd.asked.admitted
        first = place.now()
        until("much was let in", lambda: crowd.asked.admitted >= counted + 4 * rate, 120)
        last = place.now()
        until("somebody is refused", crowd.refused_anew())
    ended = place.now()
    asked = crowd.asked
    assert not asked.faults
    assert asked.admitted <= burst + rate * (ended - begun) + 1
    assert asked.admitted - counted >= 0.99 * rate * (last - first) - 1
