"""Holds three stories against each other: what clients were told, the record, the model's call log.

It reports jobs that were acknowledged and are not there (lost), results written twice (doubled),
jobs nobody asked for (phantom), keys with two jobs, states that a job may not end in, and, as a
figure beside them, upstream calls beyond one per job and what they cost. It runs as a separate
program too: `python3 test/checker.py --history F --pg URL --simulator URL`.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any

import httpx
import psycopg
from client import Entry, History

TERMINAL = ("completed", "failed", "cancelled", "expired")


@dataclass
class Verdict:
    """Counts, and a few examples of each kind of fault."""

    acknowledged: int = 0
    completed: int = 0
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    phantom: list[str] = field(default_factory=list)
    unended: list[str] = field(default_factory=list)
    two_jobs_of_a_key: list[str] = field(default_factory=list)
    unreleased: list[str] = field(default_factory=list)
    upstream_calls: int = 0
    repeated_calls: int = 0
    repeated_tokens: int = 0

    def faults(self) -> dict[str, list[str]]:
        names = ("lost", "doubled", "phantom", "unended", "two_jobs_of_a_key", "unreleased")
        return {name: getattr(self, name)[:5] for name in names if getattr(self, name)}


def typeid_uuid(text: str) -> str:
    """The UUID behind job_..., as Postgres spells it."""
    alphabet = "0123456789abcdefghjkmnpqrstvwxyz"
    number = 0
    for letter in text.split("_")[1]:
        number = number * 32 + alphabet.index(letter)
    digits = f"{number:032x}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def acknowledged(history: History) -> tuple[dict[str, set[str]], bool]:
    """Job ids by key of what was answered 202; and whether some outcome is unknown."""
    told: dict[str, set[str]] = {}
    for entry in history.entries:
        if entry.outcome == "ok" and entry.job:
            told.setdefault(entry.key, set()).add(typeid_uuid(entry.job))
    return told, any(entry.outcome == "info" for entry in history.entries)


def record_story(pg_url: str) -> tuple[dict[str, str], Counter[str], set[str]]:
    """State by job, results by job, completed jobs whose result has no verdict."""
    with psycopg.connect(pg_url) as record:
        states = {str(i): s for i, s in record.execute("select job_id, state::text from job")}
        results = Counter(str(row[0]) for row in record.execute("select job_id from job_result"))
        unreleased = {
            str(row[0])
            for row in record.execute("select job_id from job_result where decision_id is null")
        }
    return states, results, unreleased


def calls_of(simulator_url: str | None) -> list[dict[str, Any]]:
    if simulator_url is None:
        return []
    body = httpx.get(f"{simulator_url}/calls", timeout=60).json()
    return body["data"] if isinstance(body, dict) else body


def judge(history: History, pg_url: str, simulator_url: str | None = None) -> Verdict:
    told, unknown = acknowledged(history)
    states, results, unreleased = record_story(pg_url)
    mine = {job for jobs in told.values() for job in jobs}
    verdict = Verdict(acknowledged=len(mine))
    verdict.completed = sum(states.get(job) == "completed" for job in mine)
    verdict.lost = sorted(
        job
        for job in mine
        if job not in states or (states[job] == "completed" and not results[job])
    )
    verdict.doubled = sorted(job for job, count in results.items() if count > 1)
    verdict.phantom = [] if unknown else sorted(set(states) - mine)
    verdict.unended = sorted(job for job in mine if states.get(job) not in (*TERMINAL, None))
    verdict.two_jobs_of_a_key = sorted(key for key, jobs in told.items() if len(jobs) > 1)
    verdict.unreleased = sorted(unreleased)
    calls = calls_of(simulator_url)
    first: set[str] = set()
    verdict.upstream_calls = len(calls)
    for call in calls:
        if call.get("job") in first:
            verdict.repeated_calls += 1
            verdict.repeated_tokens += int(call.get("tokens") or 0)
        first.add(call.get("job"))
    return verdict


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--history", required=True, help="JSON lines: outcome, key, job")
    parser.add_argument("--pg", required=True)
    parser.add_argument("--simulator")
    given = parser.parse_args()
    with open(given.history, encoding="utf-8") as lines:  # noqa: PTH123
        history = History([Entry(**json.loads(line)) for line in lines])
    verdict = judge(history, given.pg, given.simulator)
    print(json.dumps(asdict(verdict)))
    return 1 if verdict.faults() else 0


if __name__ == "__main__":
    sys.exit(main())
