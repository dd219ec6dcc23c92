"""Two revisions in turn: the other one is built in a git worktree, each run alternates."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from longhaul_dev.layout import REPOSITORY

from longhaul_bench.figure import Benchmark, Sample
from longhaul_bench.stage import Stage

FOLDER = Path("var/bench")


@contextmanager
def built(revision: str) -> Iterator[Path]:
    """The folder of that revision's programs."""
    tree = (FOLDER / "worktree").resolve()
    git = ["git", "-C", str(REPOSITORY), "worktree"]
    subprocess.run([*git, "add", "--force", "--detach", str(tree), revision], check=True)
    try:
        subprocess.run(["make", "-C", str(tree), "-s", "-j2", "all"], check=True)
        yield tree / "build/release"
    finally:
        subprocess.run([*git, "remove", "--force", str(tree)], check=True)


def compare(names: list[Benchmark], revision: str, runs: int) -> Iterator[dict[str, object]]:
    """One line per benchmark: medians of both, and this tree's as a ratio of the other's."""
    with built(revision) as build:
        here, there = Stage(FOLDER / "here"), Stage(FOLDER / "there", build)
        for what in names:
            ours: list[Sample] = []
            theirs: list[Sample] = []
            for _ in range(runs):
                theirs += what.measure(there, 1)
                ours += what.measure(here, 1)
            then = median(sample.value for sample in theirs)
            now = median(sample.value for sample in ours)
            yield {
                "name": what.name,
                "unit": what.unit,
                revision: [round(sample.value, 3) for sample in theirs],
                "here": [round(sample.value, 3) for sample in ours],
                "ratio": round(now / then, 3) if then else None,
            }
