"""People of two tenants for the tests of roles: a user of each role, another one, a stranger."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from client import Client

TENANT, STRANGER = "roles-a", "roles-b"
# Jobs that are not to run while a test lasts.
LATER = (datetime.now(UTC) + timedelta(days=7)).strftime("%Y-%m-%dT00:00:00Z")
NOOP = {"kind": "noop", "input": {}, "run_at": LATER}


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


@contextmanager
def people(stack: Any, admin: Client, roles: Iterable[str]) -> Iterator[World]:
    """All of them services at first."""
    url = stack.env["LONGHAUL_URL"]
    names = [*roles, "owner"]
    for tenant in (TENANT, STRANGER):
        made(admin.http.post("/v1/tenants", json={"name": tenant}), 201, 409)
    for name in names:
        put_user(admin, f"{name}@example.org", "service")
    keys = {name: make_key(admin, url, tenant=TENANT, user=f"{name}@example.org") for name in names}
    yield World(admin, url, keys, keys["owner"], make_key(admin, url, tenant=STRANGER))
    for client in keys.values():
        client.close()
