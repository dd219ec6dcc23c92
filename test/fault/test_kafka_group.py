"""What befalls the workers' group in Kafka: offsets that others set, members that hold or storm."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from client import chat, until
from kafka_group import PARTITIONS, Group, storm
from second_broker import FIRST, SECOND, SecondBroker
from stacks import admin_client, running, tenant_client

from .conftest import LONG, Fault, rounds
from .load import SHORT, Load, assert_whole, load, more

WORKERS = ("worker-1", "worker-2")
# So long a pause, and so many slots to fill, that messages never end while there is load.
BUSY = {"worker": {"claim_quiet_ms": 300, "slots": 20_000}}
BEYOND = 1_000_000
LONE = 24
OFFSETS = "__consumer_offsets"
NEAR = 20

Place = Callable[[Group, int], int]
PLACES: dict[str, Place] = {
    "earliest": lambda _, __: 0,
    "latest": lambda group, part: group.ends()[part],
    "beyond": lambda group, part: group.ends()[part] + BEYOND,
}


@pytest.fixture(scope="module")
def stack() -> Iterator[Any]:
    with running("kafka-group", workers=2, schedulers=1, config_overrides=BUSY) as one:
        yield one


@pytest.fixture(scope="module")
def group(stack: Any) -> Iterator[Group]:
    one = Group(stack.env["LONGHAUL_KAFKA"])
    yield one
    one.close()


def metric(stack: Any, program: str, name: str) -> float:
    page = httpx.get(stack.address(program), timeout=60).text
    rows = [row for row in page.splitlines() if row.startswith(f"{name} ")]
    return float(rows[0].split()[-1])


def all_read(stack: Any, topics: int = 1) -> bool:
    read = sum(metric(stack, name, "longhaul_kafka_partitions") for name in WORKERS)
    return read == topics * PARTITIONS


def is_followed(group: Group) -> bool:
    """Of every partition hardly anything is left to be read, and nothing beyond its end is claimed
    to have been."""
    committed = group.committed()
    ends = group.ends() if committed else {}
    return bool(ends) and all(0 <= end - committed[part] < NEAR for part, end in ends.items())


def goes_on(stack: Any, group: Group, topics: int = 1) -> None:
    """Messages bring the work again."""
    until("workers read every partition", lambda: all_read(stack, topics))
    until("they read to the ends", lambda: is_followed(group))


def assert_once(stack: Any, one: Load) -> None:
    """Nothing was lost or called twice, but for what a worker left that the machine held up until
    it was believed dead."""
    verdict = assert_whole(stack, one)
    dead = Fault(stack).one("select count(*) from worker where gone = 'dead'")
    assert verdict.repeated_calls == 0 or dead, verdict


@pytest.mark.promises("C16")
@pytest.mark.parametrize("where", PLACES if LONG else ["latest", "beyond"])
def test_offsets_that_a_member_commits(stack: Any, group: Group, where: str) -> None:
    """Workers go on from there when they are given back: again, or past what nobody read."""

    with load(stack) as one:
        until("workers read every partition", lambda: all_read(stack))
        more(one, 40)
        with group.member() as member:
            more(one, 40)
            member.commit(lambda part: PLACES[where](group, part))
        more(one, 40)
        goes_on(stack, group)
    assert_once(stack, one)


@pytest.mark.promises("C16")
@pytest.mark.parametrize("where", [*PLACES, "deleted"] if LONG else ["deleted"])
def test_offsets_that_an_operator_resets(stack: Any, group: Group, where: str) -> None:
    with load(stack) as one:
        more(one, 40)
        for name in WORKERS:
            stack.stop(name)
        until("the group is empty", group.is_empty)
        if where == "deleted":
            group.forget()
        else:
            group.reset({part: PLACES[where](group, part) for part in range(PARTITIONS)})
        more(one, 40)
        for name in WORKERS:
            stack.start(name)
        more(one, 40)
        goes_on(stack, group)
    assert_once(stack, one)


@pytest.mark.promises("C7", "C16")
def test_a_member_that_takes_nothing_holds_nothing_up(stack: Any, group: Group) -> None:
    """Its messages stay where they are for as long as it lives, and others keep all workers busy:
    as with a worker that is full, or cut off from the record, but not from Kafka."""
    client = tenant_client(stack)
    with load(stack) as one:
        with group.member() as member:
            jobs = [client.submit(chat("m", model=SHORT))["id"] for _ in range(LONE)]
            assert {client.wait(job)["state"] for job in jobs} == {"completed"}
            assert member.held
        goes_on(stack, group)
    assert_once(stack, one)
    client.close()


@pytest.mark.promises("C7", "C16")
def test_members_that_come_and_go_all_the_time(stack: Any, group: Group, seed: int) -> None:
    client = tenant_client(stack)
    with load(stack) as one:
        with storm(group, seed) as members:
            until("some have gone", lambda: len(members.gone) >= rounds(12, 400), 600)
            job = client.submit(chat("s", model=SHORT))["id"]
            assert client.wait(job)["state"] == "completed"
            more(one, 40)
        goes_on(stack, group)
    assert_once(stack, one)
    client.close()


def queue_of(stack: Any, name: str) -> None:
    """Returns when a job may be submitted to it."""
    admin, client = admin_client(stack), tenant_client(stack)
    admin.http.patch(f"/v1/queues/{name}", json={"weight": 1}).raise_for_status()
    job = {"kind": "noop", "input": {}, "queue": name}
    until(f"{name} is known", lambda: client.http.post("/v1/jobs", json=job).status_code == 202)
    admin.close()
    client.close()


@pytest.fixture(scope="module")
def second(stack: Any) -> Iterator[SecondBroker]:
    one = SecondBroker(stack)
    yield one
    one.stop()


WAYS_TO_END = (signal.SIGKILL, signal.SIGTERM) if LONG else (signal.SIGKILL,)


@pytest.mark.promises("C7", "C16")
def test_the_broker_that_coordinates_the_group_is_killed(
    stack: Any, group: Group, second: SecondBroker
) -> None:
    """Two brokers keep the group's offsets: the one to which workers tell that they live, and
    commit, is killed under load; they find the other, and read on from what they committed."""

    def go_by_the_second() -> bool:
        second.lead_again(OFFSETS)
        return group.coordinator() == SECOND

    second.share(OFFSETS)
    with load(stack) as one:
        for how in WAYS_TO_END:
            until("workers go by the second", go_by_the_second)
            goes_on(stack, group)
            more(one, 40)
            second.stop(how)
            more(one, 40)
            until("they go by the first", lambda: group.coordinator() == FIRST)
            goes_on(stack, group)
            second.start()
            until("both hold all", lambda: second.in_step(OFFSETS))
    assert_once(stack, one)


@pytest.mark.promises("C7", "C16")
def test_the_leader_of_partitions_is_killed_and_moved(stack: Any, second: SecondBroker) -> None:
    """Two brokers keep a topic: the one that leads is killed, comes back, leads again, ends."""
    topic = "longhaul.moved"
    second.make_topic(topic, PARTITIONS)
    queue_of(stack, "moved")
    until("workers read both topics", lambda: all_read(stack, topics=2))
    group = Group(stack.env["LONGHAUL_KAFKA"], topic)
    with load(stack, queue="moved") as one:
        more(one, 40)
        for how in WAYS_TO_END:
            second.lead_again(topic)
            more(one, 40)
            second.stop(how)
            until("the first broker leads", lambda: second.leaders(topic) == {1})
            more(one, 40)
            second.start()
            until("both hold all", lambda: second.in_step(topic))
        goes_on(stack, group, topics=2)
    assert_once(stack, one)
    group.close()
