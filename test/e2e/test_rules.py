"""What a rule's conditions are compared with, who may hold what, and how a refusal is explained."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from checker import typeid_uuid
from client import Client, until
from roles_world import (
    LATER,
    NOOP,
    STRANGER,
    TENANT,
    World,
    made,
    make_key,
    people,
    put_user,
)
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
    """A user who holds a role of these rules, called holder-1 and so on; its key."""
    names: list[str] = []

    def make(*rules: str) -> Client:
        names.append(f"holder-{len(names) + 1}")
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


# ---- why ----


def ask(world: World, action: str, **query: str) -> dict[str, Any]:
    path = f"/v1/tenants/{TENANT}/access/explain"
    return made(world.admin.http.get(path, params={"action": action, **query}), 200)


# A rule, what is asked of the API, the same said to explain, and what that names.
SUBMITS: list[tuple[str, dict[str, Any], dict[str, str], list[tuple[str, str | None]]]] = [
    ("allow job:submit queue=default priority>=5 owner=own", NOOP, {}, []),
    ("allow job:submit priority>=3", {**NOOP, "priority": 3}, {"priority": "3"}, []),
    ("allow job:submit priority>=6", NOOP, {}, [("priority>=6", "5")]),
    (
        "allow job:submit queue=bulk-* priority>=3",
        {**NOOP, "priority": 0},
        {"priority": "0"},
        [("queue=bulk-*", "default"), ("priority>=3", "0")],
    ),
    ("allow job:submit region=us", NOOP, {}, [("region=us", "eu-north")]),
    ("allow job:submit region=eu-*", NOOP, {}, []),
    ("allow job:submit owner=other", NOOP, {"owner": "other"}, [("owner=other", "own")]),
    ("allow job:submit model=small-*", chat("small-1"), {"model": "small-1"}, []),
    ("allow job:submit model=small-*", chat("dear"), {}, [("model=small-*", None)]),
    ("allow job:submit cost<=0.5", chat(), {"model": "dear"}, [("cost<=0.5", None)]),
    (
        "allow job:submit cost<=0.5",
        chat(max_tokens=4000),
        {"cost_usd": "40.011"},
        [("cost<=0.5", "40.011000")],
    ),
    ("allow job:submit cost<=0.5", chat(max_tokens=10), {"cost_usd": "0.2"}, []),
]


@pytest.mark.parametrize(("rule", "job", "said", "named"), SUBMITS)
def test_explain_says_what_the_call_is_told(
    world: World, holder: Callable[..., Client], rule: str, job: Any, said: Any, named: Any
) -> None:
    client = holder(rule)
    allowed = client.http.post("/v1/jobs", json=job).status_code == 202
    answer = ask(world, "job:submit", user="holder-1", **said)
    assert answer["allowed"] == allowed == (not named)
    assert [(c["condition"], c["value"]) for c in answer["conditions"]] == named
    if allowed:
        assert (answer["rule"], answer["nearest"]) == (rule, None)
    else:
        nearest = {"object": "rule", "rule": rule, "path": "holder-1"}
        assert (answer["rule"], answer["nearest"]) == (None, nearest)
        assert answer["reason"] == "no rule allows it"


def test_the_nearest_rule_lacks_fewest_and_a_deny_names_what_was_not_known(
    world: World, holder: Callable[..., Client]
) -> None:
    near = "allow job:read queue=bulk"
    holder("allow job:read queue=bulk model=small-*", near, "deny job:cancel queue=prod")
    answer = ask(world, "job:read", user="holder-1")
    assert answer["nearest"]["rule"] == near
    assert ask(world, "job:delete", user="holder-1")["nearest"] is None
    answer = ask(world, "job:cancel", user="holder-1")
    assert (answer["rule"], answer["reason"]) == ("deny job:cancel queue=prod", "a rule denies it")
    assert answer["conditions"] == [{"condition": "queue=prod", "value": None}]
    answer = ask(world, "job:cancel", user="holder-1", queue="prod")
    assert (answer["reason"], answer["conditions"]) == ("a rule denies it", [])


def test_a_key_is_asked_for_as_it_would_come(world: World, holder: Callable[..., Client]) -> None:
    """With what it acts for, its scopes and its end; each time the call itself says the same."""

    def key(**more: Any) -> tuple[str, Client]:
        body = {"tenant": TENANT, "user": "holder-1", **more}
        one = made(world.admin.http.post("/v1/api-keys", json=body), 201)
        return one["id"], Client(world.url, one["key"])

    def said(one: tuple[str, Client]) -> str:
        answer = ask(world, "job:submit", key=one[0])
        status = one[1].http.post("/v1/jobs", json=NOOP).status_code
        assert answer["allowed"] == (status == 202), (answer, status)
        return str(answer["reason"])

    holder("allow job:submit", "allow job:read")
    good, narrow = key(), key(scope="job:read")
    assert said(good) == "a rule allows it"
    assert said(narrow) == "the key's scopes leave no room for it"
    rotated = key()
    successor = made(
        world.admin.http.post(f"/v1/api-keys/{rotated[0]}/rotate", json={"overlap_s": 0}), 201
    )
    until("it has run out", lambda: said(rotated) == "the key has run out")
    assert said((successor["id"], Client(world.url, successor["key"]))) == "a rule allows it"
    made(world.admin.http.delete(f"/v1/api-keys/{successor['id']}"), 204)
    ended = successor["id"], Client(world.url, successor["key"])
    assert said(ended) == "the key is revoked"
    bare = made(world.admin.http.post("/v1/api-keys", json={"tenant": TENANT}), 201)
    assert said((bare["id"], Client(world.url, bare["key"]))) == "a rule allows it"


def test_what_is_revoked_or_disabled_is_told(world: World, holder: Callable[..., Client]) -> None:
    client = holder("allow job:read")
    user = made(world.admin.http.get(f"/v1/tenants/{TENANT}/users/holder-1"), 200)["id"]
    keys = world.admin.http.get("/v1/api-keys", params={"tenant": TENANT}).json()["data"]
    key = next(one["id"] for one in keys if one["user"] == user)
    revoke = {"tenant": TENANT, "network": "10.1.0.0/16"}
    made(world.admin.http.post("/v1/revocations", json=revoke), 200, 201, 204)
    until("there is a note", lambda: ask(world, "job:read", key=key)["note"])
    assert ask(world, "job:read", key=key)["allowed"]
    assert not ask(world, "job:read", key=key, address="10.1.2.3")["allowed"]
    away = ask(world, "job:read", key=key, address="10.2.2.3")
    assert (away["allowed"], away["note"]) == (True, None)
    revoke = {"tenant": TENANT, "user": user}
    made(world.admin.http.post("/v1/revocations", json=revoke), 200, 201, 204)
    until("the key is out", lambda: client.http.get("/v1/jobs").status_code == 401)
    answer = ask(world, "job:read", key=key)
    assert not answer["allowed"] and "revoked" in answer["reason"]
    answer = ask(world, "job:read", user="holder-1")
    assert answer["allowed"] and "before it was revoked" in answer["note"]
    path = f"/v1/tenants/{TENANT}/users/holder-1"
    made(world.admin.http.put(path, json={"disabled": True}), 200)
    assert ask(world, "job:read", user="holder-1")["reason"] == "the user is disabled"
    made(world.admin.http.put(path, json={"disabled": False}), 200)


def test_who_is_not_there_is_named(world: World) -> None:
    path = f"/v1/tenants/{TENANT}/access/explain"
    foreign = made(world.admin.http.post("/v1/api-keys", json={"tenant": STRANGER}), 201)["id"]
    for query, detail in (
        ({"user": "nosuch"}, "no user has this name"),
        ({"key": foreign}, "no key has this id"),
        ({"key": "key_nosuch"}, "no key has this id"),
        ({"user": "owner@example.org", "job": "job_nosuch"}, "no job has this id"),
    ):
        reply = world.admin.http.get(path, params={"action": "job:read", **query})
        assert (reply.status_code, reply.json()["detail"]) == (404, detail)
    for wrong in ({"cost_usd": "cheap"}, {"address": "10.0.0.0/8"}):
        query = {"action": "job:read", "user": "owner@example.org", **wrong}
        assert world.admin.http.get(path, params=query).status_code == 422


# ---- a no names what was needed ----


def test_a_refusal_names_the_permission_that_the_call_needs(
    world: World, holder: Callable[..., Client]
) -> None:
    client = holder("allow job:submit priority>=3 cost<=0.5", "allow job:read queue=default")

    def detail(method: str, path: str, body: Any = None) -> str:
        reply = client.http.request(method, path, json=body)
        assert reply.status_code == 403, reply.text
        assert "WWW-Authenticate" not in reply.headers
        return str(reply.json()["detail"])

    assert detail("GET", "/v1/usage") == "this needs usage:read"
    job = made(client.http.post("/v1/jobs", json=NOOP), 202)["id"]
    assert detail("POST", f"/v1/jobs/{job}/cancel") == "this needs job:cancel"
    submit = "this needs job:submit for this queue and model, priority "
    worse = f"{submit}0 and a cost in USD of 0.000000"
    assert detail("POST", "/v1/jobs", {**NOOP, "priority": 0}) == worse
    assert detail("POST", "/v1/jobs", chat()) == f"{submit}5 and a cost that nothing bounds"
    dear = detail("POST", "/v1/jobs", chat(max_tokens=4000))
    assert dear.startswith(f"{submit}5 and a cost in USD of 40.0")
    assert detail("POST", "/v1/jobs", {**NOOP, "subject": "x"}) == "this needs subject:any"
    assert detail("GET", "/v1/jobs").startswith("this needs job:read for all that is asked for")


def test_what_the_scopes_lack_is_told_as_rfc_6750_has_it(world: World) -> None:
    body = {"tenant": TENANT, "user": "owner@example.org", "scope": "job:submit"}
    key = made(world.admin.http.post("/v1/api-keys", json=body), 201)["key"]
    client = Client(world.url, key)
    for path, sent, lacks in (
        ("/v1/jobs/cancel", {"queue": "default"}, "job:cancel"),
        ("/v1/jobs", {**NOOP, "subject": "x"}, "subject:any"),
    ):
        reply = client.http.post(path, json=sent)
        told = f'Bearer error="insufficient_scope", scope="{lacks}"'
        assert (reply.status_code, reply.headers["WWW-Authenticate"]) == (403, told)


def test_each_address_says_whose_keys_it_is_for(world: World, stack: Any) -> None:
    operators = {"Authorization": f"Bearer {stack.env['LONGHAUL_ADMIN_KEY']}"}
    reply = world.owner.http.get("/v1/jobs", headers=operators)
    assert reply.json()["detail"] == "an operator's key opens the operators' address alone"
    reply = world.admin.http.get("/v1/queues", headers=dict(world.owner.http.headers))
    assert reply.json()["detail"] == "this address is for operators' keys"
