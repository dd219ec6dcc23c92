"""How many API keys a tenant's own people make and end, and what is left of one that has ended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from checker import typeid_uuid
from client import Client, until
from own_world import Own, own_world
from roles_world import made
from tokens import SEEN_S, ask, buy, ends, refresh, status

pytestmark = pytest.mark.promises("S1.1", "S1.11")

KEYS = 8  # of a tenant, by its own people
ENTRIES = 10  # of a share of the list
DRY = {"dry_run": "true"}


@pytest.fixture(scope="module")
def own() -> Iterator[Own]:
    with own_world("own-bounds", tenant_keys=KEYS, tenant_revocations=ENTRIES) as one:
        yield one


def make(client: Client, **body: Any) -> httpx.Response:
    return client.http.post("/v1/api-keys", json=body)


def end(client: Client, key: str, **params: str) -> httpx.Response:
    return client.http.delete(f"/v1/api-keys/{key}", params=params)


def rotate(client: Client, key: str, overlap_s: int, **params: str) -> httpx.Response:
    body = {"overlap_s": overlap_s}
    return client.http.post(f"/v1/api-keys/{key}/rotate", params=params, json=body)


def full(reply: httpx.Response, code: str, words: str) -> bool:
    if reply.status_code == 429:
        assert (reply.json()["code"], words in reply.json()["detail"]) == (code, True), reply.text
        assert "retry-after" not in reply.headers, "that helps nobody"
    return reply.status_code == 429


def keys_full(reply: httpx.Response) -> bool:
    return full(reply, "keys_full", "end some")


def good(client: Client) -> list[str]:
    """Of keys that do not run out by themselves."""
    rows = made(client.http.get("/v1/api-keys"), 200)["data"]
    return [row["id"] for row in rows if not row["revoked_at"] and not row["expires_at"]]


def test_two_producers_at_once_make_no_key_more_than_a_tenant_may_have(own: Own) -> None:
    chiefs = own.tenant("crowded")
    with ThreadPoolExecutor(16) as pool:
        replies = list(pool.map(make, chiefs * 20))
    told = Counter(reply.status_code for reply in replies)
    assert told == {201: KEYS - 1, 429: 41 - KEYS}, told
    assert all(keys_full(reply) for reply in replies if reply.status_code != 201)
    assert len(good(chiefs[0])) == KEYS
    # another tenant has its own
    made(make(own.foreign), 201)


def test_whoever_makes_a_key_sees_what_was_made_before(own: Own) -> None:
    chief, beside = own.tenant("queueing")
    for _ in range(KEYS - 2):
        made(make(chief), 201)
    (ours,) = own.stack.psql("select tenant_id from tenant where name = 'queueing'")[0]
    turn = f"720713004, hashtext('{ours}')"
    row = (
        "insert into api_key (tenant_id, key_id, hash, name) select"
        f" '{ours}', k, sha256(k::text::bytea), '' from id_make() k"
    )
    assert keys_full(own.behind(turn, row, lambda: make(beside)))
    made(end(chief, good(chief)[0]), 204)
    last = good(chief)[0]
    assert keys_full(own.behind(turn, row, lambda: rotate(beside, last, 60)))
    assert len(good(chief)) == KEYS


def test_a_rotated_key_counts_until_it_ends_and_an_ended_one_no_more(own: Own) -> None:
    chief, beside = own.tenant("turning")
    for _ in range(KEYS - 2):
        made(make(chief, roles=["reader"]), 201)
    first = made(make(chief, expires_in_s=3600), 201)["id"]
    for params in (DRY, {}):
        refused = rotate(beside, first, 60, **params)
        assert keys_full(refused) and "--overlap 0" in refused.json()["detail"]
        assert not keys_full(rotate(beside, first, 0, **DRY))
    second = made(rotate(beside, first, 0), 201)["id"]
    assert keys_full(make(chief))
    # operators may make more, and two have to go then before there is room for one
    more = made(own.admin.http.post("/v1/api-keys", json={"tenant": "turning"}), 201)["id"]
    made(own.admin.http.post(f"/v1/api-keys/{more}/rotate", json={"overlap_s": 3600}), 201)
    for key in (more, second):
        made(end(chief, key), 204)
        assert keys_full(make(chief))
    made(end(chief, good(chief)[1]), 204)
    made(make(chief, expires_in_s=1), 201)
    until("it has run out", lambda: not keys_full(make(chief, expires_in_s=600)), SEEN_S)


def test_of_several_successors_at_once_no_more_are_made_than_there_is_room(own: Own) -> None:
    chief, beside = own.tenant("spinning")
    old = [made(make(chief), 201)["id"] for _ in range(KEYS - 3)]
    asks = [(one, key) for key in old for one in (chief, beside)]
    with ThreadPoolExecutor(len(asks)) as pool:
        replies = list(pool.map(lambda ask: rotate(*ask, 3600), asks))
    told = Counter(reply.status_code for reply in replies)
    assert told[201] == 2 and len(good(chief)) == KEYS - 2, told


def gone(own: Own, key: str) -> None:
    """Takes a key's entry off the list, as the end of its time does; all hear of it."""
    taken = own.stack.psql(
        "with s as (update access_sequence set seq = seq + 1 returning seq)"
        " update revocation r set taken_at = now(), seq = s.seq from s"
        f" where r.subject = '{typeid_uuid(key)}' returning 1"
    )
    assert len(taken) == 1


def test_an_ended_key_is_refused_by_its_own_row(own: Own) -> None:
    """What was bought with it shows that nobody has its entry any more: only that is good again."""
    key = made(make(own.chief, user="keeper"), 201)
    with ExitStack() as stack:
        https = [stack.enter_context(httpx.Client(base_url=url)) for url in own.urls]
        token = buy(https[0], key["key"], scope="job:read offline_access")
        own.everywhere(key["key"], 200)
        made(end(own.chief, key["id"]), 204)
        for http in https:
            ends(http, token["access_token"], "what was bought with it")
        rows = made(own.chief.http.get("/v1/revocations"), 200)["data"]
        entry = next(row for row in rows if row.get("key") == key["id"])
        made_at, ends_at = (datetime.fromisoformat(entry[n]) for n in ("created_at", "ends_at"))
        assert timedelta(hours=47) < ends_at - made_at <= timedelta(hours=48)
        gone(own, key["id"])
        own.everywhere(token["access_token"], 200)
        # what a producer remembers of it is 5 s old at most
        own.everywhere(key["key"], 401)
        for http in https:
            assert status(http, token["access_token"]) == 200
            assert ask(http, key["key"], grant_type="client_credentials").status_code == 401
        dead = refresh(https[1], token["refresh_token"])
        assert dead.json()["error"] == "invalid_grant"


NOBODYS = "00000000-0000-0000-0000-000000000000"  # operators' keys are of no tenant


def fill(own: Own, tenant: str) -> None:
    own.stack.psql(
        f"with s as (update access_sequence set seq = seq + {ENTRIES} returning seq)"
        " insert into revocation (tenant_id, kind, subject, before_at, ends_at, seq, subject_type)"
        f" select '{tenant}', 'credential', gen_random_uuid(), now(), now() + '1 day', s.seq - i,"
        f" 'key' from s, generate_series(0, {ENTRIES - 1}) i"
    )


def test_who_ends_keys_without_end_fills_his_tenants_part_and_no_other(own: Own) -> None:
    chief, _ = own.tenant("endless")
    made(chief.http.put("/v1/users/robot", json={"roles": ["reader"]}), 200)
    user = made(chief.http.get("/v1/users/robot"), 200)["id"]
    key, other = (made(make(chief, user="robot"), 201) for _ in range(2))
    (ours,) = own.stack.psql("select tenant_id from tenant where name = 'endless'")[0]
    for tenant in (NOBODYS, ours):
        fill(own, tenant)

    def is_full(**params: str) -> bool:
        return full(end(chief, key["id"], **params), "revocations_full", "revoke whom")

    until("its part is known to be full", lambda: is_full(**DRY), SEEN_S)
    assert is_full() and key["id"] in good(chief)
    # nor by a rotation that ends it at once
    for params in (DRY, {}):
        assert full(rotate(chief, key["id"], 0, **params), "revocations_full", "revoke whom")
    with httpx.Client(base_url=own.urls[1]) as http:
        # tokens have a part of their own
        made(own.admin.http.delete(f"/v1/api-keys/{other['id']}"), 204)
        token = buy(http, key["key"])["access_token"]
        assert http.post("/v1/auth/revoke", data={"token": token}).status_code == 200
        ends(http, token, "a token")
        assert status(http, key["key"]) == 200
        # another tenant ends what it likes, and there is a way
        made(end(own.chief, made(make(own.chief), 201)["id"]), 204)
        made(chief.http.post("/v1/revocations", json={"user": user}), 201)
        ends(http, key["key"], "what the user was given")
