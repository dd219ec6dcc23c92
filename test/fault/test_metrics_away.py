"""Metrics say which part is away, and are there to say it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from client import until
from stacks import running, tenant_client

from .conftest import value

# a GET is let in without the record for so long; metrics for as long as that is away
AWAY = {"identity": {"away_s": 5}}


@pytest.fixture(scope="module")
def stack() -> Iterator[Any]:
    with running("metrics-away", config_overrides=AWAY) as one:
        yield one


def becomes(stack: Any, wanted: float, *facts: tuple[str, str]) -> None:
    for program, name in facts:
        until(
            f"{program}: {name} is {wanted:g}",
            lambda p=program, n=name: value(stack, p, n) == wanted,
        )


# what stops, and who tells it by which metric
PARTS = {
    "postgres": [
        ("worker-1", "longhaul_record_up"),
        ("scheduler-1", "longhaul_record_up"),
        ("producer-1", "longhaul_record_up"),
    ],
    "redis-limits": [("worker-1", "longhaul_redis_up"), ("producer-1", "longhaul_redis_up")],
    "kafka": [("scheduler-1", "longhaul_kafka_up")],
}


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.promises("C16", "X3")
def test_a_part_that_is_away_is_seen_and_seen_to_be_back(stack: Any, part: str) -> None:
    becomes(stack, 1, *PARTS[part])
    stack.stop(part)
    try:
        becomes(stack, 0, *PARTS[part])
    finally:
        stack.start(part)
    becomes(stack, 1, *PARTS[part])


@pytest.mark.promises("C16", "X3")
def test_metrics_and_health_stay_open_however_long_the_record_is_away(stack: Any) -> None:
    """Whoever was known to be good; everybody else is 503 then, once the copy is too old."""
    up = ("producer-1", "longhaul_record_up")
    others = tenant_client(stack)
    models = "/v1/models"  # 404 to who is let in: only who asks is a question to the record
    becomes(stack, 1, up)
    until("they are let in", lambda: others.http.get(models).status_code == 404)
    stack.stop("postgres")
    try:
        becomes(stack, 0, up)
        until("nobody else is let in", lambda: others.http.get(models).status_code == 503)
        assert value(stack, *up) == 0
        strange = {"Authorization": f"Bearer {stack.env['LONGHAUL_API_KEY']}"}
        assert httpx.get(stack.address("producer-1"), headers=strange, timeout=60).is_error
        for path in ("/healthz", "/readyz"):
            assert others.http.get(path).status_code == 200
    finally:
        stack.start("postgres")
    until("they are let in again", lambda: others.http.get(models).status_code == 404)
    others.close()
