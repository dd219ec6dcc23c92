"""A Redis that answers and takes nothing, or forgot its scripts: jobs go on, operators are told."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import yaml
from client import Client, until
from limits_world import Wire
from stacks import admin_client, running

from .load import assert_whole, load, more

WORKERS = 2
REFUSED = "Redis refuses the exchange of limits"
CALLS = 40
# Changes of state that a machine may bring about by itself; a line for each exchange would be
# a hundred and more.
FEW = 8


@pytest.fixture(scope="module")
def stack() -> Iterator[Any]:
    with running("refuses", workers=WORKERS, schedulers=1) as one:
        yield one


@pytest.fixture(scope="module")
def admin(stack: Any) -> Iterator[Client]:
    one = admin_client(stack)
    yield one
    one.close()


@pytest.fixture
def redis(stack: Any) -> Iterator[Wire]:
    tree = yaml.safe_load((stack.layout.etc / "worker-1.yaml").read_text())
    wire = Wire(int(tree["redis"]["limits_url"].rpartition(":")[2]))
    yield wire
    wire.close()


def sharing(stack: Any, admin: Client) -> set[str]:
    """What each worker says, and what operators are told."""
    found = set()
    for n in range(WORKERS):
        page = httpx.get(stack.address(f"worker-{n + 1}"), timeout=60).text
        rows = [row for row in page.splitlines() if row.startswith("longhaul_limits_shared ")]
        found.add(rows[0].split()[-1])
    shared = admin.http.get("/v1/upstreams").json()["data"][0]["shared"]
    return found | {"1" if shared else "0"}


def lines(stack: Any) -> int:
    logs = [stack.layout.log / f"worker-{n + 1}.log" for n in range(WORKERS)]
    return sum(log.read_text().count(REFUSED) for log in logs)


FAULTS: dict[str, tuple[list[str], list[str], str]] = {
    "full": (
        ["CONFIG SET maxmemory 1", "CONFIG SET maxmemory-policy noeviction"],
        ["CONFIG SET maxmemory 0"],
        "OOM",
    ),
    "read-only": (["REPLICAOF 127.0.0.1 1"], ["REPLICAOF NO ONE"], "READONLY"),
}


@pytest.mark.promises("C6", "C16")
@pytest.mark.parametrize("how", FAULTS)
def test_a_redis_that_takes_nothing_is_as_one_that_is_away(
    stack: Any, admin: Client, redis: Wire, how: str
) -> None:
    begins, ends, why = FAULTS[how]
    word = "/v1/upstreams/simulator/models/sim/breaker"
    with load(stack) as one:
        until("all share", lambda: sharing(stack, admin) == {"1"})
        told = lines(stack)
        for command in begins:
            assert redis(*command.split()) == "OK"
        until("nobody shares, and operators are told", lambda: sharing(stack, admin) == {"0"})
        more(one, CALLS)
        assert sharing(stack, admin) == {"0"}
        reply = admin.http.put(word, json={"mode": "block"})
        assert reply.status_code == 503 and why in reply.json()["detail"], reply.text
        assert WORKERS <= lines(stack) - told <= FEW
        for command in ends:
            assert redis(*command.split()) == "OK"
        until("all share again", lambda: sharing(stack, admin) == {"1"})
    assert_whole(stack, one)


@pytest.mark.promises("C16")
def test_a_redis_that_forgot_its_scripts_is_sent_them(
    stack: Any, admin: Client, redis: Wire
) -> None:
    with load(stack) as one:
        until("all share", lambda: sharing(stack, admin) == {"1"})
        told = lines(stack)
        assert redis("SCRIPT", "FLUSH") == "OK"
        more(one, CALLS)
        until("all share", lambda: sharing(stack, admin) == {"1"})
        assert lines(stack) == told
    assert_whole(stack, one)
