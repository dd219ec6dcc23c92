"""Models that drip, hang, break off, talk nonsense or refuse: only their own jobs feel it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from client import Client, chat, until
from stacks import Simulator, running, tenant_client

from .conftest import LONG, Fault, rounds
from .load import assert_whole, load, more

GOOD = "sim?tokens=10&itl_ms=20"
# model, what else the job says, its end, the error of its last attempt
BAD: list[tuple[str, dict[str, Any], str, str | None]] = [
    ("sim?tokens=1000000&itl_ms=20", {"deadline_s": 3}, "expired", "deadline"),
    ("sim?tokens=1000000&drip=2", {"deadline_s": 3}, "expired", "deadline"),
    ("sim?tokens=50&hang_after=3", {"attempt_timeout_s": 2}, "failed", "attempt_timeout"),
    ("sim?tokens=50&hang_after=0", {"deadline_s": 3}, "expired", "deadline"),
    ("sim?tokens=20&truncate=5", {}, "failed", "upstream_truncated"),
    ("sim?tokens=20&malformed=1", {}, "failed", "upstream_malformed"),
    ("sim?fail=1", {}, "failed", "upstream_truncated"),
    ("sim?tokens=4&drip=1", {}, "completed", None),
]
EACH = 10


@pytest.fixture(scope="module")
def stack() -> Iterator[Any]:
    # no breaker and no retry budget: what is shown here is what bad calls do while they are made
    # a job's attempts must outlast a storm: in the long form that is a minute
    cap_ms = 20_000 if LONG else 2000
    quick = {
        "retry": {"base_ms": 200, "cap_ms": cap_ms, "budget_percent": 100},
        "breaker": {"calls_min": 100000, "failures_in_row": 0},
    }
    with running("models", workers=1, config_overrides=quick) as one:
        yield one


@pytest.fixture
def client(stack: Any) -> Iterator[Client]:
    one = tenant_client(stack)
    Simulator(stack.env["LONGHAUL_SIM_URL"]).clear()
    yield one
    one.close()


@contextmanager
def storm(stack: Any, **what: float) -> Iterator[None]:
    """All calls, or a share of them, go wrong so until the block ends."""
    url = f"{stack.env['LONGHAUL_SIM_URL']}/faults"
    httpx.post(url, json=what, timeout=60).raise_for_status()
    try:
        yield
    finally:
        httpx.delete(url, timeout=60).raise_for_status()


@pytest.mark.promises("C5", "C7", "C14")
def test_bad_streams_end_as_they_must_and_their_neighbours_never_notice(
    stack: Any, client: Client
) -> None:
    good = [row["id"] for row in client.bulk([chat("g", model=GOOD)] * rounds(300, 10_000))]
    bad = [
        (client.submit(chat("b", model=model, max_attempts=2, **more_of))["id"], state, code)
        for model, more_of, state, code in BAD
        for _ in range(EACH)
    ]
    for job, state, code in bad:
        done = client.wait(job)
        told = (done["error"] or {}).get("code") if state != "completed" else None
        assert (done["state"], told) in ((state, code), (state, "attempts_exhausted")), done
    for job in good:
        done = client.wait(job)
        assert (done["state"], done["attempt"]) == ("completed", 1), done
    simulator = Simulator(stack.env["LONGHAUL_SIM_URL"])
    until(
        "no call is left hanging",
        lambda: all(call["hung_up"] for call in simulator.calls() if call["outcome"] == "hung"),
    )
    simulator.close()


@pytest.mark.promises("C5", "C14")
@pytest.mark.parametrize(
    "what",
    [
        {"fail": 429, "retry_after": 1},
        {"fail": 429, "retry_after": 1, "share": 0.5},
        {"fail": 503},
        {"fail": 500, "share": 0.5},
        {"fail": 1},
        {"hang_after": 0, "share": 0.2},
    ],
    ids=str,
)
def test_a_storm_delays_and_loses_nothing(stack: Any, client: Client, what: dict[str, Any]) -> None:
    with load(stack, f"{GOOD}&jitter=0.5", threads=2, attempt_timeout_s=3) as one:
        more(one, 50)
        with storm(stack, **what):
            more(one, rounds(100, 2000))
        more(one, 50)
    assert_whole(stack, one)
    assert_asked_when_allowed(stack, what.get("retry_after", 0))


def assert_asked_when_allowed(stack: Any, wait_s: float) -> None:
    """Nobody asked again before the time that a refusal named."""
    simulator = Simulator(stack.env["LONGHAUL_SIM_URL"])
    refused: dict[str, int] = defaultdict(int)
    for call in simulator.calls():
        assert call["at_us"] >= refused[call["job"]] + wait_s * 1e6, call
        if call["status"] == 429:
            refused[call["job"]] = call["at_us"]
    simulator.close()


@pytest.mark.promises("C5")
def test_a_storm_that_never_ends_is_bounded_by_attempts(stack: Any, client: Client) -> None:
    fault = Fault(stack)
    with storm(stack, fail=503):
        rows = client.bulk([chat("s", model=GOOD, max_attempts=3)] * 50)
        ends = [client.wait(row["id"]) for row in rows]
    assert {(end["state"], end["attempt"]) for end in ends} == {("failed", 3)}
    simulator = Simulator(stack.env["LONGHAUL_SIM_URL"])
    assert len(simulator.calls()) == 3 * len(rows)
    assert fault.running() == 0
    simulator.close()
