"""Tokens forged, bent and stale, one row each; none is taken, none makes us fetch."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from issuer import Key, compact, hs256, key
from token_world import ALGS, World, token_world

pytestmark = pytest.mark.promises("S1.1")

P256_N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with token_world("attacks") as one:
        yield one


# ---- what is good, so that every refusal below means something ----


@pytest.mark.parametrize("alg", ALGS)
def test_good_tokens_are_good(world: World, alg: str) -> None:
    assert world.status(world.idp.token(f"{alg}-1")) == 200


def test_a_shared_secret_is_good_where_it_is_configured(world: World) -> None:
    head = {"alg": "HS256", "kid": "s"}
    world.known(world.shared, lambda: compact(head, world.shared.claims(), hs256(world.secret)))


@pytest.mark.parametrize(
    "claims",
    [
        lambda now: {"aud": ["longhaul"]},
        lambda now: {"aud": ["others", "longhaul"]},
        lambda now: {"exp": now + 299.5},
        lambda now: {"nbf": now - 5},
        lambda now: {"scope": "openid email"},
        lambda now: {"iat": now + 30},
        lambda now: {"exp": now - 1, "iat": now - 5},  # within the leeway
    ],
)
def test_good_claims_are_good(world: World, claims: Callable[[int], dict[str, Any]]) -> None:
    assert world.status(world.idp.token(**claims(int(time.time())))) == 200


# ---- the attacks ----


def pem(one: Key) -> bytes:
    return one.private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def der(one: Key) -> bytes:
    return one.private.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def header(world: World, alg: str = "EdDSA", **more: Any) -> dict[str, Any]:
    return {"alg": alg, "kid": f"{alg}-1", **more}


def none(world: World, spelling: str, signature: bytes = b"") -> str:
    head = {"alg": spelling, "kid": "EdDSA-1"}
    return compact(head, world.idp.claims(), lambda _: signature)


def confused(world: World, secret: bytes, kid: str = "RS256-1") -> str:
    return compact({"alg": "HS256", "kid": kid}, world.idp.claims(), hs256(secret))


def own_key(world: World, **more: Any) -> str:
    """Signed by a key of the attacker's, which the header carries or points to."""
    mine = key("EdDSA", "EdDSA-1")
    head = {"alg": "EdDSA", "kid": "EdDSA-1", **more}
    if "jwk" in more:
        head["jwk"] = mine.jwk()
    if "kid" not in more and "jwk" not in more:
        head["kid"] = "EdDSA-1"
    return compact(head, world.idp.claims(), mine.sign)


def with_kid(world: World, kid: Any) -> str:
    head = {"alg": "EdDSA", "kid": kid}
    return compact(head, world.idp.claims(), world.idp.keys["EdDSA-1"].sign)


def raw_header(world: World, text: str) -> str:
    return compact(text.encode(), world.idp.claims(), world.idp.keys["EdDSA-1"].sign)


def raw_payload(world: World, change: Callable[[str], str]) -> str:
    text = change(json.dumps(world.idp.claims()))
    return compact(header(world), text.encode(), world.idp.keys["EdDSA-1"].sign)


def rs(world: World, r: int, s: int) -> str:
    value = r.to_bytes(32, "big") + s.to_bytes(32, "big")
    return compact(header(world, "ES256"), world.idp.claims(), lambda _: value)


def es256_der(world: World) -> str:
    private = world.idp.keys["ES256-1"].private
    return compact(
        header(world, "ES256"),
        world.idp.claims(),
        lambda text: private.sign(text, ec.ECDSA(hashes.SHA256())),
    )


def es256_twin(world: World) -> str:
    """The other s of the same signature is valid mathematics; what must not be is a third."""
    good = world.idp.keys["ES256-1"].sign
    return compact(header(world, "ES256"), world.idp.claims(), lambda t: good(t) + b"\0")


def bent(world: World, part: int, change: Callable[[str], str]) -> str:
    parts = world.idp.token().split(".")
    parts[part] = change(parts[part])
    return ".".join(parts)


def unused_bits(text: str) -> str:
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return text[:-1] + alphabet[alphabet.index(text[-1]) | 1]


def nested(text: str) -> str:
    return text[:-1] + ', "x": ' + "[" * 60 + "]" * 60 + "}"


def claims(**changed: Any) -> Callable[[World], str]:
    return lambda w: w.idp.token(**changed)


SHORT = -10_000
ATTACKS: dict[str, Callable[[World], str]] = {
    # no signature at all
    **{
        f"alg-none-{spelling or 'empty'}": lambda w, s=spelling: none(w, s)
        for spelling in ("none", "None", "NONE", "nOnE", "", " none", "none ")
    },
    "alg-none-with-signature": lambda w: none(w, "none", b"\0" * 64),
    "alg-missing": lambda w: raw_header(w, '{"kid":"EdDSA-1"}'),
    "alg-number": lambda w: raw_header(w, '{"alg":1,"kid":"EdDSA-1"}'),
    "alg-lower-case": lambda w: raw_header(w, '{"alg":"eddsa","kid":"EdDSA-1"}'),
    "signature-empty": lambda w: w.idp.token().rpartition(".")[0] + ".",
    "signature-left-out": lambda w: w.idp.token().rpartition(".")[0],
    "signature-of-another": lambda w: own_key(w),
    # one algorithm's key as another's
    "hs256-with-pem": lambda w: confused(w, pem(w.idp.keys["RS256-1"])),
    "hs256-with-pem-stripped": lambda w: confused(w, pem(w.idp.keys["RS256-1"]).strip()),
    "hs256-with-der": lambda w: confused(w, der(w.idp.keys["RS256-1"])),
    "hs256-with-jwk": lambda w: confused(w, json.dumps(w.idp.keys["RS256-1"].jwk()).encode()),
    "hs256-with-modulus": lambda w: confused(w, w.idp.keys["RS256-1"].public()["n"].encode()),
    "hs256-with-ed25519-bytes": lambda w: confused(
        w, w.idp.keys["EdDSA-1"].private.public_key().public_bytes_raw(), "EdDSA-1"
    ),
    "hs256-empty-secret": lambda w: confused(w, b""),
    "rs256-key-as-ps256": lambda w: compact(
        {"alg": "PS256", "kid": "RS256-1"},
        w.idp.claims(),
        Key("PS256", "", w.idp.keys["RS256-1"].private).sign,
    ),
    "shared-secret-of-another-issuer": lambda w: compact(
        {"alg": "HS256", "kid": "s"}, w.idp.claims(), hs256(w.secret)
    ),
    # keys that come with the token
    "embedded-jwk": lambda w: own_key(w, jwk=True),
    "jku": lambda w: own_key(w, jku=f"{w.issuers.base}/evil"),
    "x5u": lambda w: own_key(w, x5u=f"{w.issuers.base}/evil"),
    "x5c": lambda w: own_key(w, x5c=["AAAA"]),
    # names of keys
    "kid-path": lambda w: with_kid(w, "../../../../dev/null"),
    "kid-sql": lambda w: with_kid(w, "x' union select 'secret' --"),
    "kid-nul": lambda w: with_kid(w, "EdDSA-1\0"),
    "kid-number": lambda w: with_kid(w, 1),
    "kid-empty": lambda w: with_kid(w, ""),
    "kid-missing": lambda w: raw_header(w, '{"alg":"EdDSA"}'),
    "kid-long": lambda w: with_kid(w, "k" * 5000),
    "kid-megabyte": lambda w: with_kid(w, "k" * (1 << 20)),
    "kid-twice": lambda w: raw_header(w, '{"alg":"EdDSA","kid":"EdDSA-1","kid":"EdDSA-1"}'),
    # extensions
    "crit-unknown": lambda w: w.idp.token(header={"crit": ["x"], "x": 1}),
    "crit-empty": lambda w: w.idp.token(header={"crit": []}),
    "b64-false": lambda w: w.idp.token(header={"b64": False, "crit": ["b64"]}),
    "typ-of-a-logout-token": lambda w: w.idp.token(header={"typ": "logout+jwt"}),
    # time
    "exp-string": claims(exp=str(int(time.time()) + 300)),
    "exp-negative": claims(exp=-1),
    "exp-1e308": claims(exp=1e308),
    "exp-missing": claims(exp=...),
    "exp-null": claims(exp=None),
    "exp-true": claims(exp=True),
    "exp-past": claims(exp=int(time.time()) + SHORT, iat=int(time.time()) + SHORT - 60),
    "exp-years-ahead": claims(exp=int(time.time()) + 10 * 365 * 86400),
    "iat-missing": claims(iat=...),
    "iat-string": claims(iat="now"),
    "iat-future": claims(iat=int(time.time()) + 10_000, exp=int(time.time()) + 10_300),
    "nbf-future": claims(nbf=int(time.time()) + 10_000),
    "nbf-string": claims(nbf="0"),
    # for whom, from whom, who
    "aud-missing": claims(aud=...),
    "aud-other": claims(aud="others"),
    "aud-prefix": claims(aud="longhaul2"),
    "aud-shorter": claims(aud="longhau"),
    "aud-array-of-others": claims(aud=["a", "b"]),
    "aud-array-empty": claims(aud=[]),
    "aud-array-mixed": claims(aud=["longhaul", 1]),
    "aud-object": claims(aud={"longhaul": 1}),
    "iss-with-a-slash": lambda w: w.idp.token(iss=w.idp.iss + "/"),
    "iss-upper-case": lambda w: w.idp.token(iss=w.idp.iss.upper()),
    "iss-missing": claims(iss=...),
    "iss-array": lambda w: w.idp.token(iss=[w.idp.iss]),
    "iss-our-own": claims(iss="longhaul"),
    "sub-missing": claims(sub=...),
    "sub-empty": claims(sub=""),
    "sub-number": claims(sub=7),
    "sub-nul": claims(sub="ada\0"),
    "jti-missing": claims(jti=...),
    "tenant-missing": claims(tenant=...),
    "tenant-of-another": claims(tenant="mallory"),
    "tenant-array": claims(tenant=["victim"]),
    "id-token": claims(nonce="n-0S6_WzA2Mj"),
    "id-token-by-hash": claims(at_hash="77QmUPtjPfzWtF2AnpK9RQ"),
    # curves
    **{
        f"ecdsa-r-{r}-s-{s}": lambda w, r=r, s=s: rs(w, r, s)
        for r in (0, 1, P256_N - 1, P256_N)
        for s in (0, 1, P256_N - 1, P256_N)
    },
    "ecdsa-der": es256_der,
    "ecdsa-longer": es256_twin,
    "eddsa-s-plus-order": lambda w: compact(
        header(w),
        w.idp.claims(),
        lambda t: (
            lambda g: (
                g[:32]
                + (
                    (
                        int.from_bytes(g[32:], "little")
                        + 2**252
                        + 27742317777372353535851937790883648493
                    ).to_bytes(32, "little")
                )
            )
        )(w.idp.keys["EdDSA-1"].sign(t)),
    ),
    # spelling
    "base64-padding": lambda w: bent(w, 2, lambda t: t + "=="),
    "base64-padding-in-payload": lambda w: bent(w, 1, lambda t: t + "="),
    "base64-standard-alphabet": lambda w: bent(w, 2, lambda t: "+/" + t[2:]),
    "base64-blank": lambda w: bent(w, 1, lambda t: t[:8] + " " + t[8:]),
    "base64-unused-bits": lambda w: bent(w, 2, unused_bits),
    "parts-four": lambda w: w.idp.token() + ".AAAA",
    "parts-five": lambda w: "a.b.c.d.e",
    "parts-empty": lambda w: "..",
    "longer-than-8-KiB": claims(more="x" * 7000),
    "json-serialisation": lambda w: (
        base64.b64encode(b'{"payload":"","signatures":[]}').decode() + ".."
    ),
    "payload-claim-twice": lambda w: raw_payload(
        w, lambda t: t[:-1] + ', "tenant": "victim", "tenant": "mallory"}'
    ),
    "payload-array": lambda w: raw_payload(w, lambda t: f"[{t}]"),
    "payload-no-json": lambda w: raw_payload(w, lambda t: t[:-1]),
    "payload-trailing": lambda w: raw_payload(w, lambda t: t + " {}"),
    "payload-nested": lambda w: raw_payload(w, nested),
    "payload-not-utf-8": lambda w: compact(
        header(w), b'{"iss":"\xff"}', w.idp.keys["EdDSA-1"].sign
    ),
}


@pytest.mark.parametrize("attack", list(ATTACKS))
def test_refused(world: World, attack: str) -> None:
    """Each is a token that some verifier somewhere took. None is taken, none makes us fetch."""
    token = ATTACKS[attack](world)
    before = len(world.issuers.strays)
    reply = world.http.get("/v1/jobs", headers={"Authorization": f"Bearer {token}"})
    too_long = (400, 413, 431) if len(token) > 8192 else ()
    assert reply.status_code == 401 or reply.status_code in too_long, reply.text
    assert len(world.issuers.strays) == before
    if reply.status_code == 401:
        assert reply.headers["WWW-Authenticate"].startswith("Bearer")


def test_unsigned_tokens_learn_nothing(world: World) -> None:
    """Who cannot sign hears one sentence, whatever is wrong besides; who can hears the reason."""
    names = ("signature-of-another", "iss-with-a-slash", "kid-path", "hs256-with-pem", "crit-empty")
    heard = set()
    for name in names:
        token = ATTACKS[name](world)
        reply = world.http.get("/v1/jobs", headers={"Authorization": f"Bearer {token}"})
        heard.add(reply.headers["WWW-Authenticate"])
    forged = compact(header(world), world.idp.claims(exp=0), lambda _: b"\0" * 64)
    reply = world.http.get("/v1/jobs", headers={"Authorization": f"Bearer {forged}"})
    assert heard == {reply.headers["WWW-Authenticate"]}
    token = ATTACKS["exp-past"](world)
    reply = world.http.get("/v1/jobs", headers={"Authorization": f"Bearer {token}"})
    assert "expired" in reply.headers["WWW-Authenticate"]


NAMED: list[tuple[str, dict[str, Any]]] = [
    ("sub must", {"sub": ...}),
    ("sub must", {"sub": "x" * 256}),
    ("jti must", {"jti": ...}),
    ("tenant is", {"tenant": ...}),
    ("tenant is", {"tenant": "mallory"}),
    ("aud must", {"aud": ...}),
    ("another audience", {"aud": "others"}),
    ("exp is", {"exp": "soon"}),
    ("iat is", {"iat": ...}),
    ("nbf is", {"nbf": "now"}),
    ("exp must", {"exp": int(time.time()) + 100_000}),
    ("exp must", {"exp": int(time.time()) - 1}),
    ("scope must", {"scope": ["job:read"]}),
    ("64 roles or scopes", {"scope": " ".join(f"job:{i}" for i in range(65))}),
]


@pytest.mark.parametrize(("words", "changed"), NAMED)
def test_behind_a_good_signature_the_claim_is_named(
    world: World, words: str, changed: dict[str, Any]
) -> None:
    def heard(token: str) -> str:
        reply = world.http.get("/v1/jobs", headers={"Authorization": f"Bearer {token}"})
        assert reply.status_code == 401
        return reply.headers["WWW-Authenticate"]

    assert words in heard(world.idp.token(**changed))
    forged = compact(header(world), world.idp.claims(**changed), lambda _: b"\0" * 64)
    assert "not accepted here" in heard(forged)
