"""Event streams that are hardly read: what waits in them is counted, by tenant, and they end."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from typing import Any
from urllib.parse import urlsplit

import pytest
from client import Client, chat, until
from stacks import admin_client, running, tenant_client

SHARE = 4
CONFIG = {
    "producer": {
        "reply_memory_mb": 16,
        "reply_tenant_percent": 25,
        "reply_timeout_ms": 2000,
        "idle_timeout_ms": 600000,
        "watchers_max": 2 * SHARE,
        "watchers_tenant_percent": 50,
    }
}
ANSWER = "sim?tokens=300000&chunk_tokens=10000"


@pytest.fixture(scope="module")
def stack() -> Iterator[Any]:
    with running("stream", config_overrides=CONFIG, producers=1) as found:
        yield found


@pytest.fixture(scope="module")
def client(stack: Any) -> Iterator[Client]:
    made = tenant_client(stack)
    yield made
    made.close()


@pytest.fixture(scope="module")
def other(stack: Any) -> Iterator[Client]:
    made = tenant_client(stack, second=True)
    yield made
    made.close()


@pytest.fixture(scope="module")
def admin(stack: Any) -> Iterator[Client]:
    made = admin_client(stack)
    yield made
    made.close()


@pytest.fixture(scope="module")
def long(client: Client) -> str:
    """An answered job with so much to tell that no kernel takes it all off our hands."""
    job = client.submit(chat("x", model=ANSWER))["id"]
    client.wait(job)
    return job


def follow(stack: Any, job: str, who: str = "LONGHAUL_API_KEY") -> socket.socket:
    """Asks for the job's events, and reads no more than kernels take unasked: little, as they make
    room for so many segments."""
    parts = urlsplit(stack.env["LONGHAUL_URL"])
    line = socket.socket()
    line.settimeout(60)
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536)
    line.connect((parts.hostname, parts.port))
    key = stack.env[who]
    head = f"GET /v1/jobs/{job}/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n"
    line.sendall(f"{head}\r\n".encode())
    return line


def metric(admin: Client, series: str) -> float:
    rows = admin.http.get("/metrics").text.splitlines()
    return sum(float(row.split()[-1]) for row in rows if row.startswith(series + " "))


def held(admin: Client) -> float:
    return metric(admin, "longhaul_stream_memory_bytes")


def whole(client: Client, job: str) -> int:
    """How much its events tell, to who reads them at once."""
    return sum(len(data["text"]) for _, kind, data in client.events(job) if kind == "job.delta")


@pytest.mark.promises("C9", "C12")
def test_who_hardly_reads_a_stream_is_cut_off(
    stack: Any, client: Client, admin: Client, long: str
) -> None:
    """Seen by the memory that is free again while the client is still there."""
    size = whole(client, long)
    until("who read it holds nothing", lambda: held(admin) == 0)
    with follow(stack, long) as line:
        line.recv(1)  # by now all of it waits
        until("it is cut off", lambda: held(admin) == 0)
        taken = 0
        with suppress(ConnectionResetError):
            while chunk := line.recv(65536):
                taken += len(chunk)
        assert taken < size


@pytest.mark.promises("C9", "C12")
def test_streams_of_one_tenant_take_no_others_place(
    stack: Any, client: Client, other: Client, admin: Client
) -> None:
    mine, theirs = (
        one.submit(chat("x", run_at="2099-01-01T00:00:00Z"))["id"] for one in (client, other)
    )

    def watch(n: float) -> None:
        until(f"{n} watch", lambda: metric(admin, "longhaul_watchers") == n)

    watch(0)
    with ExitStack() as lines:
        for _ in range(SHARE):
            lines.enter_context(follow(stack, mine))
        watch(SHARE)
        assert list(client.events(mine))  # told what there is, and ended
        lines.enter_context(follow(stack, theirs, "LONGHAUL_API_KEY_2"))
        watch(SHARE + 1)
