"""Who may do what: one table of roles, calls and objects, and every cell of it asserted."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from client import Client, until

pytestmark = [pytest.mark.usefixtures("stack"), pytest.mark.promises("S1.6", "S1.11")]

ROUTES = Path(__file__).resolve().parents[2] / "producer/routes.c"
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

# Operators' calls: what an observer is answered; all others are asked with an operator's key elsewhere.
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
