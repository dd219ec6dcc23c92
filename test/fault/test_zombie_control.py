"""The negative control: without the fence a frozen worker's late write does overwrite.

Built with MODE=unfenced the guard on worker and fence is left out of the statement that ends an
attempt. If this build stayed clean, the zombie test would prove nothing.
"""

from __future__ import annotations

import signal
from typing import Any

import pytest
from client import chat, until
from stacks import ROOT, running, tenant_client

from .conftest import Fault, settled
from .test_metrics_away import value

HOLDER = "select w.pid from job_lease l join worker w using (worker_id) where w.gone is null"


def overwritten(stack: Any, fault: Fault) -> list[bool]:
    """Freezes a holder past its lease while another runs its job, then lets it write: whether that
    changed anything. Nothing, where the job had ended before the holder froze."""
    client = tenant_client(stack)
    (job,) = fault.under_way(client, chat("z", model="sim?tokens=20&itl_ms=100"), 1, 1)
    pids = [row[0] for row in fault.ask(HOLDER)]
    name = {stack.pid(n): n for n in ("worker-1", "worker-2")}.get(pids[0] if pids else None)
    if not name:
        return []
    seen = len(stack.log(name))
    stack.signal(name, signal.SIGSTOP)
    try:
        done = client.wait(job)
    finally:
        stack.signal(name, signal.SIGCONT)
    if not done["interruptions"]:
        return []
    until("the frozen one is back", lambda: '"message":"registered"' in stack.log(name)[seen:])
    until("its ends are told", lambda: value(stack, name, "longhaul_ends_pending") == 0)
    now = client.get(job)
    client.close()
    return [settled(now) != settled(done)]


@pytest.mark.promises("C7")
def test_without_the_fence_a_late_write_goes_through() -> None:
    with running("unfenced", workers=2, build=ROOT / "build/unfenced") as stack:
        fault = Fault(stack)
        until("a late write went through", lambda: any(overwritten(stack, fault)))


@pytest.mark.promises("C7")
def test_with_the_fence_it_never_does() -> None:
    with running("fenced", workers=2) as stack:
        fault = Fault(stack)
        for _ in range(3):
            assert until("it froze in time", lambda: overwritten(stack, fault)) == [False]
