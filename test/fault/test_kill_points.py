"""A worker killed at an exact place: the job ends once, and only who is to blame is blamed.

The build MODE=points stops where the file state_dir/stop-point says (worker/stop_point.h).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from checker import typeid_uuid
from client import Client, chat, until
from stacks import ROOT, Simulator, running, tenant_client

from .conftest import Fault, rounds

# place, upstream calls the job may need in all, crashes it is blamed for
POINTS: list[tuple[str, int, int]] = [
    ("after_claim", 1, 0),
    ("before_call", 1, 1),
    ("mid_stream", 2, 1),
    ("after_reply", 2, 0),
    ("after_commit", 1, 0),
]


@pytest.fixture(scope="module")
def stack() -> Iterator[Any]:
    room = {"worker": {"slots": 12_000}}
    build = ROOT / "build/points"
    with running("points", workers=2, build=build, config_overrides=room) as one:
        yield one


@pytest.fixture
def client(stack: Any) -> Iterator[Client]:
    one = tenant_client(stack)
    yield one
    one.close()


def arm(stack: Any, line: str) -> list[Path]:
    """Tells both workers; whoever comes there first takes its own file away."""
    armed = []
    for name in ("worker-1", "worker-2"):
        place = stack.layout.data / name / "stop-point"
        aside = place.with_suffix(".new")
        aside.write_text(line + "\n")
        aside.chmod(0o666)
        aside.rename(place)
        armed.append(place)
    return armed


def disarm_when_hit(armed: list[Path]) -> None:
    """The first worker to come by dies there; the other must then run freely."""
    until("a worker came to the point", lambda: not all(place.exists() for place in armed), 60)
    for place in armed:
        place.unlink(missing_ok=True)


@pytest.mark.parametrize(("point", "calls", "crashes"), POINTS, ids=[row[0] for row in POINTS])
@pytest.mark.promises("C7", "C16")
def test_killed_there_the_job_ends_once(
    stack: Any, client: Client, point: str, calls: int, crashes: int
) -> None:
    simulator = Simulator(stack.env["LONGHAUL_SIM_URL"])
    fault = Fault(stack)
    armed = arm(stack, f"{point} KILL")
    job = client.submit(chat("p", model="sim?tokens=20&itl_ms=10"))["id"]
    disarm_when_hit(armed)
    done = client.wait(job, 60)
    assert (done["state"], done["crashes"]) == ("completed", crashes)
    assert fault.one("select count(*) from job_result where job_id = %s", typeid_uuid(job)) == 1
    assert len(simulator.calls(job)) == calls
    numbers = [number for number, _, _ in client.events(job)]
    assert numbers == list(range(1, len(numbers) + 1))
    simulator.close()


@pytest.mark.promises("C7")
def test_a_job_that_kills_three_workers_is_quarantined_and_its_neighbours_are_not(
    stack: Any, client: Client
) -> None:
    """Three deaths in one job's step, its neighbours in the same process each time."""
    fault = Fault(stack)
    poison = client.submit(
        chat("poison", model="sim?tokens=4000&itl_ms=100", priority=0, max_attempts=10)
    )["id"]
    killed_by = typeid_uuid(poison)
    until("it runs", lambda: client.get(poison)["state"] == "running")
    n = rounds(300, 10_000)
    rows = client.bulk([chat("n", model="sim?ttft_ms=5000&tokens=3", max_attempts=20)] * n)
    neighbours = [typeid_uuid(row["id"]) for row in rows]
    crashes = "select crashes from job where job_id = %s"
    for round_ in range(1, 4):
        until("it runs again", lambda: client.get(poison)["state"] == "running", 60)
        disarm_when_hit(arm(stack, f"mid_stream KILL {killed_by}"))
        until("its crash is counted", lambda r=round_: fault.one(crashes, killed_by) >= r, 60)
    done = client.wait(poison, 60)
    assert (done["state"], done["error"]["code"], done["crashes"]) == ("failed", "poison", 3)
    assert_story(stack, fault, poison)
    ended = "select count(*) from job where job_id = any(%s) and state::text = 'completed'"
    until("its neighbours end", lambda: fault.one(ended, neighbours) == n, 180)
    harmed = "select count(*) from job where job_id = any(%s) and (crashes > 0 or dead)"
    shared = "select count(*) from job where job_id = any(%s) and interruptions > 0"
    assert fault.one(harmed, neighbours) == 0
    assert fault.one(shared, neighbours) > 0, "nobody was in the process when it died"


def assert_story(stack: Any, fault: Fault, job: str) -> None:
    """Three attempts by three workers, kept with the job and told by the command line."""
    tries = fault.ask(
        "select worker_id, outcome from attempt where job_id = %s order by fence", typeid_uuid(job)
    )
    assert len({worker for worker, _ in tries}) == len(tries) == 3
    assert tries[-1][1] == "poison"
    assert "poison" in stack.longhaul("why", job)
