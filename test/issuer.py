"""An issuer of tokens for tests: its keys, the place where it publishes them, and forgeries."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.server
import json
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils

Claims = dict[str, Any]
Sign = Callable[[bytes], bytes]
LEEWAY_S = 60  # so far ahead an issuer's clock may be


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def number(n: int, size: int = 0) -> str:
    return b64(n.to_bytes(size or (n.bit_length() + 7) // 8, "big"))


def compact(header: bytes | Claims, payload: bytes | Claims, sign: Sign) -> str:
    parts = [p if isinstance(p, bytes) else json.dumps(p).encode() for p in (header, payload)]
    signed = f"{b64(parts[0])}.{b64(parts[1])}"
    return f"{signed}.{b64(sign(signed.encode()))}"


def hs256(secret: bytes) -> Sign:
    return lambda text: hmac.new(secret, text, hashlib.sha256).digest()


@dataclass
class Key:
    """A key pair: how it signs, and how its public half is published."""

    alg: str
    kid: str
    private: Any

    def sign(self, text: bytes) -> bytes:
        if self.alg == "EdDSA":
            return self.private.sign(text)
        if self.alg == "ES256":
            r, s = utils.decode_dss_signature(self.private.sign(text, ec.ECDSA(hashes.SHA256())))
            return r.to_bytes(32, "big") + s.to_bytes(32, "big")
        pss = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
        pad = pss if self.alg == "PS256" else padding.PKCS1v15()
        return self.private.sign(text, pad, hashes.SHA256())

    def jwk(self, **more: Any) -> Claims:
        return {"kid": self.kid, "alg": self.alg, "use": "sig", **self.public(), **more}

    def public(self) -> Claims:
        half = self.private.public_key()
        if self.alg == "EdDSA":
            return {"kty": "OKP", "crv": "Ed25519", "x": b64(half.public_bytes_raw())}
        numbers = half.public_numbers()
        if self.alg == "ES256":
            x, y = number(numbers.x, 32), number(numbers.y, 32)
            return {"kty": "EC", "crv": "P-256", "x": x, "y": y}
        return {"kty": "RSA", "n": number(numbers.n), "e": number(numbers.e)}


def key(alg: str, kid: str = "", bits: int = 2048) -> Key:
    made = {
        "EdDSA": ed25519.Ed25519PrivateKey.generate,
        "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
        "RS256": lambda: rsa.generate_private_key(65537, bits),
        "PS256": lambda: rsa.generate_private_key(65537, bits),
    }[alg]()
    return Key(alg, kid or f"{alg}-1", made)


@dataclass
class Issuer:
    """Keys by id, published under /jwks.json/NAME; every fetch is counted."""

    iss: str
    url: str
    tenant: str
    audience: str = "longhaul"
    keys: dict[str, Key] = field(default_factory=dict)
    published: bytes | None = None  # instead of the keys
    fetches: int = 0
    status: int = 200
    hold: threading.Event | None = None  # answers only when it is set

    def body(self) -> bytes:
        if self.published is not None:
            return self.published
        return json.dumps({"keys": [k.jwk() for k in self.keys.values()]}).encode()

    def claims(self, **more: Any) -> Claims:
        now = int(time.time())
        base = {
            "iss": self.iss,
            "sub": "ada",
            "aud": self.audience,
            "iat": now,
            "exp": now + 300,
            "jti": str(uuid.uuid4()),
            "tenant": self.tenant,
        }
        return {k: v for k, v in {**base, **more}.items() if v is not ...}

    def token(self, kid: str = "EdDSA-1", header: Claims | None = None, **claims: Any) -> str:
        signer = self.keys[kid]
        head = {"alg": signer.alg, "typ": "JWT", "kid": kid, **(header or {})}
        return compact(head, self.claims(**claims), signer.sign)


class Issuers:
    """A server of key sets on a free port of this machine."""

    def __init__(self) -> None:
        self.all: dict[str, Issuer] = {}
        self.strays: list[str] = []  # paths that nobody publishes at
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                one = outer.all.get(self.path.removeprefix("/jwks.json/"))
                if one is None:
                    outer.strays.append(self.path)
                    self.send_error(404)
                    return
                one.fetches += 1
                if one.hold:
                    one.hold.wait(30)
                body = one.body()
                self.send_response(one.status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("0.0.0.0", 0), Handler)
        self.base = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def issuer(self, tenant: str, *keys: Key) -> Issuer:
        name = uuid.uuid4().hex[:8]
        one = Issuer(f"https://idp.test/{name}", f"{self.base}/jwks.json/{name}", tenant)
        one.keys = {k.kid: k for k in keys}
        self.all[name] = one
        return one

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
