"""Who may do what: one table of roles, calls and objects, and every cell of it asserted."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from client import Client, until

pytestmark = [pytest.mark.usefixtures("stack"), pytest.mark.promises("S1.6", "S1.11")]

ROOT = Path(__file__).resolve().parents[2]
ROUTES = ROOT / "producer/routes.c"
LONGHAUL = ROOT / "build" / os.environ.get("LONGHAUL_MODE", "release") / "longhaul"
TENANT, STRANGER = "roles-a", "roles-b"
LATER = "2027-01-01T00:00:00Z"

# ---- the table: what each role may do to whose jobs ----

OWN, ALL = "own", "all"
ROLES: dict[str, dict[str, str]] = {
    "guest": {"job:read": OWN},
    "submitter": {
        "job:submit": OWN,
        "job:read": OWN,
        "job:change": OWN,
        "job:cancel": OWN,
        "job:retry": OWN,
        "job:delete": OWN,
    },
    "reader": {"job:read": ALL, "usage:read": ALL},
    "analyst": {
        "job:submit": OWN,
        "job:read": ALL,
        "job:change": OWN,
        "job:cancel": OWN,
        "job:retry": OWN,
        "job:delete": OWN,
        "usage:read": ALL,
        "callback:use": ALL,
    },
    "service": {
        "job:submit": ALL,
        "job:read": ALL,
        "job:change": ALL,
        "job:cancel": ALL,
        "job:retry": ALL,
        "job:delete": ALL,
        "usage:read": ALL,
        "callback:use": ALL,
        "subject:any": ALL,
    },
    "tenant-admin": {},
}
ROLES["tenant-admin"] = {
    **ROLES["service"],
    **dict.fromkeys(["role:read", "role:write", "user:read", "user:write"], ALL),
}

# Calls on one job: permission, what an allowed one answers.
ON_JOBS: dict[tuple[str, str], tuple[str, int, Any]] = {
    ("GET", "/v1/jobs/{id}"): ("job:read", 200, None),
    ("GET", "/v1/jobs/{id}/events"): ("job:read", 200, None),
    ("PATCH", "/v1/jobs/{id}"): ("job:change", 200, {"priority": 7}),
    ("POST", "/v1/jobs/{id}/cancel"): ("job:cancel", 200, None),
    ("POST", "/v1/jobs/{id}/retry"): ("job:retry", 200, None),
    ("DELETE", "/v1/jobs/{id}"): ("job:delete", 204, None),
}
ENDED = ("retry", "DELETE", "events")

# Calls on the tenant as a whole.
NOOP = {"kind": "noop", "input": {}, "run_at": LATER}
ON_TENANTS: dict[tuple[str, str], tuple[str, int, Any]] = {
    ("POST", "/v1/jobs"): ("job:submit", 202, NOOP),
    ("POST", "/v1/jobs/bulk"): ("job:submit", 200, NOOP),
    ("GET", "/v1/jobs"): ("job:read", 200, None),
    ("POST", "/v1/jobs/search"): ("job:read", 200, {}),
    ("POST", "/v1/jobs/cancel"): ("job:cancel", 200, {"queue": "default", "dry_run": True}),
    ("POST", "/v1/jobs/retry"): ("job:retry", 200, {"queue": "default", "dry_run": True}),
    ("GET", "/v1/usage"): ("usage:read", 200, None),
    ("GET", "/v1/roles"): ("role:read", 200, None),
    ("GET", "/v1/roles/{name}"): ("role:read", 200, None),
    ("PUT", "/v1/roles/{name}"): ("role:write", 200, {"rules": ["allow job:read"]}),
    ("DELETE", "/v1/roles/{name}"): ("role:write", 204, None),
    ("POST", "/v1/roles/{name}/move"): ("user:write", 200, {"to": "guest"}),
    ("GET", "/v1/users"): ("user:read", 200, None),
    ("GET", "/v1/users/{name}"): ("user:read", 200, None),
    ("PUT", "/v1/users/{name}"): ("user:write", 200, {}),
    ("GET", "/v1/access/explain"): ("role:read", 200, None),
}

# Operators' calls: what an observer is answered. Other tests ask all of them as operators.
OBSERVER: dict[tuple[str, str], int] = {
    ("GET", "/v1/usage"): 200,
    ("GET", "/metrics"): 200,
    ("GET", "/v1/queues"): 200,
    ("GET", "/v1/queues/{name}"): 200,
    ("PATCH", "/v1/queues/{name}"): 403,
    ("POST", "/v1/queues/{name}/pause"): 403,
    ("POST", "/v1/queues/{name}/resume"): 403,
    ("POST", "/v1/queues/{name}/drain"): 403,
    ("GET", "/v1/workers"): 200,
    ("POST", "/v1/workers/{id}/drain"): 403,
    ("GET", "/v1/upstreams"): 200,
    ("PUT", "/v1/upstreams/{name}/models/{model}/breaker"): 403,
    ("PUT", "/v1/upstreams/{name}/keys/{label}/breaker"): 403,
    ("POST", "/v1/tenants"): 403,
    ("GET", "/v1/tenants"): 200,
    ("GET", "/v1/tenants/{name}/callback-origins"): 200,
    ("PUT", "/v1/tenants/{name}/callback-origins"): 403,
    ("POST", "/v1/tenants/{name}/jobs/cancel"): 403,
    ("POST", "/v1/tenants/{name}/jobs/retry"): 403,
    ("GET", "/v1/tenants/{name}/limits"): 200,
    ("PATCH", "/v1/tenants/{name}/limits"): 403,
    ("POST", "/v1/api-keys"): 403,
    ("GET", "/v1/api-keys"): 403,
    ("DELETE", "/v1/api-keys/{id}"): 403,
    **{
        (method, path.replace("/v1/", "/v1/tenants/{tenant}/")): 403
        for method, path in ON_TENANTS
        if path.startswith(("/v1/roles", "/v1/users", "/v1/access"))
    },
}
OPEN = {("GET", "/healthz"), ("GET", "/readyz")}


def expected(role: str, permission: str, whose: str) -> str:
    """allowed, forbidden (403) or hidden (404)."""
    may = ROLES[role].get(permission)
    if not may:
        return "forbidden"
    if whose == "foreign":
        return "hidden"
    if whose == "own" or may == ALL:
        return "allowed"
    return "forbidden" if ROLES[role].get("job:read") == ALL else "hidden"


def test_every_endpoint_has_a_row() -> None:
    """A call that is in no table here has been authorised by nobody's decision."""
    rows = re.findall(r'\{"([A-Z]+)",\s*"([^"]+)",\s*(ROUTE_\w+)', ROUTES.read_text())
    public = {(m, p) for m, p, listener in rows if listener == "ROUTE_PUBLIC"}
    admin = {(m, p) for m, p, listener in rows if listener == "ROUTE_ADMIN"}
    both = {(m, p) for m, p, listener in rows if listener == "ROUTE_BOTH"}
    assert public == set(ON_JOBS) | set(ON_TENANTS)
    assert admin == set(OBSERVER)
    assert both == OPEN


# ---- the people ----


@dataclass
class World:
    admin: Client
    url: str
    keys: dict[str, Client]
    owner: Client  # another user of the tenant
    foreign: Client  # another tenant's key


def made(reply: httpx.Response, *statuses: int) -> Any:
    assert reply.status_code in statuses, reply.text
    return reply.json() if reply.content else None


def make_key(admin: Client, url: str, **body: Any) -> Client:
    return Client(url, made(admin.http.post("/v1/api-keys", json=body), 201)["key"])


def put_user(admin: Client, name: str, *roles: str, tenant: str = TENANT) -> Any:
    path = f"/v1/tenants/{tenant}/users/{name}"
    return made(admin.http.put(path, json={"roles": list(roles)}), 200)


@pytest.fixture(scope="module")
def world(stack: Any, admin: Client) -> Iterator[World]:
    url = stack.env["LONGHAUL_URL"]
    for tenant in (TENANT, STRANGER):
        made(admin.http.post("/v1/tenants", json={"name": tenant}), 201, 409)
    for role in [*ROLES, "owner"]:
        put_user(admin, f"{role}@example.org", "service")
    keys = {
        role: make_key(admin, url, tenant=TENANT, user=f"{role}@example.org")
        for role in [*ROLES, "owner"]
    }
    yield World(admin, url, keys, keys["owner"], make_key(admin, url, tenant=STRANGER))
    for client in keys.values():
        client.close()


@pytest.fixture(scope="module")
def jobs(world: World) -> dict[tuple[str, str, str], list[str]]:
    """A fresh job for every cell: handed in while all are services, who then get their roles."""
    found: dict[tuple[str, str, str], list[str]] = {}
    for role, own in ((r, world.keys[r]) for r in ROLES):
        for whose, client in (("own", own), ("other", world.owner), ("foreign", world.foreign)):
            ids = [row["id"] for row in client.bulk([NOOP] * len(ON_JOBS))]
            for call, job in zip(ON_JOBS, ids, strict=True):
                if any(word in "".join(call) for word in ENDED):
                    made(client.http.post(f"/v1/jobs/{job}/cancel"), 200)
                found[role, whose, " ".join(call)] = [job]
    for role in ROLES:
        put_user(world.admin, f"{role}@example.org", role)
    return found


def answer(client: Client, method: str, path: str, body: Any) -> httpx.Response:
    with client.http.stream(method, path, json=body) as reply:
        reply.read()
    return reply


@pytest.mark.parametrize("role", ROLES)
def test_each_role_on_own_anothers_and_foreign_jobs(
    world: World, jobs: dict[tuple[str, str, str], list[str]], role: str
) -> None:
    for call, (permission, allowed, body) in ON_JOBS.items():
        for whose in ("own", "other", "foreign"):
            job = jobs[role, whose, " ".join(call)][0]
            reply = answer(world.keys[role], call[0], call[1].replace("{id}", job), body)
            want = {"allowed": allowed, "forbidden": 403, "hidden": 404}
            cell = f"{role} {call} {whose}: {reply.text}"
            assert reply.status_code == want[expected(role, permission, whose)], cell


@pytest.mark.parametrize("role", ROLES)
def test_each_role_on_its_tenant(
    world: World, jobs: dict[tuple[str, str, str], list[str]], role: str
) -> None:
    query = f"?user={role}@example.org&action=job:read"
    for (method, path), (permission, allowed, body) in ON_TENANTS.items():
        name = "extra" if "role" in path else f"{role}@example.org"
        url = path.replace("{name}", name) + (query if "explain" in path else "")
        if "/roles/{name}" in path:
            whole = f"/v1/tenants/{TENANT}/roles/extra"
            made(world.admin.http.put(whole, json={"rules": ["allow job:read"]}), 200)
        if path == "/v1/jobs/bulk":
            reply = world.keys[role].http.post(
                url, json=body, headers={"Content-Type": "application/x-ndjson"}
            )
        else:
            reply = world.keys[role].http.request(method, url, json=body)
        want = allowed if permission in ROLES[role] else 403
        assert reply.status_code == want, f"{role} {method} {path}: {reply.text}"


@pytest.fixture(scope="module")
def observer(world: World, stack: Any) -> Client:
    key = made(world.admin.http.post("/v1/api-keys", json={"roles": ["observer"]}), 201)["key"]
    return Client(stack.env["LONGHAUL_ADMIN_URL"], key)


def filled(path: str) -> str:
    names = {"{tenant}": TENANT, "{id}": "key_00000000000000000000000000"}
    path = path.replace("tenants/{name}", f"tenants/{TENANT}").replace("{name}", "default")
    for name, value in names.items():
        path = path.replace(name, value)
    return path.replace("{model}", "m").replace("{label}", "l")


def test_an_observer_sees_and_changes_nothing(world: World, observer: Client) -> None:
    for (method, path), status in OBSERVER.items():
        reply = observer.http.request(method, filled(path), json=None if method == "GET" else {})
        assert reply.status_code == status, f"{method} {path}: {reply.text}"


def test_operators_calls_answer_on_their_own_listener_only(
    world: World, observer: Client, stack: Any
) -> None:
    """A tenant's key opens nothing there, an operator's nothing here; no such path is here."""
    for method, path in OBSERVER:
        url = stack.env["LONGHAUL_ADMIN_URL"] + filled(path)
        reply = world.keys["tenant-admin"].http.request(method, url)
        assert reply.status_code == 403, f"{method} {path}: {reply.text}"
        if (method, path) not in ON_TENANTS:
            here = world.keys["tenant-admin"].http.request(method, filled(path))
            assert here.status_code == 404, f"{method} {path}: {here.text}"
    for method, path in [*ON_JOBS, *ON_TENANTS]:
        reply = observer.http.request(method, world.url + filled(path))
        assert reply.status_code == 403, f"{method} {path}: {reply.text}"


# ---- other tenants ----


def strip(reply: httpx.Response) -> Any:
    return {k: v for k, v in reply.json().items() if k != "instance"}


def test_another_tenants_job_is_told_as_one_that_never_was(world: World) -> None:
    job = world.foreign.submit(NOOP)["id"]
    never = "job_" + "0" * 26
    for method, path in ON_JOBS:
        body = {"priority": 1} if method == "PATCH" else None
        said = [
            strip(answer(world.keys["service"], method, path.replace("{id}", one), body))
            for one in (job, never)
        ]
        assert said[0] == said[1], f"{method} {path}"
    assert world.foreign.get(job)["state"] == "waiting"


def test_lists_filters_and_keys_of_a_tenant_meet_no_other(world: World, stack: Any) -> None:
    mine, theirs = world.keys["service"], world.foreign
    word = {"subject": "the-same", "metadata": {"word": "same"}}
    jobs = [client.submit({**NOOP, **word}, key="the-same-key") for client in (mine, theirs)]
    assert jobs[0]["id"] != jobs[1]["id"]
    for client, job in zip((mine, theirs), jobs, strict=True):
        for found in (
            client.http.post("/v1/jobs/search", json={"subject": "the-same"}),
            client.http.post("/v1/jobs/search", json={"metadata": {"word": "same"}}),
        ):
            assert [row["id"] for row in made(found, 200)["data"]] == [job["id"]]
    after = made(mine.http.get("/v1/jobs", params={"after": jobs[1]["id"], "limit": 1000}), 200)
    assert jobs[1]["id"] not in [row["id"] for row in after["data"]]
    body = {"queue": "default", "subject": "the-same"}
    assert made(mine.http.post("/v1/jobs/cancel", json=body), 200)["changed"] == 1
    assert theirs.get(jobs[1]["id"])["state"] == "waiting"


def test_metrics_name_no_tenant_user_or_key(world: World, stack: Any, pg_url: str) -> None:
    with psycopg.connect(pg_url) as record:
        ids = record.execute(
            "select tenant_id::text from tenant union select user_id::text from app_user"
        ).fetchall()
    page = world.admin.http.get("/metrics").text
    assert TENANT not in page and "example.org" not in page
    assert not [row[0] for row in ids if row[0] in page]


def test_a_list_shows_whose_jobs_one_may_see(
    world: World, jobs: dict[tuple[str, str, str], list[str]]
) -> None:
    own = {
        job
        for (role, whose, _), ids in jobs.items()
        for job in ids
        if (role, whose) == ("guest", "own")
    }
    page = made(world.keys["guest"].http.get("/v1/jobs", params={"limit": 1000}), 200)
    assert {row["id"] for row in page["data"]} <= own and page["data"]
    everybodys = made(world.keys["reader"].http.get("/v1/jobs", params={"limit": 1000}), 200)
    assert own & {row["id"] for row in everybodys["data"]}
    other = {job for (_, whose, _), ids in jobs.items() for job in ids if whose == "other"}
    body = {"queue": "default", "state": "waiting", "dry_run": True}
    reply = made(world.keys["submitter"].http.post("/v1/jobs/cancel", json=body), 200)
    everyone = made(world.keys["service"].http.post("/v1/jobs/cancel", json=body), 200)
    assert reply["matched"] < everyone["matched"] and other


# ---- conditions ----


@pytest.fixture
def custom(world: World) -> Iterator[Callable[..., Client]]:
    """A user with a role of these rules and parents, and its key."""
    made_here = 0

    def make(*rules: str, parents: tuple[str, ...] = ()) -> Client:
        nonlocal made_here
        made_here += 1
        role = {"rules": list(rules), "parents": list(parents)}
        path = f"/v1/tenants/{TENANT}/roles/custom-{made_here}"
        made(world.admin.http.put(path, json=role), 200)
        put_user(world.admin, f"custom-{made_here}", f"custom-{made_here}")
        return make_key(world.admin, world.url, tenant=TENANT, user=f"custom-{made_here}")

    yield make
    for i in range(1, made_here + 1):
        put_user(world.admin, f"custom-{i}")
        made(world.admin.http.delete(f"/v1/tenants/{TENANT}/roles/custom-{i}"), 204)


def status(client: Client, **job: Any) -> int:
    body = {"model": job.pop("model", "small-1"), "messages": [{"role": "user", "content": "x"}]}
    whole = {"kind": "chat", "input": body, "run_at": LATER, **job}
    return client.http.post("/v1/jobs", json=whole).status_code


def test_queue_model_priority_callback_and_subject_are_permissions(
    world: World, custom: Callable[..., Client]
) -> None:
    made(world.admin.http.patch("/v1/queues/roles-slow", json={}), 200, 201)
    rules = "allow job:submit queue=default model=small-* priority>=4", "allow job:change owner=own"
    client = custom(*rules, "allow job:read owner=own")
    until("the queue is known", lambda: status(world.keys["service"], queue="roles-slow") == 202)
    assert status(client) == 202
    assert status(client, queue="roles-slow") == 403
    assert status(client, model="large-1") == 403
    assert status(client, fallback=[{"model": "small-2"}]) == 202
    assert status(client, fallback=[{"model": "large-1"}]) == 403
    assert status(client, priority=3) == 403
    assert status(client, subject="somebody-else") == 403
    assert status(client, callback={"url": "https://hooks.example/x"}) in (403, 422)
    # a key of the tenant may name anybody, and is told what is wrong with the address instead
    assert status(world.keys["service"], subject="somebody-else") == 202
    assert status(world.keys["service"], callback={"url": "https://hooks.example/x"}) == 422
    # nor is a job moved to where it could not be handed in
    job = client.submit(
        {"kind": "chat", "input": {"model": "small-1", "messages": []}, "run_at": LATER}
    )
    for change, want in (
        ({"queue": "roles-slow"}, 403),
        ({"priority": 0}, 403),
        ({"priority": 9}, 200),
    ):
        assert client.http.patch(f"/v1/jobs/{job['id']}", json=change).status_code == want
    line = "".join(json.dumps({**NOOP, "priority": p}) + "\n" for p in (0, 5))
    reply = client.http.post(
        "/v1/jobs/bulk", content=line, headers={"Content-Type": "application/x-ndjson"}
    )
    lines = [json.loads(row) for row in reply.text.splitlines()]
    assert [row.get("code") for row in lines] == ["forbidden", "forbidden"]


def test_a_deny_wins_and_a_list_asks_for_what_its_rule_asks(
    world: World, custom: Callable[..., Client]
) -> None:
    client = custom("allow job:read queue=default", "deny job:read model=secret-*")
    assert client.http.get("/v1/jobs").status_code == 403
    params = {"queue": "default", "model": "small-1"}
    assert client.http.get("/v1/jobs", params=params).status_code == 200
    assert client.http.get("/v1/jobs", params={**params, "model": "secret-1"}).status_code == 403
    owner = world.owner
    jobs = {}
    for model in ("small-1", "secret-1"):
        body = {"model": model, "messages": [{"role": "user", "content": "x"}]}
        jobs[model] = owner.submit({"kind": "chat", "input": body, "run_at": LATER})["id"]
    assert client.http.get(f"/v1/jobs/{jobs['small-1']}").status_code == 200
    assert client.http.get(f"/v1/jobs/{jobs['secret-1']}").status_code == 404


# ---- writing roles ----


def test_cycles_and_contradictions_are_refused_with_their_path(world: World) -> None:
    at = f"/v1/tenants/{TENANT}/roles"
    put = world.admin.http.put
    made(put(f"{at}/low", json={"rules": ["allow job:read"]}), 200)
    made(put(f"{at}/mid", json={"parents": ["low"]}), 200)
    reply = put(f"{at}/low", json={"parents": ["mid"]})
    assert reply.status_code == 422 and "is a cycle" in reply.json()["detail"]
    reply = put(f"{at}/mid", json={"rules": ["allow job:read", "deny job:read"]})
    assert reply.status_code == 422 and "contradicts" in reply.json()["detail"]
    made(put(f"{at}/strict", json={"rules": ["deny job:read"]}), 200)
    both = {"roles": ["low", "strict"]}
    reply = world.admin.http.put(f"/v1/tenants/{TENANT}/users/both", json=both)
    assert reply.status_code == 422 and 'strict: "deny job:read"' in reply.json()["detail"]
    # and a role is not changed into what contradicts another that is held beside it
    made(put(f"{at}/strict", json={"rules": ["deny job:delete"]}), 200)
    put_user(world.admin, "both", "low", "strict")
    reply = put(f"{at}/strict", json={"rules": ["deny job:read"]})
    assert reply.status_code == 422 and "contradicts" in reply.json()["detail"]
    assert world.admin.http.delete(f"{at}/strict").status_code == 409
    assert put(f"{at}/low", json={"rules": ["allow operator:read"]}).status_code == 422
    assert put(f"{at}/low", json={"parents": ["operator"]}).status_code == 422
    assert put(f"{at}/reader", json={"rules": []}).status_code == 403


def test_nobody_gives_what_they_do_not_have(custom: Callable[..., Client]) -> None:
    client = custom("allow role:*", "allow user:*", "allow job:read owner=own")
    http = client.http
    assert http.put("/v1/users/friend", json={"roles": ["tenant-admin"]}).status_code == 403
    assert http.put("/v1/users/friend", json={"roles": ["reader"]}).status_code == 403
    assert http.put("/v1/users/friend", json={"roles": ["guest"]}).status_code == 200
    assert http.put("/v1/roles/wide", json={"rules": ["allow job:read"]}).status_code == 403


def test_a_change_reaches_live_keys_within_seconds(world: World) -> None:
    """The producer that wrote it knows at once; others hear of it, as the next test shows."""
    client = world.keys["guest"]
    assert client.http.post("/v1/jobs", json=NOOP).status_code == 403
    put_user(world.admin, "guest@example.org", "submitter")
    until("may submit", lambda: client.http.post("/v1/jobs", json=NOOP).status_code == 202, 5)
    disabled = world.admin.http.put(
        f"/v1/tenants/{TENANT}/users/guest@example.org", json={"disabled": True}
    )
    made(disabled, 200)
    until("is out", lambda: client.http.get("/v1/jobs").status_code == 403, 5)
    path = f"/v1/tenants/{TENANT}/users/guest@example.org"
    made(world.admin.http.put(path, json={"disabled": False, "roles": ["guest"]}), 200)
    until("is back", lambda: client.http.get("/v1/jobs").status_code == 200, 5)


def test_a_change_by_another_process_is_heard(world: World, pg_url: str) -> None:
    """Written behind the producer's back, as another producer writes it."""
    client = world.keys["reader"]
    assert client.http.get("/v1/usage").status_code == 200
    change = (
        "update user_role r set role = 'guest' from app_user u where u.user_id = r.user_id"
        " and u.name = 'reader@example.org'",
        "update access_version v set version = v.version + 1,"
        " changed_by = pg_current_xact_id()::text::int8"
        " from tenant t where t.tenant_id = v.tenant_id and t.name = 'roles-a'",
    )
    with psycopg.connect(pg_url) as record:
        for line in change:
            record.execute(line)
    until("is a guest", lambda: client.http.get("/v1/usage").status_code == 403, 5)
    put_user(world.admin, "reader@example.org", "reader")


def test_why_is_answered_with_the_rule(world: World) -> None:
    def ask(**query: str) -> Any:
        path = f"/v1/tenants/{TENANT}/access/explain"
        return made(world.admin.http.get(path, params=query), 200)

    job = world.owner.submit(NOOP)["id"]
    said = ask(user="submitter@example.org", action="job:read", job=job)
    assert not said["allowed"] and said["reason"] == "no rule allows it"
    said = ask(user="owner@example.org", action="job:read", job=job)
    assert said["allowed"] and said["rule"] == "allow job:*" and said["path"] == "service"
    said = ask(user="analyst@example.org", action="job:cancel", owner="own")
    assert (said["rule"], said["path"]) == ("allow job:cancel owner=own", "analyst > submitter")


def test_all_who_hold_a_role_move_and_a_dry_run_only_counts(world: World) -> None:
    path = f"/v1/tenants/{TENANT}/roles"
    made(world.admin.http.put(f"{path}/crew", json={"parents": ["guest"]}), 200)
    for i in range(3):
        put_user(world.admin, f"crew-{i}", "crew")
    move = f"{path}/crew/move"
    dry = made(world.admin.http.post(move, params={"dry_run": "true"}, json={"to": "guest"}), 200)
    assert (dry["matched"], dry["changed"]) == (3, 0)
    done = made(world.admin.http.post(move, json={"to": "guest"}), 200)
    assert (done["changed"], done["has_more"]) == (3, False)
    assert made(world.admin.http.get(f"/v1/tenants/{TENANT}/users/crew-1"), 200)["roles"] == [
        "guest"
    ]
    made(world.admin.http.delete(f"{path}/crew"), 204)


# ---- at claim ----


def test_jobs_of_who_was_sent_away_fail_when_they_are_claimed(
    world: World, admin: Client, record_now: Callable[[float], str]
) -> None:
    made(admin.http.patch("/v1/queues/roles-wait", json={}), 200, 201)
    made(admin.http.post("/v1/queues/roles-wait/pause"), 200)
    put_user(admin, "leaver", "service")
    put_user(admin, "stayer", "service")
    clients = [make_key(admin, world.url, tenant=TENANT, user=n) for n in ("leaver", "stayer")]
    bare = made(admin.http.post("/v1/api-keys", json={"tenant": TENANT}), 201)
    clients.append(Client(world.url, bare["key"]))
    body = {"kind": "noop", "input": {}, "queue": "roles-wait"}
    until(
        "the queue is known",
        lambda: clients[1].http.post("/v1/jobs", json=body).status_code == 202,
    )
    jobs = [client.submit(body)["id"] for client in clients]
    path = f"/v1/tenants/{TENANT}/users/leaver"
    made(admin.http.put(path, json={"roles": ["reader"]}), 200)
    made(admin.http.delete(f"/v1/api-keys/{bare['id']}"), 204)
    made(admin.http.post("/v1/queues/roles-wait/resume"), 200)
    ends = [world.owner.wait(job) for job in jobs]
    assert [job["state"] for job in ends] == ["failed", "completed", "failed"]
    assert [job["error"] and job["error"]["code"] for job in ends] == [
        "forbidden",
        None,
        "forbidden",
    ]


# ---- the command line ----


@pytest.fixture
def longhaul(stack: Any) -> Callable[..., str]:
    def run(*words: str, code: int = 0) -> str:
        environment = {"LONGHAUL_PROFILE": str(stack.profile), "PATH": os.environ["PATH"]}
        done = subprocess.run(
            [LONGHAUL, *words], env=environment, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == code, done.stderr
        return done.stdout + done.stderr

    return run


def test_roles_and_users_by_command(world: World, longhaul: Callable[..., str]) -> None:
    of = ("--tenant", TENANT)
    longhaul("role", "set", "night", *of, "--parents", "guest", "allow job:submit queue=bulk")
    assert "allow job:submit queue=bulk" in longhaul("role", "show", "night", *of)
    assert "night" in longhaul("role", "list", *of) and "tenant-admin" in longhaul(
        "role", "list", *of
    )
    longhaul("user", "set", "nora", *of, "night")
    dry = longhaul("role", "set", "night", *of, "--parents", "guest", "--dry-run")
    assert "1 users and 0 keys" in dry and "job:submit" in dry.split("lost")[1]
    said = longhaul("access", "explain", "nora", "job:submit", "queue=bulk", *of)
    assert "is allowed" in said and "allow job:submit queue=bulk" in said
    assert "not allowed" in longhaul("access", "explain", "nora", "job:submit", "queue=other", *of)
    assert "contradicts" in longhaul(
        "role", "set", "night", *of, "allow job:read", "deny job:read", code=1
    )
    longhaul("role", "move", "night", "reader", *of)
    longhaul("role", "remove", "night", *of)
    longhaul("user", "set", "nora", *of, "--disable")
    assert "reader" in longhaul("user", "list", *of)
    assert "disabled" in longhaul("access", "explain", "nora", "job:read", *of)
