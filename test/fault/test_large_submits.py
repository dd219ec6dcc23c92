"""Bodies of megabytes, whose writing takes long, and the small submits beside them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from client import until
from stacks import admin_client, running, tenant_client

from .conftest import Fault

WAITING = """select count(*) from pg_stat_activity
where application_name like 'longhaul-producer%%' and wait_event_type = 'Lock'"""
HEAD = """insert into ready_head (tenant_id, queue_id) select t.tenant_id, q.queue_id
from tenant t, queue q where t.name = 'demo' and q.name = 'held'"""


@pytest.fixture(scope="module")
def stack() -> Iterator[Any]:
    producer = {"producer": {"db_connections": 1, "commit_timeout_ms": 60_000}}
    with running("large", workers=1, lite=True, config_overrides=producer) as one:
        yield one


@pytest.mark.promises("C1", "S1.4")
def test_a_small_submit_passes_a_large_one_that_is_being_written(stack: Any) -> None:
    admin, client = admin_client(stack), tenant_client(stack)
    admin.http.patch("/v1/queues/held", json={}).raise_for_status()
    large = {"kind": "noop", "input": {"x": "y" * (2 << 20)}, "queue": "held"}
    told: list[int] = []

    def submit_large() -> None:
        told.append(client.http.post("/v1/jobs", json=large).status_code)

    with psycopg.connect(stack.env["LONGHAUL_PG_URL"]) as record:
        record.execute(HEAD)  # the large one's transaction waits for this one's end
        thread = threading.Thread(target=submit_large)
        thread.start()
        until("the large one is being written", lambda: Fault(stack).one(WAITING) > 0)
        client.submit({"kind": "noop", "input": {}})
        record.rollback()
    thread.join(120)
    assert told == [202]
    admin.close()
    client.close()
