"""Bodies that are announced and never come, and small values that swell once they are read: no
tenant's take what others need."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from client import Client, chat, until
from stacks import admin_client, running, tenant_client

MIB = 1 << 20
BODY_MIB, BULK_MIB, MEMORY_MIB = 2, 4, 16
CONFIG = {
    "producer": {
        "body_memory_mb": MEMORY_MIB,
        "body_tenant_percent": 50,
        "body_timeout_ms": 600000,
        "idle_timeout_ms": 600000,
    },
    "limits": {"body_bytes": BODY_MIB * MIB, "bulk_bytes": BULK_MIB * MIB, "json_memory_mb": 8},
}
SHARE_MIB = MEMORY_MIB // 2
LARGE = chat("x" * MIB, run_at="2099-01-01T00:00:00Z")
NDJSON = {"Content-Type": "application/x-ndjson"}


@pytest.fixture(scope="module")
def stack() -> Iterator[Any]:
    with running("body", config_overrides=CONFIG, producers=1) as found:
        yield found


@pytest.fixture
def client(stack: Any) -> Iterator[Client]:
    made = tenant_client(stack)
    yield made
    made.close()


@pytest.fixture
def other(stack: Any) -> Iterator[Client]:
    made = tenant_client(stack, second=True)
    yield made
    made.close()


@pytest.fixture
def admin(stack: Any) -> Iterator[Client]:
    made = admin_client(stack)
    yield made
    made.close()


def announce(stack: Any, key: str) -> socket.socket:
    """A bulk request whose body does not come."""
    parts = urlsplit(stack.env["LONGHAUL_URL"])
    line = socket.create_connection((parts.hostname, parts.port), timeout=60)
    head = f"POST /v1/jobs/bulk HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {stack.env[key]}\r\n"
    line.sendall(f"{head}Content-Length: {BULK_MIB * MIB}\r\n\r\n".encode())
    return line


def metric(admin: Client, series: str) -> float:
    rows = admin.http.get("/metrics").text.splitlines()
    return sum(float(row.split()[-1]) for row in rows if row.startswith(series + " "))


def refused(admin: Client) -> float:
    return metric(admin, 'longhaul_bodies_refused_total{limit="tenant"}')


def held(admin: Client) -> float:
    return metric(admin, "longhaul_body_memory_bytes") / MIB


def large(client: Client) -> int:
    return client.http.post("/v1/jobs", json=LARGE).status_code


@pytest.mark.promises("C12")
def test_what_one_tenant_announces_takes_no_others_room(
    stack: Any, client: Client, other: Client, admin: Client
) -> None:
    before = refused(admin)
    with ExitStack() as lines:
        for _ in range(MEMORY_MIB // BULK_MIB):
            lines.enter_context(announce(stack, "LONGHAUL_API_KEY"))
        until("its share is used up", lambda: held(admin) == SHARE_MIB and refused(admin) > before)
        mine = client.http.post("/v1/jobs", json=LARGE)
        assert (mine.status_code, mine.json()["code"]) == (503, "unavailable")
        assert int(mine.headers["Retry-After"]) > 0
        assert large(other) == 202
    until("its share is free", lambda: large(client) == 202)
    until("all is free", lambda: held(admin) == 0)


@pytest.mark.promises("C12")
def test_small_bodies_find_room_when_all_is_taken(
    stack: Any, client: Client, other: Client, admin: Client
) -> None:
    """Jobs, and what shuts somebody out."""
    user = {"user": "usr_3721nyc8fmh2r9x5m8ewt9rmce"}
    with ExitStack() as lines:
        for key in ("LONGHAUL_API_KEY", "LONGHAUL_API_KEY_2"):
            for _ in range(SHARE_MIB // BULK_MIB):
                lines.enter_context(announce(stack, key))
        until("all is used up", lambda: held(admin) == MEMORY_MIB)
        for one in (client, other):
            assert large(one) == 503
            assert one.submit(chat("x"))["id"]
            assert one.http.post("/v1/revocations?dry_run=true", json=user).status_code < 500
            form = {"grant_type": "client_credentials"}
            assert one.http.post("/v1/auth/token", data=form).status_code < 500
    until("all is free", lambda: held(admin) == 0)


def swelling(size: int) -> str:
    """A hundred times as much once it is read."""
    return "[" + "{}," * (size // 3) + "{}]"


@pytest.mark.promises("C12")
def test_values_that_swell_are_refused_before_they_are_read(stack: Any, client: Client) -> None:
    status = Path(f"/proc/{stack.pid('producer-1')}/status")

    def peak_mib() -> float:
        rows = dict(row.split(":", 1) for row in status.read_text().splitlines())
        return int(rows["VmHWM"].split()[0]) / 1024

    for path, member in (("/v1/jobs", "input"), ("/v1/jobs/search", "metadata")):
        body = f'{{"kind":"noop","{member}":{{"x":{swelling(BODY_MIB * MIB - 1024)}}}}}'
        before = peak_mib()
        reply = client.http.post(path, content=body, headers={"Content-Type": "application/json"})
        problem = reply.json()
        assert (reply.status_code, problem["code"]) == (400, "invalid_json")
        assert problem["errors"][0]["pointer"] == ""
        assert "8 MiB of memory" in problem["errors"][0]["detail"]
        assert peak_mib() - before < 64  # of 150
    body = f'{{"kind":"noop","input":{{"x":{swelling(64 << 10)}}}}}'
    reply = client.http.post("/v1/jobs", content=body, headers={"Content-Type": "application/json"})
    assert reply.status_code == 202


@pytest.mark.promises("C12")
def test_a_bulk_line_is_held_to_what_a_job_is(client: Client) -> None:
    def line(text: str) -> str:
        return json.dumps({"kind": "noop", "input": {"x": text}}) + "\n"

    swollen = f'{{"kind":"noop","input":{{"x":{swelling(MIB)}}}}}\n'
    content = line("a") + line("y" * BODY_MIB * MIB) + swollen + line("b")
    reply = client.http.post("/v1/jobs/bulk", content=content, headers=NDJSON)
    assert reply.status_code == 200
    answers = [json.loads(answer) for answer in reply.text.splitlines()]
    assert [answer.get("code") for answer in answers] == [None, "too_large", "invalid_json", None]
    assert f"{BODY_MIB * MIB} bytes" in answers[1]["errors"][0]["detail"]


@pytest.mark.promises("C12")
def test_what_a_search_holds_once_read_is_counted(
    stack: Any, client: Client, other: Client, admin: Client
) -> None:
    """Beside what is announced there is no room for its values, though for its bytes there is."""
    search = {"metadata": {"x": ["1"] * 40000}}
    assert client.http.post("/v1/jobs/search", json=search).status_code < 500
    with ExitStack() as lines:
        lines.enter_context(announce(stack, "LONGHAUL_API_KEY"))
        until("it is announced", lambda: held(admin) == BULK_MIB)
        assert client.http.post("/v1/jobs/search", json=search).status_code == 503
        assert large(client) == 202
        assert other.http.post("/v1/jobs/search", json=search).status_code < 500
    until("all is free", lambda: held(admin) == 0)
