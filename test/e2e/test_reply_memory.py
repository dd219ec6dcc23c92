"""Clients that fetch megabytes and do not read them: what they hold is bounded, and they go."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from client import Client, chat, until
from stacks import admin_client, running, tenant_client

MIB = 1 << 20
LARGE_MAX = 6 * MIB  # three quarters of half of reply_memory_mb: see reply_memory.h
CONFIG = {"producer": {"reply_memory_mb": 16, "reply_timeout_ms": 60000, "idle_timeout_ms": 60000}}


@pytest.fixture(scope="module")
def stack() -> Iterator[Any]:
    with running("reply", config_overrides=CONFIG, producers=1) as found:
        yield found


@pytest.fixture
def client(stack: Any) -> Iterator[Client]:
    made = tenant_client(stack)
    yield made
    made.close()


def waiting(client: Client, size: int) -> str:
    """A job that waits, with an input of this size."""
    return client.submit(chat("x" * size, run_at="2099-01-01T00:00:00Z"))["id"]


def fetch(stack: Any, job: str) -> socket.socket:
    """Asks for the job with its input, and reads no more than its kernel takes unasked."""
    parts = urlsplit(stack.env["LONGHAUL_URL"])
    line = socket.socket()
    line.settimeout(60)
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    line.connect((parts.hostname, parts.port))
    key = stack.env["LONGHAUL_API_KEY"]
    head = f"GET /v1/jobs/{job}?expand=input HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n"
    line.sendall(f"{head}\r\n".encode())
    return line


def held(stack: Any, client: Client, job: str) -> list[socket.socket]:
    """Lines that hold so much that no more of it is loaded. One that came while a look of ours was
    answered is refused, and holds nothing: then there is another."""
    lines: list[socket.socket] = []

    def used_up() -> bool:
        line = fetch(stack, job)
        if line.recv(12, socket.MSG_PEEK) == b"HTTP/1.1 200":
            lines.append(line)
        else:
            line.close()
        return bool(lines) and status(client, job) == 503

    until("no more is loaded", used_up)
    return lines


def metric(page: str, series: str) -> float:
    return sum(float(row.split()[-1]) for row in page.splitlines() if row.startswith(series + " "))


def status(client: Client, job: str) -> int:
    return client.http.get(f"/v1/jobs/{job}", params={"expand": "input"}).status_code


@pytest.mark.promises("C12")
def test_replies_that_nobody_reads_are_counted(stack: Any, client: Client) -> None:
    large, small = waiting(client, 7 * MIB), waiting(client, 1)
    assert status(client, large) == 200
    lines = held(stack, client, large)
    refused = client.http.get(f"/v1/jobs/{large}", params={"expand": "input"})
    assert int(refused.headers["Retry-After"]) > 0
    assert refused.json()["code"] == "unavailable"
    assert status(client, small) == 200
    assert client.get(large)["state"] == "waiting"
    for line in lines:
        line.close()
    until("what they held is free", lambda: status(client, large) == 200)


@pytest.mark.promises("C12")
def test_one_tenants_slow_readers_take_no_others_replies(stack: Any, client: Client) -> None:
    other, admin = tenant_client(stack, second=True), admin_client(stack)
    # more than a kernel takes off our hands (tcp_wmem)
    mine, theirs = waiting(client, 5 * MIB), waiting(other, 4 * MIB)
    lines = held(stack, client, mine)
    assert status(other, theirs) == 200
    page = admin.http.get("/metrics").text
    assert metric(page, "longhaul_reply_memory_bytes") >= 4 * MIB
    assert metric(page, 'longhaul_replies_refused_total{limit="tenant"}') > 0
    for line in lines:
        line.close()
    until("its share is free", lambda: status(client, mine) == 200)
    other.close()
    admin.close()


def written(client: Client) -> tuple[str, int]:
    """An answered job, and how long its answer is."""
    job = client.submit(chat("x", model="sim?tokens=60000&chunk_tokens=1000"))["id"]
    return job, len(client.wait(job)["result"]["choices"][0]["message"]["content"])


@pytest.mark.promises("C12", "C9")
@pytest.mark.parametrize("member", ["events", "partial_output"])
def test_events_are_counted_before_they_are_loaded(stack: Any, client: Client, member: str) -> None:
    """Refused ones are never read: the record serves no such request."""
    admin, (job, size) = admin_client(stack), written(client)
    large = waiting(client, LARGE_MAX - 2 * size)  # beside it there is room for the answer alone

    def expanded() -> int:
        return client.http.get(f"/v1/jobs/{job}", params={"expand": member}).status_code

    def served() -> float:
        name = 'longhaul_record_items_total{operation="events"}'
        return metric(admin.http.get("/metrics").text, name)

    assert expanded() == 200
    lines = held(stack, client, large)
    before = served()
    assert client.get(job)["result"]
    assert expanded() == 503
    assert served() == before
    for line in lines:
        line.close()
    until("it is free", lambda: expanded() == 200)
    admin.close()


@pytest.mark.promises("C12")
def test_what_is_larger_than_a_batch_takes_comes_whole(client: Client) -> None:
    """Below and above what polls load together, and with its answer."""
    for size in (1, 60 << 10, 70 << 10, 3 * MIB):
        job = client.submit(chat("x" * size, model="sim?tokens=2"))["id"]
        assert client.wait(job)["result"] is not None
        found = client.get(job, expand="input,attempts")
        assert len(found["input"]["messages"][0]["content"]) == size
        assert found["result"] is not None and len(found["attempts"]) == 1


@pytest.mark.promises("C12")
def test_who_takes_nothing_of_a_reply_is_cut_off() -> None:
    """Seen by the memory that is free again: no end passes what the client left unread."""
    config = {"producer": {**CONFIG["producer"], "idle_timeout_ms": 5000}}
    with running("reply-slow", config_overrides=config, producers=1) as stack:
        client = tenant_client(stack)
        job = waiting(client, 7 * MIB)
        lines = [fetch(stack, job) for _ in range(2)]
        until("it is held", lambda: status(client, job) == 503)
        until("it is cut off", lambda: status(client, job) == 200)
        for line in lines:
            line.close()
        client.close()
