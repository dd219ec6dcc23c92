"""Tokens of our own: how they are got, what they open, how they end."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import httpx
import psycopg
import pytest
from client import Client, chat, until
from issuer import Issuers, key
from stacks import admin_client, running
from tokens import EXCHANGE, JWT, SEEN_S, ask, bearer, buy, ends, refresh, status

pytestmark = pytest.mark.promises("S1.1")


@pytest.fixture(scope="module")
def stack() -> Iterator[Any]:
    options = {
        "identity": {"allow_http": True, "allow_networks": ["127.0.0.0/8"]},
        "scheduler": {"upkeep_ms": 1000},
    }
    with running("identity", lite=True, config_overrides=options) as one:
        yield one


@pytest.fixture(scope="module")
def http(stack: Any) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=stack.env["LONGHAUL_URL"], timeout=30) as one:
        yield one


@pytest.fixture(scope="module")
def admin(stack: Any) -> Iterator[Client]:
    one = admin_client(stack)
    yield one
    one.close()


@pytest.fixture(scope="module")
def tenant(admin: Client) -> str:
    """A tenant of these tests alone: it is locked out now and then."""
    reply = admin.http.post("/v1/tenants", json={"name": "identity"})
    assert reply.status_code == 201, reply.text
    return "identity"


@pytest.fixture
def new_key(admin: Client, tenant: str) -> Any:
    def make(**more: Any) -> dict[str, Any]:
        reply = admin.http.post("/v1/api-keys", json={"tenant": tenant, **more})
        assert reply.status_code == 201, reply.text
        return reply.json()

    return make


@pytest.fixture
def api_key(new_key: Any) -> str:
    return new_key()["key"]


def now(seconds: float = 0) -> str:
    moment = datetime.now(UTC) + timedelta(seconds=seconds)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


# ---- getting one ----


def test_a_key_buys_a_token_and_the_token_submits(http: httpx.Client, api_key: str) -> None:
    reply = ask(http, api_key, grant_type="client_credentials")
    assert reply.status_code == 200, reply.text
    assert reply.headers["Cache-Control"] == "no-store"
    body = reply.json()
    assert body["token_type"] == "Bearer" and 0 < body["expires_in"] <= 600
    assert "refresh_token" not in body
    done = http.post("/v1/jobs", json=chat("hello"), headers=bearer(body["access_token"]))
    assert done.status_code == 202, done.text
    seen = http.get(f"/v1/jobs/{done.json()['id']}", headers=bearer(api_key))
    assert seen.status_code == 200


def test_a_client_may_come_by_id_and_secret(http: httpx.Client, new_key: Any) -> None:
    made, other = new_key(), new_key()
    form = {"grant_type": "client_credentials"}
    basic = http.post("/v1/auth/token", data=form, auth=(made["id"], made["key"]))
    assert basic.status_code == 200, basic.text
    both = {"client_id": made["id"], "client_secret": made["key"]}
    assert ask(http, **form, **both).status_code == 200
    assert ask(http, **form, client_id=other["id"], client_secret=made["key"]).status_code == 401
    assert ask(http, made["key"], **form, client_secret=made["key"]).status_code == 401


@pytest.mark.parametrize(
    ("form", "code", "error"),
    [
        ({}, 400, "invalid_request"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"grant_type": "client_credentials"}, 401, "invalid_client"),
        ({"grant_type": "client_credentials", "client_secret": "lh_0"}, 401, "invalid_client"),
        ({"grant_type": "refresh_token"}, 400, "invalid_request"),
        ({"grant_type": "refresh_token", "refresh_token": "lhr_0"}, 400, "invalid_grant"),
        ({"grant_type": EXCHANGE}, 400, "invalid_request"),
        (
            {"grant_type": EXCHANGE, "subject_token": "a.b.c", "subject_token_type": JWT},
            400,
            "invalid_grant",
        ),
    ],
)
def test_refusals_are_oauth_s_own(
    http: httpx.Client, form: dict[str, str], code: int, error: str
) -> None:
    reply = ask(http, **form)
    assert (reply.status_code, reply.json()["error"]) == (code, error)
    assert ("WWW-Authenticate" in reply.headers) == (code == 401)


def test_a_form_with_a_name_twice_is_refused(http: httpx.Client) -> None:
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    twice = "grant_type=client_credentials&grant_type=refresh_token"
    assert http.post("/v1/auth/token", content=twice, headers=kind).status_code == 400
    assert http.post("/v1/auth/token", json={"grant_type": "x"}).status_code == 400


def test_operators_keys_buy_nothing(http: httpx.Client, stack: Any) -> None:
    reply = ask(http, stack.env["LONGHAUL_ADMIN_KEY"], grant_type="client_credentials")
    assert reply.json()["error"] == "invalid_client"


def test_tokens_open_no_operator_s_door(stack: Any, http: httpx.Client, api_key: str) -> None:
    token = buy(http, api_key)["access_token"]
    url = stack.env["LONGHAUL_ADMIN_URL"]
    assert httpx.get(f"{url}/v1/tenants", headers=bearer(token)).status_code == 403


def test_scopes_narrow(http: httpx.Client, api_key: str, new_key: Any) -> None:
    body = buy(http, api_key, scope="job:read")
    assert body["scope"] == "job:read"
    assert status(http, body["access_token"]) == 200
    refused = http.post("/v1/jobs", json=chat("no"), headers=bearer(body["access_token"]))
    assert refused.status_code == 403
    narrow = new_key(scope="job:read usage:read")["key"]
    assert http.post("/v1/jobs", json=chat("no"), headers=bearer(narrow)).status_code == 403
    assert buy(http, narrow)["scope"] == "job:read usage:read"
    beyond = ask(http, narrow, grant_type="client_credentials", scope="job:submit")
    assert beyond.json()["error"] == "invalid_scope"


@pytest.mark.parametrize("scope", ["job:raed", "job", "operator:read", "*:*", "openid", "x" * 200])
def test_a_scope_that_is_no_permission_is_none(
    http: httpx.Client, admin: Client, tenant: str, api_key: str, scope: str
) -> None:
    form = {"grant_type": "client_credentials", "scope": f"job:read {scope}"}
    reply = ask(http, api_key, **form)
    assert (reply.status_code, reply.json()["error"]) == (400, "invalid_scope")
    body = {"tenant": tenant, "scope": f"job:read {scope}"}
    reply = admin.http.post("/v1/api-keys", json=body)
    assert reply.status_code == 422
    assert [one["pointer"] for one in reply.json()["errors"]] == ["/scope"]


def test_a_token_ends_with_its_key(http: httpx.Client, admin: Client, new_key: Any) -> None:
    made = new_key(expires_in_s=120)
    body = buy(http, made["key"])
    assert body["expires_in"] <= 120
    assert admin.http.delete(f"/v1/api-keys/{made['id']}").status_code == 204
    ends(http, body["access_token"], "a revoked key's token")


# ---- exchange ----


def test_an_issuer_s_token_is_exchanged(http: httpx.Client, admin: Client, tenant: str) -> None:
    issuers = Issuers()
    one = issuers.issuer(tenant, key("EdDSA"))
    wanted = {"tenant": tenant, "issuer": one.iss, "audience": "longhaul", "jwks_url": one.url}
    wanted["roles"] = {"*": "reader"}
    made = admin.http.post("/v1/issuers", json=wanted)
    assert made.status_code == 201, made.text
    until("the issuer is known", lambda: status(http, one.token()) == 200, SEEN_S)
    form = {"grant_type": EXCHANGE, "subject_token": one.token(), "subject_token_type": JWT}
    reply = ask(http, **form, scope="job:read offline_access")
    assert reply.status_code == 200, reply.text
    body = reply.json()
    assert body["issued_token_type"].endswith(":access_token")
    assert status(http, body["access_token"]) == 200
    again = {**form, "subject_token": body["access_token"], "scope": "offline_access"}
    assert ask(http, **again).json()["error"] == "invalid_scope"
    later = refresh(http, body["refresh_token"])
    assert later.status_code == 200 and later.json()["scope"] == "job:read"
    assert admin.http.delete(f"/v1/issuers/{made.json()['id']}").status_code == 204
    ends(http, one.token(), "a removed issuer's token")
    assert refresh(http, later.json()["refresh_token"]).json()["error"] == "invalid_grant"
    issuers.close()


def test_an_exchange_lends_no_time(http: httpx.Client, admin: Client, tenant: str) -> None:
    """However often: who came by a token has it for as long as it says, be it exchanged."""
    issuers = Issuers()
    one = issuers.issuer(tenant, key("EdDSA"))
    wanted = {"tenant": tenant, "issuer": one.iss, "audience": "longhaul", "jwks_url": one.url}
    made = admin.http.post("/v1/issuers", json={**wanted, "roles": {"*": "reader"}})
    assert made.status_code == 201, made.text
    until("the issuer is known", lambda: status(http, one.token()) == 200, SEEN_S)
    form = {"grant_type": EXCHANGE, "subject_token_type": JWT}
    token = one.token(exp=int(time.time()) + 40)
    for _ in range(3):
        body = ask(http, **form, subject_token=token).json()
        assert 0 < body["expires_in"] <= 40, body
        token = body["access_token"]
    # its leeway lets it in, and no more
    over = one.token(iat=int(time.time()) - 60, exp=int(time.time()) - 2)
    assert status(http, over) == 200
    assert ask(http, **form, subject_token=over).json()["error"] == "invalid_grant"
    issuers.close()


# ---- refresh ----


def test_refresh_tokens_rotate(http: httpx.Client, api_key: str) -> None:
    first = buy(http, api_key, scope="job:read job:submit offline_access")
    second = refresh(http, first["refresh_token"], scope="job:read")
    assert second.status_code == 200 and second.json()["scope"] == "job:read"
    third = refresh(http, second.json()["refresh_token"])
    assert third.json()["scope"] == "job:read job:submit"
    beyond = refresh(http, third.json()["refresh_token"], scope="job:delete")
    assert beyond.json()["error"] == "invalid_scope"


def test_a_used_refresh_token_ends_its_family(stack: Any, http: httpx.Client, api_key: str) -> None:
    first = buy(http, api_key, scope="offline_access")
    other = buy(http, api_key, scope="offline_access")
    second = refresh(http, first["refresh_token"]).json()
    assert refresh(http, first["refresh_token"]).json()["error"] == "invalid_grant"
    assert refresh(http, second["refresh_token"]).json()["error"] == "invalid_grant"
    ends(http, first["access_token"], "a token of the family")
    ends(http, second["access_token"], "the thief's token")
    assert status(http, other["access_token"]) == 200
    with psycopg.connect(stack.env["LONGHAUL_PG_URL"]) as record:
        rows = record.execute(
            "select count(*) from audit where action = 'refresh.reuse' and outcome = 'denied'"
            " and actor is null and source is not null"
        ).fetchone()
    assert rows and rows[0] == 1


def test_of_several_at_once_one_gets_the_next(http: httpx.Client, api_key: str) -> None:
    for _ in range(5):
        token = buy(http, api_key, scope="offline_access")["refresh_token"]
        with ThreadPoolExecutor(4) as pool:
            got = list(pool.map(partial(refresh, http), [token] * 4))
        good = [r.json()["refresh_token"] for r in got if r.status_code == 200]
        assert len(good) == 1, [r.text for r in got]
        assert refresh(http, good[0]).json()["error"] == "invalid_grant"


# ---- revocation ----


def test_who_holds_a_token_may_end_it(stack: Any, http: httpx.Client, api_key: str) -> None:
    one, two = buy(http, api_key)["access_token"], buy(http, api_key)["access_token"]
    assert status(http, one) == 200
    assert http.post("/v1/auth/revoke", data={"token": one}).status_code == 200
    ends(http, one, "the revoked token")
    reply = http.get("/v1/jobs", headers=bearer(one))
    assert "revoked" in reply.headers["WWW-Authenticate"]
    assert status(http, two) == 200
    # what has ended is not ended again: every change of the list is read by all
    moved = stack.psql("select seq from access_sequence")
    assert http.post("/v1/auth/revoke", data={"token": one}).status_code == 200
    assert stack.psql("select seq from access_sequence") == moved
    assert http.post("/v1/auth/revoke", data={"token": "a.b.c"}).status_code == 200
    assert http.post("/v1/auth/revoke", data={}).status_code == 400


def test_a_revoked_refresh_token_takes_its_family(http: httpx.Client, api_key: str) -> None:
    body = buy(http, api_key, scope="offline_access")
    reply = http.post("/v1/auth/revoke", data={"token": body["refresh_token"]})
    assert reply.status_code == 200
    assert refresh(http, body["refresh_token"]).json()["error"] == "invalid_grant"
    ends(http, body["access_token"], "a token of the family")


@pytest.mark.parametrize("way", ["user", "network", "tenant"])
def test_what_was_given_before_a_moment(
    http: httpx.Client, admin: Client, new_key: Any, tenant: str, way: str
) -> None:
    made = new_key()
    old = buy(http, made["key"])["access_token"]
    words = {"user": {"user": made["id"]}, "network": {"network": "127.0.0.0/8"}, "tenant": {}}
    assert status(http, old) == 200
    body = {"tenant": tenant, **words[way]}
    reply = admin.http.post("/v1/revocations", json=body)
    assert reply.status_code == 201, reply.text
    assert reply.json()["kind"] == way
    ends(http, old, "a token from before")
    ends(http, made["key"], "a key from before")
    assert ask(http, made["key"], grant_type="client_credentials").status_code == 401
    fresh = new_key()["key"]
    assert status(http, buy(http, fresh)["access_token"]) == 200


def test_nobody_is_locked_out_of_the_future(admin: Client, tenant: str) -> None:
    body = {"tenant": tenant, "before": now(3600)}
    assert admin.http.post("/v1/revocations", json=body).status_code == 422
    assert admin.http.post("/v1/revocations", json={}).status_code == 422


def test_an_open_stream_ends_with_its_caller(http: httpx.Client, api_key: str) -> None:
    token = buy(http, api_key)["access_token"]
    later = chat("later", run_at=now(3600))
    job = http.post("/v1/jobs", json=later, headers=bearer(token)).json()["id"]
    with http.stream("GET", f"/v1/jobs/{job}/events", headers=bearer(token)) as reply:
        assert reply.status_code == 200
        lines = reply.iter_lines()
        assert next(lines)
        assert http.post("/v1/auth/revoke", data={"token": token}).status_code == 200
        for _ in lines:  # ends by the server's hand, or the client's time-out fails this
            pass


def test_what_is_over_is_tidied_away(stack: Any, http: httpx.Client, api_key: str) -> None:
    gone = buy(http, api_key, scope="offline_access")
    kept = buy(http, api_key, scope="offline_access")

    def left() -> int:
        with psycopg.connect(stack.env["LONGHAUL_PG_URL"]) as record:
            row = record.execute(
                "select (select count(*) from revocation where ends_at < now() - interval '1 day')"
                " + (select count(*) from refresh_family where expires_at < now())"
            ).fetchone()
        assert row
        return row[0]

    with psycopg.connect(stack.env["LONGHAUL_PG_URL"]) as record:
        record.execute(
            "insert into revocation (tenant_id, kind, before_at, ends_at, seq)"
            " values (gen_random_uuid(), 'tenant', now(), now() - interval '2 days', -1)"
        )
        record.execute(
            "update refresh_family f set expires_at = now() - interval '1 day' from refresh_token t"
            " where t.family_id = f.family_id and t.hash = %s",
            (hashlib.sha256(gone["refresh_token"].encode()).digest(),),
        )
    until("both are gone", lambda: left() == 0, SEEN_S)
    assert refresh(http, gone["refresh_token"]).json()["error"] == "invalid_grant"
    assert refresh(http, kept["refresh_token"]).status_code == 200


# ---- keys ----


def kids(http: httpx.Client) -> set[str]:
    return {k["kid"] for k in http.get("/.well-known/jwks.json").json()["keys"]}


def test_api_keys_rotate_with_an_overlap(http: httpx.Client, admin: Client, new_key: Any) -> None:
    made = new_key(name="nightly")
    job = http.post("/v1/jobs", json=chat("mine"), headers=bearer(made["key"])).json()["id"]
    reply = admin.http.post(f"/v1/api-keys/{made['id']}/rotate", json={"overlap_s": 600})
    assert reply.status_code == 201, reply.text
    fresh = reply.json()
    assert fresh["name"] == "nightly" and fresh["id"] != made["id"]
    assert status(http, made["key"]) == 200 and status(http, fresh["key"]) == 200
    assert http.get(f"/v1/jobs/{job}", headers=bearer(fresh["key"])).status_code == 200
    assert admin.http.post(f"/v1/api-keys/{made['id']}/rotate").status_code == 404
    at_once = admin.http.post(f"/v1/api-keys/{fresh['id']}/rotate", json={"overlap_s": 0})
    assert at_once.status_code == 201
    assert status(http, fresh["key"]) == 401
    assert status(http, at_once.json()["key"]) == 200


def test_a_new_signing_key_is_shown_before_it_signs(
    http: httpx.Client, admin: Client, api_key: str
) -> None:
    before = kids(http)
    old = buy(http, api_key)["access_token"]
    made = admin.http.post("/v1/signing-keys/rotate")
    assert made.status_code == 201 and made.json()["state"] == "next"
    until("it is shown", lambda: made.json()["id"] in kids(http), SEEN_S)
    assert before < kids(http)
    assert status(http, old) == 200 and status(http, buy(http, api_key)["access_token"]) == 200


def test_a_leaked_signing_key_is_done_for_at_once(
    http: httpx.Client, admin: Client, api_key: str
) -> None:
    body = buy(http, api_key, scope="offline_access")
    assert status(http, body["access_token"]) == 200
    before = kids(http)
    leaked = {"emergency": True}
    dry = admin.http.post("/v1/signing-keys/rotate", json=leaked, params={"dry_run": "true"})
    assert dry.status_code == 200 and set(dry.json()["ends"]) == before == kids(http)
    assert status(http, body["access_token"]) == 200
    made = admin.http.post("/v1/signing-keys/rotate", json=leaked)
    assert made.status_code == 201 and made.json()["state"] == "signs"
    ends(http, body["access_token"], "what the leaked key signed")
    assert kids(http) == {made.json()["id"]} and not before & kids(http)
    fresh = refresh(http, body["refresh_token"])
    assert fresh.status_code == 200 and status(http, fresh.json()["access_token"]) == 200
    listed = admin.http.get("/v1/signing-keys?kind=token").json()["data"]
    assert [k["id"] for k in listed if k["state"] != "ended"] == [made.json()["id"]]
