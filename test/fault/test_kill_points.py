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

from .conftest import Fault

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
    with running("points", workers=2, build=ROOT / "build/points") as one:
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
    """Three deaths in one job's step, with hundreds of neighbours in the same process."""
    fault = Fault(stack)
    poison = client.submit(
        chat("poison", model="sim?tokens=400&itl_ms=100", priority=0, max_attempts=10)
    )
    until("it runs", lambda: client.get(poison["id"])["state"] == "running")
    neighbours = [
        row["id"] for row in client.bulk([chat("n", model="sim?ttft_ms=3000&tokens=3")] * 300)
    ]
    killed_by = typeid_uuid(poison["id"])
    for round_ in range(1, 4):
        until("it runs again", lambda: client.get(poison["id"])["state"] == "running", 60)
        armed = arm(stack, f"mid_stream KILL {killed_by}")
        disarm_when_hit(armed)
        until(
            "its crash is counted",
            lambda r=round_: fault.one("select crashes from job where job_id = %s", killed_by) >= r,
            60,
        )
    done = client.wait(poison["id"], 60)
    assert (done["state"], done["error"]["code"], done["crashes"]) == ("failed", "poison", 3)
    ends = [client.wait(job, 120) for job in neighbours]
    assert {(job["state"], job["crashes"]) for job in ends} == {("completed", 0)}
