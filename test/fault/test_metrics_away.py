"""Metrics say which part is away, and are there to say it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from client import until
from stacks import running


@pytest.fixture(scope="module")
def stack() -> Iterator[Any]:
    with running("metrics-away") as one:
        yield one


def value(stack: Any, program: str, name: str) -> float | None:
    """A metric without labels; None while the program does not tell it."""
    headers = {"Authorization": f"Bearer {stack.env['LONGHAUL_ADMIN_KEY']}"}
    try:
        text = httpx.get(stack.address(program), headers=headers, timeout=60).text
    except httpx.HTTPError:
        return None
    found = [line.split()[-1] for line in text.splitlines() if line.startswith(f"{name} ")]
    return float(found[0]) if found else None


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
    scrapes: list[Any] = []  # who comes regularly is known, and let in without the record
    until("scraped", lambda: scrapes.append(value(stack, "producer-1", "x")) or len(scrapes) > 12)
    stack.stop(part)
    try:
        becomes(stack, 0, *PARTS[part])
    finally:
        stack.start(part)
    becomes(stack, 1, *PARTS[part])
