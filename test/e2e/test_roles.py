"""Who may do what: one table of roles, calls and objects, and every cell of it asserted."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from checker import typeid_uuid
from client import Client
from roles_world import NOOP, TENANT, World, made, people, put_user

pytestmark = [pytest.mark.usefixtures("stack"), pytest.mark.promises("S1.6", "S1.11")]

ROOT = Path(__file__).resolve().parents[2]
ROUTES = ROOT / "producer/routes.c"

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
    **dict.fromkeys(["role:read", "role:write", "user:read", "user:write", "approval:give"], ALL),
    **dict.fromkeys(["key:read", "key:write", "revocation:read", "revocation:write"], ALL),
    **dict.fromkeys(["issuer:read", "issuer:write"], ALL),
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

# Calls on the tenant as a whole: permission, and an allowed one's status or problem.
ON_TENANTS: dict[tuple[str, str], tuple[str, int | str, Any]] = {
    ("POST", "/v1/jobs"): ("job:submit", 202, NOOP),
    ("POST", "/v1/jobs/bulk"): ("job:submit", 200, NOOP),
    ("GET", "/v1/jobs"): ("job:read", 200, None),
    ("POST", "/v1/jobs/search"): ("job:read", 200, {}),
    ("POST", "/v1/jobs/cancel"): ("job:cancel", 200, {"queue": "default", "dry_run": True}),
    ("POST", "/v1/jobs/retry"): ("job:retry", 200, {"queue": "default", "dry_run": True}),
    ("POST", "/v1/chat/completions"): ("job:submit", 404, {}),
    ("POST", "/v1/completions"): ("job:submit", 404, {}),
    ("POST", "/v1/responses"): ("job:submit", 404, {}),
    ("POST", "/v1/embeddings"): ("job:submit", 404, {}),
    ("GET", "/v1/models"): ("job:read", 404, None),
    ("GET", "/v1/models/{name}"): ("job:read", 404, None),
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
    ("GET", "/v1/approvals"): ("approval:give", 200, None),
    ("POST", "/v1/approvals/{id}/approve"): ("approval:give", 404, None),
    ("POST", "/v1/approvals/{id}/refuse"): ("approval:give", 404, None),
    ("GET", "/v1/two-people"): ("role:read", 200, None),
    ("PUT", "/v1/two-people"): ("role:write", "approval_needed", {"required": True}),
    ("GET", "/v1/api-keys"): ("key:read", 200, None),
    ("POST", "/v1/api-keys"): ("key:write", 201, {}),
    ("DELETE", "/v1/api-keys/{id}"): ("key:write", 404, None),
    ("POST", "/v1/api-keys/{id}/rotate"): ("key:write", 404, {}),
    ("GET", "/v1/issuers"): ("issuer:read", 200, None),
    ("POST", "/v1/issuers"): ("issuer:write", 422, {}),
    ("DELETE", "/v1/issuers/{id}"): ("issuer:write", 404, None),
    ("GET", "/v1/revocations"): ("revocation:read", 200, None),
    ("POST", "/v1/revocations"): ("revocation:write", 201, {"network": "2001:db8::1"}),
    ("DELETE", "/v1/revocations/{id}"): ("revocation:write", 404, None),
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
    ("POST", "/v1/tenants/{name}/webhook-secret"): 403,
    ("GET", "/v1/signing-keys"): 403,
    ("POST", "/v1/tenants/{name}/jobs/cancel"): 403,
    ("POST", "/v1/tenants/{name}/jobs/retry"): 403,
    ("GET", "/v1/tenants/{name}/limits"): 200,
    ("PATCH", "/v1/tenants/{name}/limits"): 403,
    ("GET", "/v1/tenants/{name}/plan"): 200,
    ("PUT", "/v1/tenants/{name}/plan"): 403,
    ("GET", "/v1/limits"): 200,
    ("GET", "/v1/limits/now"): 200,
    ("PUT", "/v1/limits/{plan}/{level}"): 403,
    ("DELETE", "/v1/limits/{plan}/{level}"): 403,
    ("POST", "/v1/api-keys"): 403,
    ("GET", "/v1/api-keys"): 403,
    ("DELETE", "/v1/api-keys/{id}"): 403,
    ("POST", "/v1/api-keys/{id}/rotate"): 403,
    ("POST", "/v1/signing-keys/rotate"): 403,
    ("POST", "/v1/issuers"): 403,
    ("GET", "/v1/issuers"): 403,
    ("DELETE", "/v1/issuers/{id}"): 403,
    ("GET", "/v1/revocations"): 403,
    ("POST", "/v1/revocations"): 403,
    ("DELETE", "/v1/revocations/{id}"): 403,
    **{
        (method, path.replace("/v1/", "/v1/tenants/{tenant}/")): 403
        for method, path in ON_TENANTS
        if path.startswith(("/v1/roles", "/v1/users", "/v1/access", "/v1/approv", "/v1/two"))
    },
}
OPEN = {("GET", "/healthz"), ("GET", "/readyz")}
# What is shown there is itself the proof, or public.
TOKENS = {
    ("POST", "/v1/auth/token"),
    ("POST", "/v1/auth/revoke"),
    ("GET", "/.well-known/jwks.json"),
}


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
    assert public == set(ON_JOBS) | set(ON_TENANTS) | TOKENS
    assert admin == set(OBSERVER)
    assert both == OPEN


# ---- the people ----


@pytest.fixture(scope="module")
def world(stack: Any, admin: Client) -> Iterator[World]:
    with people(stack, admin, ROLES) as all_of_them:
        yield all_of_them


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


def code(reply: httpx.Response) -> str:
    """Of a problem document, or of an error as OpenAI's SDKs know it."""
    body = reply.json()
    return str(body.get("error", body)["code"])


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
        want = allowed if permission in ROLES[role] else "forbidden"
        got = code(reply) if isinstance(want, str) else reply.status_code
        assert got == want, f"{role} {method} {path}: {reply.text}"


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


def strip(reply: httpx.Response, asked: str) -> Any:
    said = {k: v for k, v in reply.json().items() if k != "instance"}
    return json.loads(json.dumps(said).replace(asked, "ID"))


def test_another_tenants_job_is_told_as_one_that_never_was(world: World) -> None:
    job = world.foreign.submit(NOOP)["id"]
    never = "job_" + "0" * 26
    for method, path in ON_JOBS:
        body = {"priority": 1} if method == "PATCH" else None
        # the sentence repeats the id that was asked for, and says nothing else
        said = [
            strip(answer(world.keys[role], method, path.replace("{id}", one), body), one)
            for role in ("service", "submitter")
            for one in (job, never)
        ]
        assert all(one == said[0] for one in said), f"{method} {path}"
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
    world: World, jobs: dict[tuple[str, str, str], list[str]], pg_url: str
) -> None:
    own = {
        job
        for (role, whose, _), ids in jobs.items()
        for job in ids
        if (role, whose) == ("guest", "own")
    }
    page = made(world.keys["guest"].http.get("/v1/jobs", params={"limit": 1000}), 200)
    listed = {typeid_uuid(row["id"]) for row in page["data"]}
    with psycopg.connect(pg_url) as record:
        guests = record.execute(
            "select distinct tenant_id, principal from job where job_id = any(%s::uuid[])",
            [[typeid_uuid(job) for job in own]],
        ).fetchall()
        assert len(guests) == 1
        of_guest = record.execute(
            "select job_id::text from job where tenant_id = %s and principal = %s", guests[0]
        ).fetchall()
    # whatever other tests handed in as the guest is the guest's too
    assert listed == {row[0] for row in of_guest} and len(listed) >= len(own) > 0
    everybodys = made(world.keys["reader"].http.get("/v1/jobs", params={"limit": 1000}), 200)
    assert own & {row["id"] for row in everybodys["data"]}
    other = {job for (_, whose, _), ids in jobs.items() for job in ids if whose == "other"}
    body = {"queue": "default", "state": "waiting", "dry_run": True}
    reply = made(world.keys["submitter"].http.post("/v1/jobs/cancel", json=body), 200)
    everyone = made(world.keys["service"].http.post("/v1/jobs/cancel", json=body), 200)
    assert reply["matched"] < everyone["matched"] and other
