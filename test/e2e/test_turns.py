"""While one tenant's calls take long or are many, others are served, and who shall go goes."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest
from client import Client, until
from roles_world import made
from stacks import Stack, admin_client, running
from tokens import SEEN_S, buy, refresh

pytestmark = pytest.mark.promises("S1.1", "C12")

BUSY, OTHER = "turns-busy", "turns-other"
USER = "usr_3721nyc8fmh2r9x5m8ewt9rmce"
MATES = 256  # RECORD_MATES_MAX of producer/record/record.h
# whoever waits for a lock waits longer than any test takes
PATIENT = {"producer": {"commit_timeout_ms": 60_000, "reply_timeout_ms": 120_000}}


@dataclass
class World:
    stack: Stack
    admin: Client
    busy: Client
    other: Client

    def key(self, tenant: str) -> dict[str, str]:
        body = {"tenant": tenant, "roles": ["tenant-admin"]}
        return made(self.admin.http.post("/v1/api-keys", json=body), 201)

    def is_held(self) -> bool:
        waits = "select 1 from pg_stat_activity where usename = 'longhaul_producer'"
        return bool(self.stack.psql(f"{waits} and wait_event_type = 'Lock'"))

    @contextmanager
    def slow_held(self, pool: ThreadPoolExecutor) -> Iterator[Future[httpx.Response]]:
        """The lane of slow calls is at work on a count of the busy tenant's, all the block long."""
        words = {"queue": "default", "dry_run": True}
        with psycopg.connect(self.stack.env["LONGHAUL_PG_URL"]) as record:
            record.execute("lock table job in access exclusive mode")
            count = pool.submit(self.busy.http.post, "/v1/jobs/cancel", json=words)
            until("the count waits for the table", self.is_held, SEEN_S)
            yield count
            record.rollback()


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    how = {"lite": True, "producers": 1, "workers": 0, "schedulers": 0}
    with running("turns", **how, config_overrides=PATIENT) as stack:
        admin, url = admin_client(stack), stack.env["LONGHAUL_URL"]
        one = World(stack, admin, admin, admin)
        for tenant in (BUSY, OTHER):
            made(admin.http.post("/v1/tenants", json={"name": tenant}), 201)
        one.busy, one.other = (Client(url, one.key(tenant)["key"]) for tenant in (BUSY, OTHER))
        yield one
        for client in (one.busy, one.other, admin):
            client.close()


def test_what_shuts_out_and_lets_in_stands_behind_no_count(world: World) -> None:
    keys = [world.key(tenant) for tenant in (BUSY, OTHER, OTHER)]
    with ThreadPoolExecutor(1) as pool, world.slow_held(pool) as count:
        by_operator = world.admin.http.post("/v1/revocations", json={"tenant": BUSY, "user": USER})
        own = world.other.http.post("/v1/revocations", json={"user": USER})
        rotated = world.other.http.post(f"/v1/api-keys/{keys[2]['id']}/rotate", json={})
        ends = (
            world.admin.http.delete(f"/v1/api-keys/{keys[0]['id']}"),
            world.other.http.delete(f"/v1/api-keys/{keys[1]['id']}"),
        )
        disabled = world.other.http.put("/v1/users/gone", json={"roles": [], "disabled": True})
        with httpx.Client(base_url=world.stack.env["LONGHAUL_URL"]) as http:
            key = world.other.http.headers["authorization"].split()[1]
            bought = buy(http, key, scope="offline_access")
            again = refresh(http, bought["refresh_token"])
        signs = world.admin.http.post("/v1/signing-keys/rotate", json={"emergency": True})
        assert not count.done() and world.is_held(), "all that was answered meanwhile"
        for reply in (by_operator, own, rotated, *ends, disabled, signs, again):
            assert reply.is_success, f"{reply.url}: {reply.text}"
    assert count.result().status_code == 200


def sent(url: str, client: Client, asks: str) -> socket.socket:
    """A call is made; nobody waits for its answer."""
    where = urlsplit(url)
    line = socket.create_connection((where.hostname, where.port), timeout=60)
    words = f"Host: x\r\nAuthorization: {client.http.headers['authorization']}"
    words += "\r\nIf-Match: *\r\nContent-Type: application/json\r\nContent-Length: 2"
    line.sendall(f"{asks} HTTP/1.1\r\n{words}\r\nConnection: close\r\n\r\n{{}}".encode())
    return line


def answers(lines: list[socket.socket]) -> list[bytes]:
    """What came up to now; it is not taken."""
    heads = []
    for line in lines:
        line.setblocking(False)
        try:
            heads.append(line.recv(4096, socket.MSG_PEEK))
        except BlockingIOError:
            continue
        finally:
            line.setblocking(True)
    return heads


NOBODYS = "/v1/jobs/job_3721nyc8fmh2r9x5m8ewt9rmce"
LANES = 4  # at most so many of them have had their turn, and wait for the table


@pytest.mark.parametrize(
    "asks, status, taken",
    [
        ("GET /v1/jobs?limit=1", 200, 0),
        (f"POST {NOBODYS}/cancel", 404, LANES),
        (f"POST {NOBODYS}/retry", 404, LANES),
        (f"DELETE {NOBODYS}", 404, LANES),
    ],
)
def test_a_tenant_whose_calls_wait_is_refused_more_and_nobody_else(
    world: World, asks: str, status: int, taken: int
) -> None:
    url, more = world.stack.env["LONGHAUL_URL"], 3
    served = f"HTTP/1.1 {status} ".encode()
    with ThreadPoolExecutor(1) as pool, ExitStack() as opened:
        with world.slow_held(pool):
            flood = [
                opened.enter_context(sent(url, world.busy, asks))
                for _ in range(MATES + taken + more)
            ]
            until("what is too much is refused", lambda: len(answers(flood)) >= more, SEEN_S)
            others = [opened.enter_context(sent(url, world.other, asks)) for _ in range(more)]
            refused = answers(flood)
            assert more <= len(refused) <= more + taken
            for head in refused:
                assert head.startswith(b"HTTP/1.1 429 ") and b"Retry-After: " in head
        for line in others:
            assert line.recv(4096).startswith(served)
        until("the others of the flood had their turns", lambda: len(answers(flood)) == len(flood))
        heads = [head for head in answers(flood) if head.startswith(served)]
        assert len(heads) == len(flood) - len(refused)
