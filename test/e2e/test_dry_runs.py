"""Before somebody is locked out one may ask who it would be, and nothing changes by asking."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import psycopg
import pytest
from checker import typeid_uuid
from client import Client, until
from issuer import unb64
from roles_world import made, make_key, put_user
from tokens import SEEN_S, buy, ends, refresh, status

pytestmark = [pytest.mark.usefixtures("stack"), pytest.mark.promises("S1.11")]

TENANT, OTHER = "dry-a", "dry-b"
USERS = f"/v1/tenants/{TENANT}/users"
DRY = {"dry_run": "true"}
# All that the calls below could change, of one tenant.
ROWS = """
    select jsonb_build_array(
        (select jsonb_agg(to_jsonb(k) - 'last_used_at' order by k.key_id) from api_key k
            where k.tenant_id = t.tenant_id),
        (select jsonb_agg(u order by u.user_id) from app_user u where u.tenant_id = t.tenant_id),
        (select jsonb_agg(r order by r) from user_role r where r.tenant_id = t.tenant_id),
        (select jsonb_agg(f order by f.family_id) from refresh_family f
            where f.tenant_id = t.tenant_id),
        (select jsonb_agg(i order by i.issuer_id) from issuer i where i.tenant_id = t.tenant_id),
        (select jsonb_agg(l order by l) from tenant_limit l where l.tenant_id = t.tenant_id),
        (select jsonb_agg(r order by r.seq) from revocation r where r.tenant_id = t.tenant_id),
        (select jsonb_agg(v) from access_version v where v.tenant_id = t.tenant_id))
    from tenant t where t.name = %s
"""


@dataclass
class Person:
    """A user with two keys, and a family of refresh tokens of the first."""

    name: str
    id: str
    keys: list[dict[str, Any]]
    clients: list[Client]
    tokens: dict[str, Any]


@dataclass
class World:
    admin: Client
    url: str
    http: httpx.Client
    rows: Callable[[], Any]
    audited: Callable[[httpx.Response], int]

    def key(self, **body: Any) -> dict[str, Any]:
        return made(self.admin.http.post("/v1/api-keys", json=body), 201)

    def person(self, name: str, *roles: str, tenant: str = TENANT) -> Person:
        user = put_user(self.admin, name, *roles, tenant=tenant)
        keys = [self.key(tenant=tenant, user=name) for _ in range(2)]
        clients = [Client(self.url, key["key"]) for key in keys]
        tokens = buy(self.http, keys[0]["key"], scope="offline_access")
        return Person(name, user["id"], keys, clients, tokens)

    def tried(self, method: str, path: str, body: Any = None, by: Client | None = None) -> Any:
        """What a dry run tells; nothing has changed by it, and no row of the audit says so."""
        before = self.rows()
        http = (by or self.admin).http
        reply = http.request(method, path, params=DRY, **({"json": body} if body else {}))
        assert (self.rows(), self.audited(reply)) == (before, 0)
        return made(reply, 200)

    def revocation(self, **body: str) -> Any:
        return self.tried("POST", "/v1/revocations", body)

    def revoke(self, **body: str) -> None:
        made(self.admin.http.post("/v1/revocations", json=body), 201)

    def may(self, role: str) -> set[str]:
        path = f"/v1/tenants/{TENANT}/roles/{role}"
        return set(made(self.admin.http.get(path), 200)["may_allow"])


@pytest.fixture(scope="module")
def world(stack: Any, admin: Client, pg_url: str) -> Iterator[World]:
    for tenant in (TENANT, OTHER):
        made(admin.http.post("/v1/tenants", json={"name": tenant}), 201)
    url = stack.env["LONGHAUL_URL"]
    with psycopg.connect(pg_url, autocommit=True) as record, httpx.Client(base_url=url) as http:

        def rows() -> Any:
            return [record.execute(ROWS, [name]).fetchone() for name in (TENANT, OTHER)]

        def audited(reply: httpx.Response) -> int:
            request = typeid_uuid(reply.headers["x-request-id"])
            counted = record.execute("select count(*) from audit where request = %s", [request])
            return int((counted.fetchone() or (0,))[0])

        yield World(admin, url, http, rows, audited)


def stops(person: Person, *statuses: int) -> None:
    for client in person.clients:
        until(
            f"{person.name}'s keys stop",
            lambda client=client: client.http.get("/v1/jobs").status_code in statuses,
            SEEN_S,
        )


def works(client: Client) -> bool:
    return client.http.get("/v1/jobs").status_code == 200


def counts(change: Any) -> tuple[Any, Any, Any]:
    return change["keys"], change["users"], change["families"]


# ---- users ----


def test_a_user_that_is_not_there_yet_gains_all_and_is_not_made(world: World) -> None:
    change = world.tried("PUT", f"{USERS}/newcomer", {"roles": ["submitter"]})
    assert change["before"] is None and change["lost"] == []
    assert change["after"] == {"disabled": False, "roles": ["submitter"]}
    assert set(change["gained"]) == world.may("submitter")
    assert (change["object"], change["dry_run"], change["keys"]) == ("change", True, 0)
    assert world.admin.http.get(f"{USERS}/newcomer").status_code == 404


def test_fewer_roles_are_told_as_they_then_are(world: World) -> None:
    world.person("ada", "analyst")
    body = {"roles": ["reader"]}
    change = world.tried("PUT", f"{USERS}/ada", body)
    assert change["before"] == {"disabled": False, "roles": ["analyst"]}
    assert set(change["lost"]) == world.may("analyst") - world.may("reader")
    assert change["gained"] == [] and not change["yourself"]
    assert (change["keys"], change["families"]) == (2, 1)
    made(world.admin.http.put(f"{USERS}/ada", json=body), 200)
    for permission in ("callback:use", "job:submit", "job:read"):
        asked = {"user": "ada", "action": permission}
        said = world.admin.http.get(f"/v1/tenants/{TENANT}/access/explain", params=asked)
        assert made(said, 200)["allowed"] is (permission not in change["lost"])
    back = world.tried("PUT", f"{USERS}/ada", {"roles": ["analyst"]})
    assert (back["gained"], back["lost"]) == (change["lost"], [])


def test_who_is_disabled_loses_all_and_its_keys_stop(world: World) -> None:
    ben = world.person("ben", "reader")
    change = world.tried("PUT", f"{USERS}/ben", {"disabled": True})
    assert set(change["lost"]) == world.may("reader")
    assert change["after"] == {"disabled": True, "roles": ["reader"]}
    assert (change["keys"], change["families"]) == (2, 1)
    assert all(works(client) for client in ben.clients)
    made(world.admin.http.delete(f"/v1/api-keys/{ben.keys[1]['id']}"), 204)
    change = world.tried("PUT", f"{USERS}/ben", {"disabled": True})
    assert (change["keys"], change["families"]) == (1, 1), "one has ended already"
    made(world.admin.http.put(f"{USERS}/ben", json={"disabled": True}), 200)
    stops(ben, 401, 403)
    back = world.tried("PUT", f"{USERS}/ben", {"disabled": False})
    assert set(back["gained"]) == world.may("reader")
    again = world.tried("PUT", f"{USERS}/ben", {"disabled": True})
    assert (again["gained"], again["lost"]) == ([], [])


def test_who_would_shut_himself_out_is_told_so(world: World) -> None:
    chef = world.person("chef", "tenant-admin")
    world.person("dora", "guest")
    for body in ({"disabled": True}, {"roles": ["guest"]}):
        own = world.tried("PUT", "/v1/users/chef", body, by=chef.clients[0])
        assert own["yourself"] and "user:write" in own["lost"]
    theirs = world.tried("PUT", "/v1/users/dora", {"disabled": True}, by=chef.clients[0])
    assert not theirs["yourself"] and theirs["keys"] == 2
    # by a role as well
    roles = f"/v1/tenants/{TENANT}/roles"
    made(world.admin.http.put(f"{roles}/boss", json={"parents": ["tenant-admin"]}), 200)
    boss = world.person("boss", "boss").clients[0]
    for parents, loses in (["tenant-admin"], False), (["service"], True):
        own = world.tried("PUT", "/v1/roles/boss", {"parents": parents}, by=boss)
        assert own["yourself"] is loses and ("role:write" in own["lost"]) is loses
    own = world.tried("PUT", "/v1/roles/crew", {"parents": ["guest"]}, by=boss)
    assert not own["yourself"]
    assert not world.tried("PUT", f"{roles}/boss", {"parents": ["service"]})["yourself"]
    # a rule within an inherited one
    rules = ["allow job:submit priority>=5", "allow usage:read"]
    night = world.tried("PUT", f"{roles}/night", {"parents": ["submitter"], "rules": rules})
    wider = {"wider": "allow job:submit priority>=3", "path": "night > submitter"}
    assert night["idle"] == [{"rule": rules[0], **wider}]
    # the other tenant's user of that name is nobody here
    world.person("finn", "service", tenant=OTHER)
    nobody = world.tried("PUT", "/v1/users/finn", {"disabled": True}, by=chef.clients[0])
    assert nobody["before"] is None and (nobody["keys"], nobody["families"]) == (0, 0)


def test_what_refuses_the_change_refuses_its_dry_run(world: World, stack: Any) -> None:
    roles = f"/v1/tenants/{TENANT}/roles"
    made(world.admin.http.put(f"{roles}/no-read", json={"rules": ["deny job:read"]}), 200)
    rules = ["allow user:*", "allow job:read owner=own"]
    made(world.admin.http.put(f"{roles}/helper", json={"rules": rules}), 200)
    put_user(world.admin, "above", "service", tenant=TENANT)
    put_user(world.admin, "helper", "helper", tenant=TENANT)
    put_user(world.admin, "below", "guest", tenant=TENANT)
    helper = make_key(world.admin, world.url, tenant=TENANT, user="helper")
    below = make_key(world.admin, world.url, tenant=TENANT, user="below")
    sees = Client(stack.env["LONGHAUL_ADMIN_URL"], world.key(roles=["observer"])["key"])
    refused: list[tuple[Client, str, str, Any]] = [
        (helper, "PUT", "/v1/users/friend", {"roles": ["service"]}),
        (helper, "PUT", "/v1/users/above", {"disabled": True}),
        (helper, "PUT", "/v1/users/above", {"roles": ["guest"]}),
        (below, "PUT", "/v1/users/friend", {"roles": []}),
        (sees, "PUT", f"{USERS}/friend", {"roles": []}),
        (sees, "DELETE", "/v1/api-keys/key_01h455vb4pex5vsknk084sn02q", None),
        (sees, "POST", "/v1/revocations", {"tenant": TENANT}),
        (sees, "PATCH", f"/v1/tenants/{TENANT}/limits", {"weight": 2}),
        (sees, "POST", "/v1/signing-keys/rotate", {"emergency": True}),
        (world.admin, "PUT", f"{USERS}/friend", {"roles": ["nowhere"]}),
        (world.admin, "PUT", f"{USERS}/friend", {"roles": ["reader", "no-read"]}),
        (world.admin, "PUT", f"{USERS}/friend", {"unknown": 1}),
        (world.admin, "PUT", "/v1/tenants/nowhere/users/friend", {"disabled": True}),
        (world.admin, "DELETE", "/v1/api-keys/key_01h455vb4pex5vsknk084sn02q", None),
        (world.admin, "DELETE", "/v1/api-keys/nonsense", None),
        (world.admin, "POST", "/v1/api-keys/key_01h455vb4pex5vsknk084sn02q/rotate", {}),
        (world.admin, "POST", "/v1/api-keys/nonsense/rotate", {"overlap_s": -1}),
        (world.admin, "DELETE", "/v1/issuers/iss_01h455vb4pex5vsknk084sn02q", None),
        (world.admin, "POST", "/v1/revocations", {"tenant": "nowhere"}),
        (world.admin, "POST", "/v1/revocations", {"user": "usr_01h455vb4pex5vsknk084sn02q"}),
        (world.admin, "POST", "/v1/revocations", {"network": "10.1.2.3/8"}),
        (world.admin, "POST", "/v1/revocations", {"tenant": TENANT, "before": "2099-01-01T00:00Z"}),
    ]
    before = world.rows()
    for client, method, path, body in refused:
        more = {} if body is None else {"json": body}
        dry = client.http.request(method, path, params=DRY, **more)
        real = client.http.request(method, path, **more)
        assert dry.status_code == real.status_code >= 400, (path, body, dry.text, real.text)
        assert dry.json()["code"] == real.json()["code"], (path, body)
        assert dry.json().get("detail") == real.json().get("detail"), (path, body)
    assert world.rows() == before


def test_a_slip_in_the_query_is_refused_before_anything_is_done(world: World) -> None:
    key = world.key(tenant=TENANT)
    before = world.rows()
    for method, path, body in (
        ("DELETE", f"/v1/api-keys/{key['id']}", None),
        ("POST", f"/v1/api-keys/{key['id']}/rotate", {}),
        ("POST", "/v1/revocations", {"tenant": TENANT}),
        ("PUT", f"{USERS}/slip", {"roles": ["guest"]}),
    ):
        for query in ("dryrun=true", "dry_run=yes", "dry_run=true&dry_run=false"):
            more = {} if body is None else {"json": body}
            reply = world.admin.http.request(method, f"{path}?{query}", **more)
            assert reply.status_code == 422, (path, query)
    assert world.rows() == before


# ---- keys ----


def test_a_key_is_told_with_all_that_ends_with_it(world: World) -> None:
    eve = world.person("eve", "reader")
    first, second = eve.keys
    assert works(eve.clients[0])
    path = f"/v1/api-keys/{first['id']}"
    until("its use is noted", lambda: world.tried("DELETE", path)["key"]["last_used_at"], SEEN_S)
    change = world.tried("DELETE", path)
    key = change["key"]
    assert (key["id"], key["tenant"], key["user"]) == (first["id"], TENANT, eve.id)
    assert "key" not in key, "never the key itself"
    assert counts(change) == (1, 1, 1) and not change["yourself"]
    assert "operators_left" not in change
    assert counts(world.tried("DELETE", f"/v1/api-keys/{second['id']}")) == (1, 1, 0)
    assert works(eve.clients[0])
    made(world.admin.http.delete(path), 204)
    until("it stops", lambda: not works(eve.clients[0]), SEEN_S)
    assert refresh(world.http, eve.tokens["refresh_token"]).json()["error"] == "invalid_grant"
    assert works(eve.clients[1])
    gone = world.tried("DELETE", path)
    assert counts(gone) == (0, 0, 0) and gone["tokens_end"], "it has ended already"


def test_an_operator_who_would_end_his_own_key_is_told_so(world: World, stack: Any) -> None:
    row = world.key(roles=["operator"], name="own")
    own = Client(stack.env["LONGHAUL_ADMIN_URL"], row["key"])
    path = f"/v1/api-keys/{row['id']}"
    change = world.tried("DELETE", path, by=own)
    assert change["yourself"] and change["keys"] == 1 and change["key"]["name"] == "own"
    assert not world.tried("DELETE", path)["yourself"]
    # an observer can do nothing about it
    world.key(roles=["observer"])
    further = world.key(roles=["operator"])
    assert world.tried("DELETE", path)["operators_left"] == change["operators_left"] + 1
    for key in (further["id"], row["id"]):
        made(world.admin.http.delete(f"/v1/api-keys/{key}"), 204)
    assert own.http.get("/v1/tenants").status_code == 401
    gone = world.tried("DELETE", path)
    assert gone["keys"] == 0 and gone["operators_left"] == change["operators_left"]


def test_a_rotation_tells_when_the_old_key_ends(world: World) -> None:
    gus = world.person("gus", "reader")
    old = gus.keys[0]
    path = f"/v1/api-keys/{old['id']}/rotate"
    later = world.tried("POST", path, {"overlap_s": 3600})
    now = world.tried("POST", path, {"overlap_s": 0})
    assert counts(later) == counts(now) == (1, 1, 1)
    assert now["ends_at"] < later["ends_at"] and "key" not in now["key"]
    assert (now["tokens_end"], later["tokens_end"]) == (True, False)
    assert works(gus.clients[0]) and status(world.http, gus.tokens["access_token"]) == 200
    made(world.admin.http.post(path, json={"overlap_s": 0}), 201)
    until("it stops", lambda: not works(gus.clients[0]), SEEN_S)
    ends(world.http, gus.tokens["access_token"], "what it bought")
    assert refresh(world.http, gus.tokens["refresh_token"]).json()["error"] == "invalid_grant"
    for params in (DRY, {}):
        again = world.admin.http.post(path, params=params, json={})
        assert again.status_code == 404, "it has a successor"


# ---- revocations ----


def test_a_family_and_a_user_are_counted_and_then_end(world: World) -> None:
    hal = world.person("hal", "reader")
    own = {"tenant": TENANT, "user": hal.id}
    assert counts(world.revocation(**own, before="2020-01-01T00:00:00Z")) == (0, 0, 0)
    change = world.revocation(**own)
    assert (change["kind"], change["tenant"]) == ("user", TENANT)
    assert counts(change) == (2, 1, 1) and not change["yourself"]
    second = buy(world.http, hal.keys[1]["key"], scope="offline_access")
    family = json.loads(unb64(second["access_token"].split(".")[1]))["family"]
    assert counts(world.revocation(tenant=TENANT, token=family)) == (0, 0, 1)
    assert counts(world.revocation(**own)) == (2, 1, 2)
    assert counts(world.revocation(tenant=OTHER, token=family)) == (0, 0, 0)
    assert counts(world.revocation(tenant=OTHER, user=hal.id)) == (0, 0, 0)
    world.revoke(tenant=TENANT, token=family)
    assert refresh(world.http, second["refresh_token"]).json()["error"] == "invalid_grant"
    assert counts(world.revocation(**own)) == (2, 1, 1)
    world.revoke(**own)
    stops(hal, 401)
    ends(world.http, hal.tokens["access_token"], "what it bought")
    assert refresh(world.http, hal.tokens["refresh_token"]).json()["error"] == "invalid_grant"
    assert counts(world.revocation(**own)) == (0, 0, 0), "they are on the list"
    # a key for itself is named as a user is
    bare = world.key(tenant=TENANT)
    assert counts(world.revocation(tenant=TENANT, user=bare["id"])) == (1, 0, 0)


def test_an_address_of_ones_own_is_told_and_a_tenant_is_counted_whole(world: World) -> None:
    ivy = world.person("ivy", "reader", tenant=OTHER)
    whole = counts(world.revocation(tenant=OTHER))
    assert whole[0] >= 2 and whole[1] >= 1 and whole[2] >= 1
    assert world.revocation(tenant=OTHER)["kind"] == "tenant"
    away = world.revocation(tenant=OTHER, network="203.0.113.0/24")
    assert counts(away) == (None, None, 0) and not away["your_address"]
    here = {"tenant": OTHER, "network": "127.0.0.0/8"}
    change = world.revocation(**here)
    assert counts(change) == (None, None, whole[2])
    # an operator's key ends by its id alone; a tenant's, used from here, is refused
    assert change["your_address"] and not change["yourself"]
    everywhere = world.revocation(network="127.0.0.0/8")
    assert counts(everywhere) == (None, None, None)
    assert everywhere["your_address"] and everywhere["tenant"] is None
    assert all(works(client) for client in ivy.clients)
    world.revoke(**here)
    stops(ivy, 401)
    assert world.admin.http.get("/v1/tenants").status_code == 200
    assert refresh(world.http, ivy.tokens["refresh_token"]).json()["error"] == "invalid_grant"
    later = Client(world.url, world.key(tenant=OTHER)["key"])
    assert works(later), "new ones may be had"
    world.revoke(tenant=OTHER)
    until("that one stops too", lambda: not works(later), SEEN_S)
    assert counts(world.revocation(tenant=OTHER)) == (0, 0, 0)


def test_an_issuer_is_told_with_the_families_that_hang_on_it(world: World, pg_url: str) -> None:
    iss = "https://idp.dry.test"
    body = {"tenant": TENANT, "issuer": iss, "audience": "longhaul", "jwks_url": f"{iss}/keys"}
    issuer = made(world.admin.http.post("/v1/issuers", json=body), 201)
    path = f"/v1/issuers/{issuer['id']}"
    assert counts(world.tried("DELETE", path)) == (0, None, 0)
    with psycopg.connect(pg_url) as record:
        record.execute(
            "insert into refresh_family (tenant_id, family_id, principal, issuer_id, address,"
            " expires_at) select tenant_id, gen_random_uuid(), 'usr_of_theirs', issuer_id,"
            " decode(repeat('00', 16), 'hex'), now() + interval '1 day' from issuer"
            " where issuer_id = %s",
            [typeid_uuid(issuer["id"])],
        )
    change = world.tried("DELETE", path)
    assert counts(change) == (0, None, 1) and change["issuer"] == issuer
    made(world.admin.http.delete(path), 204)
    assert world.admin.http.delete(path, params=DRY).status_code == 404


# ---- what a tenant may have ----


def test_caps_are_told_beside_what_waits_and_runs(world: World) -> None:
    path = f"/v1/tenants/{OTHER}/limits"
    made(world.admin.http.patch("/v1/queues/dry-wait", json={}), 200, 201)
    made(world.admin.http.post("/v1/queues/dry-wait/pause"), 200)
    client = Client(world.url, world.key(tenant=OTHER)["key"])
    body = {"kind": "noop", "input": {}, "queue": "dry-wait"}
    until("the queue is known", lambda: client.http.post("/v1/jobs", json=body).status_code == 202)
    client.submit(body)
    client.submit({**body, "run_at": "2099-01-01T00:00:00Z"})
    usual = {"weight": 1, "max_running": 0, "max_queued": 0}
    change = world.tried("PATCH", path, {"max_queued": 1, "weight": 3})
    assert change["before"] == usual
    assert (change["queued"], change["waiting"], change["running"]) == (2, 1, 0)
    after = {name: change[name] for name in usual}
    assert after == {**usual, "weight": 3, "max_queued": 1}
    assert client.http.post("/v1/jobs", json=body).status_code == 202, "nothing is capped"
    stands = made(world.admin.http.patch(path, json={"max_queued": 1, "weight": 3}), 200)
    assert {name: stands[name] for name in usual} == after
    until("it is refused", lambda: client.http.post("/v1/jobs", json=body).status_code == 429)
    filter_ = {"queue": "dry-wait"}
    made(world.admin.http.post(f"/v1/tenants/{OTHER}/jobs/cancel", json=filter_), 200)
    made(world.admin.http.post("/v1/queues/dry-wait/resume"), 200)
    back = dict.fromkeys(usual)
    assert world.tried("PATCH", path, back)["before"] == after
    assert made(world.admin.http.patch(path, json=back), 200)["max_queued"] == 0
    for params in (DRY, {}):
        for where, wrong in (("nowhere", {"weight": 1}), (OTHER, {"weight": 0})):
            url = f"/v1/tenants/{where}/limits"
            reply = world.admin.http.patch(url, params=params, json=wrong)
            assert reply.status_code == (404 if where == "nowhere" else 422)


def test_origins_are_told_as_they_are_and_would_be(world: World) -> None:
    path = f"/v1/tenants/{TENANT}/callback-origins"
    one, two = "https://one.example.org", "https://two.example.org:*"
    made(world.admin.http.put(path, json={"origins": [one]}), 200)
    change = world.tried("PUT", path, {"origins": [two]})
    assert (change["before"], change["origins"], change["dry_run"]) == ([one], [two], True)
    assert made(world.admin.http.get(path), 200)["origins"] == [one]
    nothing = world.admin.http.put(path, params=DRY, json={"origins": ["no origin"]})
    assert nothing.status_code == 422
    done = made(world.admin.http.put(path, json={"origins": [two]}), 200)
    assert done["origins"] == change["origins"] and "before" not in done


def test_keys_of_tokens_that_an_emergency_would_end_are_named(world: World) -> None:
    path = "/v1/signing-keys"

    def keys() -> Any:
        listed = made(world.admin.http.get(path, params={"kind": "token"}), 200)
        return [(key["id"], key["state"]) for key in listed["data"]]

    before = keys()
    change = world.tried("POST", f"{path}/rotate", {"emergency": True})
    assert change["ends"] == [key for key, state in before if state != "ended"]
    assert world.tried("POST", f"{path}/rotate", {"signs_in_s": 0})["ends"] == []
    assert keys() == before
