"""What a tenant's own people may do without an operator: keys, revocations, issuers; nobody else's,
and no more than they have themselves."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from checker import typeid_uuid
from client import Client, until
from issuer import unb64
from own_world import OTHER, TENANT, Own, own_world, refused, revoke, standing, take_back
from roles_world import made, make_key, put_user
from tokens import SEEN_S, buy, ends, status

pytestmark = pytest.mark.promises("S1.1", "S1.11")

DRY = {"dry_run": "true"}
REMOVED = "revocation.remove"


@pytest.fixture(scope="module")
def own() -> Iterator[Own]:
    with own_world() as one:
        yield one


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
    ended = [row for row in standing(own.chief).values() if row.get("key") == first["id"]]
    assert [row["by_credential"] for row in ended] == [own.ids["chief"]]
    refused(take_back(own.chief, ended[0]["id"]), 409, "stays ended")
    page = own.chief.http.get("/v1/api-keys", params={"limit": 1})
    assert made(page, 200)["has_more"] is True


def test_a_key_shows_the_roles_that_it_has(own: Own) -> None:
    plain, theirs = (made(make(own.chief, **body), 201) for body in ({}, {"user": "keeper"}))
    assert (plain["roles"], theirs["roles"]) == (["service"], [])
    assert listed(own.chief)[plain["id"]]["roles"] == ["service"]


def test_who_changed_a_key_is_in_the_tenants_audit(own: Own) -> None:
    reply = make(own.chief)
    key = made(reply, 201)["id"]
    assert audited(own, reply) == [[TENANT, "user", "api_key.create"]]
    assert audited(own, rotate(own.chief, key)) == [[TENANT, "user", "api_key.rotate"]]
    assert audited(own, end(own.chief, key)) == [[TENANT, "user", "api_key.revoke"]]
    for reply in (end(own.chief, key, **DRY), end(own.foreign, key)):
        assert audited(own, reply) == []


def test_the_command_line_asks_with_the_tenants_own_key(own: Own, tmp_path: Path) -> None:
    seen = tmp_path / "made.key"
    said = own.cli(tmp_path, "api-key", "create", "--roles", "reader", "--key-file", str(seen))
    key = re.findall("key_[0-9a-z]{26}", said)[0]
    own.everywhere(seen.read_text().strip(), 200)
    assert key in own.cli(tmp_path, "api-key", "list")
    own.cli(tmp_path, "api-key", "rotate", key, "--overlap", "1h", "--show")
    assert "would stop" in own.cli(tmp_path, "api-key", "revoke", key, "--dry-run")
    own.cli(tmp_path, "api-key", "revoke", key)
    own.everywhere(seen.read_text().strip(), 401)


def test_a_key_is_its_tenants_and_nobody_says_otherwise(own: Own) -> None:
    for tenant in (TENANT, OTHER):
        refused(make(own.chief, tenant=tenant), 422)
        assert own.chief.http.get("/v1/api-keys", params={"tenant": tenant}).status_code == 422
    assert made(make(own.chief), 201)["tenant"] == TENANT
    refused(make(own.chief, roles=["operator"]), 422, "no operator's role")
    for scope in ("operator:read", "job:read operator:*"):
        refused(make(own.chief, scope=scope), 422, "permissions")
    refused(make(own.chief, user="nobody-we-know"), 404, "no user")
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
    more: list[dict[str, Any]] = [{}, {"roles": ["tenant-admin"]}, {"user": "chief"}]
    for body in (*more, {"roles": ["reader"]}):
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
    narrow = own.narrowed("key:write key:read job:read")
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
        # who is shut out by one is let in again by two
        entry = revoke(own.chief, network="2001:db8::/32")["id"]
        asked(own.admin.http.delete(f"/v1/revocations/{entry}"))
        made(approved(lambda: take_back(own.chief, entry)), 204)
        # another tenant does not ask for two, and that says nothing of this one's
        asked(rotate(own.chief, made(make(own.foreign), 201)["id"]))
        # whoever must be shut out is, by one
        users = own.chief.http.put
        made(users("/v1/users/plain", json={"disabled": True}), 200)
        made(own.admin.http.put(f"/v1/tenants/{TENANT}/users/plain", json={"disabled": True}), 200)
        more: list[dict[str, Any]] = [{"disabled": False}, {"disabled": True, "roles": []}]
        for body in (*more, {"roles": []}):
            asked(users("/v1/users/plain", json=body))
    finally:
        made(rule(False), 200)
        second.close()


# ---- revocations ----


def jti(token: str) -> str:
    return str(json.loads(unb64(token.split(".")[1]))["jti"])


def test_a_user_is_shut_out_everywhere_and_let_in_again(own: Own) -> None:
    user, key = own.person("lost", "submitter")
    _, beside = own.person("beside", "reader")
    own.everywhere(key, 200)
    told = made(own.chief.http.post("/v1/revocations", params=DRY, json={"user": user}), 200)
    assert (told["kind"], told["tenant"], told["keys"]) == ("user", TENANT, 1)
    before = standing(own.chief)
    reply = own.chief.http.post("/v1/revocations", json={"user": user})
    entry = made(reply, 201)
    assert audited(own, reply) == [[TENANT, "user", "revocation.user"]]
    own.everywhere(key, 401)
    own.everywhere(beside, 200)
    row = standing(own.chief)[entry["id"]]
    assert row == entry and (row["kind"], row["user"], row["tenant"]) == ("user", user, TENANT)
    assert (row["by"], row["by_credential"]) == ("user", own.ids["chief"])
    assert row["before"] and row["created_at"] and row["ends_at"] is None
    undone = take_back(own.chief, entry["id"])
    assert (undone.status_code, audited(own, undone)) == (204, [[TENANT, "user", REMOVED]])
    own.everywhere(key, 200)
    assert standing(own.chief) == before and take_back(own.chief, entry["id"]).status_code == 404
    # who hands in a job may have it run: that is asked once more at its claim
    asked = "principal_shut_out(tenant_id, user_id) > created_at from app_user where name = 'lost'"
    assert own.stack.psql(f"select {asked}") == [["f"]]
    assert revoke(own.chief, user=user)["before"] > entry["before"]
    own.everywhere(key, 401)


def test_a_key_in_the_place_of_a_user_means_whom_it_acts_as(own: Own, tmp_path: Path) -> None:
    """The user, with all keys of that one; for a key of roles of its own, all of its line."""
    user, first = own.person("holder", "reader")
    beside = made(make(own.chief, user="holder"), 201)
    single = made(make(own.chief, roles=["reader"]), 201)
    later = made(rotate(own.chief, single["id"], overlap_s=600), 201)
    _, unconcerned = own.person("unconcerned", "reader")
    ended = [(beside["id"], user, (first, beside["key"]))]
    ended += [(later["id"], single["id"], (single["key"], later["key"]))]
    for named, whom, keys in ended:
        for key in keys:
            own.everywhere(key, 200)
        tried = own.chief.http.post("/v1/revocations", params=DRY, json={"user": named})
        assert (made(tried, 200)["user"], tried.json()["keys"]) == (whom, 2)
        assert f"user     {whom}\n" in own.cli(tmp_path, "revoke", "--user", named, "--dry-run")
        entry = revoke(own.chief, user=named)
        assert (entry["user"], standing(own.chief)[entry["id"]]["user"]) == (whom, whom)
        for key in keys:
            own.everywhere(key, 401)
    own.everywhere(unconcerned, 200)
    theirs = made(make(own.foreign), 201)
    for named in (theirs["id"], "key_" + "0" * 26):
        for params in (DRY, {}):
            reply = own.chief.http.post("/v1/revocations", params=params, json={"user": named})
            assert reply.status_code == 404 and "no such key" in reply.json()["detail"], reply.text
    own.everywhere(theirs["key"], 200)


def test_a_network_and_everybody_are_one_tenants(own: Own) -> None:
    """Whoever has shut himself out is let in by an operator."""
    _, key = own.person("caller", "reader")
    foreign = made(make(own.foreign), 201)["key"]
    for body in ({"network": "127.0.0.0/8"}, {"everybody": True}):
        tried = own.chief.http.post("/v1/revocations", params=DRY, json=body)
        assert made(tried, 200)["yourself"] is True
        entry = revoke(own.chief, **body)
        own.everywhere(key, 401)
        own.everywhere(foreign, 200)
        until("the chief too", lambda: own.chief.http.get("/v1/jobs").status_code == 401, SEEN_S)
        row = standing(own.admin, tenant=TENANT)[entry["id"]]
        assert row.get("network", True) == (body.get("network") or row.get("network", True))
        assert entry["id"] in standing(own.admin) and entry["id"] not in standing(own.foreign)
        made(take_back(own.admin, entry["id"]), 204)
        own.everywhere(key, 200)


def test_a_token_ends_and_stays_ended(own: Own) -> None:
    _, key = own.person("bearer", "reader")
    with httpx.Client(base_url=own.urls[1]) as http:
        one, other = (buy(http, key)["access_token"] for _ in range(2))
        entry = revoke(own.chief, token=jti(one))
        ends(http, one, "the token that is named")
        assert status(http, other) == 200
    assert (entry["token"], bool(entry["ends_at"])) == (jti(one), True)
    refused(take_back(own.chief, entry["id"]), 409, "stays ended")


def test_another_tenants_people_are_out_of_reach(own: Own) -> None:
    theirs = made(make(own.foreign, user="chief"), 201)
    user = made(own.foreign.http.get("/v1/users/chief"), 200)["id"]
    with httpx.Client(base_url=own.urls[0]) as http:
        token = buy(http, theirs["key"])["access_token"]
        for body in ({"user": user}, {"token": jti(token)}):
            revoke(own.chief, **body)
        # one that is heard of after these
        last, key = own.person("last", "reader")
        revoke(own.chief, user=last)
        own.everywhere(key, 401)
        assert status(http, token) == 200
    own.everywhere(theirs["key"], 200)
    for tenant in (OTHER, TENANT):
        words = {"tenant": tenant, "user": user}
        refused(own.chief.http.post("/v1/revocations", json=words), 422)
    # nor are their revocations
    entry = revoke(own.foreign, network="2001:db8::/32")
    assert entry["id"] not in standing(own.chief)
    refused(take_back(own.chief, entry["id"]), 404, entry["id"])
    assert standing(own.foreign)[entry["id"]]["network"] == "2001:db8::/32"
    assert own.chief.http.get("/v1/revocations", params={"tenant": OTHER}).status_code == 422


def test_an_empty_body_shuts_nobody_out(own: Own) -> None:
    for body in ({}, {"everybody": False}, {"before": "2026-01-01T00:00:00Z"}):
        refused(own.chief.http.post("/v1/revocations", json=body), 422, "everybody")
    both = {"everybody": True, "network": "10.0.0.0/8"}
    refused(own.chief.http.post("/v1/revocations", json=both), 422, "at a time")


def test_revocations_need_their_permission_and_its_scope(own: Own) -> None:
    reading = own.narrowed("revocation:read")
    for client in (own.keeper, reading):
        refused(client.http.post("/v1/revocations", json={"everybody": True}), 403)
        refused(take_back(client, "rev_" + "0" * 26), 403)
    made(reading.http.get("/v1/revocations"), 200)
    refused(own.keeper.http.get("/v1/revocations"), 403)
    reading.close()


def test_the_list_goes_by_pages_newest_first(own: Own) -> None:
    entries = [revoke(own.foreign, network=f"2001:db8:{i}::/48")["id"] for i in range(3)]
    seen: list[str] = []
    page: Any = {"next": None, "has_more": True}
    while page["has_more"]:
        params = {"limit": 2, **({"after": page["next"]} if page["next"] else {})}
        page = made(own.foreign.http.get("/v1/revocations", params=params), 200)
        seen += [row["id"] for row in page["data"]]
    # of one millisecond which comes first is chance
    assert seen[:3] == sorted(entries, reverse=True) and len(seen) == len(set(seen))


def test_a_tenant_has_its_part_of_the_list_and_no_more(own: Own) -> None:
    made(own.admin.http.post("/v1/tenants", json={"name": "own-full"}), 201)
    put_user(own.admin, "chief", "tenant-admin", tenant="own-full")
    full = make_key(own.admin, own.urls[0], tenant="own-full", user="chief")
    own.stack.psql(
        "with s as (update access_sequence set seq = seq + 1000 returning seq)"
        " insert into revocation (tenant_id, kind, subject, before_at, seq)"
        " select t.tenant_id, 'user', gen_random_uuid(), now(), s.seq - i"
        " from s, tenant t, generate_series(0, 999) i where t.name = 'own-full'"
    )
    words = {"network": "2001:db8::/32"}

    def is_full() -> bool:
        reply = full.http.post("/v1/revocations", params=DRY, json=words)
        return reply.status_code == 429 and "take back" in reply.json()["detail"]

    until("its part is known to be full", is_full, SEEN_S)
    revoke(own.foreign, **words)
    made(own.admin.http.post("/v1/revocations", json={"tenant": "own-full", **words}), 201)
    for client in (own.admin, full):
        made(take_back(client, next(iter(standing(full)))), 204)
    until("there is room again", lambda: not is_full(), SEEN_S)
    revoke(full, **words)
    until("it is full again", is_full, SEEN_S)
    revoke(full, everybody=True)
    full.close()


def test_the_command_line_shows_and_takes_back(own: Own, tmp_path: Path) -> None:
    user, key = own.person("typed", "reader")
    assert "revoked: user" in own.cli(tmp_path, "revoke", "--user", user)
    own.everywhere(key, 401)
    rows = json.loads(own.cli(tmp_path, "revocation", "list", "--json"))["data"]
    entry = next(row["id"] for row in rows if row.get("user") == user)
    assert user in own.cli(tmp_path, "revocation", "list")
    assert "is taken back" in own.cli(tmp_path, "revocation", "remove", entry)
    own.everywhere(key, 200)


# ---- issuers ----


def register(client: Client, name: str, **more: Any) -> httpx.Response:
    body = {"issuer": f"https://{name}.test", "audience": "longhaul", **more}
    if "secret" not in more:
        body["jwks_url"] = f"https://{name}.test/jwks.json"
    return client.http.post("/v1/issuers", json=body)


def test_a_tenant_says_whose_tokens_it_believes(own: Own) -> None:
    secret = "correct horse battery staple, and then some"
    entry = made(register(own.chief, "own", secret=secret, kid="s", roles={"*": "reader"}), 201)
    assert entry["tenant"] == TENANT
    listed = made(own.chief.http.get("/v1/issuers"), 200)["data"]
    assert [row["id"] for row in listed] == [entry["id"]]
    assert made(own.foreign.http.get("/v1/issuers"), 200)["data"] == []
    for params in (DRY, {}):
        path = f"/v1/issuers/{entry['id']}"
        refused(own.foreign.http.delete(path, params=params), 404, entry["id"])
    refused(own.foreign.http.delete("/v1/issuers/nonsense"), 404, "nonsense")
    refused(register(own.foreign, "own"), 409, "somebody")
    refused(register(own.chief, "own-too", tenant=TENANT), 422)
    refused(register(own.chief, "own"), 409, "your tenant has registered this issuer already")
    assert made(own.chief.http.delete(path, params=DRY), 200)["issuer"]["id"] == entry["id"]
    reply = own.chief.http.delete(path)
    assert (reply.status_code, audited(own, reply)) == (204, [[TENANT, "user", "issuer.remove"]])


def test_nobody_has_an_issuer_give_more_than_he_has(own: Own) -> None:
    role = f"/v1/tenants/{TENANT}/roles/believer"
    rules = ["allow issuer:*", "allow job:read"]
    made(own.admin.http.put(role, json={"rules": rules}), 200)
    _, key = own.person("believer", "believer")
    believer = Client(own.urls[0], key)
    for their in ({"*": "tenant-admin"}, {"a": "believer", "b": "service"}):
        refused(register(believer, "more", roles=their), 403, "nobody")
    refused(register(own.chief, "none", roles={"*": "not-there"}), 422)
    refused(register(own.chief, "op", roles={"*": "operator"}), 422)
    refused(register(own.narrowed("issuer:write job:read"), "wide", roles={"*": "service"}), 403)
    entry = made(register(believer, "same", roles={"*": "believer"}), 201)
    made(believer.http.delete(f"/v1/issuers/{entry['id']}"), 204)
    refused(register(own.keeper, "keeper"), 403)
    believer.close()
