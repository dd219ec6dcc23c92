"""What a tenant's own people may do without an operator: keys; nobody else's, and no more than
they have themselves."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from checker import typeid_uuid
from client import Client, until
from roles_world import made, make_key, put_user
from stacks import admin_client, running
from tokens import SEEN_S, buy, ends, status

pytestmark = pytest.mark.promises("S1.1", "S1.11")

TENANT, OTHER = "own-a", "own-b"
KEEPER = ["allow key:*", "allow job:read"]
DRY = {"dry_run": "true"}


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
                until(f"{statuses} at {url}", lambda h=http: status(h, key) in statuses, SEEN_S)

    def narrowed(self, scope: str) -> Client:
        row = made(
            self.chief.http.post("/v1/api-keys", json={"user": "chief", "scope": scope}), 201
        )
        return Client(self.urls[0], row["key"])


@pytest.fixture(scope="module")
def own() -> Iterator[Own]:
    with running("own-access", lite=True, producers=2, workers=0, schedulers=0) as stack:
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
        yield Own(stack, admin, urls, *clients, ids)
        for client in (*clients, admin):
            client.close()


def make(client: Client, **body: Any) -> httpx.Response:
    return client.http.post("/v1/api-keys", json=body)


def rotate(client: Client, key: str, **body: Any) -> httpx.Response:
    return client.http.post(f"/v1/api-keys/{key}/rotate", json=body)


def end(client: Client, key: str, **params: str) -> httpx.Response:
    return client.http.delete(f"/v1/api-keys/{key}", params=params)


def listed(client: Client) -> dict[str, Any]:
    return {row["id"]: row for row in made(client.http.get("/v1/api-keys"), 200)["data"]}


def audited(own: Own, reply: httpx.Response) -> list[list[str]]:
    """Whose the rows of this request are, who made them and what they say."""
    request = typeid_uuid(reply.headers["x-request-id"])
    return own.stack.psql(
        "select t.name, a.actor_kind, a.action from audit a left join tenant t using (tenant_id)"
        f" where request = '{request}'"
    )


def refused(reply: httpx.Response, status: int, words: str = "") -> None:
    assert (reply.status_code, words in reply.json()["detail"]) == (status, True), reply.text


# ---- keys ----


def test_a_tenant_makes_rotates_and_ends_its_keys_everywhere(own: Own) -> None:
    first = made(make(own.chief, name="nightly", roles=["reader"], expires_in_s=3600), 201)
    assert (first["tenant"], first["name"], first["roles"]) == (TENANT, "nightly", ["reader"])
    own.everywhere(first["key"], 200)
    with httpx.Client(base_url=own.urls[1]) as http:
        bought = buy(http, first["key"])["access_token"]
    tried = own.chief.http.post(f"/v1/api-keys/{first['id']}/rotate", params=DRY, json={})
    assert made(tried, 200)["key"]["id"] == first["id"]
    second = made(rotate(own.chief, first["id"], overlap_s=600), 201)
    assert second["roles"] == ["reader"]
    for key in (first, second):
        own.everywhere(key["key"], 200)
    assert made(end(own.chief, first["id"], **DRY), 200)["keys"] == 1
    own.everywhere(first["key"], 200)
    made(end(own.chief, first["id"]), 204)
    own.everywhere(first["key"], 401)
    own.everywhere(second["key"], 200)
    for url in own.urls:
        with httpx.Client(base_url=url) as http:
            ends(http, bought, "what was bought with it")
    rows = listed(own.chief)
    assert rows[first["id"]]["revoked_at"] and not rows[second["id"]]["revoked_at"]
    assert "key" not in rows[second["id"]]
    page = own.chief.http.get("/v1/api-keys", params={"limit": 1})
    assert made(page, 200)["has_more"] is True


def test_who_changed_a_key_is_in_the_tenants_audit(own: Own) -> None:
    reply = make(own.chief)
    key = made(reply, 201)["id"]
    assert audited(own, reply) == [[TENANT, "user", "api_key.create"]]
    assert audited(own, rotate(own.chief, key)) == [[TENANT, "user", "api_key.rotate"]]
    assert audited(own, end(own.chief, key)) == [[TENANT, "user", "api_key.revoke"]]
    for reply in (end(own.chief, key, **DRY), end(own.foreign, key)):
        assert audited(own, reply) == []


def test_the_command_line_asks_with_the_tenants_own_key(own: Own, tmp_path: Path) -> None:
    profile, seen = tmp_path / "profile", tmp_path / "made.key"
    (tmp_path / "api.key").write_text(own.chief.http.headers["authorization"].split()[1])
    (tmp_path / "api.key").chmod(0o600)
    profile.write_text(f"url={own.urls[1]}\napi_key_file=api.key\n")

    def cli(*words: str) -> str:
        environment = {"LONGHAUL_PROFILE": str(profile), "PATH": os.environ["PATH"]}
        command = [str(own.stack.layout.bin / "longhaul"), *words, "--own"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout

    said = cli("api-key", "create", "--roles", "reader", "--key-file", str(seen))
    key = re.findall("key_[0-9a-z]{26}", said)[0]
    own.everywhere(seen.read_text().strip(), 200)
    assert key in cli("api-key", "list")
    cli("api-key", "rotate", key, "--overlap", "1h", "--show")
    assert "would stop" in cli("api-key", "revoke", key, "--dry-run")
    cli("api-key", "revoke", key)
    own.everywhere(seen.read_text().strip(), 401)


def test_a_key_is_its_tenants_and_nobody_says_otherwise(own: Own) -> None:
    for tenant in (TENANT, OTHER):
        refused(make(own.chief, tenant=tenant), 422)
        assert own.chief.http.get("/v1/api-keys", params={"tenant": tenant}).status_code == 422
    assert made(make(own.chief), 201)["tenant"] == TENANT
    refused(make(own.chief, roles=["operator"]), 422, "no operator's role")
    refused(make(own.chief, user="nobody-we-know"), 404)
    # an operator's key is no door either
    http = httpx.Client(base_url=own.urls[0], headers=dict(own.admin.http.headers))
    assert http.get("/v1/api-keys").status_code == 403
    http.close()


def test_another_tenants_key_is_not_there(own: Own) -> None:
    theirs = made(make(own.foreign), 201)
    operators = made(own.admin.http.get("/v1/api-keys"), 200)["data"]
    never = "key_" + "0" * 26
    assert theirs["id"] not in listed(own.chief) and theirs["id"] in listed(own.foreign)
    for key in (theirs["id"], operators[0]["id"], never):
        for params in (DRY, {}):
            refused(end(own.chief, key, **params), 404)
            path = f"/v1/api-keys/{key}/rotate"
            refused(own.chief.http.post(path, params=params, json={}), 404)
    row = listed(own.foreign)[theirs["id"]]
    assert not row["revoked_at"] and not row["expires_at"]
    own.everywhere(theirs["key"], 200)


def test_nobody_gives_a_key_more_than_he_has(own: Own) -> None:
    put_user(own.admin, "plain", tenant=TENANT)
    role = f"/v1/tenants/{TENANT}/roles/looker"
    made(own.admin.http.put(role, json={"rules": ["allow job:read owner=own"]}), 200)
    for body in ({}, {"roles": ["tenant-admin"]}, {"user": "chief"}, {"roles": ["reader"]}):
        refused(make(own.keeper, **body), 403, "nobody gives a key more")
    for body in ({"roles": ["looker"]}, {"roles": ["keeper"]}, {"user": "plain"}):
        made(make(own.keeper, **body), 201)
    # a successor is shown to who makes it
    strong = made(make(own.chief), 201)
    for key in (own.ids["chief"], strong["id"]):
        for params in (DRY, {}):
            path = f"/v1/api-keys/{key}/rotate"
            refused(own.keeper.http.post(path, params=params, json={}), 403, "nobody gives")
    made(rotate(own.keeper, own.ids["keeper"], overlap_s=3600), 201)
    # to end one is no giving
    made(end(own.keeper, strong["id"]), 204)


def test_who_is_disabled_keeps_the_roles_that_others_would_be_given(own: Own) -> None:
    put_user(own.admin, "former", "tenant-admin", tenant=TENANT)
    path = f"/v1/tenants/{TENANT}/users/former"
    made(own.admin.http.put(path, json={"disabled": True}), 200)
    refused(make(own.keeper, user="former"), 403)


def test_scopes_narrow_what_is_given(own: Own) -> None:
    narrow = own.narrowed("key:write key:read job:read offline_access")
    for body in (
        {"user": "chief"},
        {"scope": "job:submit"},
        {"scope": "job:*"},
        {"scope": "job:read user:write"},
    ):
        refused(make(narrow, **body), 403, "scopes")
    assert made(make(narrow, scope="job:read"), 201)["scope"] == "job:read"
    wide = made(make(own.chief), 201)
    refused(rotate(narrow, wide["id"]), 403, "scopes")
    kin = made(make(own.chief, scope="job:read key:read"), 201)
    assert made(rotate(narrow, kin["id"]), 201)["scope"] == "job:read key:read"
    reading = own.narrowed("key:read job:read")
    assert kin["id"] in listed(reading)
    for reply in (make(reading, scope="job:read"), end(reading, kin["id"])):
        refused(reply, 403)
    for client in (narrow, reading):
        client.close()


def asked(reply: httpx.Response) -> str:
    assert (reply.status_code, reply.json()["code"]) == (403, "approval_needed"), reply.text
    found = re.search("apr_[0-9a-z]{26}", reply.json()["detail"])
    assert found
    return found[0]


def test_two_people_make_a_key_and_one_ends_it(own: Own) -> None:
    put_user(own.admin, "plain", tenant=TENANT)
    put_user(own.admin, "second", "tenant-admin", tenant=TENANT)
    second = make_key(own.admin, own.urls[1], tenant=TENANT, user="second")

    def approved(ask: Any) -> httpx.Response:
        made(second.http.post(f"/v1/approvals/{asked(ask())}/approve"), 200)
        return ask()

    def rule(required: bool) -> httpx.Response:
        return approved(lambda: own.chief.http.put("/v1/two-people", json={"required": required}))

    made(rule(True), 200)
    try:
        key = made(approved(lambda: make(own.chief, user="plain")), 201)
        asked(make(own.chief, user="plain"))
        made(own.chief.http.post(f"/v1/api-keys/{key['id']}/rotate", params=DRY, json={}), 200)
        made(approved(lambda: rotate(own.chief, key["id"], overlap_s=600)), 201)
        made(end(own.chief, key["id"]), 204)
        # another tenant does not ask for two, and that says nothing of this one's
        asked(rotate(own.chief, made(make(own.foreign), 201)["id"]))
        # whoever must be shut out is, by one
        users = own.chief.http.put
        made(users("/v1/users/plain", json={"disabled": True}), 200)
        made(own.admin.http.put(f"/v1/tenants/{TENANT}/users/plain", json={"disabled": True}), 200)
        for body in ({"disabled": False}, {"disabled": True, "roles": []}, {"roles": []}):
            asked(users("/v1/users/plain", json=body))
    finally:
        made(rule(False), 200)
        second.close()
