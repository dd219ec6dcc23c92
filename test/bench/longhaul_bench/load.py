"""The open load generator: a plan of submits with their times, and what came back."""

import json
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from longhaul_dev.fault import Fault
from longhaul_dev.layout import REPOSITORY

from longhaul_bench.stage import Play, Stage

GRACE_S = 150.0


@dataclass(frozen=True)
class Line:
    """One job of the plan, as bench_load reads it."""

    at_us: int
    key: int
    follow: bool
    prompt_bytes: int
    max_tokens: int
    model: str

    def text(self) -> str:
        parts = (self.at_us, self.key, int(self.follow), self.prompt_bytes, self.max_tokens)
        return " ".join(map(str, (*parts, self.model)))


@dataclass(frozen=True)
class Sent:
    """What became of one submit; times are unix microseconds, 0 = never."""

    job: str
    status: int
    due_us: int
    begun_us: int
    answered_us: int
    first_us: int
    ended_us: int
    retry_after_s: int  # 0: none was told


@dataclass(frozen=True)
class Load:
    sent: list[Sent]
    about: dict[str, Any]  # the generator's own figures


def press(
    stage: Stage,
    play: Play,
    plan: Iterable[Line],
    *,
    count_from_s: float = 0.0,
    last_s: float,
    name: str = "plan",
) -> Load:
    """Runs a plan that takes last_s seconds (and its answers some more). Two at once need names."""
    build = stage.build or REPOSITORY / "build/release"
    lines = play.file(name, "".join(line.text() + "\n" for line in plan))
    command = [str(build / "bench/bench_load"), play.url, str(play.keys_file(name)), str(lines)]
    command.append(str(int(count_from_s * 1e6)))
    run = subprocess.run(
        command, capture_output=True, text=True, timeout=last_s + GRACE_S, check=False
    )
    if run.returncode:
        raise Fault(f"bench_load failed: {run.stderr.strip()}")
    *jobs, about = run.stdout.splitlines()
    return Load([_sent(job) for job in jobs], json.loads(about))


def _sent(text: str) -> Sent:
    job, *numbers = text.split(" ")
    return Sent(job, *map(int, numbers))


def share(values: list[float], part: float) -> float:
    """The value below which that part of the sorted values lies."""
    return values[min(int(len(values) * part), len(values) - 1)] if values else 0.0


def trace_file(name: str) -> Path:
    """A data file that is no part of the project: a Fault says when it is not named or there."""
    path = REPOSITORY / name
    if not path.is_file():
        raise Fault(
            f"{f'{path} is no file' if name else 'no trace is named'}: TRACE=file says where it "
            "lies. It is no part of the project; docs/benchmarks.md says where it comes from."
        )
    return path
