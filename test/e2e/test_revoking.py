"""What a revocation reaches, and how many of them a tenant may have."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from client import Client, until
from issuer import LEEWAY_S, unb64
from roles_world import made
from token_world import World, token_world
from tokens import SEEN_S, bearer, buy, ends, exchange, exchanged, refresh, revoke, status

pytestmark = pytest.mark.promises("S1.1")

TENANT = "victim"


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with token_world("revoking") as one:
        yield one


@pytest.fixture
def http(world: World) -> httpx.Client:
    return world.http


@pytest.fixture
def admin(world: World) -> Client:
    return world.admin


def stamp(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.fixture
def api_key(admin: Client) -> str:
    reply = admin.http.post("/v1/api-keys", json={"tenant": TENANT})
    assert reply.status_code == 201, reply.text
    return reply.json()["key"]


def test_what_was_exchanged_ends_with_what_it_was_exchanged_from(
    world: World, http: httpx.Client, api_key: str
) -> None:
    for first in (world.idp.token(), buy(http, api_key, scope="offline_access")["access_token"]):
        line = [first]
        for _ in range(4):
            line.append(exchanged(http, line[-1]))
        assert exchange(http, line[-1]).json()["error"] == "invalid_grant", "once too often"
        beside = exchanged(http, first)
        assert all(status(http, token) == 200 for token in (*line, beside))
        # from the middle: what came of it, and nothing else
        revoke(http, line[2])
        for token in line[2:]:
            ends(http, token, "what was exchanged from it")
        assert all(status(http, token) == 200 for token in (*line[:2], beside))
        revoke(http, first)
        for token in (*line[:2], beside):
            ends(http, token, "all that came of the first")


def test_refresh_tokens_end_with_what_they_were_exchanged_for(
    world: World, http: httpx.Client, admin: Client
) -> None:
    scope = "job:read offline_access"
    own, other, named = (world.idp.token() for _ in range(3))
    first, kept, third = (exchange(http, t, scope=scope).json() for t in (own, other, named))
    second = refresh(http, first["refresh_token"]).json()
    revoke(http, own)
    for body in (first, second):
        ends(http, body["access_token"], "a token of its family")
    assert refresh(http, second["refresh_token"]).json()["error"] == "invalid_grant"
    # by its id, as an operator does; the list's entry may run out before the family does
    claims = json.loads(unb64(third["access_token"].split(".")[1]))
    words = {"tenant": TENANT, "token": claims["from"][0]}
    assert admin.http.post("/v1/revocations", json=words).status_code == 201
    world.stack.psql("delete from revocation where kind = 'credential'")
    assert refresh(http, third["refresh_token"]).json()["error"] == "invalid_grant"
    later = refresh(http, kept["refresh_token"])
    assert later.status_code == 200 and status(http, later.json()["access_token"]) == 200


def test_what_was_had_by_something_revoked_is_as_old_as_that(
    world: World, http: httpx.Client, admin: Client
) -> None:
    """For some seconds a producer may not have heard of a revocation, and gives tokens for what is
    revoked: they end with the others, though they were given later."""
    user = f"/v1/tenants/{TENANT}/users/late"
    whose = admin.http.put(user, json={"roles": ["reader"]}).json()["id"]
    body = {"tenant": TENANT, "user": "late"}
    old = admin.http.post("/v1/api-keys", json=body).json()
    issued = int(time.time()) - 100
    theirs = world.idp.token(sub="late", iat=issued)
    after = datetime.fromisoformat(old["created_at"]) + timedelta(milliseconds=1)
    until("that is past", lambda: datetime.now(UTC) > after + timedelta(milliseconds=5))
    words: list[dict[str, Any]] = [
        {
            "tenant": TENANT,
            "user": whose,
            "before": after.isoformat(timespec="milliseconds")[:23] + "Z",
        },
        {"issuer": world.idp.iss, "sub": "late", "before": stamp(issued + 1)},
    ]
    families = [
        buy(http, old["key"], scope="job:read offline_access"),
        exchange(http, theirs, scope="job:read offline_access").json(),
    ]
    again = [exchanged(http, one["access_token"]) for one in families]
    later = [refresh(http, one["refresh_token"]).json() for one in families]
    new = admin.http.post("/v1/api-keys", json=body).json()
    fresh = buy(http, new["key"])["access_token"]
    for entry in words:
        assert admin.http.post("/v1/revocations", json=entry).status_code == 201
    for one in (*families, *later):
        ends(http, one["access_token"], "what was had by what is revoked")
    for token in (old["key"], theirs, *again):
        ends(http, token, "what is revoked, and what was exchanged from it")
    for one in later:
        assert refresh(http, one["refresh_token"]).json()["error"] == "invalid_grant"
    # what was given later than the moment, by something that was too, is good
    assert status(http, fresh) == 200
    kept = world.idp.token(sub="late", iat=issued + 1 + LEEWAY_S)
    assert status(http, exchanged(http, kept)) == 200


@pytest.mark.parametrize("ahead", [5, 50])
def test_nobody_outlives_a_revocation_by_a_clock_that_is_ahead(
    world: World, http: httpx.Client, admin: Client, ahead: int
) -> None:
    """An iat within the leeway is let in before it has come: it is no later than the call."""
    sub = f"ahead {ahead}"
    iat = int(time.time()) + ahead
    token = world.idp.token(sub=sub, iat=iat, exp=iat + 3600)
    family = exchange(http, token, scope="job:read offline_access").json()
    shown = [token, family["access_token"], exchanged(http, token)]
    assert [status(http, one) for one in shown] == [200, 200, 200]
    who = {"issuer": world.idp.iss, "sub": sub}
    assert admin.http.post("/v1/revocations", json=who).status_code == 201
    for one in shown:
        ends(http, one, "what was given before")
    assert exchange(http, token).json()["error"] == "invalid_grant"
    assert refresh(http, family["refresh_token"]).json()["error"] == "invalid_grant"


def test_who_revokes_without_end_fills_no_list_but_his_own(
    world: World, http: httpx.Client, admin: Client, api_key: str
) -> None:
    made(admin.http.post("/v1/tenants", json={"name": "endless"}), 201)
    own = admin.http.post("/v1/api-keys", json={"tenant": "endless"}).json()
    one, family = buy(http, own["key"]), buy(http, own["key"], scope="offline_access")
    world.stack.psql(
        "with s as (update access_sequence set seq = seq + 20000 returning seq)"
        " insert into revocation (tenant_id, kind, subject, before_at, ends_at, seq)"
        " select t.tenant_id, 'credential', gen_random_uuid(), now(), now() + '1 day', s.seq - i"
        " from s, tenant t, generate_series(0, 19999) i where t.name = 'endless'"
    )

    def end(token: str) -> httpx.Response:
        return http.post("/v1/auth/revoke", data={"token": token})

    # none that is tried before the list is known is one of those below
    def is_full() -> bool:
        reply = end(buy(http, own["key"])["access_token"])
        return reply.status_code == 429

    until("the tenant's part is known to be full", is_full, SEEN_S)
    refused = end(one["access_token"])
    assert (refused.status_code, refused.json()["error"]) == (429, "revocations_full")
    assert "revoke the user" in refused.json()["error_description"]
    assert status(http, one["access_token"]) == 200
    # a family ends; what cannot be done is said
    refused = end(family["refresh_token"])
    assert refused.json()["error"] == "revocations_full"
    assert refresh(http, family["refresh_token"]).json()["error"] == "invalid_grant"
    assert end(family["refresh_token"]).status_code == 200, "ended already"
    # so does one whose token was used twice
    thief = buy(http, own["key"], scope="offline_access")["refresh_token"]
    second = refresh(http, thief).json()["refresh_token"]
    for used in (thief, second):
        assert refresh(http, used).json()["error"] == "invalid_grant"
    token = json.loads(unb64(one["access_token"].split(".")[1]))["jti"]
    chief = made(
        admin.http.post("/v1/api-keys", json={"tenant": "endless", "roles": ["tenant-admin"]}), 201
    )
    bearing = bearer(chief["key"])
    for params, done in (({"dry_run": "true"}, 200), ({}, 201)):
        by_id = http.post("/v1/revocations", json={"token": token}, params=params, headers=bearing)
        assert (by_id.status_code, by_id.json()["code"]) == (429, "revocations_full")
        assert "retry-after" not in by_id.headers
        # operators are not held to a tenant's part
        words = {"tenant": "endless", "token": token}
        by_operator = admin.http.post("/v1/revocations", json=words, params=params)
        assert by_operator.status_code == done
    ends(http, one["access_token"], "what an operator revoked")
    # whoever else there is
    theirs = buy(http, api_key)["access_token"]
    revoke(http, theirs)
    ends(http, theirs, "another tenant's token")
    # and there is a way
    user = {"tenant": "endless", "user": own["id"]}
    assert admin.http.post("/v1/revocations", json=user).status_code == 201
    ends(http, family["access_token"], "what the user was given")
