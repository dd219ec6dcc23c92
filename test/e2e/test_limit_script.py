"""The script of request limits, on clocks that a test cannot set."""

from __future__ import annotations

import re
import struct
from pathlib import Path
from typing import Any

import pytest
from client import Client
from limits_world import LimitsWorld

pytestmark = pytest.mark.promises("S1.6")

SCRIPT = Path(__file__).resolve().parents[2] / "producer/limits/limit_script.c"
EPOCH = 1767225600  # of its times: 2026
HOUR, YEAR = 3600, 365 * 86400


@pytest.mark.parametrize("years", [-10, 0, 10])
def test_any_clock_counts(stack: Any, admin: Client, years: int) -> None:
    """As if the times began so much later: by ten years, and the host stands before them."""
    lines = re.findall(r'^\t"(.*)\\n"', SCRIPT.read_text(), re.MULTILINE)
    script = "\n".join(lines).replace(str(EPOCH), str(EPOCH + years * YEAR))
    interval_us = HOUR * 1e6 + 0.25
    bucket = struct.pack("<ddd", interval_us, 2 * interval_us, 0)
    group = struct.pack("<III", 1, 1, 1)
    with LimitsWorld(stack, admin).redis() as redis:
        told = [redis("EVAL", script, "1", "any-clock", bucket, group) for _ in range(3)]
        assert redis("DEL", "any-clock") == "1"
    assert [admitted for admitted, _ in told] == ["1", "1", "0"]
