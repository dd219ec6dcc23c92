"""make soak: a stack under steady load, a fault every ten seconds, for MINUTES.

At the end the checker, as a program of its own, holds what clients were told against the record
and the model's call log. Printed is one JSON line: violations, faults that came, calls made again
and what they cost, and for each program the slope of its memory with that slope's upper 95 % limit.

The slope is a least-squares line through one life of one process, the longest that it had, without
its warm-up: ten minutes, or a third of a shorter life. Until then every kind of fault has come some
times, pools have filled and the pages of libraries that only faults run through have come in. How
much was resident minute by minute is printed too, and the slope of the process' own memory alone.
Samples of memory are not independent of each other, so the limit is too narrow rather than too
wide: small slopes of short runs mean nothing.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import random
import statistics
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from typing import Any

from client import Entry, History
from longhaul_bench.faults import HURTS
from longhaul_bench.native import Native
from longhaul_bench.process import memory_kib
from longhaul_bench.stage import Play, Stage
from longhaul_dev.fault import Fault

EVERY_S = 10.0
SAMPLE_S = 2.0
WARM_S = 600.0  # or a third of a shorter life
LINES, PAUSE_S = 15, 0.5  # of each of the two submitters
HEAL_S = 300.0
MODEL = "sim?tokens=20&chunk_tokens=5&itl_ms=20&jitter=0.5"
T_95 = 1.96  # some hundred samples: the normal distribution's
CHECKER = Path(__file__).resolve().parents[1] / "checker.py"
WATCHED = ("producer-1", "producer-2", "worker-1", "worker-2", "scheduler-1", "scheduler-2")


def slope(points: list[tuple[float, int]]) -> tuple[float, float]:
    """KiB an hour through (seconds, KiB), and its upper 95 % limit."""
    hours, kib = zip(*((at / 3600, kib) for at, kib in points), strict=True)
    fit = statistics.linear_regression(hours, kib)
    errors = [y - (fit.intercept + fit.slope * x) for x, y in zip(hours, kib, strict=True)]
    spread = sum((x - statistics.mean(hours)) ** 2 for x in hours)
    error = (sum(e * e for e in errors) / (len(points) - 2) / spread) ** 0.5
    return round(fit.slope, 1), round(fit.slope + T_95 * error, 1)


@dataclass
class Life:
    """One process from its start to its end: (seconds, KiB resident, KiB its own)."""

    pid: int
    samples: list[tuple[float, int, int]] = field(default_factory=list)

    def seconds(self) -> float:
        return self.samples[-1][0] - self.samples[0][0]

    def told(self) -> dict[str, Any]:
        """Slopes are left out where the life was too short to say."""
        began = self.samples[0][0]
        warm = began + min(WARM_S, self.seconds() / 3)
        late = [sample for sample in self.samples if sample[0] >= warm]
        told: dict[str, Any] = {"lived_s": round(self.seconds()), "kib": self.samples[-1][1]}
        told["kib_by_minute"] = [kib for _, kib, _ in self.samples[:: round(60 / SAMPLE_S)]]
        if len(late) >= 10:
            told["kib_per_h"], told["upper_95"] = slope([(at, kib) for at, kib, _ in late])
            told["own_kib_per_h"], told["own_upper_95"] = slope([(at, kib) for at, _, kib in late])
        return told


class Memory(threading.Thread):
    """Watches every program of ours, life by life."""

    def __init__(self, play: Play, over: threading.Event) -> None:
        super().__init__()
        self.play, self.over = play, over
        self.lives: dict[str, list[Life]] = {name: [] for name in WATCHED}

    def run(self) -> None:
        while not self.over.wait(SAMPLE_S):
            for name, at in self.play.stack.status().items():
                if name in self.lives and at["pid"]:
                    self.look(name, at["pid"])

    def look(self, name: str, pid: int) -> None:
        lives = self.lives[name]
        if not lives or lives[-1].pid != pid:
            lives.append(Life(pid))
        try:
            lives[-1].samples.append((time.monotonic(), *memory_kib(pid)))
        except OSError:
            return  # it ended just now

    def told(self) -> dict[str, Any]:
        longest = {
            name: max((life for life in lives if life.samples), key=Life.seconds)
            for name, lives in self.lives.items()
        }
        return {name: life.told() for name, life in longest.items()}


class Submitter(threading.Thread):
    """A few jobs every half second; a bulk that breaks is of unknown outcome."""

    def __init__(self, clients: list[Native], history: History, over: threading.Event) -> None:
        super().__init__()
        self.clients, self.history, self.over = clients, history, over

    def run(self) -> None:
        message = {"role": "user", "content": "Say something."}
        job = {"kind": "chat", "max_attempts": 20}
        job |= {"input": {"model": MODEL, "messages": [message]}}
        lines = [json.dumps(job).encode()] * LINES
        for client in itertools.cycle(self.clients):
            if self.over.wait(PAUSE_S):
                return
            try:
                ids = client.bulk(lines)
            except (Fault, OSError, ValueError, HTTPException) as trouble:
                self.history.entries.append(Entry("info", str(trouble)))
                continue
            self.history.entries += [Entry("ok", job_id, job_id) for job_id in ids]


def hurt(play: Play, dice: random.Random, minutes: float) -> dict[str, int]:
    """One fault every ten seconds, in shuffled rounds of all kinds; how often each came."""
    begin = time.monotonic()
    came: dict[str, int] = {}
    rounds = (h for _ in itertools.count() for h in dice.sample(HURTS, len(HURTS)))
    for number, one in enumerate(rounds, start=1):
        due = begin + number * EVERY_S
        if due > begin + minutes * 60:
            return came
        time.sleep(max(0.0, due - time.monotonic()))
        one(play)
        came[one.__name__] = came.get(one.__name__, 0) + 1
    return came


def check(play: Play, history: History) -> dict[str, Any]:
    """The checker's verdict, as counts; it is a separate program."""
    told = play.file(
        "history",
        "".join(
            json.dumps({"outcome": e.outcome, "key": e.key, "job": e.job}) + "\n"
            for e in history.entries
        ),
    )
    env = play.stack.env
    command = [sys.executable, str(CHECKER), "--history", str(told)]
    command += ["--pg", env["LONGHAUL_PG_URL"], "--simulator", env["LONGHAUL_SIM_URL"]]
    run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    if not run.stdout:
        raise Fault(f"the checker failed: {run.stderr[-500:]}")
    verdict = json.loads(run.stdout)
    return {k: len(v) if isinstance(v, list) else v for k, v in verdict.items()}


def soak(minutes: float, seed: int) -> dict[str, Any]:
    history, over = History(), threading.Event()
    with Stage(Path("var/soak")).play(tenants=20, workers=2, schedulers=2, producers=2) as play:
        ports = json.loads(play.stack.layout.state.read_text())["ports"]
        second = [Native(f"http://127.0.0.1:{ports['producer-2']}", key) for key in play.keys]
        memory = Memory(play, over)
        threads = [memory, *(Submitter(c, history, over) for c in (play.clients, second))]
        for thread in threads:
            thread.start()
        try:
            came = hurt(play, random.Random(seed), minutes)
        finally:
            over.set()
            for thread in threads:
                thread.join()
        play.wait_ended(deadline_s=HEAL_S)
        verdict = check(play, history)
        tokens = sum(call["tokens"] for call in play.calls())
        lives = memory.told()
    repeated = verdict["repeated_tokens"]
    return {
        "name": "soak",
        "minutes": minutes,
        "seed": seed,
        "faults": came,
        **verdict,
        "repeated_tokens_percent": round(100 * repeated / tokens, 2) if tokens else None,
        "memory": lives,
    }


VIOLATIONS = ("lost", "doubled", "phantom", "unended", "two_jobs_of_a_key", "unreleased")


def main() -> int:
    parser = argparse.ArgumentParser(prog="soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    seed = os.environ.get("SEED") or random.randrange(1 << 30)
    parser.add_argument("--seed", type=int, default=int(seed))
    given = parser.parse_args()
    told = soak(given.minutes, given.seed)
    told["violations"] = sum(told[name] for name in VIOLATIONS)
    print(json.dumps(told))
    return 1 if told["violations"] or not told["acknowledged"] else 0


if __name__ == "__main__":
    sys.exit(main())
