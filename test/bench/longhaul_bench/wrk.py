"""wrk with one of the scripts in test/bench/load: steady load, and what came back."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

from longhaul_dev.fault import Fault

LOAD = Path(__file__).resolve().parents[1] / "load"
MARGIN_S = 30.0


@dataclass(frozen=True)
class Load:
    """Counts of one run of wrk."""

    requests: int
    duration_us: int
    p50_us: int
    p99_us: int
    max_us: int
    bytes: int
    refused: int  # answers of 400 and above
    broken: int  # connections and time-outs

    @property
    def rate(self) -> float:
        return (self.requests - self.refused) / (self.duration_us / 1e6)

    def check(self) -> "Load":
        """A benchmark of refusals measures nothing."""
        if self.refused or self.broken:
            raise Fault(f"{self.refused} answers were refusals, {self.broken} calls broke.")
        return self


def press(script: str, url: str, files: list[Path], *, connections: int, seconds: float) -> Load:
    """One run against url; files are passed to the script by path."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds:g}s", "--timeout", "30s"]
    command += ["-s", str(LOAD / f"{script}.lua"), url, "--", *map(str, files)]
    run = subprocess.run(
        command, capture_output=True, text=True, timeout=seconds + MARGIN_S, check=False
    )
    lines = [line for line in run.stdout.splitlines() if line.startswith("{")]
    if run.returncode or not lines:
        raise Fault(f"wrk failed: {run.stderr.strip() or run.stdout.strip()}")
    return Load(**json.loads(lines[-1]))
