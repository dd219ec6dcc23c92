"""The disk below Postgres loses its power, is slow, full, or fails: what was acknowledged is there.

The disk is test/disk. What clients were told is compared with the record afterwards: each job that
was acknowledged ends, once, under its Idempotency-Key; each end that somebody was told is the end.
"""

from __future__ import annotations

import json
import random
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from checker import typeid_uuid
from client import TERMINAL, Client, chat, until
from fault_disk import FaultDisk
from fault_image import CannotMount, FaultImage
from longhaul_dev.build import chosen_mode
from longhaul_dev.fault import Fault as Refused
from stacks import running, tenant_client

from .conftest import LONG, Fault, rounds, settled
from .load import Load, assert_whole, load, more

MIB = 1 << 20
BODY_MEMORY_MIB = 16
TIGHT = {
    "producer": {"commit_timeout_ms": 1000, "body_memory_mb": BODY_MEMORY_MIB},
    "limits": {"body_bytes": 2 * MIB, "bulk_bytes": 4 * MIB},
}
FOR_EVER = 1 << 40
JSON = {"Content-Type": "application/json"}
CLIENTS = 4


@pytest.fixture(scope="module")
def disk() -> Iterator[FaultDisk]:
    with closing(FaultDisk()) as one:
        yield one


@pytest.fixture(scope="module")
def stack(disk: FaultDisk) -> Iterator[Any]:
    with running(
        "disk", lite=True, workers=2, postgres_env=disk.env, config_overrides=TIGHT
    ) as one:
        yield one


class Ends(threading.Thread):
    """Somebody who waits for the end of one client's newest job, then of the one that is newest by
    then, and remembers what it was told."""

    def __init__(self, stack: Any, client: Client) -> None:
        super().__init__()
        self.client = tenant_client(stack)
        self.entries = client.history.entries
        self.told: dict[str, dict[str, Any]] = {}
        self.stopping = threading.Event()

    def run(self) -> None:
        job = None
        while not self.stopping.wait(0.01):
            if job in (None, *self.told):
                job = next((e.job for e in self.entries[::-1] if e.outcome == "ok"), None)
            if job:
                self.look(job)
        self.client.close()

    def look(self, job: str) -> None:
        reply = self.client.http.get(f"/v1/jobs/{job}", params={"wait": 1})
        if reply.status_code == 200 and reply.json()["state"] in TERMINAL:
            self.told[job] = settled(reply.json())


@contextmanager
def keyed_load(stack: Any) -> Iterator[tuple[Load, list[Ends]]]:
    with load(stack, threads=CLIENTS, keyed=True) as one:
        ends = [Ends(stack, client) for client in one.clients[:2]]
        for each in ends:
            each.start()
        try:
            yield one, ends
        finally:
            for each in ends:
                each.stopping.set()
                each.join(80)


def answered(ask: Callable[[], httpx.Response]) -> dict[str, Any]:
    """A busy machine may be late, which is a 503."""
    found = until("an answer", lambda: (r := ask()).status_code != 503 and r)
    assert found.is_success, found.text
    return found.json()


def under_way(one: Load, ends: list[Ends], n: int = 30) -> None:
    more(one, n)
    until("ends are told", lambda: all(each.told for each in ends))


def assert_as_told(stack: Any, one: Load, ends: list[Ends]) -> None:
    """Jobs, their ends and their keys are what clients were told before the fault and behind it."""
    assert_whole(stack, one)
    client = one.clients[0]
    for job, told in ((job, told) for each in ends for job, told in each.told.items()):
        found = answered(lambda job=job: client.http.get(f"/v1/jobs/{job}"))
        assert settled(found) == told
    entries = [e for c in one.clients for e in c.history.entries if e.outcome == "ok"]
    for entry in random.sample(entries, min(40, len(entries))):
        again = answered(lambda key=entry.key: one.post(client, key))
        assert again["id"] == entry.job


def lose_power(stack: Any, disk: FaultDisk | FaultImage, after: int) -> None:
    with keyed_load(stack) as (one, ends):
        under_way(one, ends, after)
        disk.cut_power(stack)
        stack.start("postgres")
        more(one, 30)
    assert_as_told(stack, one, ends)


@pytest.mark.promises("C1", "C10", "C16")
@pytest.mark.parametrize("n", range(rounds(1, 40)))
def test_a_loss_of_power_loses_nothing_acknowledged(
    stack: Any, disk: FaultDisk, seed: int, n: int
) -> None:
    lose_power(stack, disk, random.Random(seed + n).randrange(30, 200))


@pytest.fixture(scope="module")
def mounted() -> Iterator[tuple[Any, FaultImage]]:
    try:
        image = FaultImage()
    except CannotMount as refused:
        pytest.skip(f"no image can be mounted: {refused}")
    how: dict[str, Any] = {"lite": True, "workers": 2, "config_overrides": TIGHT}
    with closing(image), running("disk-image", **how) as stack:
        image.hold(stack)
        yield stack, image


@pytest.mark.promises("C1", "C10", "C16")
@pytest.mark.skipif(not LONG, reason="make faults mounts an image; the test above needs none")
@pytest.mark.parametrize("n", range(rounds(1, 40)))
def test_a_file_system_that_loses_its_power_loses_nothing_acknowledged(
    mounted: tuple[Any, FaultImage], seed: int, n: int
) -> None:
    lose_power(*mounted, random.Random(seed + n).randrange(30, 200))


def refused_all(one: Load) -> None:
    """Waits until each client was refused what it asked for by now, so that none waits for an
    answer from before."""
    heard = [len(c.history.entries) for c in one.clients]

    def refused() -> bool:
        stories = [c.history.entries[n:] for c, n in zip(one.clients, heard, strict=True)]
        return all(story and story[-1].outcome == "fail" for story in stories)

    until("each client is refused", refused)


def nothing_is_accepted(one: Load) -> None:
    """From now on, but for the one answer that may be on its way to each client."""
    at_first = one.accepted()
    refused_all(one)
    accepted, refused = one.accepted(), one.count("fail")
    assert accepted <= at_first + CLIENTS
    until("they are refused again", lambda: one.count("fail") >= refused + CLIENTS)
    assert one.accepted() == accepted


def metric(stack: Any, start: str) -> float:
    headers = {"Authorization": f"Bearer {stack.env['LONGHAUL_ADMIN_KEY']}"}
    text = httpx.get(stack.address("producer-1"), headers=headers, timeout=60).text
    return sum(float(row.split()[-1]) for row in text.splitlines() if row.startswith(start))


@pytest.mark.promises("C1", "C10", "C12", "C16")
def test_while_no_sync_ends_nothing_is_acknowledged(stack: Any, disk: FaultDisk) -> None:
    """A commit that stands still becomes a 503, and perhaps a job later: its key tells."""
    client = tenant_client(stack)
    with keyed_load(stack) as (one, ends):
        under_way(one, ends)
        with disk.fault("slow_ms", FOR_EVER):
            until("a sync stands still", lambda: disk.get("waiting") > 0)
            nothing_is_accepted(one)
            doubtful = one.post(client, "doubtful")
            assert doubtful.status_code == 503 and doubtful.json()["code"] == "unavailable"
        more(one, 30)
    known = answered(lambda: one.post(client, "doubtful"))
    search = {"subject": "doubtful"}
    found = answered(lambda: client.http.post("/v1/jobs/search", json=search))["data"]
    assert [job["id"] for job in found] == [known["id"]]
    assert_as_told(stack, one, ends)
    client.close()


class Memory:
    """The most that a producer ever occupied, so also while so many large bodies come at once."""

    def __init__(self, stack: Any) -> None:
        self.status = Path(f"/proc/{stack.pid('producer-1')}/status")
        self.client = tenant_client(stack)
        large = {"kind": "noop", "input": {"x": "y" * (2 * MIB - 1024)}}
        self.large = json.dumps(large).encode()

    def peak_mib(self) -> float:
        rows = dict(row.split(":", 1) for row in self.status.read_text().splitlines())
        return int(rows["VmHWM"].split()[0]) / 1024

    def post(self) -> None:
        with suppress(httpx.HTTPError):  # who is refused before the body may find the line cut
            self.client.http.post("/v1/jobs", content=self.large, headers=JSON)

    def after(self, bodies: int) -> float:
        threads = [threading.Thread(target=self.post) for _ in range(bodies)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(80)
        return self.peak_mib()


@pytest.mark.skipif(chosen_mode() == "asan", reason="a sanitizer keeps what was freed")
@pytest.mark.promises("C12", "C16")
def test_bodies_that_wait_for_a_slow_disk_are_bounded(stack: Any, disk: FaultDisk) -> None:
    """Of 192 MiB the producer takes 16, and needs less than four times as much to seal and send
    them; allowed more it takes more, which shows that the bound is what holds it."""
    memory = Memory(stack)
    config = stack.layout.etc / "producer-1.yaml"
    text = config.read_text()
    most = memory.peak_mib() + 4 * BODY_MEMORY_MIB

    def allow(mib: int) -> None:
        seen = len(stack.log("producer-1"))
        config.write_text(
            text.replace(f"body_memory_mb: {BODY_MEMORY_MIB}\n", f"body_memory_mb: {mib}\n")
        )
        stack.signal("producer-1", signal.SIGHUP)
        until("it is told", lambda: "changes are taken" in stack.log("producer-1")[seen:])

    with disk.fault("slow_ms", FOR_EVER):
        assert (peak := memory.after(96)) < most, f"{peak} MiB, {most} allowed"
        allow(1024)
        until("without the bound it takes more", lambda: memory.after(96) > most)
        allow(BODY_MEMORY_MIB)
    taken = chat("x")
    until("one is taken", lambda: memory.client.http.post("/v1/jobs", json=taken).is_success)
    memory.client.close()


FAILED = 'longhaul_record_failed_total{operation="submit"}'


@pytest.mark.promises("C1", "C10", "C16", "X3")
def test_a_full_disk_refuses_and_takes_again(stack: Any, disk: FaultDisk) -> None:
    """Tables cannot grow: Postgres goes on and refuses. What runs waits with its end."""
    failed, seen = metric(stack, FAILED), len(stack.log("producer-1"))
    no_room = '"words":"SQLSTATE 53100 '
    with keyed_load(stack) as (one, ends):
        under_way(one, ends)
        with disk.fault("full"):
            until("it is told", lambda: no_room in stack.log("producer-1")[seen:])
            refused_all(one)
            assert stack.pid("postgres")
            until("it is counted", lambda: metric(stack, FAILED) > failed)
        more(one, 30)
    assert_as_told(stack, one, ends)


@pytest.mark.promises("C1", "C10", "C16")
def test_a_log_without_room_ends_postgres_and_loses_nothing(stack: Any, disk: FaultDisk) -> None:
    with keyed_load(stack) as (one, ends):
        under_way(one, ends)
        with disk.fault("full"):

            def has_ended() -> bool:
                """The log goes on in its next segment, until there is none."""
                with suppress(Refused):
                    stack.psql("select pg_switch_wal()")
                return stack.pid("postgres") is None

            until("Postgres gives up", has_ended)
            nothing_is_accepted(one)
        stack.start("postgres")
        more(one, 30)
    assert_as_told(stack, one, ends)


@pytest.mark.promises("C1", "C10", "C16")
@pytest.mark.parametrize("syncs", [1, FOR_EVER])
def test_a_sync_that_fails_acknowledges_nothing(stack: Any, disk: FaultDisk, syncs: int) -> None:
    """Once: Postgres recovers by itself, by what the kernel still has. For ever: it does not, and
    then what was never synced is lost with the power."""
    before = disk.get("failed")
    with keyed_load(stack) as (one, ends):
        under_way(one, ends)
        with disk.fault("failing", syncs):
            until("a sync failed", lambda: disk.get("failed") > before)
            if syncs > 1:
                nothing_is_accepted(one)
                disk.cut_power(stack)
        stack.start("postgres")
        more(one, 30)
    assert_as_told(stack, one, ends)


# Controls: what Postgres does not wait for is lost, and that is seen.
CARELESS = {
    "synchronous_commit": """
        create function lazily() returns trigger language plpgsql as
        $$ begin perform set_config('synchronous_commit', 'off', true); return null; end $$;
        create trigger lazily before insert on job for each statement execute function lazily();
        alter system set wal_writer_delay = '10s';
        alter system set wal_writer_flush_after = '1GB'""",
    "fsync": "alter system set fsync = off",
}
CAREFUL = "alter system reset all; drop function if exists lazily cascade"
RELOAD = "; select pg_reload_conf()"


@pytest.fixture(scope="module")
def alone() -> Iterator[tuple[Any, FaultDisk]]:
    """Nobody but a producer writes: another's commit would take along what nobody waited for."""
    how: dict[str, Any] = {"lite": True, "workers": 0, "schedulers": 0}
    with closing(FaultDisk()) as disk, running("disk-control", postgres_env=disk.env, **how) as one:
        yield one, disk


def lost(stack: Any, disk: FaultDisk | FaultImage, careless: str) -> bool:
    stack.psql(careless + RELOAD)
    with load(stack, keyed=True) as one:
        more(one, 50)
        disk.cut_power(stack)
        told = {e.job for c in one.clients for e in c.history.entries if e.outcome == "ok"}
        stack.start("postgres")
        more(one, 10)
    stack.psql(CAREFUL + RELOAD)
    there = {str(job) for (job,) in Fault(stack).ask("select job_id from job")}
    return bool({typeid_uuid(job) for job in told if job} - there)


@pytest.mark.promises("C1")
@pytest.mark.parametrize("careless", CARELESS)
def test_a_record_that_does_not_wait_for_its_disk_loses_jobs(
    alone: tuple[Any, FaultDisk], careless: str
) -> None:
    until("acknowledged jobs are lost", lambda: lost(*alone, CARELESS[careless]))
