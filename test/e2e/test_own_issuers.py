"""Tokens of an issuer that a tenant's own people believe: what they open, and how they end."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from checker import typeid_uuid
from client import Client, until
from issuer import LEEWAY_S, Issuer, Issuers, key, unb64
from own_world import OTHER, TENANT, Own, own_world
from roles_world import NOOP, made
from tokens import SEEN_S, bearer, exchange, exchanged, refresh, status

pytestmark = pytest.mark.promises("S1.1", "S1.11")

DRY = {"dry_run": "true"}
LASTING = "job:read offline_access"


@pytest.fixture(scope="module")
def own() -> Iterator[Own]:
    options = {"allow_http": True, "allow_networks": ["127.0.0.1"], "refuse_ms": 100}
    with own_world("own-issuers", **options) as one:
        yield one


@pytest.fixture(scope="module")
def issuers() -> Iterator[Issuers]:
    one = Issuers()
    yield one
    one.close()


@pytest.fixture
def https(own: Own) -> Iterator[list[httpx.Client]]:
    """One of each producer."""
    clients = [httpx.Client(base_url=url, timeout=30) for url in own.urls]
    yield clients
    for one in clients:
        one.close()


Ask = Callable[[Own, Path, Issuer], str]


def add_by_api(own: Own, home: Path, one: Issuer) -> str:
    body = {"issuer": one.iss, "audience": one.audience, "jwks_url": one.url}
    entry = made(own.chief.http.post("/v1/issuers", json={**body, "roles": {"*": "service"}}), 201)
    assert entry["tenant"] == TENANT
    return entry["id"]


def add_by_command(own: Own, home: Path, one: Issuer) -> str:
    whose = ("--audience", one.audience, "--jwks-url", one.url, "--role", "*=service")
    own.cli(home, "issuer", "add", one.iss, *whose)
    rows = json.loads(own.cli(home, "issuer", "list", "--json"))["data"]
    return next(row["id"] for row in rows if row["issuer"] == one.iss)


def removed_by_api(own: Own, home: Path, entry: str) -> None:
    made(own.chief.http.delete(f"/v1/issuers/{entry}"), 204)


def removed_by_command(own: Own, home: Path, entry: str) -> None:
    own.cli(home, "issuer", "remove", entry)


def known(own: Own, one: Issuer) -> str:
    """A token of it that every producer believes."""
    token = one.token(iat=int(time.time()) - 10)
    own.everywhere(token, 200)
    return token


def handed_in(client: Client) -> str:
    return str(made(client.http.post("/v1/jobs", json=NOOP), 202)["id"])


def seen(http: httpx.Client, token: str, job: str) -> int:
    return http.get(f"/v1/jobs/{job}", headers=bearer(token)).status_code


WAYS = [(add_by_api, removed_by_api), (add_by_command, removed_by_command)]


@pytest.mark.parametrize(("add", "remove"), WAYS, ids=["api", "command"])
def test_it_is_believed_in_its_tenant_alone_until_it_is_removed(
    own: Own,
    issuers: Issuers,
    https: list[httpx.Client],
    tmp_path: Path,
    add: Ask,
    remove: Callable[[Own, Path, str], None],
) -> None:
    one = issuers.issuer(TENANT, key("EdDSA"))
    entry = add(own, tmp_path, one)
    token = known(own, one)
    ours, theirs = handed_in(own.chief), handed_in(own.foreign)
    first = exchanged(https[0], token)
    family = exchange(https[1], token, scope=LASTING).json()
    later = refresh(https[0], family["refresh_token"]).json()
    line = [token, first, exchanged(https[1], first), family["access_token"]]
    line += [later["access_token"]]
    for http in https:
        for shown in line:
            assert (seen(http, shown, ours), seen(http, shown, theirs)) == (200, 404)
        # whatever it says of itself
        assert status(http, one.token(tenant=OTHER)) == 401
        assert exchange(http, one.token(tenant=OTHER)).json()["error"] == "invalid_grant"
    # nobody else's to look at, or to remove
    assert made(own.foreign.http.get("/v1/issuers"), 200)["data"] == []
    assert own.foreign.http.delete(f"/v1/issuers/{entry}").status_code == 404
    remove(own, tmp_path, entry)
    for shown in line:
        own.everywhere(shown, 401)
    for http in https:
        assert exchange(http, token).json()["error"] == "invalid_grant"
    assert refresh(https[1], later["refresh_token"]).json()["error"] == "invalid_grant"


MOST = 20  # of a tenant's own people's making


def test_a_tenants_own_people_register_so_many_and_no_more(own: Own) -> None:
    chiefs = own.tenant("believing")

    def register(ask: tuple[int, Client]) -> httpx.Response:
        iss = f"https://believed-{ask[0]}.test"
        body = {"issuer": iss, "audience": "longhaul", "jwks_url": f"{iss}/keys"}
        return ask[1].http.post("/v1/issuers", json=body)

    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(register, enumerate(chiefs * 15)))
    told = Counter(reply.status_code for reply in replies)
    assert told == {201: MOST, 409: 30 - MOST}, told
    refused = next(reply for reply in replies if reply.status_code == 409)
    assert "as many" in refused.json()["detail"]
    rows = made(chiefs[0].http.get("/v1/issuers"), 200)["data"]
    assert len(rows) == MOST
    # whoever comes next sees what was registered before
    made(chiefs[0].http.delete(f"/v1/issuers/{rows[0]['id']}"), 204)
    row = (
        "insert into issuer (tenant_id, issuer_id, iss, audience, algorithms, jwks_url) select"
        " tenant_id, id_make(), 'https://first.test', 'longhaul', 1, 'https://first.test/k'"
        " from tenant where name = 'believing'"
    )
    last = own.behind("720713005", row, lambda: register((99, chiefs[1])))
    assert last.status_code == 409 and len(chiefs[0].http.get("/v1/issuers").json()["data"]) == MOST
    # operators go beyond
    body = {"issuer": "https://more.test", "audience": "longhaul", "tenant": "believing"}
    made(own.admin.http.post("/v1/issuers", json={**body, "jwks_url": "https://more.test/k"}), 201)


# ---- somebody of it, by the name that it gives them ----


def test_whoever_an_issuer_vouches_for_is_told_that_its_end_is_theirs(
    own: Own, issuers: Issuers, https: list[httpx.Client], tmp_path: Path
) -> None:
    ends, stays = (issuers.issuer(TENANT, key("EdDSA")) for _ in range(2))
    body = {"audience": ends.audience, "roles": {"*": "tenant-admin"}}
    ids = [
        made(
            own.chief.http.post(
                "/v1/issuers", json={"issuer": one.iss, "jwks_url": one.url, **body}
            ),
            201,
        )["id"]
        for one in (ends, stays)
    ]
    token = known(own, ends)
    beside = known(own, stays)

    def told(shown: str, entry: str) -> bool:
        reply = https[0].delete(f"/v1/issuers/{entry}", params=DRY, headers=bearer(shown))
        return bool(made(reply, 200)["yourself"])

    chief = own.chief.http.headers["authorization"].split()[1]
    for shown, expected in (
        (token, True),
        (exchanged(https[0], token), True),
        (beside, False),
        (chief, False),
    ):
        assert told(shown, ids[0]) is expected
    for entry in ids:
        removed_by_api(own, tmp_path, entry)


def by_own_call(own: Own, home: Path, one: Issuer) -> str:
    body = {"issuer": one.iss, "sub": "ursula"}
    tried = made(own.chief.http.post("/v1/revocations", json=body, params=DRY), 200)
    assert (tried["kind"], tried["tenant"]) == ("user", TENANT)
    assert (tried["keys"], tried["families"]) == (0, 1)
    entry = made(own.chief.http.post("/v1/revocations", json=body), 201)
    assert (entry["user"], entry["issuer"]) == (tried["user"], one.iss)
    return entry["user"]


def by_own_command(own: Own, home: Path, one: Issuer) -> str:
    words = ("revoke", "--issuer", one.iss, "--sub", "ursula")
    tried = own.cli(home, *words, "--dry-run")
    assert "1 family" in tried and one.iss in tried
    own.cli(home, *words)
    return next(word for word in tried.split() if word.startswith("usr_"))


def by_operators_call(own: Own, home: Path, one: Issuer) -> str:
    body = {"issuer": one.iss, "sub": "ursula"}
    named = {**body, "tenant": TENANT}
    tried = [
        made(own.admin.http.post("/v1/revocations", json=words, params=DRY), 200)
        for words in (body, named)
    ]
    assert tried[0]["user"] == tried[1]["user"] and tried[0]["tenant"] == TENANT
    made(own.admin.http.post("/v1/revocations", json=body), 201)
    return tried[0]["user"]


def by_operators_command(own: Own, home: Path, one: Issuer) -> str:
    words = ("revoke", "--issuer", one.iss, "--sub", "ursula")
    tried = own.stack.longhaul(*words, "--dry-run")
    assert "1 family" in tried
    own.stack.longhaul(*words)
    return next(word for word in tried.split() if word.startswith("usr_"))


REVOKES = [by_own_call, by_own_command, by_operators_call, by_operators_command]


@pytest.mark.parametrize("revoke", REVOKES, ids=lambda way: way.__name__)
def test_somebody_is_shut_out_by_the_name_that_the_issuer_gives_them(
    own: Own, issuers: Issuers, https: list[httpx.Client], tmp_path: Path, revoke: Ask
) -> None:
    one = issuers.issuer(TENANT, key("EdDSA"))
    entry = add_by_api(own, tmp_path, one)
    ada = known(own, one)
    ursula = one.token(sub="ursula", iat=int(time.time()) - 10)
    theirs, hers = exchanged(https[0], ursula), exchanged(https[0], ada)
    family = exchange(https[1], ursula, scope=LASTING).json()
    job = made(https[0].post("/v1/jobs", json=NOOP, headers=bearer(ursula)), 202)["id"]
    assert seen(https[1], theirs, job) == 200
    user = revoke(own, tmp_path, one)
    assert json.loads(unb64(theirs.split(".")[1]))["sub"] == user
    for shown in (ursula, theirs, family["access_token"]):
        own.everywhere(shown, 401)
    for http in https:
        assert exchange(http, ursula).json()["error"] == "invalid_grant"
        assert [status(http, shown) for shown in (ada, hers)] == [200, 200]
    assert refresh(https[0], family["refresh_token"]).json()["error"] == "invalid_grant"
    # what she handed in does not run: that is asked at its claim
    asked = "principal_shut_out(j.tenant_id, j.principal) > j.created_at from job j"
    assert own.stack.psql(f"select {asked} where principal = '{typeid_uuid(user)}'") == [["t"]]
    # what the issuer says later, its leeway not counted, is good

    def later_is_good() -> bool:
        later = one.token(sub="ursula", iat=int(time.time()) + LEEWAY_S)
        return status(https[0], later) == 200

    until("what the issuer says later is good", later_is_good, SEEN_S)
    rows = made(own.chief.http.get("/v1/revocations"), 200)["data"]
    row = next(row for row in rows if row.get("user") == user)
    assert (row["kind"], row["issuer"], row["tenant"]) == ("user", one.iss, TENANT)
    listed = own.cli(tmp_path, "revocation", "list")
    assert one.iss in listed and "ursula" not in listed
    if row["by"] == "operator":  # theirs to take back
        own.stack.longhaul("revocation", "remove", row["id"])
    else:
        own.cli(tmp_path, "revocation", "remove", row["id"])
    for shown in (ursula, theirs):
        own.everywhere(shown, 200)
    removed_by_api(own, tmp_path, entry)


def test_who_names_somebody_of_an_issuer_names_one_of_his_own_tenants(
    own: Own, issuers: Issuers, tmp_path: Path
) -> None:
    one = issuers.issuer(TENANT, key("EdDSA"))
    add_by_api(own, tmp_path, one)
    ursula = known(own, one)
    body = {"issuer": one.iss, "sub": "ada"}
    unknown = {"issuer": f"{one.iss}/", "sub": "ada"}
    asks: list[tuple[Client, dict[str, Any]]] = [
        (own.foreign, body),
        (own.foreign, unknown),
        (own.admin, {**body, "tenant": OTHER}),
        (own.admin, unknown),
    ]
    before = made(own.admin.http.get("/v1/revocations"), 200)
    for client, words in asks:
        for params in (DRY, {}):
            reply = client.http.post("/v1/revocations", json=words, params=params)
            assert reply.status_code == 404 and "issuer" in reply.json()["detail"], reply.text
    halves: list[dict[str, Any]] = [
        {"issuer": one.iss},
        {"sub": "ada"},
        {**body, "user": "usr_01h455vb4pex5vsknk084sn02q"},
        {**body, "everybody": True},
        {**body, "sub": ""},
    ]
    for words in halves:
        assert own.chief.http.post("/v1/revocations", json=words).status_code == 422, words
    # half a name is no whole tenant
    for words in ({"tenant": TENANT, "sub": "ada"}, {"tenant": TENANT, "issuer": one.iss}):
        assert own.admin.http.post("/v1/revocations", json=words).status_code == 422, words
    reading = own.narrowed("revocation:read")
    assert reading.http.post("/v1/revocations", json=body).status_code == 403
    reading.close()
    assert made(own.admin.http.get("/v1/revocations"), 200) == before
    own.everywhere(ursula, 200)


def test_who_is_meant_may_be_who_asks(own: Own, issuers: Issuers, tmp_path: Path) -> None:
    one = issuers.issuer(TENANT, key("EdDSA"))
    body = {"issuer": one.iss, "audience": one.audience, "jwks_url": one.url}
    roles = {"roles": {"*": "tenant-admin"}}
    made(own.chief.http.post("/v1/issuers", json={**body, **roles}), 201)
    token = known(own, one)
    with httpx.Client(base_url=own.urls[0], headers=bearer(token)) as http:
        for sub, yourself in (("ada", True), ("ursula", False)):
            words = {"issuer": one.iss, "sub": sub}
            tried = made(http.post("/v1/revocations", json=words, params=DRY), 200)
            assert tried["yourself"] is yourself
