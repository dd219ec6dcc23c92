"""Negative controls of unit tests: without what they protect, those that name it must fail.

MODE=unfenced is also built without fair shares (core/stores/share_sql.h) and without the retry
budget (worker/upstreams/retry_budget.c).
"""

from __future__ import annotations

import os
import re
import subprocess

import pytest
from stacks import ROOT


def failed(program: str, record: str = "") -> set[str]:
    """The names of the tests that fail in the build without protections."""
    env = {**os.environ, "LONGHAUL_TEST_PG": record, "CMOCKA_MESSAGE_OUTPUT": "TAP"}
    command = [ROOT / "build/unfenced/unit" / program]
    run = subprocess.run(command, env=env, capture_output=True, text=True, timeout=300)
    assert re.search(r"^ok ", run.stdout, re.MULTILINE), run.stdout + run.stderr
    return set(re.findall(r"^not ok \d+ - (test_\w+)", run.stdout, re.MULTILINE))


@pytest.mark.promises("C12")
def test_without_fair_shares_a_crowd_goes_first_and_weights_say_nothing(record: str) -> None:
    assert failed("core/stores/test_share", record) >= {
        "test_one_job_is_next_however_many_wait_before_it",
        "test_weights_divide_what_is_claimed_one_at_a_time",
        "test_weights_divide_what_is_claimed_by_the_dozen",
        "test_a_large_job_costs_its_tenant_as_many_small_ones",
    }


@pytest.mark.promises("C5")
def test_without_the_budget_retries_never_wait() -> None:
    assert failed("worker/upstreams/test_permit") == {
        "test_retries_beyond_the_budget_wait_and_first_attempts_go"
    }
