"""A producer, a tenant, an issuer with keys of every kind and one that shares a secret."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from client import Client, until
from issuer import Issuer, Issuers, key
from stacks import admin_client, running

SEEN_S = 30
REFUSED_MS = 100  # what cannot be proved is refused so long after it came
ALGS = ("EdDSA", "ES256", "RS256", "PS256")


@dataclass
class World:
    stack: Any
    http: httpx.Client
    admin: Client
    issuers: Issuers
    idp: Issuer
    shared: Issuer  # with a secret instead of published keys
    secret: bytes

    def status(self, token: str) -> int:
        return self.http.get("/v1/jobs", headers={"Authorization": f"Bearer {token}"}).status_code

    def register(self, one: Issuer, **more: Any) -> httpx.Response:
        whose = {"tenant": one.tenant, "issuer": one.iss, "audience": one.audience}
        body = {**whose, "roles": {"*": "reader"}, **more}
        if "secret" not in more:
            body["jwks_url"] = one.url
        return self.admin.http.post("/v1/issuers", json=body)

    def known(self, one: Issuer, token: Callable[[], str]) -> None:
        until(f"{one.iss} is known", lambda: self.status(token()) == 200, SEEN_S)


@contextmanager
def token_world(name: str) -> Iterator[World]:
    options = {
        "identity": {
            "allow_http": True,
            "allow_networks": ["127.0.0.1"],
            "fetch_timeout_ms": 1000,
            "refuse_ms": REFUSED_MS,
        }
    }
    with running(name, lite=True, workers=0, schedulers=0, config_overrides=options) as stack:
        issuers = Issuers()
        admin = admin_client(stack)
        for tenant in ("victim", "mallory"):
            assert admin.http.post("/v1/tenants", json={"name": tenant}).status_code == 201
        idp = issuers.issuer("victim", *(key(alg) for alg in ALGS))
        shared = issuers.issuer("victim")
        secret = "correct horse battery staple, and then some"
        http = httpx.Client(base_url=stack.env["LONGHAUL_URL"], timeout=30)
        one = World(stack, http, admin, issuers, idp, shared, secret.encode())
        assert one.register(idp).status_code == 201
        assert one.register(shared, secret=secret, kid="s").status_code == 201
        one.known(idp, idp.token)
        yield one
        http.close()
        admin.close()
        issuers.close()
