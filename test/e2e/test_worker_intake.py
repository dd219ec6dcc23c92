"""Inputs that do not fit a worker's memory together are read one after the other."""

from __future__ import annotations

import pytest
from client import chat
from stacks import Simulator, admin_client, most_at_once, running, tenant_client

MIB = 1 << 20
JOBS, LARGE_MIB, MEMORY_MIB = 10, 5, 16


@pytest.mark.promises("C4")
def test_jobs_of_one_claim_wait_for_memory_without_their_inputs() -> None:
    config = {"worker": {"memory_mb": MEMORY_MIB}}
    with running("intake", config_overrides=config, workers=1) as stack:
        client, admin = tenant_client(stack), admin_client(stack)
        simulator = Simulator(stack.env["LONGHAUL_SIM_URL"])
        # it comes to expect small ones, so that one claim takes all the large
        for reply in client.bulk([chat("x")] * 100):
            assert client.wait(reply["id"])["state"] == "completed"
        admin.http.post("/v1/queues/default/pause").raise_for_status()
        large = chat("x" * LARGE_MIB * MIB, model="sim?ttft_ms=1500")
        ids = [client.submit(large)["id"] for _ in range(JOBS)]
        admin.http.post("/v1/queues/default/resume").raise_for_status()
        assert {client.wait(job)["state"] for job in ids} == {"completed"}
        calls = [call for job in ids for call in simulator.calls(job)]
        assert len(calls) == JOBS
        assert 2 <= most_at_once(calls) <= MEMORY_MIB // LARGE_MIB + 1
        for one in (client, admin, simulator):
            one.close()
