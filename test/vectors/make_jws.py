"""Writes jws.json: vectors in the JSON form of Wycheproof's JSON web signature tests.

    var/python/bin/python3 test/vectors/make_jws.py > test/vectors/jws.json

A group has one key; a test a compact form and what a verifier that holds that key must say of it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from issuer import Key, Sign, b64, compact, hs256, key

Test = tuple[str, str, str]
PAYLOAD = b'{"iss":"vectors"}'
SECRET = b"thirty-two bytes or more of secret"


def common(alg: str, sign: Sign, kid: str) -> list[Test]:
    """What is asked of every algorithm."""
    head = {"alg": alg, "kid": kid}
    good = compact(head, PAYLOAD, sign)
    parts = good.split(".")
    other = "HS256" if alg != "HS256" else "RS256"
    flipped = bytearray(sign(b"x"))
    flipped[0] ^= 1
    return [
        ("good", good, "valid"),
        ("good, without a kid", compact({"alg": alg}, PAYLOAD, sign), "valid"),
        ("good, with a payload that is no JSON", compact(head, b"foo", sign), "valid"),
        ("another payload", ".".join([parts[0], b64(b"{}"), parts[2]]), "invalid"),
        ("another header", ".".join([b64(b'{"alg":"%s"}' % alg.encode()), *parts[1:]]), "invalid"),
        ("a bit of the signature", compact(head, PAYLOAD, lambda _: bytes(flipped)), "invalid"),
        ("no signature", ".".join([*parts[:2], ""]), "invalid"),
        ("two parts", ".".join(parts[:2]), "invalid"),
        ("four parts", good + ".AA", "invalid"),
        ("padding", good + "=", "invalid"),
        ("a blank at the end", good + " ", "invalid"),
        ("alg none", compact({"alg": "none", "kid": kid}, PAYLOAD, lambda _: b"x"), "invalid"),
        ("alg of another kind", compact({"alg": other, "kid": kid}, PAYLOAD, sign), "invalid"),
        ("no alg", compact({"kid": kid}, PAYLOAD, sign), "invalid"),
        ("crit", compact({**head, "crit": ["exp"]}, PAYLOAD, sign), "invalid"),
        ("b64", compact({**head, "b64": True}, PAYLOAD, sign), "invalid"),
    ]


def pair(alg: str) -> dict[str, Any]:
    one = key(alg)
    tests = common(alg, one.sign, one.kid)
    head = {"alg": alg, "kid": one.kid}
    if alg == "ES256":
        half = one.sign
        tests += [
            ("r is zero", compact(head, PAYLOAD, lambda t: b"\0" * 32 + half(t)[32:]), "invalid"),
            ("s is zero", compact(head, PAYLOAD, lambda t: half(t)[:32] + b"\0" * 32), "invalid"),
            ("a byte too many", compact(head, PAYLOAD, lambda t: half(t) + b"\0"), "invalid"),
            ("a byte too few", compact(head, PAYLOAD, lambda t: half(t)[:-1]), "invalid"),
        ]
    if alg in ("RS256", "PS256"):
        twin = Key("PS256" if alg == "RS256" else "RS256", one.kid, one.private)
        tests.append(("the other padding", compact(head, PAYLOAD, twin.sign), "invalid"))
    return group(alg, one.jwk(), tests)


def group(alg: str, public: dict[str, Any], tests: list[Test]) -> dict[str, Any]:
    name = "private" if alg == "HS256" else "public"
    rows = [{"comment": c, "jws": j, "result": r, "flags": []} for c, j, r in tests]
    return {"comment": alg, "type": "JsonWebSignature", name: public, "tests": rows}


def main() -> None:
    secret = {"kty": "oct", "kid": "s", "alg": "HS256", "k": b64(SECRET)}
    groups = [pair(alg) for alg in ("EdDSA", "ES256", "RS256", "PS256")]
    groups.append(group("HS256", secret, common("HS256", hs256(SECRET), "s")))
    number = 0
    for one in groups:
        for row in one["tests"]:
            number += 1
            row["tcId"] = number
    whole = {"algorithm": "JSON Web Signature", "numberOfTests": number, "testGroups": groups}
    print(json.dumps(whole, indent=1))


main()
