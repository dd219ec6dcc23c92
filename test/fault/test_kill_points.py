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


def arm(stack: Any, worker: str, line: str) -> Path:
    """Tells one worker, which takes the file away when it comes there: no other dies of it."""
    place: Path = stack.layout.data / worker / "stop-point"
    aside = place.with_suffix(".new")
    aside.write_text(line + "\n")
    aside.chmod(0o666)
    aside.rename(place)
    return place


def ran_by(stack: Any, client: Client, job: str) -> str | None:
    """The name of the live worker whose attempt was the job's last."""
    tries = client.get(job, expand="attempts")["attempts"]
    pids = Fault(stack).ask(
        "select pid from worker where worker_id = %s and gone is null",
        typeid_uuid(tries[-1]["worker"]),
    )
    names = {stack.pid(name): name for name in ("worker-1", "worker-2")}
    return names.get(pids[0][0]) if pids else None


def killed(stack: Any, client: Client, point: str) -> str:
    """A job at whose point its worker was killed: the one that was likely to get it."""

    def submit() -> str:
        return str(client.submit(chat("p", model="sim?tokens=20&itl_ms=10"))["id"])

    def hit() -> str | None:
        client.wait(before := submit())
        worker = ran_by(stack, client, before)
        if not worker:
            return None
        armed, job = arm(stack, worker, f"{point} KILL"), submit()
        until("it ends or kills", lambda: not armed.exists() or client.get(job)["finished_at"])
        if armed.exists() and ran_by(stack, client, job) == worker:
            until("it kills behind its end", lambda: not armed.exists())
        if armed.exists():
            armed.unlink()
            return None
        return job

    return str(until("a worker came to the point", hit))


@pytest.mark.parametrize(("point", "calls", "crashes"), POINTS, ids=[row[0] for row in POINTS])
@pytest.mark.promises("C7", "C16")
def test_killed_there_the_job_ends_once(
    stack: Any, client: Client, point: str, calls: int, crashes: int
) -> None:
    simulator = Simulator(stack.env["LONGHAUL_SIM_URL"])
    fault = Fault(stack)
    job = killed(stack, client, point)
    done = client.wait(job)
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
    n, neighbours = rounds(300, 10_000), []
    beside = (
        "select count(*) from job_lease p join job_lease l using (worker_id)"
        " where p.job_id = %s and l.job_id = any(%s)"
    )

    def crowded() -> bool:
        """A batch goes to one worker: they come in several, until the poison's has some of them."""
        neighbour = chat("n", model="sim?ttft_ms=5000&tokens=3", max_attempts=20)
        neighbours.extend(typeid_uuid(row["id"]) for row in client.bulk([neighbour] * (n // 10)))
        fence = "select fence from job where job_id = %s"
        until("they are claimed", lambda: fault.one(fence, neighbours[-1]) > 0)
        return len(neighbours) >= n and fault.one(beside, killed_by, neighbours) > 0

    until("others are in its process", crowded)
    crashes = "select crashes from job where job_id = %s"
    for round_ in range(1, 4):
        holder = until("it runs again", lambda: holder_of(stack, fault, killed_by))
        arm(stack, holder, f"mid_stream KILL {killed_by}")
        until("its crash is counted", lambda r=round_: fault.one(crashes, killed_by) >= r)
    done = client.wait(poison)
    assert (done["state"], done["error"]["code"], done["crashes"]) == ("failed", "poison", 3)
    assert_story(stack, fault, poison)
    ended = "select count(*) from job where job_id = any(%s) and state::text = 'completed'"
    until("its neighbours end", lambda: fault.one(ended, neighbours) == len(neighbours), 300)
    harmed = "select count(*) from job where job_id = any(%s) and (crashes > 0 or dead)"
    shared = "select count(*) from job where job_id = any(%s) and interruptions > 0"
    assert fault.one(harmed, neighbours) == 0
    assert fault.one(shared, neighbours) > 0, "nobody was in the process when it died"


def holder_of(stack: Any, fault: Fault, job: str) -> str | None:
    """The name of the worker that holds it."""
    pids = fault.ask(
        "select pid from job_lease join worker using (worker_id)"
        " where job_id = %s and gone is null",
        job,
    )
    names = {stack.pid(name): name for name in ("worker-1", "worker-2")}
    return names.get(pids[0][0]) if pids else None


def assert_story(stack: Any, fault: Fault, job: str) -> None:
    """Three attempts by three workers that died of it, kept with the job and told by the command
    line. It may run once more while the third's note is on its way; then it is taken from there."""
    tries = fault.ask(
        "select worker_id, outcome, exists (select from worker_crash c where c.worker_id ="
        " a.worker_id and c.job_id = a.job_id and c.fence = a.fence) from attempt a"
        " where job_id = %s order by fence",
        typeid_uuid(job),
    )
    deaths = {worker for worker, _, died in tries if died}
    assert len(deaths) == 3 and len({worker for worker, _, _ in tries}) == len(tries)
    assert [outcome for _, outcome, _ in tries].count("poison") == 1 and tries[-1][1] == "poison"
    assert "poison" in stack.longhaul("why", job)
