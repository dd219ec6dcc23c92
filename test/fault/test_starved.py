"""Too few files, too little memory, too many clients: what is refused is refused cleanly.

Nothing acknowledged is lost, and when there is enough again everybody is served again. The limits
are set on programs that run (prlimit); single allocations fail by test/preload/failing-memory.c.
"""

from __future__ import annotations

import json
import os
import random
import resource
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest
from client import Client, chat, until
from preloads import Preloaded, preloaded
from stacks import Stack, running, tenant_client

from .conftest import LONG, Fault, rounds, value
from .load import SHORT, assert_whole, load, more
from .test_parts_away import worked_s

CLIENTS, CONNECTIONS = 200, 6
FEW = {"producer": {"db_connections": 2}}
WORKERS = ("worker-1", "worker-2")
asan = pytest.mark.skipif(
    os.environ.get("LONGHAUL_MODE") == "asan", reason="the sanitizer has an allocator of its own"
)


def in_the_long_form(test: Callable[..., None]) -> Callable[..., None] | None:
    """Takes a minute; otherwise it is not there at all."""
    return test if LONG else None


@dataclass
class World:
    stack: Stack
    memory: Preloaded

    def fresh(self) -> int | None:
        """What a client without a connection is answered to a submit; None: it was hung up on."""
        key = self.stack.env["LONGHAUL_API_KEY"]
        try:
            reply = httpx.post(
                f"{self.stack.env['LONGHAUL_URL']}/v1/jobs",
                json={"kind": "noop", "input": {}},
                headers={"Authorization": f"Bearer {key}"},
                timeout=60,
            )
        except httpx.TransportError:
            return None
        assert reply.status_code != 503 or int(reply.headers["retry-after"]) >= 1
        return reply.status_code

    def served_again(self) -> None:
        until("a new client is served", lambda: self.fresh() == 202)


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with (
        preloaded("failing-memory") as memory,
        running("starved", workers=2, program_env=memory.env, config_overrides=FEW) as stack,
    ):
        yield World(stack, memory)


LIMITS = {"nofile": "Max open files", "as": "Max address space"}


@contextmanager
def limited(stack: Stack, name: str, what: str, soft: int) -> Iterator[None]:
    """Set by the account whose process it is: another's may be out of bounds, for root as well."""
    pid = stack.pid(name)
    rows = Path(f"/proc/{pid}/limits").read_text().splitlines()
    before = next(row for row in rows if row.startswith(LIMITS[what]))[len(LIMITS[what]) :].split()[
        0
    ]

    def set_to(limit: int | str) -> None:
        done = stack.layout.account.run(["prlimit", "--pid", str(pid), f"--{what}={limit}:"])
        assert done.returncode == 0 or stack.pid(name) != pid, done.stderr

    set_to(soft)
    try:
        yield
    finally:
        set_to(before)


# Clients.


def connections(stack: Stack) -> int:
    """To Postgres, of the only producer."""
    with psycopg.connect(stack.env["LONGHAUL_PG_URL"]) as record:
        row = record.execute(
            "select count(*) from pg_stat_activity where usename = 'longhaul_producer'"
        ).fetchone()
    return int(row[0]) if row else 0


def come_and_stay(client: Client, n: int) -> str:
    """One client submits, then follows the events or polls, to the end."""
    job = client.submit(chat("c", model=SHORT))["id"]
    if n % 2:
        return [kind for _, kind, _ in client.events(job)][-1].removeprefix("job.")
    return str(client.wait(job)["state"])


@pytest.mark.promises("C1", "C2", "C12")
def test_two_hundred_clients_share_six_connections(world: World) -> None:
    """All at once; none waits past its time-out, and each has its answer."""
    client = tenant_client(world.stack)
    with ThreadPoolExecutor(CLIENTS) as pool:
        runs = [pool.submit(come_and_stay, client, n) for n in range(CLIENTS)]
        assert connections(world.stack) <= CONNECTIONS
        assert {run.result() for run in runs} == {"completed"}
    assert Fault(world.stack).settle([client]).faults() == {}
    world.served_again()
    client.close()


# Files.


@contextmanager
def full(stack: Stack) -> Iterator[Callable[[], bool]]:
    """The producer may open no more than it has, and idle connections use up the rest: what is
    called asks whether they do, and adds one."""
    folder = Path(f"/proc/{stack.pid('producer-1')}/fd")
    most = 1 + max(int(one.name) for one in folder.iterdir())
    at = urlsplit(stack.env["LONGHAUL_URL"])
    with limited(stack, "producer-1", "nofile", most), ExitStack() as idle:

        def used_up() -> bool:
            idle.enter_context(socket.create_connection((str(at.hostname), at.port or 0), 60))
            return len(list(folder.iterdir())) >= most

        yield used_up


@contextmanager
def no_files(stack: Stack, name: str) -> Iterator[None]:
    """It may open no more: its limit is the first number that is free."""
    taken = {int(one.name) for one in Path(f"/proc/{stack.pid(name)}/fd").iterdir()}
    free = next(n for n in range(len(taken) + 1) if n not in taken)
    with limited(stack, name, "nofile", free):
        yield


@pytest.mark.promises("C12", "C16")
def test_a_producer_without_files_refuses_whom_it_cannot_serve(world: World) -> None:
    """Those who have a connection are served; the others hear 503, and no thread spins for them."""
    stack, pid = world.stack, world.stack.pid("producer-1")
    with load(stack) as one:
        more(one, 20)
        with full(stack) as used_up:
            until("others hear 503", lambda: used_up() and world.fresh() == 503)
            more(one, 20)
        world.served_again()
    assert_whole(stack, one)
    assert stack.pid("producer-1") == pid


@pytest.mark.promises("C12")
def test_no_thread_spins_for_clients_without_a_file(world: World) -> None:
    pid = world.stack.pid("producer-1")
    assert pid
    with full(world.stack) as used_up:
        until("its files are used up", used_up)
        before, began = worked_s(pid), time.monotonic()
        until("long enough to be measured", lambda: used_up() and time.monotonic() - began > 2)
        share = (worked_s(pid) - before) / (time.monotonic() - began)
    world.served_again()
    assert share < 0.5


@pytest.mark.promises("C16", "C5")
def test_workers_without_files_lose_no_job(world: World) -> None:
    stack = world.stack
    pids = [stack.pid(name) for name in WORKERS]
    with load(stack) as one, ExitStack() as limits:
        more(one, 20)
        for name in WORKERS:
            limits.enter_context(no_files(stack, name))
        more(one, 60)
    assert_whole(stack, one)
    assert [stack.pid(name) for name in WORKERS] == pids


# Memory.

LARGE = json.dumps({"kind": "noop", "input": {"x": "y" * (9 << 20)}}).encode()
AT_ONCE = 24
JSON = {"Content-Type": "application/json"}
WORDY = "sim?tokens=20000&itl_ms=0"


@contextmanager
def little_memory(stack: Stack, name: str) -> Iterator[None]:
    """It gets no more than it has."""
    pages = int(Path(f"/proc/{stack.pid(name)}/statm").read_text().split()[0])
    with limited(stack, name, "as", pages * resource.getpagesize()):
        yield


@in_the_long_form
@asan
@pytest.mark.promises("C12", "C16")
def test_a_producer_at_its_memory_limit_loses_nothing(world: World) -> None:
    """What is large is refused, or the process is started anew; what is small is taken again."""
    stack, client = world.stack, tenant_client(world.stack)

    def large() -> int | None:
        try:
            return client.http.post("/v1/jobs", content=LARGE, headers=JSON).status_code
        except httpx.TransportError:
            return None

    def not_all() -> bool:
        """Of many at once. Memory that was given back lies about: not the first lot need be it."""
        runs = [pool.submit(large) for _ in range(AT_ONCE)]
        answers = {run.result() for run in runs}
        assert answers <= {202, 503, None}
        return answers != {202}

    with load(stack) as one:
        more(one, 20)
        with little_memory(stack, "producer-1"), ThreadPoolExecutor(AT_ONCE) as pool:
            until("some are refused", not_all)
        until("a large one is taken", lambda: large() == 202)
        more(one, 20)
    assert_whole(stack, one)
    client.close()


OWN = 1 << 20  # test/preload/failing-memory.c: allocations of the program's own, from this size on


@asan
@pytest.mark.promises("C16")
def test_an_answer_that_finds_no_memory_is_refused(world: World) -> None:
    """Once, and not read again and again."""
    client = tenant_client(world.stack)
    said = {"text": "x" * (2 * OWN)}
    job = client.submit({"kind": "noop", "input": said})
    path = f"/v1/jobs/{job['id']}"
    spoilt = world.memory.spoilt("producer-1")
    world.memory.set("producer-1", OWN)
    try:
        reply = client.http.get(path, params={"expand": "input"}, timeout=60)
    finally:
        world.memory.set("producer-1", 0)
    assert reply.status_code == 503, reply.text[:200]
    assert world.memory.spoilt("producer-1") > spoilt
    assert client.http.get(path, params={"expand": "input"}).json()["input"] == said
    client.close()


@asan
@pytest.mark.promises("C16", "X6")
def test_workers_at_their_memory_limit_lose_no_job(world: World) -> None:
    stack = world.stack
    with load(stack, model=WORDY, threads=2) as one, ExitStack() as limits:
        more(one, 5)
        for name in WORKERS:
            limits.enter_context(little_memory(stack, name))
        more(one, 20)
    assert_whole(stack, one)


def fail_some(world: World, name: str, every: int) -> None:
    """Until twenty did, or one of them ended the process: while they fail it cannot start anew."""
    pid, enough = world.stack.pid(name), world.memory.spoilt(name) + 20
    world.memory.set(name, every)
    until(
        "some fail",
        lambda: world.memory.spoilt(name) > enough or world.stack.pid(name) != pid,
    )
    world.memory.set(name, 0)
    until("it serves", lambda: value(world.stack, name, "process_start_time_seconds"))


@asan
@pytest.mark.promises("C12", "C16")
@pytest.mark.parametrize("sign", [1, -1] if LONG else [1])
@pytest.mark.parametrize("name", ["producer-1", "worker-1"] if LONG else ["producer-1"])
def test_allocations_that_fail_lose_nothing(world: World, seed: int, name: str, sign: int) -> None:
    """One in some hundred, in whatever library; in Kafka's, which ends the process, with -1."""
    dice = random.Random(seed)
    with load(world.stack) as one:
        for _ in range(rounds(2, 30)):
            more(one, 20)
            fail_some(world, name, sign * dice.randint(200, 2000))
        more(one, 20)
    assert_whole(world.stack, one)
