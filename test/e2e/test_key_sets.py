"""Key sets that are no good, places that publish them, and issuers that cannot be."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from client import until
from issuer import Issuer, b64, compact, hs256, key, number
from token_world import REFUSED_MS, SEEN_S, World, token_world

pytestmark = pytest.mark.promises("S1.1")


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with token_world("key-sets") as one:
        yield one


# ---- keys that may not be used ----


def off_curve(one: Issuer) -> list[dict[str, Any]]:
    jwk = one.keys["ES256-1"].jwk()
    return [{**jwk, "y": number(1, 32)}]


def exponent_one(one: Issuer) -> list[dict[str, Any]]:
    return [{**one.keys["RS256-1"].jwk(), "e": "AQ"}]


def twice(one: Issuer) -> list[dict[str, Any]]:
    return [one.keys["EdDSA-1"].jwk(), {**key("EdDSA").jwk(), "kid": "EdDSA-1"}]


def for_encryption(one: Issuer) -> list[dict[str, Any]]:
    return [one.keys["EdDSA-1"].jwk(use="enc")]


def alg_of_another(one: Issuer) -> list[dict[str, Any]]:
    return [one.keys["RS256-1"].jwk(alg="PS256")]


def secret_published(one: Issuer) -> list[dict[str, Any]]:
    return [{"kty": "oct", "kid": "HS256-1", "alg": "HS256", "k": b64(b"k" * 32)}]


def too_many(one: Issuer) -> list[dict[str, Any]]:
    return [one.keys["EdDSA-1"].jwk()] + [
        {**one.keys["EdDSA-1"].jwk(), "kid": f"k{i}"} for i in range(64)
    ]


def too_large(one: Issuer) -> list[dict[str, Any]]:
    return [one.keys["EdDSA-1"].jwk(x5c=["A" * 300 * 1024])]


SETS: dict[str, tuple[str, Any]] = {
    "ec-point-off-its-curve": ("ES256", off_curve),
    "rsa-exponent-1": ("RS256", exponent_one),
    "rsa-1024": ("RS256-1024", lambda one: [one.keys["RS256-1"].jwk()]),
    "duplicate-kid": ("EdDSA", twice),
    "use-enc": ("EdDSA", for_encryption),
    "alg-of-another": ("RS256", alg_of_another),
    "65-keys": ("EdDSA", too_many),
    "300-KiB": ("EdDSA", too_large),
    "no-json": ("EdDSA", lambda one: None),
}


@pytest.mark.parametrize("name", list(SETS))
def test_sets_that_are_no_good(world: World, name: str) -> None:
    alg, made = SETS[name]
    alg, _, bits = alg.partition("-")
    one = world.issuers.issuer("victim", key(alg, bits=int(bits or 2048)))
    keys = made(one)
    one.published = b"<html>" if keys is None else json.dumps({"keys": keys}).encode()
    assert world.register(one).status_code == 201
    token = one.token(f"{alg}-1")
    until("its keys were fetched", lambda: world.status(token) == 401 and one.fetches, SEEN_S)
    assert world.status(one.token(f"{alg}-1")) == 401


def test_64_keys_are_not_too_many(world: World) -> None:
    one = world.issuers.issuer("victim", *(key("EdDSA", f"k{i}") for i in range(64)))
    assert world.register(one).status_code == 201
    world.known(one, lambda: one.token("k63"))


def test_a_published_secret_is_no_key(world: World) -> None:
    one = world.issuers.issuer("victim", key("EdDSA"))
    one.published = json.dumps({"keys": secret_published(one)}).encode()
    assert world.register(one).status_code == 201
    forged = compact({"alg": "HS256", "kid": "HS256-1"}, one.claims(), hs256(b"k" * 32))
    assert world.status(forged) == 401


# ---- the place where keys are published ----


def test_a_storm_of_unknown_kids_is_one_fetch(world: World) -> None:
    one = world.issuers.issuer("victim", key("EdDSA"))
    assert world.register(one).status_code == 201
    stranger = key("EdDSA", "stranger")
    got: list[int] = []

    def storm(i: int) -> None:
        head = {"alg": "EdDSA", "kid": f"k{i}"}
        got.append(world.status(compact(head, one.claims(), stranger.sign)))

    until("the issuer is known", lambda: one.fetches or storm(0), SEEN_S)
    runs = [threading.Thread(target=storm, args=(i,)) for i in range(40)]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    assert set(got) == {401} and one.fetches == 1
    world.known(one, one.token)
    assert one.fetches == 1


def test_known_keys_serve_on_while_the_place_is_down(world: World) -> None:
    one = world.issuers.issuer("victim", key("EdDSA"))
    assert world.register(one).status_code == 201
    world.known(one, one.token)
    one.status = 500
    assert world.status(one.token()) == 200
    stranger = compact({"alg": "EdDSA", "kid": "new"}, one.claims(), one.keys["EdDSA-1"].sign)
    assert world.status(stranger) == 401


def test_a_place_that_is_down_or_slow_keeps_nobody_else_waiting(world: World) -> None:
    down = world.issuers.issuer("victim", key("EdDSA"))
    down.url = "http://127.0.0.1:9/jwks.json"
    slow = world.issuers.issuer("victim", key("EdDSA"))
    slow.hold = threading.Event()
    for one in (down, slow):
        assert world.register(one).status_code == 201
    got: dict[str, int] = {}

    def come(name: str, one: Issuer) -> None:
        got[name] = world.status(one.token())

    until("the slow one is asked", lambda: slow.fetches or come("first", slow), SEEN_S)
    runs = [threading.Thread(target=come, args=pair) for pair in (("down", down), ("slow", slow))]
    for run in runs:
        run.start()
    assert world.status(world.idp.token()) == 200
    for run in runs:
        run.join()
    slow.hold.set()
    assert got["down"] == 401 and got["slow"] == 401


def test_private_networks_are_not_called_unless_allowed(world: World) -> None:
    """The same server by an address of this machine that no allowed network holds."""
    one = world.issuers.issuer("victim", key("EdDSA"))
    one.url = one.url.replace("127.0.0.1", "127.0.0.2")
    assert world.register(one).status_code == 201
    assert world.status(one.token()) == 401
    assert one.fetches == 0


# ---- who is registered is nobody's business ----


def bearer(world: World, token: str) -> httpx.Response:
    return world.http.get("/v1/jobs", headers={"Authorization": f"Bearer {token}"})


def exchange(world: World, token: str) -> httpx.Response:
    words = {"grant_type": "urn:ietf:params:oauth:grant-type:token-exchange"}
    words["subject_token_type"] = "urn:ietf:params:oauth:token-type:jwt"
    return world.http.post("/v1/auth/token", data={**words, "subject_token": token})


def revoke(world: World, token: str) -> httpx.Response:
    return world.http.post("/v1/auth/revoke", data={"token": token})


@pytest.mark.parametrize("ask", [bearer, exchange, revoke])
def test_an_issuer_is_not_told_from_none(world: World, ask: Any) -> None:
    """Not by words, nor by when they come: whatever is done meanwhile, it is never told sooner."""
    slow = world.issuers.issuer("victim", key("EdDSA"))
    slow.hold = threading.Event()  # a fetch that does not end while this test lasts
    assert world.register(slow).status_code == 201
    until("it is believed", lambda: slow.fetches or bearer(world, slow.token()) is None, SEEN_S)
    stranger = key("EdDSA")
    nobody = Issuer("https://nobody.test", "", "victim", keys={"EdDSA-1": stranger})
    known = Issuer(world.idp.iss, "", "victim", keys={"EdDSA-1": stranger, "new": stranger})
    hs = compact({"alg": "HS256", "kid": "s"}, world.shared.claims(), hs256(b"k" * 32))
    tokens = {
        "no such issuer": nobody.token(),
        "its key, another's signature": known.token(),
        "a key that it does not have": known.token("new"),
        "an algorithm that it does not use": compact(
            {"alg": "HS256", "kid": "EdDSA-1"}, known.claims(), hs256(b"k" * 32)
        ),
        "another secret": hs,
        "keys that do not come": slow.token(),
    }
    told: dict[str, Any] = {}
    for name, token in tokens.items():
        began = time.monotonic()
        reply = ask(world, token)
        # a clock of milliseconds may be one short
        assert time.monotonic() - began >= (REFUSED_MS - 2) / 1000, name
        body = reply.json() if reply.content else {}
        body.pop("instance", None)
        told[name] = (reply.status_code, body, reply.headers.get("WWW-Authenticate"))
    assert len({json.dumps(one) for one in told.values()}) == 1, told
    assert not slow.hold.is_set()
    slow.hold.set()


# ---- registering ----


def test_an_issuer_belongs_to_one_tenant(world: World) -> None:
    theirs = Issuer(world.idp.iss, world.idp.url, "mallory")
    assert world.register(theirs).status_code == 409
    assert world.register(Issuer("longhaul", world.idp.url, "mallory")).status_code == 422


@pytest.mark.parametrize(
    "body",
    [
        {"secret": "k" * 31, "kid": "s"},
        {"secret": "k" * 32},
        {"secret": "k" * 32, "kid": "s", "algorithms": ["RS256"]},
        {"jwks_url": "https://idp.test/", "algorithms": ["HS256"]},
        {"jwks_url": "https://idp.test/", "algorithms": ["none"]},
        {"jwks_url": "ftp://idp.test/"},
        {"jwks_url": "https://idp.test/", "roles": {"theirs": "Not A Role"}},
        {},
    ],
)
def test_issuers_that_cannot_be(world: World, body: dict[str, Any]) -> None:
    whole = {"tenant": "victim", "issuer": "https://no.test", "audience": "longhaul", **body}
    assert world.admin.http.post("/v1/issuers", json=whole).status_code == 422
