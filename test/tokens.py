"""Calls of /v1/auth: tokens bought, exchanged, refreshed, ended."""

from __future__ import annotations

from typing import Any

import httpx
from client import until

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
JWT = "urn:ietf:params:oauth:token-type:jwt"
SEEN_S = 30  # a process hears of it within 5 s; machines under load get more


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def ask(http: httpx.Client, api_key: str | None = None, **form: str) -> httpx.Response:
    return http.post("/v1/auth/token", data=form, headers=bearer(api_key) if api_key else {})


def buy(http: httpx.Client, api_key: str, **form: str) -> dict[str, Any]:
    reply = ask(http, api_key, grant_type="client_credentials", **form)
    assert reply.status_code == 200, reply.text
    return reply.json()


def refresh(http: httpx.Client, token: str, **form: str) -> httpx.Response:
    return ask(http, grant_type="refresh_token", refresh_token=token, **form)


def status(http: httpx.Client, token: str) -> int:
    return http.get("/v1/jobs", headers=bearer(token)).status_code


def ends(http: httpx.Client, token: str, what: str) -> None:
    """It is refused in the end; what was answered instead is told."""
    last: list[httpx.Response] = []

    def refused() -> bool:
        last[:] = [http.get("/v1/jobs", headers=bearer(token))]
        return last[0].status_code == 401

    try:
        until(f"{what} is refused", refused, SEEN_S)
    except AssertionError as late:
        raise AssertionError(f"{late}: {last[0].status_code} {last[0].text[:200]}") from late


def exchange(http: httpx.Client, token: str, **form: str) -> httpx.Response:
    words = {"grant_type": EXCHANGE, "subject_token": token, "subject_token_type": JWT}
    return ask(http, **words, **form)


def exchanged(http: httpx.Client, token: str) -> str:
    reply = exchange(http, token)
    assert reply.status_code == 200, reply.text
    return reply.json()["access_token"]


def revoke(http: httpx.Client, token: str) -> None:
    reply = http.post("/v1/auth/revoke", data={"token": token})
    assert reply.status_code == 200, reply.text
