"""Who is shut out does nothing that outlives it at a producer that has not heard: the transaction
that writes asks the record whether he is believed."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import httpx
import psycopg
import pytest
from checker import typeid_uuid
from client import Client, until
from issuer import unb64
from own_world import TENANT, Own, own_world, revoke
from roles_world import made, put_user
from tokens import SEEN_S, buy

pytestmark = pytest.mark.promises("S1.1", "S1.11")


@pytest.fixture(scope="module")
def own() -> Iterator[Own]:
    with own_world("outrunning") as one:
        put_user(one.admin, "thief", "tenant-admin", tenant=TENANT)
        yield one


# ---- keys: behind their turn ----


def make(client: Client, **body: Any) -> httpx.Response:
    return client.http.post("/v1/api-keys", json=body)


def rotate(client: Client, key: str, overlap_s: int) -> httpx.Response:
    return client.http.post(f"/v1/api-keys/{key}/rotate", json={"overlap_s": overlap_s})


def turn_of(own: Own, tenant: str) -> str:
    (ours,) = own.stack.psql(f"select tenant_id from tenant where name = '{tenant}'")[0]
    return f"720713004, hashtext('{ours}')"


ALL_OF_IT = {
    "user": lambda one: {"user": one["user"]},
    "everybody": lambda one: {},
    "token": lambda one: {"token": one["jti"]},
}


@pytest.mark.parametrize("what", ["make", "rotate"])
@pytest.mark.parametrize(
    ("by", "shows"),
    [(by, shows) for by in ("user", "everybody", "id", "disabled") for shows in ("key", "token")]
    + [("token", "token")],
)
def test_who_is_revoked_while_he_makes_a_key_makes_none(
    own: Own, by: str, shows: str, what: str
) -> None:
    """A producer has let him in already, and goes by the record when it writes."""
    tenant = f"outrun-{by}-{shows}-{what}"
    own.tenant(tenant)
    put_user(own.admin, "thief", "tenant-admin", tenant=tenant)
    body = {"tenant": tenant, "user": "thief"}
    one = made(own.admin.http.post("/v1/api-keys", json=body), 201)
    with httpx.Client(base_url=own.urls[1]) as http:
        one["token"] = buy(http, one["key"])["access_token"]
    one["jti"] = json.loads(unb64(one["token"].split(".")[1]))["jti"]
    thief = Client(own.urls[1], one[shows])

    def ask() -> httpx.Response:
        return make(thief, user="thief") if what == "make" else rotate(thief, one["id"], 600)

    def revoked() -> None:
        if by == "id":
            made(own.admin.http.delete(f"/v1/api-keys/{one['id']}"), 204)
        elif by == "disabled":
            path = f"/v1/tenants/{tenant}/users/thief"
            made(own.admin.http.put(path, json={"disabled": True}), 200)
        else:
            entry = {"tenant": tenant, **ALL_OF_IT[by](one)}
            made(own.admin.http.post("/v1/revocations", json=entry), 201)

    reply = own.behind(turn_of(own, tenant), "select", ask, revoked)
    thief.close()
    assert (reply.status_code, reply.json()["code"]) == (401, "unauthorized"), reply.text
    keys = own.admin.http.get("/v1/api-keys", params={"tenant": tenant})
    assert len(made(keys, 200)["data"]) == 2


def test_a_revocation_is_dated_behind_whoever_wrote_before_it(own: Own) -> None:
    """Who makes a key holds the sequence until that is committed."""
    user, _ = own.person("overtaken", "reader")
    waits = "select 1 from pg_locks where not granted"
    with psycopg.connect(own.stack.env["LONGHAUL_PG_URL"]) as record, ThreadPoolExecutor(1) as pool:
        record.execute("select from access_sequence where one for no key update")
        body = {"user": user}
        reply = pool.submit(own.chief.http.post, "/v1/revocations", json=body)
        until("its turn is waited for", lambda: own.stack.psql(waits), SEEN_S)
        (written,) = record.execute("select clock_timestamp()").fetchone() or (None,)
        record.commit()
        entry = made(reply.result(), 201)
    assert written and datetime.fromisoformat(entry["before"]) > written.replace(
        microsecond=written.microsecond // 1000 * 1000
    )


# ---- whatever else outlives its maker: behind the access sequence ----


def key_of_thief(own: Own) -> dict[str, Any]:
    return made(make(own.admin, tenant=TENANT, user="thief"), 201)


def key_of_operator(own: Own) -> dict[str, Any]:
    return made(make(own.admin, roles=["operator"]), 201)


def outrun(own: Own, ask: Callable[[], httpx.Response], *shuts_out: str) -> httpx.Response:
    """What is told to who was let in, and is shut out before what he asks for is written."""
    with psycopg.connect(own.stack.env["LONGHAUL_PG_URL"]) as record, ThreadPoolExecutor(1) as pool:
        record.execute("select from access_sequence where one for no key update")
        waits = f"""select 1 from pg_locks where not granted
            and {record.info.backend_pid} = any(pg_blocking_pids(pid))"""
        reply = pool.submit(ask)
        until("it waits for the sequence", lambda: own.stack.psql(waits), SEEN_S)
        for statement in shuts_out:
            record.execute(statement)
        record.commit()
        return reply.result()


def key_ended(key: dict[str, Any]) -> str:
    return f"update api_key set revoked_at = now() where key_id = '{typeid_uuid(key['id'])}'"


def nothing_done(own: Own, reply: httpx.Response) -> None:
    assert (reply.status_code, reply.json()["code"]) == (401, "unauthorized"), reply.text
    request = typeid_uuid(reply.headers["x-request-id"])
    audited = own.stack.psql(f"select action from audit where request = '{request}'")
    assert {action for (action,) in audited} <= {"approval.use"}


ISSUER: dict[str, Any] = {"audience": "longhaul", "jwks_url": "https://idp.test/keys"}


def issuer(own: Own, name: str) -> str:
    body = {**ISSUER, "issuer": f"https://{name}.test"}
    return made(own.chief.http.post("/v1/issuers", json=body), 201)["id"]


def entry(own: Own, name: str) -> str:
    return revoke(own.chief, user=own.person(name, "reader")[0])["id"]


def asked(client: Client) -> str:
    """An approval that somebody waits for."""
    reply = client.http.put("/v1/two-people", json={"required": True})
    assert reply.json()["code"] == "approval_needed", reply.text
    return re.findall("apr_[0-9a-z]{26}", reply.json()["detail"])[0]


def held(own: Own) -> str:
    made(own.chief.http.put("/v1/roles/held", json={"parents": ["reader"]}), 200)
    put_user(own.admin, "holder", "held", tenant=TENANT)
    return "held"


def unheld(own: Own) -> str:
    made(own.chief.http.put("/v1/roles/unheld", json={"parents": ["reader"]}), 200)
    return "unheld"


def approved(own: Own, thief: Client) -> str:
    path = f"/v1/approvals/{asked(thief)}/approve"
    made(own.chief.http.post(path), 200)
    return "/v1/two-people"


Call = tuple[str, str, Any]
OWN_CALLS: dict[str, Callable[[Own, Client], Call]] = {
    "make a user": lambda own, _: ("PUT", "/v1/users/friend", {"roles": ["tenant-admin"]}),
    "change a role": lambda own, _: ("PUT", "/v1/roles/keeper", {"parents": ["tenant-admin"]}),
    "remove a role": lambda own, _: ("DELETE", f"/v1/roles/{unheld(own)}", None),
    "move a role": lambda own, _: ("POST", f"/v1/roles/{held(own)}/move", {"to": "service"}),
    "register": lambda own, _: ("POST", "/v1/issuers", {**ISSUER, "issuer": "https://evil.test"}),
    "remove an issuer": lambda own, _: ("DELETE", f"/v1/issuers/{issuer(own, 'good')}", None),
    "take back": lambda own, _: ("DELETE", f"/v1/revocations/{entry(own, 'ended')}", None),
    "approve": lambda own, _: ("POST", f"/v1/approvals/{asked(own.chief)}/approve", None),
    "two people": lambda own, thief: ("PUT", approved(own, thief), {"required": True}),
}


@pytest.mark.parametrize("call", OWN_CALLS)
def test_who_is_revoked_changes_nothing_that_outlives_it(own: Own, call: str) -> None:
    key = key_of_thief(own)
    thief = Client(own.urls[1], key["key"])
    method, path, body = OWN_CALLS[call](own, thief)
    more = {} if body is None else {"json": body}
    reply = outrun(own, lambda: thief.http.request(method, path, **more), key_ended(key))
    thief.close()
    nothing_done(own, reply)


THEIRS = f"/v1/tenants/{TENANT}"
LIMIT = "/v1/limits/outrun/user"
OPERATORS_CALLS: dict[str, Call] = {
    "users": ("PUT", f"{THEIRS}/users/friend", {"roles": ["tenant-admin"]}),
    "caps": ("PATCH", f"{THEIRS}/limits", {"weight": 9}),
    "origins": ("PUT", f"{THEIRS}/callback-origins", {"origins": ["https://evil.test"]}),
    "secret": ("POST", f"{THEIRS}/webhook-secret", {}),
    "limit": ("PUT", LIMIT, {"requests": 5, "window_s": 60}),
    "no limit": ("DELETE", LIMIT, None),
    "plan": ("PUT", f"{THEIRS}/plan", {"plan": None}),
    "tenant": ("POST", "/v1/tenants", {"name": "outrun-new"}),
    "queue": ("PATCH", "/v1/queues/default", {"weight": 9}),
    "signing key": ("POST", "/v1/signing-keys/rotate", {"signs_in_s": 600}),
}


@pytest.mark.parametrize("call", OPERATORS_CALLS)
def test_an_operator_whose_key_has_ended_sets_nothing(own: Own, call: str) -> None:
    method, path, body = OPERATORS_CALLS[call]
    if method == "DELETE":
        limit = {"requests": 5, "window_s": 60}
        made(own.admin.http.put(path, json=limit), 200)
    key = key_of_operator(own)
    former = Client(own.stack.env["LONGHAUL_ADMIN_URL"], key["key"])
    more = {} if body is None else {"json": body}
    reply = outrun(own, lambda: former.http.request(method, path, **more), key_ended(key))
    former.close()
    nothing_done(own, reply)


# ---- in one millisecond the revocation wins ----


def test_what_was_given_in_the_millisecond_of_its_revocation_is_shut_out(own: Own) -> None:
    user, _ = own.person("hasty", "reader")
    revoke(own.chief, user=user)
    key = made(make(own.chief, user="hasty"), 201)
    (dated,) = own.stack.psql(f"""
        update api_key k set created_at = r.before_at - interval '1 microsecond' from revocation r
        where k.key_id = '{typeid_uuid(key["id"])}' and r.subject = k.user_id returning 1""")
    assert dated
    own.everywhere(key["key"], 401)


def test_who_writes_in_the_millisecond_of_his_revocation_writes_nothing(own: Own) -> None:
    key = key_of_thief(own)
    thief = Client(own.urls[1], key["key"])
    revoked = f"""
        insert into revocation (tenant_id, kind, subject, before_at, seq)
        select tenant_id, 'user', user_id, created_at + interval '1 microsecond', 0
        from api_key where key_id = '{typeid_uuid(key["id"])}'"""
    body = {"roles": ["tenant-admin"]}
    reply = outrun(own, lambda: thief.http.put("/v1/users/friend", json=body), revoked)
    thief.close()
    nothing_done(own, reply)
