"""One tenant's receivers that never answer, many of them, and another tenant's webhook."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from client import until
from receiver import Receiver
from stacks import admin_client, running, tenant_client

from .conftest import Fault

WEBHOOK = {"max_in_flight": 20, "per_origin_in_flight": 5, "timeout_ms": 60000}


@pytest.fixture(scope="module")
def stack() -> Iterator[Any]:
    with running("silent", workers=1, config_overrides={"webhook": WEBHOOK}) as one:
        yield one


@pytest.mark.promises("C3", "C4")
def test_silent_receivers_of_one_tenant_leave_slots_for_others(stack: Any) -> None:
    fault = Fault(stack)
    admin, noisy, other = admin_client(stack), tenant_client(stack), tenant_client(stack, True)
    everywhere = {"origins": ["http://127.0.0.1:*"]}
    admin.http.put("/v1/tenants/demo2/callback-origins", json=everywhere).raise_for_status()
    silent = [Receiver() for _ in range(4)]  # eight origins
    answering = Receiver()

    def job(url: str) -> dict[str, Any]:
        return {"kind": "noop", "input": {}, "callback": {"url": url}}

    for one in silent:
        one.answer("/silent", [-1] * 1000)
        ports = [server.server_port for server in one.servers]
        noisy.bulk([job(f"http://127.0.0.1:{port}/silent") for port in ports for _ in range(10)])
    sending = "select count(*) from delivery where state = 'sending'"
    until("its receivers hold what they can", lambda: fault.one(sending) >= 10)
    mine = other.submit(job(answering.url("/ok")))["id"]
    until("the other tenant's delivery", lambda: answering.calls_of(mine))
    for one in [*silent, answering]:
        one.close()
    for client in (admin, noisy, other):
        client.close()
