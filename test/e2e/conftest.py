"""One stack for all end-to-end tests, and clients of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from client import Client
from receiver import Receiver
from stacks import Simulator, admin_client, running, tenant_client

# What one test's failures and slowness would change for the next: breakers and budgets have stacks
# of their own (test_permits.py, test_breaker_shared.py), and so have heads that never end.
NEUTRAL: dict[str, dict[str, Any]] = {
    "producer": {"header_timeout_ms": 120_000},
    "retry": {"budget_percent": 100},
    "breaker": {
        "calls_min": 100_000,
        "failures_in_row": 0,
        "key_refusals": 1000,
        "slow_first_token_ms": 86_400_000,
    },
}


@pytest.fixture(scope="session")
def stack() -> Iterator[Any]:
    with running("e2e", workers=2, schedulers=2, config_overrides=NEUTRAL) as one:
        yield one


@pytest.fixture(scope="session")
def client(stack: Any) -> Iterator[Client]:
    one = tenant_client(stack)
    yield one
    one.close()


@pytest.fixture(scope="session")
def client2(stack: Any) -> Iterator[Client]:
    one = tenant_client(stack, second=True)
    yield one
    one.close()


@pytest.fixture(scope="session")
def admin(stack: Any) -> Iterator[Client]:
    one = admin_client(stack)
    yield one
    one.close()


@pytest.fixture(scope="session")
def simulator(stack: Any) -> Iterator[Simulator]:
    one = Simulator(stack.env["LONGHAUL_SIM_URL"])
    yield one
    one.close()


@pytest.fixture(scope="session")
def pg_url(stack: Any) -> str:
    return stack.env["LONGHAUL_PG_URL"]


@pytest.fixture(scope="session")
def webhook_secret(stack: Any) -> str:
    return stack.env["LONGHAUL_WEBHOOK_SECRET"]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    one = Receiver()
    yield one
    one.close()


@pytest.fixture(scope="session")
def record_now(pg_url: str) -> Callable[[float], str]:
    """The record's clock, some seconds on: what run_at is measured against."""

    def at(seconds: float) -> str:
        with psycopg.connect(pg_url) as record:
            row = record.execute("select now()").fetchone()
        assert row
        moment: datetime = row[0].astimezone(UTC) + timedelta(seconds=seconds)
        return moment.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"

    return at
