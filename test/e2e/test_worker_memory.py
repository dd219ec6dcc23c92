"""A worker that holds as much as it may claims nothing more until some of it is gone."""

from __future__ import annotations

import pytest
from client import chat, until
from stacks import Simulator, running, tenant_client

MIB = 1 << 20


@pytest.mark.promises("C4")
def test_inputs_under_way_count_as_held_memory() -> None:
    with running("memory", config_overrides={"worker": {"memory_mb": 16}}) as stack:
        client, simulator = tenant_client(stack), Simulator(stack.env["LONGHAUL_SIM_URL"])
        large = [client.submit(chat("x" * 9 * MIB, model="sim?ttft_ms=4000")) for _ in range(2)]
        ids = [job["id"] for job in large]
        until("both are held", lambda: all(client.get(i)["state"] == "running" for i in ids))
        until("both are posted", lambda: all(simulator.calls(i) for i in ids))
        late = client.submit(chat("small"))["id"]
        assert client.wait(late)["state"] == "completed"
        ended = min(client.wait(i)["finished_at"] for i in ids)
        assert client.get(late)["started_at"] >= ended
        client.close()
        simulator.close()
