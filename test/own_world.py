"""Two tenants, two producers, and the people who keep a tenant's keys without an operator."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psycopg
import yaml
from client import Client, until
from roles_world import made, put_user
from stacks import admin_client, running
from tokens import SEEN_S, status

TENANT, OTHER = "own-a", "own-b"
KEEPER = ["allow key:*", "allow job:read"]


@dataclass
class Own:
    stack: Any
    admin: Client
    urls: list[str]  # of two producers
    chief: Client  # may all that a tenant's people may
    keeper: Client  # a user who keeps keys, and may little else
    foreign: Client  # the chief of the other tenant
    ids: dict[str, str]  # of their keys

    def everywhere(self, key: str, *statuses: int) -> None:
        for url in self.urls:
            with httpx.Client(base_url=url) as http:

                def answered(one: httpx.Client = http) -> bool:
                    return status(one, key) in statuses

                until(f"{statuses} at {url}", answered, SEEN_S)

    def cli(self, home: Path, *words: str) -> str:
        """With the chief's key, of the second producer."""
        profile, key = home / "profile", home / "api.key"
        key.touch(mode=0o600)
        key.write_text(self.chief.http.headers["authorization"].split()[1])
        profile.write_text(f"url={self.urls[1]}\napi_key_file=api.key\n")
        environment = {"LONGHAUL_PROFILE": str(profile), "PATH": os.environ["PATH"]}
        command = [str(self.stack.layout.bin / "longhaul"), *words, "--own"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def person(self, name: str, *roles: str) -> tuple[str, str]:
        """A user's id, and a key of its."""
        user = put_user(self.admin, name, *roles, tenant=TENANT)
        key = self.admin.http.post("/v1/api-keys", json={"tenant": TENANT, "user": name})
        return user["id"], made(key, 201)["key"]

    def tenant(self, name: str) -> list[Client]:
        """The chief of a tenant made for one test, at each producer."""
        made(self.admin.http.post("/v1/tenants", json={"name": name}), 201)
        put_user(self.admin, "chief", "tenant-admin", tenant=name)
        body = {"tenant": name, "user": "chief"}
        key = made(self.admin.http.post("/v1/api-keys", json=body), 201)["key"]
        return [Client(url, key) for url in self.urls]

    def behind(
        self,
        turn: str,
        row: str,
        ask: Callable[[], httpx.Response],
        meanwhile: Callable[[], object] = lambda: None,
    ) -> httpx.Response:
        """What is told to who comes while another has taken a turn and made a row, and has not
        committed yet; what is done meanwhile is done before that."""
        waits = "select 1 from pg_locks where locktype = 'advisory' and not granted"
        url = self.stack.env["LONGHAUL_PG_URL"]
        with psycopg.connect(url) as record, ThreadPoolExecutor(1) as pool:
            record.execute(f"select pg_advisory_xact_lock({turn})")
            record.execute(row)
            reply = pool.submit(ask)
            until("its turn is waited for", lambda: self.stack.psql(waits), SEEN_S)
            meanwhile()
            record.commit()
            return reply.result()

    def narrowed(self, scope: str) -> Client:
        row = made(
            self.chief.http.post("/v1/api-keys", json={"user": "chief", "scope": scope}), 201
        )
        return Client(self.urls[0], row["key"])


@contextmanager
def own_world(name: str = "own-access", **identity: Any) -> Iterator[Own]:
    how: Any = {"lite": True, "producers": 2, "workers": 0, "schedulers": 0}
    with running(name, **how, config_overrides={"identity": identity}) as stack:
        files = sorted(stack.layout.etc.glob("producer-*.yaml"))
        trees = [yaml.safe_load(path.read_text()) for path in files]
        urls = [f"http://{tree['producer']['listen']}" for tree in trees]
        admin, keys = admin_client(stack), []
        for tenant in (TENANT, OTHER):
            made(admin.http.post("/v1/tenants", json={"name": tenant}), 201)
            put_user(admin, "chief", "tenant-admin", tenant=tenant)
        role = f"/v1/tenants/{TENANT}/roles/keeper"
        made(admin.http.put(role, json={"rules": KEEPER}), 200)
        put_user(admin, "keeper", "keeper", tenant=TENANT)
        for tenant, user in ((TENANT, "chief"), (TENANT, "keeper"), (OTHER, "chief")):
            body = {"tenant": tenant, "user": user}
            keys.append(made(admin.http.post("/v1/api-keys", json=body), 201))
        clients = [Client(urls[0], key["key"]) for key in keys]
        ids = dict(zip(("chief", "keeper", "foreign"), (key["id"] for key in keys), strict=True))
        chief, keeper, foreign = clients
        yield Own(stack, admin, urls, chief, keeper, foreign, ids)
        for client in (*clients, admin):
            client.close()


def refused(reply: httpx.Response, status: int, words: str = "") -> None:
    assert (reply.status_code, words in reply.json()["detail"]) == (status, True), reply.text


def revoke(client: Client, **body: Any) -> Any:
    return made(client.http.post("/v1/revocations", json=body), 201)


def take_back(client: Client, entry: str) -> httpx.Response:
    return client.http.delete(f"/v1/revocations/{entry}")


def standing(client: Client, **params: Any) -> dict[str, Any]:
    page = client.http.get("/v1/revocations", params=params)
    return {row["id"]: row for row in made(page, 200)["data"]}
