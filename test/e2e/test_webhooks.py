"""Webhooks: signed, retried with one id, never inward, never redirected."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from client import Client, until
from receiver import Receiver
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

pytestmark = pytest.mark.usefixtures("stack")


def submit(client: Client, url: str, **more: Any) -> dict[str, Any]:
    return client.submit({"kind": "noop", "input": {}, "callback": {"url": url}, **more})


@pytest.mark.promises("C3")
def test_a_delivery_verifies_with_the_official_library(
    client: Client, receiver: Receiver, webhook_secret: str
) -> None:
    job = submit(client, receiver.url("/ok"), metadata={"k": "v"})
    call = until("a delivery", lambda: receiver.calls_of(job["id"]))[0]
    body = Webhook(webhook_secret).verify(call.body, call.headers)
    assert body["type"] == "job.completed"
    assert body["data"] == {
        "id": job["id"],
        "state": "completed",
        "queue": "default",
        "metadata": {"k": "v"},
    }
    assert set(body) == {"type", "timestamp", "data"}


@pytest.mark.promises("C3")
def test_the_verification_that_the_page_for_receivers_shows_works(
    client: Client, receiver: Receiver, webhook_secret: str
) -> None:
    page = (Path(__file__).resolve().parents[2] / "docs/webhooks.md").read_text()
    shown: dict[str, Any] = {}
    exec(page.split("```python\n")[1].split("```")[0], shown)
    job = submit(client, receiver.url("/ok"))
    call = until("a delivery", lambda: receiver.calls_of(job["id"]))[0]
    assert shown["verify"](webhook_secret, call.headers, call.body, tolerance_s=3600)
    assert not shown["verify"](webhook_secret, call.headers, call.body + b" ", tolerance_s=3600)
    assert not shown["verify"](webhook_secret, call.headers, call.body, tolerance_s=-1)
    one = client.get(job["id"], expand="deliveries")["deliveries"][0]
    assert call.headers["webhook-id"][4:] == one["id"][4:]


@pytest.mark.promises("C3")
def test_a_refused_delivery_comes_again_under_the_same_id(
    client: Client, receiver: Receiver, webhook_secret: str
) -> None:
    receiver.answer("/flaky", [503, 500, 200])
    job = submit(client, receiver.url("/flaky"))
    calls = until(
        "a second try", lambda: len(receiver.calls_of(job["id"])) >= 2 and receiver.calls, 60
    )
    mine = [call for call in calls if call.job == job["id"]]
    assert len({call.headers["webhook-id"] for call in mine}) == 1
    for call in mine:
        Webhook(webhook_secret).verify(call.body, call.headers)


@pytest.mark.promises("C3")
def test_a_redirect_is_not_followed(client: Client, receiver: Receiver) -> None:
    receiver.answer("/moved", [302])
    job = submit(client, receiver.url("/moved"))
    until("the redirecting call", lambda: receiver.calls_of(job["id"]))

    def logged() -> Any:
        rows = client.get(job["id"], expand="deliveries")["deliveries"]
        return rows[0]["attempts"] if rows else None

    assert until("a logged attempt", logged)[0]["status"] == 302
    assert "/target" not in [call.path for call in receiver.calls]


@pytest.mark.promises("C3")
def test_deliveries_are_logged_without_bodies(client: Client, receiver: Receiver) -> None:
    job = submit(client, receiver.url("/ok"))

    def delivered() -> Any:
        rows = client.get(job["id"], expand="deliveries")["deliveries"]
        return rows if rows and rows[0]["state"] == "delivered" else None

    row = until("the log says delivered", delivered)[0]
    assert row["attempts"][0]["status"] == 200
    assert "body" not in json.dumps(row)


@pytest.mark.parametrize(
    "url",
    [
        "http://10.0.0.1/x",
        "http://169.254.169.254/latest",
        "http://[::1]:1/x",
        "https://example.org/x",
    ],
)
@pytest.mark.promises("C3")
def test_an_origin_that_is_not_listed_is_refused_at_submit(client: Client, url: str) -> None:
    reply = client.http.post(
        "/v1/jobs", json={"kind": "noop", "input": {}, "callback": {"url": url}}
    )
    assert reply.status_code == 422
    assert reply.json()["errors"][0]["pointer"] == "/callback/url"


@pytest.mark.promises("C3")
def test_a_listed_origin_inside_a_private_network_gets_no_connection(
    client: Client, admin: Client
) -> None:
    """The list says who may be called; the address rules still hold when the call is made."""
    path = "/v1/tenants/demo/callback-origins"
    before = admin.http.get(path).json()["origins"]
    admin.http.put(path, json={"origins": [*before, "http://169.254.1.1:81"]}).raise_for_status()
    job = submit(client, "http://169.254.1.1:81/x")

    def refused() -> Any:
        rows = client.get(job["id"], expand="deliveries")["deliveries"]
        return rows[0]["attempts"] if rows and rows[0]["attempts"] else None

    attempt = until("a refused attempt", refused)[0]
    assert attempt["status"] in (None, 0) and attempt["error"]
    admin.http.put(path, json={"origins": before}).raise_for_status()


@pytest.mark.promises("C3")
def test_a_dead_receiver_delays_nobody_else(client: Client, receiver: Receiver) -> None:
    receiver.answer("/hang", [-1])
    for _ in range(20):
        submit(client, receiver.url("/hang"))
    quick = submit(client, receiver.other_url("/ok"))
    until("the other origin was served", lambda: receiver.calls_of(quick["id"]))


@pytest.mark.promises("C3")
def test_a_secret_is_rotated_with_an_overlap(
    stack: Any, client2: Client, admin: Client, receiver: Receiver
) -> None:
    """Both sign while the overlap lasts; after a rotation without one only the new does."""
    origins = {"origins": ["http://127.0.0.1:*"]}
    admin.http.put("/v1/tenants/demo2/callback-origins", json=origins).raise_for_status()

    def rotated(name: str, *words: str) -> str:
        file = stack.layout.keys / name
        stack.longhaul("signing-key", "rotate", "demo2", "--webhook-secret-file", str(file), *words)
        return file.read_text().strip()

    def verified(secrets: list[str]) -> list[bool]:
        job = submit(client2, receiver.url("/ok"))
        call = until("a delivery", lambda: receiver.calls_of(job["id"]))[0]
        return [verifies(secret, call) for secret in secrets]

    listed = json.loads(stack.longhaul("signing-key", "list", "--kind", "webhook", "--json"))[
        "data"
    ]
    first = (stack.layout.keys / "demo2.webhook").read_text().strip()
    second = rotated("second.webhook")
    assert verified([first, second]) == [True, True]
    third = rotated("third.webhook", "--overlap", "0s")
    assert verified([first, second, third]) == [False, False, True]
    now = json.loads(stack.longhaul("signing-key", "list", "--kind", "webhook", "--json"))["data"]
    assert [row["mark"] for row in now if row["tenant"] == "demo"] == [
        row["mark"] for row in listed if row["tenant"] == "demo"
    ]
    assert {row["mark"] for row in now} != {row["mark"] for row in listed}
    assert third not in json.dumps(now)


def verifies(secret: str, call: Any) -> bool:
    try:
        Webhook(secret).verify(call.body, call.headers)
    except WebhookVerificationError:
        return False
    return True
