"""The services' units close what they say they close."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

UNITS = Path(__file__).parents[2] / "ops/systemd"
EXPOSED_AT_MOST = "15"  # tenths; systemd's own scale ends at 100


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not here")
@pytest.mark.parametrize("program", ["producer", "worker", "scheduler"])
def test_a_unit_leaves_little_open(program: str) -> None:
    unit = UNITS / f"longhaul-{program}.service"
    review = ["security", "--offline=yes", "--no-pager", f"--threshold={EXPOSED_AT_MOST}"]
    done = subprocess.run(
        ["systemd-analyze", *review, str(unit)], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stdout
    assert "ignoring" not in done.stderr
