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

HOLDER = "select w.pid from job_lease l join worker w using (worker_id) where w.gone is null"


def overwritten(stack: Any, fault: Fault) -> bool:
    """Freezes a holder past its lease while another runs its job, then lets it write."""
    client = tenant_client(stack)
    job = client.submit(chat("z", model="sim?tokens=20&itl_ms=100"))["id"]
    pid = until("it runs", lambda: fault.ask(HOLDER))[0][0]
    name = {stack.pid(n): n for n in ("worker-1", "worker-2")}[pid]
    stack.signal(name, signal.SIGSTOP)
    try:
        done = client.wait(job, 60)
    finally:
        stack.signal(name, signal.SIGCONT)
    live = "select count(*) from worker where gone is null"
    until("the frozen one is back", lambda: fault.one(live) >= 2, 60)
    now = client.get(job)
    client.close()
    return settled(now) != settled(done)


@pytest.mark.promises("C7")
def test_without_the_fence_a_late_write_goes_through() -> None:
    with running("unfenced", workers=2, build=ROOT / "build/unfenced") as stack:
        fault = Fault(stack)
        assert any(overwritten(stack, fault) for _ in range(3))


@pytest.mark.promises("C7")
def test_with_the_fence_it_never_does() -> None:
    with running("fenced", workers=2) as stack:
        fault = Fault(stack)
        assert not any(overwritten(stack, fault) for _ in range(3))
