"""Where a tenant asks for it, one person asks for a change and another approves of it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import httpx
import psycopg
import pytest
from client import Client
from longhaul_dev.fault import Fault
from roles_world import made, make_key, put_user
from stacks import another_operator

pytestmark = [pytest.mark.usefixtures("stack"), pytest.mark.promises("S1.11")]

PAIR = "pair"
BASE = f"/v1/tenants/{PAIR}"
ROLE = {"rules": ["allow job:read queue=secretlooking"], "parents": []}


@dataclass
class Pair:
    ann: Client
    ann_too: Client  # another key of hers
    bob: Client
    nobody: Client  # a key that acts for no user
    admin: Client
    admin_too: Client  # another operator, a person of its own
    admin_made: Client  # a key that the first one made
    ids: tuple[str, str]  # of the keys of these two

    def rule(self, required: bool) -> None:
        """Ann asks, Bob approves."""
        self.approved(lambda: self.ann.http.put("/v1/two-people", json={"required": required}))

    def approved(self, ask: Any) -> httpx.Response:
        made(self.bob.http.post(f"/v1/approvals/{asked(ask())}/approve"), 200)
        reply = ask()
        assert reply.is_success, reply.text
        return reply


def asked(reply: httpx.Response) -> str:
    """The approval that a refusal names."""
    assert (reply.status_code, reply.json()["code"]) == (403, "approval_needed"), reply.text
    found = re.search("apr_[0-9a-z]{26}", reply.json()["detail"])
    assert found
    return found[0]


def code(reply: httpx.Response) -> str:
    return str(reply.json().get("code")) if reply.status_code >= 400 else "ok"


def operator(stack: Any, key: str) -> Client:
    return Client(stack.env["LONGHAUL_ADMIN_URL"], key)


def made_operator(by: Client) -> dict[str, str]:
    return made(by.http.post("/v1/api-keys", json={"roles": ["operator"]}), 201)


@pytest.fixture(scope="module")
def pair(stack: Any, admin: Client) -> Iterator[Pair]:
    url = stack.env["LONGHAUL_URL"]
    made(admin.http.post("/v1/tenants", json={"name": PAIR}), 201)
    for user in ("ann", "bob"):
        put_user(admin, user, "tenant-admin", tenant=PAIR)
    keys = [make_key(admin, url, tenant=PAIR, user=user) for user in ("ann", "ann", "bob")]
    keys.append(make_key(admin, url, tenant=PAIR, roles=["tenant-admin"]))
    rows = (another_operator(stack), made_operator(admin))
    operators = [operator(stack, row["key"]) for row in rows]
    yield Pair(*keys, admin, *operators, (rows[0]["id"], rows[1]["id"]))
    for client in (*keys, *operators):
        client.close()


@pytest.fixture
def ruled(pair: Pair) -> Iterator[Pair]:
    pair.rule(True)
    yield pair
    pair.rule(False)


def rotate(client: Client, key: str, **body: int) -> httpx.Response:
    return client.http.post(f"/v1/api-keys/{key}/rotate", json=body)


def decide(client: Client, approval: str, verb: str = "approve", base: str = "/v1") -> str:
    return code(client.http.post(f"{base}/approvals/{approval}/{verb}"))


def test_the_wish_for_two_people_needs_two_both_ways(pair: Pair) -> None:
    for wish in (True, False):

        def ask(client: Client, wish: bool = wish) -> httpx.Response:
            return client.http.put("/v1/two-people", json={"required": wish})

        one = asked(ask(pair.ann))
        assert asked(ask(pair.ann)) == one, "what pends already is not asked for twice"
        assert made(pair.ann.http.get("/v1/two-people"), 200)["required"] is not wish
        for same in (pair.ann, pair.ann_too, pair.nobody):
            assert decide(same, one) == "forbidden"
        own = pair.ann.http.post(f"/v1/approvals/{one}/approve").json()["detail"]
        assert own == "this needs another person than the one who asked"
        assert decide(pair.bob, one) == "ok"
        assert decide(pair.bob, one) == "conflict", "decided already"
        assert asked(ask(pair.bob)) != one, "it is Ann's"
        assert code(ask(pair.ann_too)) == "ok", "Ann is who she is with any key of hers"
        assert made(pair.bob.http.get("/v1/two-people"), 200)["required"] is wish
        assert asked(ask(pair.ann)) != one, "once"


def test_nothing_is_asked_where_the_tenant_does_not_wish_it(pair: Pair) -> None:
    made(pair.ann.http.put("/v1/roles/alone", json=ROLE), 200)
    made(pair.ann.http.delete("/v1/roles/alone"), 204)


def told(client: Client, approval: str) -> str:
    rows = made(client.http.get("/v1/approvals", params={"state": "expired"}), 200)["data"]
    return "expired" if approval in [row["id"] for row in rows] else "not"


@pytest.mark.parametrize("how", ["revoked", "disabled"])
def test_an_approval_ends_with_whom_it_was_given_by(pair: Pair, stack: Any, how: str) -> None:
    user = put_user(pair.admin, how, "tenant-admin", tenant=PAIR)
    giver = make_key(pair.admin, stack.env["LONGHAUL_URL"], tenant=PAIR, user=how)
    pair.rule(True)
    http = pair.ann.http
    one = asked(http.put("/v1/roles/fleeting", json=ROLE))
    assert decide(giver, one) == "ok" and told(pair.ann, one) == "not"
    if how == "revoked":
        made(http.post("/v1/revocations", json={"user": user["id"]}), 201)
    else:
        made(http.put(f"/v1/users/{how}", json={"disabled": True}), 200)
    assert told(pair.ann, one) == "expired"
    two = asked(http.put("/v1/roles/fleeting", json=ROLE))
    assert two != one and decide(pair.bob, two) == "ok"
    made(http.put("/v1/roles/fleeting", json=ROLE), 200)
    pair.approved(lambda: http.delete("/v1/roles/fleeting"))
    giver.close()
    pair.rule(False)


def test_what_was_approved_is_done_and_nothing_else(ruled: Pair) -> None:
    http = ruled.ann.http
    one = asked(http.put("/v1/roles/night", json=ROLE))
    assert decide(ruled.ann, one, "refuse") == "ok", "she takes it back"
    two = asked(http.put("/v1/roles/night", json=ROLE))
    assert two != one
    assert decide(ruled.bob, two) == "ok"
    # another role, other rules, another way
    asked(http.put("/v1/roles/day", json=ROLE))
    asked(http.put("/v1/roles/night", json={**ROLE, "rules": ["allow *:*"]}))
    asked(http.delete("/v1/roles/night"))
    made(http.put("/v1/roles/night?dry_run=true", json=ROLE), 200)
    assert "night" not in {row["name"] for row in made(http.get("/v1/roles"), 200)["data"]}
    # how it is laid out does not count
    loose = json.dumps(ROLE, indent=3)
    made(
        http.put("/v1/roles/night", content=loose, headers={"Content-Type": "application/json"}),
        200,
    )
    ruled.approved(lambda: http.delete("/v1/roles/night"))


def test_a_dry_run_needs_nobody(ruled: Pair) -> None:
    eve = {"roles": ["reader"]}
    made(ruled.ann.http.put("/v1/users/eve?dry_run=true", json=eve), 200)
    made(ruled.admin.http.put(f"{BASE}/users/eve?dry_run=true", json=eve), 200)
    assert ruled.ann.http.get("/v1/users/eve").status_code == 404
    asked(ruled.ann.http.put("/v1/users/eve?dry_run=false", json=eve))
    keys = made(ruled.admin.http.get("/v1/api-keys", params={"tenant": PAIR}), 200)["data"]
    path = f"/v1/api-keys/{keys[0]['id']}/rotate"
    made(ruled.admin.http.post(f"{path}?dry_run=true", json={}), 200)
    asked(ruled.admin.http.post(path, json={}))


def test_a_query_that_a_call_does_not_know_opens_no_door(ruled: Pair) -> None:
    body = {"tenant": PAIR, "user": "bob"}
    asked(ruled.admin.http.post("/v1/api-keys?dry_run=true", json=body))


def test_of_many_who_use_it_at_once_one_does(ruled: Pair) -> None:
    def ask(_: int = 0) -> httpx.Response:
        return ruled.ann.http.put("/v1/users/many", json={"roles": ["reader"]})

    assert decide(ruled.bob, asked(ask())) == "ok"
    with ThreadPoolExecutor(8) as pool:
        codes = [code(reply) for reply in pool.map(ask, range(8))]
    assert sorted(codes) == ["approval_needed"] * 7 + ["ok"]


def test_a_move_that_goes_by_pages_stays_approved(ruled: Pair) -> None:
    def ask() -> httpx.Response:
        return ruled.ann.http.post("/v1/roles/reader/move", json={"to": "guest"})

    ruled.approved(ask)
    made(ask(), 200)


def test_a_key_of_nobody_asks_for_nothing(ruled: Pair) -> None:
    reply = ruled.nobody.http.put("/v1/roles/night", json=ROLE)
    assert code(reply) == "forbidden" and "acts for a user" in reply.json()["detail"]


def test_an_operator_is_one_person_too(ruled: Pair) -> None:
    def ask() -> httpx.Response:
        return ruled.admin.http.put(f"{BASE}/users/carl", json={"roles": ["reader"]})

    one = asked(ask())
    assert decide(ruled.admin, one, base=BASE) == "forbidden"
    assert decide(ruled.admin_too, one, base=BASE) == "ok"
    assert ask().is_success
    two = asked(ask())
    assert decide(ruled.bob, two) == "ok", "the tenant's own people as well"
    assert ask().is_success
    secret = asked(ruled.admin.http.post(f"{BASE}/webhook-secret", json={}))
    assert decide(ruled.admin_too, secret, "refuse", base=BASE) == "ok"
    assert decide(ruled.admin_too, secret, base=BASE) == "conflict"
    issuer = {"tenant": PAIR, "issuer": "https://pair.test", "jwks_url": "https://pair.test/keys"}
    believed = asked(ruled.admin.http.post("/v1/issuers", json={**issuer, "audience": "longhaul"}))
    assert decide(ruled.admin_too, believed, "refuse", base=BASE) == "ok"
    # a key is ended at once
    extra = ruled.approved(
        lambda: ruled.admin.http.post("/v1/api-keys", json={"tenant": PAIR, "user": "bob"})
    ).json()
    made(ruled.admin.http.delete(f"/v1/api-keys/{extra['id']}"), 204)


def test_what_an_operator_makes_is_that_operator(ruled: Pair, stack: Any) -> None:
    """However he comes by a second key: who has seen its text is both, and one person."""

    def ask() -> httpx.Response:
        return ruled.admin.http.put(f"{BASE}/users/carl", json={"roles": ["guest"]})

    one = asked(ask())
    # another's place, the place of a key of his own, and what that one makes
    taken, own = (operator(stack, made(rotate(ruled.admin, key), 201)["key"]) for key in ruled.ids)
    third = operator(stack, made_operator(taken)["key"])
    kin = (ruled.admin_made, taken, own, third)
    rows = made(ruled.admin.http.get("/v1/api-keys"), 200)["data"]
    people = {row["person"] for row in rows if not row["revoked_at"]}
    assert ruled.ids[0] in people and ruled.ids[1] not in people
    for same in kin:
        assert decide(same, one, base=BASE) == "forbidden"
    # nor does it help to ask by the one and approve by the other
    two = asked(third.http.put(f"{BASE}/users/dora", json={"roles": ["guest"]}))
    for same in (ruled.admin, ruled.admin_made):
        assert decide(same, two, base=BASE) == "forbidden"
    assert decide(ruled.admin_too, one, base=BASE) == "ok", "whose key it was is who he was"
    assert ask().is_success
    for client in kin[1:]:
        client.close()


def test_a_keys_place_is_taken_by_two(ruled: Pair) -> None:
    key = ruled.approved(
        lambda: ruled.admin.http.post("/v1/api-keys", json={"tenant": PAIR, "user": "bob"})
    ).json()["id"]
    one = asked(rotate(ruled.admin, key))
    assert asked(rotate(ruled.admin, key)) == one
    assert decide(ruled.admin_made, one, base=BASE) == "forbidden"
    assert decide(ruled.admin_too, one, base=BASE) == "ok"
    asked(rotate(ruled.admin, key, overlap_s=60))
    asked(rotate(ruled.admin_too, key))
    assert rotate(ruled.admin, key).status_code == 201
    assert rotate(ruled.admin, "key_none").status_code == 404
    made(ruled.admin.http.delete(f"/v1/api-keys/{key}"), 204)


def test_a_secret_is_shown_to_nobody_who_approves_of_it(ruled: Pair) -> None:
    secret = "of-the-issuer-and-us-alone-0123456789"
    body = {"tenant": PAIR, "issuer": "https://pair.test/shared", "audience": "longhaul"}

    def ask(text: str = secret) -> httpx.Response:
        return ruled.admin.http.post("/v1/issuers", json={**body, "secret": text, "kid": "one"})

    one = asked(ask())
    for client, base in ((ruled.bob, "/v1"), (ruled.admin_too, BASE)):
        page = client.http.get(f"{base}/approvals")
        row = next(row for row in made(page, 200)["data"] if row["id"] == one)
        assert row["call"]["body"]["issuer"] == body["issuer"], "what is approved of is seen"
        assert secret not in page.text
    reply = ruled.bob.http.post(f"/v1/approvals/{one}/approve")
    assert reply.status_code == 200 and secret not in reply.text
    assert asked(ask(f"{secret}-another")) != one, "another secret is another call"
    issuer = made(ask(), 201)
    made(ruled.admin.http.delete(f"/v1/issuers/{issuer['id']}"), 204)


def test_an_approval_is_over_after_its_time_and_another_tenants_is_none(
    ruled: Pair, client: Client, pg_url: str
) -> None:
    ask = asked(ruled.ann.http.put("/v1/roles/late", json=ROLE))
    done = asked(ruled.ann.http.put("/v1/roles/later", json=ROLE))
    assert decide(client, ask) in ("forbidden", "not_found")
    assert decide(ruled.bob, done) == "ok"
    with psycopg.connect(pg_url, autocommit=True) as record:
        record.execute("update approval set expires_at = now() where state <> 'used'")
        rows = record.execute("select call from approval").fetchall()
    assert decide(ruled.bob, ask) == "conflict"
    asked(ruled.ann.http.put("/v1/roles/later", json=ROLE))
    # what it is about rests sealed
    assert rows and all(call[0] == 1 and b"secretlooking" not in call for (call,) in rows)


def test_the_command_line_shows_and_decides(ruled: Pair, stack: Any) -> None:
    def cli(*words: str) -> str:
        return stack.longhaul(*words, "--tenant", PAIR)

    with pytest.raises(Fault, match="a second person must approve of this: apr_") as refused:
        cli("role", "set", "night", "allow job:read queue=secretlooking")
    found = re.search("apr_[0-9a-z]{26}", str(refused.value))
    assert found
    row = json.loads(cli("approval", "list", "--json"))["data"][0]
    assert (row["id"], row["state"], row["action"]) == (found[0], "pending", "role.put")
    assert row["call"]["path"] == f"{BASE}/roles/night"
    assert row["call"]["body"]["rules"] == ["allow job:read queue=secretlooking"]
    assert found[0] in cli("approval", "list")
    assert found[0] not in cli("approval", "list", "--state", "approved")
    with pytest.raises(Fault, match="another person"):
        cli("approval", "approve", found[0])
    assert "two people" in cli("two-people", "show")
    assert decide(ruled.bob, found[0]) == "ok"
    # what is decided waits no more, and is seen where somebody asks for it
    assert found[0] not in cli("approval", "list")
    for state in ("approved", "all"):
        assert found[0] in cli("approval", "list", "--state", state)
    assert "is set" in cli("role", "set", "night", "allow job:read queue=secretlooking")
    assert found[0] in cli("approval", "list", "--state", "used")
    with pytest.raises(Fault, match=r"expired.*all"):
        cli("approval", "list", "--state", "open")
    pages = [ruled.ann.http.get("/v1/approvals", params={"state": "used", "limit": 1}).json()]
    while pages[-1]["has_more"]:
        params = {"state": "used", "limit": 1, "after": pages[-1]["next"]}
        pages.append(ruled.ann.http.get("/v1/approvals", params=params).json())
    states = [row["state"] for page in pages for row in page["data"]]
    assert states and set(states) == {"used"}
