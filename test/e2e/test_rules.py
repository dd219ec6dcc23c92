"""What a rule's conditions are compared with, who may hold what, and how a refusal is explained."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from checker import typeid_uuid
from client import Client
from roles_world import LATER, TENANT, World, made, make_key, people, put_user
from stacks import admin_client, running

pytestmark = pytest.mark.promises("S1.11")

# Dollars for a million tokens; a thousand of input cost a dollar, a thousand of output ten.
INPUT_USD, OUTPUT_USD = 1000, 10_000
OPTIONS = {
    "prices": [
        {"model": "dear"}
        | {"input_usd_per_million": INPUT_USD, "output_usd_per_million": OUTPUT_USD},
        {"model": "free", "input_usd_per_million": 0, "output_usd_per_million": 0},
    ],
    "producer": {"region": "eu-north"},
}


@pytest.fixture(scope="module")
def stack() -> Iterator[Any]:
    with running("rules", lite=True, workers=0, schedulers=0, config_overrides=OPTIONS) as one:
        yield one


@pytest.fixture(scope="module")
def world(stack: Any) -> Iterator[World]:
    admin = admin_client(stack)
    with people(stack, admin, ()) as all_of_them:
        yield all_of_them
    admin.close()


@pytest.fixture
def holder(world: World) -> Iterator[Callable[..., Client]]:
    """A user who holds a role of these rules, called like it; its key."""
    names: list[str] = []

    def make(*rules: str) -> Client:
        names.append(f"holder-{len(names)}")
        path = f"/v1/tenants/{TENANT}/roles/{names[-1]}"
        made(world.admin.http.put(path, json={"rules": list(rules)}), 200)
        put_user(world.admin, names[-1], names[-1])
        return make_key(world.admin, world.url, tenant=TENANT, user=names[-1])

    yield make
    for name in names:
        put_user(world.admin, name)
        made(world.admin.http.delete(f"/v1/tenants/{TENANT}/roles/{name}"), 204)


def chat(model: str = "dear", **more: Any) -> dict[str, Any]:
    words = {"model": model, "messages": [{"role": "user", "content": "x"}], **more}
    return {"kind": "chat", "input": words, "run_at": LATER}


# ---- what a job costs at most ----

CEILINGS: list[tuple[dict[str, Any], int]] = [
    (chat(max_tokens=10), 202),  # 0.1 and a little
    (chat(max_tokens=4000), 403),
    (chat(), 403),  # nobody knows
    (chat(max_tokens=None), 403),
    (chat(max_output_tokens=10), 403),  # that is another API's
    (chat(n=50, max_tokens=100), 403),
    (chat(n=2, max_tokens=10), 202),
    (chat(max_completion_tokens=10), 202),
    (chat(max_completion_tokens=10, max_tokens=4000), 403),
    (chat("free"), 202),
    (chat("free") | {"fallback": [{"model": "dear"}]}, 403),
    (chat(max_tokens=10) | {"fallback": [{"model": "dear"}]}, 202),
    ({"kind": "noop", "input": {}, "run_at": LATER}, 202),
]


def test_a_ceiling_bounds_what_a_job_may_cost(holder: Callable[..., Client]) -> None:
    client = holder("allow job:submit cost<=0.5")
    said = [client.http.post("/v1/jobs", json=job).status_code for job, _ in CEILINGS]
    assert said == [status for _, status in CEILINGS]
    lines = "".join(json.dumps(job) + "\n" for job, _ in CEILINGS)
    kind = {"Content-Type": "application/x-ndjson"}
    reply = client.http.post("/v1/jobs/bulk", content=lines, headers=kind)
    codes = [json.loads(row).get("code") for row in reply.text.splitlines()]
    assert codes == [None if status == 202 else "forbidden" for _, status in CEILINGS]


def test_what_nobody_knows_is_denied(holder: Callable[..., Client]) -> None:
    client = holder("allow job:submit", "deny job:submit cost<=0.5")
    assert client.http.post("/v1/jobs", json=chat(max_tokens=4000)).status_code == 202
    assert client.http.post("/v1/jobs", json=chat()).status_code == 403


# ---- operators' roles ----


@pytest.mark.parametrize("role", ["operator", "observer"])
def test_a_tenants_people_hold_no_operators_role(world: World, role: str) -> None:
    path = f"/v1/tenants/{TENANT}"
    asked = (
        ("PUT", f"{path}/users/climber", {"roles": [role]}),
        ("PUT", f"{path}/users/owner@example.org", {"roles": ["service", role]}),
        ("POST", f"{path}/roles/guest/move", {"to": role}),
        ("POST", "/v1/api-keys", {"tenant": TENANT, "roles": [role]}),
        ("POST", "/v1/issuers", issuer(engineers="submitter", admins=role)),
    )
    for method, at, body in asked:
        reply = world.admin.http.request(method, at, json=body)
        assert reply.status_code == 422, (at, reply.text)
        assert "no operator's role" in reply.json()["detail"], at
    assert world.admin.http.get(f"{path}/users/climber").status_code == 404
    issuers = world.admin.http.get("/v1/issuers", params={"tenant": TENANT}).json()["data"]
    assert issuers == []


def issuer(**roles: str) -> dict[str, Any]:
    one = {"tenant": TENANT, "issuer": "https://idp.example", "audience": "longhaul"}
    return {**one, "jwks_url": "https://idp.example/jwks.json", "roles": roles}


def test_an_operators_role_that_is_there_already_is_taken_by_anybody_and_allows_nothing(
    world: World, stack: Any
) -> None:
    """Versions before this one took it."""
    user = put_user(world.admin, "climber", "guest")["id"]
    give = "update user_role set role = 'operator' where user_id = %s"
    with psycopg.connect(stack.env["LONGHAUL_PG_URL"]) as record:
        record.execute(give, [typeid_uuid(user)])
    path = f"/v1/tenants/{TENANT}"
    said = made(
        world.admin.http.get(
            f"{path}/access/explain", params={"user": "climber", "action": "operator:tenant"}
        ),
        200,
    )
    assert (said["allowed"], said["rule"]) == (False, None)
    assert "operators" in said["reason"]
    put_user(world.admin, "chief", "tenant-admin")
    chief = make_key(world.admin, world.url, tenant=TENANT, user="chief")
    reply = chief.http.put("/v1/users/climber", json={"roles": ["guest"], "disabled": True})
    assert made(reply, 200)["roles"] == ["guest"]
    with psycopg.connect(stack.env["LONGHAUL_PG_URL"]) as record:
        record.execute(give, [typeid_uuid(user)])
    reply = world.admin.http.post(f"{path}/roles/operator/move", json={"to": "guest"})
    assert made(reply, 200)["changed"] == 1
