"""The long race, and its control: test/unit/core/stores/test_race.c with many more rounds.

make test runs a few thousand rounds as a unit; make faults a hundred thousand. Built without the
fence's guard (MODE=unfenced) the same program must find a fault.
"""

from __future__ import annotations

import os
import re
import subprocess

import pytest
from stacks import ROOT

from .conftest import LONG, rounds

PROGRAM = "unit/core/stores/test_race"
DEADLINE_S = 4 * 3600


def race(record: str, mode: str, how_many: int, seed: int) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "LONGHAUL_TEST_PG": record, "SEED": str(seed), "ROUNDS": str(how_many)}
    command = [ROOT / "build" / mode / PROGRAM]
    run = subprocess.run(command, env=env, capture_output=True, text=True, timeout=DEADLINE_S)
    print(run.stdout[-500:], run.stderr[-500:])
    return run


@pytest.mark.promises("C7", "C16")
@pytest.mark.skipif(not LONG, reason="the unit of the same name runs its short form")
def test_a_hundred_thousand_interleavings(record: str, seed: int) -> None:
    assert race(record, "release", rounds(0, 100_000), seed).returncode == 0


FAULT = re.compile(r"ended twice|not exactly one|two were told|not one end")


@pytest.mark.promises("C7")
def test_without_the_fence_the_race_finds_a_fault(record: str, seed: int) -> None:
    """Sometimes the record is first to refuse what a late write left: then another race is run."""

    def found(at: int) -> bool:
        run = race(record, "unfenced", 2000, at)
        assert run.returncode != 0
        return FAULT.search(run.stderr + run.stdout) is not None

    assert any(found(seed + n) for n in range(5))
