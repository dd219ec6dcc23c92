"""Markers through every string that the API takes, on every way that content goes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from client import Client, chat, until
from receiver import Receiver
from stacks import admin_client, another_operator, tenant_client

from leak.spellings import Spellings


class Echo(BaseHTTPRequestHandler):
    """An upstream that refuses, and says in its own words what it was asked."""

    def do_POST(self) -> None:
        said = self.rfile.read(int(self.headers["Content-Length"])).decode()
        body = json.dumps({"error": {"message": f"cannot serve {said}"}}).encode()
        self.send_response(400)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        """Nothing: what it would say is not ours."""


@contextmanager
def echo_upstream() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    finally:
        server.shutdown()
        server.server_close()


def job_of(s: Spellings, way: str, **more: Any) -> dict[str, Any]:
    """A job with a marker in each string that may be any text."""
    body = chat(s.marker(f"{way}-prompt") + ". Two.", **more)
    body["input"]["user"] = s.marker(f"{way}-user")
    body["input"]["messages"].insert(
        0, {"role": "system", "content": s.marker(f"{way}-system"), s.marker("member"): [1]}
    )
    return {
        **body,
        "subject": s.marker(f"{way}-subject"),
        "metadata": {s.marker(f"{way}-name"): s.marker(f"{way}-value")},
        "fallback": [{"model": s.marker(f"{way}-fallback")}],
    }


def write_jobs(client: Client, s: Spellings, url: str) -> None:
    """What completes, streams, fails by the upstream's words, is told of, is large."""
    callback = {"url": f"{url}?for={s.marker('callback')}"}
    whole = client.submit(job_of(s, "whole", callback=callback), key=s.marker("key"))["id"]
    large = job_of(s, "large")
    large["input"]["messages"].append({"role": "user", "content": s.marker("large ") * 400})
    large = client.submit(large)["id"]
    refused = client.submit(job_of(s, "refused", model="echo"))["id"]
    lines = client.bulk([job_of(s, f"bulk{n}") for n in range(3)])
    for job in (whole, large, refused, *(line["id"] for line in lines)):
        client.wait(job)
    failed = client.get(refused, expand="attempts")
    assert s.stem in failed["error"]["upstream_message"], failed
    done = client.get(whole, expand="input,events,partial_output,deliveries")
    assert s.stem in json.dumps(done["result"]) and s.stem in done["subject"], done
    assert any(s.stem in event["data"].get("text", "") for event in done["events"]), done


def write_refusals(client: Client, s: Spellings) -> None:
    """What is refused leaves nothing either, in logs above all."""
    for body in (
        {"kind": s.marker("kind"), "input": {}},
        {"kind": "noop", "queue": s.marker("queue"), "input": {}},
        {"kind": "noop", "input": {}, s.marker("member"): 1},
        {"kind": "noop", "input": s.marker("input")},
    ):
        assert client.http.post("/v1/jobs", json=body).status_code == 422
    assert client.http.post("/v1/jobs", content=f'{{"kind": "{s.stem}').status_code == 400
    assert client.http.get(f"/v1/jobs/{s.marker('id')}").status_code == 404
    assert client.http.get(f"/{s.marker('path')}").status_code == 404
    client.http.get("/v1/jobs", headers={"Authorization": f"Bearer {s.marker('bearer')}"})


def write_searches(client: Client, s: Spellings) -> None:
    wanted = {
        "subject": s.marker("whole-subject"),
        "metadata": {s.marker("whole-name"): s.marker("whole-value")},
    }
    found = client.http.post("/v1/jobs/search", json=wanted).json()
    assert len(found["data"]) == 1, found
    assert client.http.get("/v1/jobs", params={"model": s.marker("model")}).status_code == 200
    client.http.get("/v1/jobs", params={s.marker("parameter"): s.marker("value")})


def write_settings(stack: Any, client: Client, s: Spellings, url: str) -> None:
    """A tenant's own strings: where its callbacks may go."""
    admin = admin_client(stack)
    origins = ["http://127.0.0.1:*", f"https://{s.stem}.example"]
    reply = admin.http.put("/v1/tenants/demo/callback-origins", json={"origins": origins})
    assert reply.status_code == 200 and reply.json()["origins"] == origins, reply.text
    admin.close()


def write_asked(stack: Any, s: Spellings) -> None:
    """What waits for a second person is kept as it was asked for."""
    admin = admin_client(stack)
    second = Client(stack.env["LONGHAUL_ADMIN_URL"], another_operator(stack)["key"])
    base, wish = "/v1/tenants/pair", {"required": True}
    admin.http.post("/v1/tenants", json={"name": "pair"}).raise_for_status()
    admin.http.put(f"{base}/two-people", json=wish)
    asked = admin.http.get(f"{base}/approvals").json()["data"][0]["id"]
    second.http.post(f"{base}/approvals/{asked}/approve").raise_for_status()
    admin.http.put(f"{base}/two-people", json=wish).raise_for_status()
    role = {"rules": [f"allow job:read queue={s.marker('asked')}"], "parents": []}
    assert admin.http.put(f"{base}/roles/r", json=role).json()["code"] == "approval_needed"
    assert s.stem in admin.http.get(f"{base}/approvals").text
    for client in (admin, second):
        client.close()


@contextmanager
def written(stack: Any, s: Spellings) -> Iterator[None]:
    """Everything is written; one answer is still being streamed while the block lasts."""
    client, receiver = tenant_client(stack), Receiver()
    try:
        write_settings(stack, client, s, receiver.url("/in"))
        write_asked(stack, s)
        write_jobs(client, s, receiver.url("/in"))
        until("the callback", lambda: receiver.calls)
        write_refusals(client, s)
        write_searches(client, s)
        slow = client.submit(job_of(s, "slow", model="sim?hang_after=2&seed=3"))["id"]
        until("text", lambda: client.get(slow, expand="partial_output")["partial_output"])
        yield
        client.http.post(f"/v1/jobs/{slow}/cancel")
        client.wait(slow)
    finally:
        receiver.close()
        client.close()
