"""Each fault has a stack of its own: what it breaks, nobody else stands on."""

from __future__ import annotations

import os
import random
import re
from collections.abc import Iterator
from typing import Any

import httpx
import psycopg
import pytest
from checker import Verdict, judge, typeid_uuid
from client import Client, History, until
from longhaul_dev.stack import Stack
from stacks import ROOT

NOT_ENDED = "state::text in ('queued', 'running', 'waiting')"
LONG = os.environ.get("LONGHAUL_FAULTS") == "long"


def rounds(short: int, long: int) -> int:
    """How often to try: few in make test, many in make faults; ROUNDS says otherwise."""
    return int(os.environ.get("ROUNDS", long if LONG else short))


@pytest.fixture(scope="session")
def seed() -> int:
    """Printed, so that a red run can be had again: SEED=n make faults."""
    value = int(os.environ.get("SEED", random.randrange(1 << 30)))
    print(f"\nSEED={value}")
    return value


@pytest.fixture(scope="module")
def record() -> Iterator[str]:
    """A record without leaders, for C tests: a libpq connection string."""
    stack = Stack(ROOT / "var/test/record")
    stack.up(lite=True, producers=1, workers=0, schedulers=0)
    passfile = stack.var.resolve() / "keys/pgpass"
    at = re.search(r"@?([^@/]+):(\d+)/", stack.env["LONGHAUL_PG_URL"])
    assert at
    yield f"host={at[1]} port={at[2]} dbname=longhaul passfile={passfile}"
    stack.down(purge=True)


class Fault:
    """What the fault tests ask of the record, in their own words."""

    def __init__(self, stack: Any) -> None:
        self.stack = stack
        self.pg_url = stack.env["LONGHAUL_PG_URL"]

    def ask(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.pg_url) as record:
            return record.execute(sql, values).fetchall()

    def one(self, sql: str, *values: Any) -> Any:
        return self.ask(sql, *values)[0][0]

    def running(self) -> int:
        return int(self.one("select count(*) from job_lease"))

    def holder_pids(self) -> dict[int, int]:
        """Leases held, by the worker's process id."""
        rows = self.ask(
            "select w.pid, count(*) from job_lease l join worker w using (worker_id) group by 1"
        )
        return {int(pid): int(n) for pid, n in rows}

    def under_way(self, client: Client, job: dict[str, Any], n: int, least: int) -> list[str]:
        """Submits n such jobs, and returns when so many run at once. A batch that ended while
        nobody looked is followed by another: whoever is held up for seconds comes too late."""
        ids: list[str] = []
        held = "select count(*) from job_lease where job_id = any(%s)"
        over = "select not exists (select from job where job_id = any(%s) and " + NOT_ENDED + ")"

        def run() -> bool:
            mine = [typeid_uuid(job) for job in ids]
            if self.one(held, mine) >= least:
                return True
            if self.one(over, mine):
                ids[:] = [row["id"] for row in client.bulk([job] * n)]
            return False

        until(f"{least} run at once", run)
        return ids

    def dead_too_soon(self) -> int:
        """Workers that were declared dead after a silence shorter than REAP_SILENT_MS of reap.h.
        A beat that crosses the declaration leaves a moment."""
        return int(
            self.one(
                "select count(*) from worker join worker_beat using (worker_id) where gone = 'dead'"
                " and gone_at - beat_at between interval '0.1 s' and interval '2.4 s'"
            )
        )

    def settle(self, clients: list[Client], deadline_s: float = 300) -> Verdict:
        """Waits until nothing is under way, then asks the checker."""
        left = "select count(*) from job where " + NOT_ENDED
        until("every job ends", lambda: self.one(left) == 0, deadline_s)
        history = History([e for c in clients for e in c.history.entries])
        return judge(history, self.pg_url, self.stack.env["LONGHAUL_SIM_URL"])


def value(stack: Any, program: str, name: str) -> float | None:
    """A metric, with its labels as they are printed; None while the program does not tell it."""
    headers = {"Authorization": f"Bearer {stack.env['LONGHAUL_ADMIN_KEY']}"}
    try:
        text = httpx.get(stack.address(program), headers=headers, timeout=60).text
    except httpx.HTTPError:
        return None
    found = [line.split()[-1] for line in text.splitlines() if line.startswith(f"{name} ")]
    return float(found[0]) if found else None


def settled(job: dict[str, Any]) -> dict[str, Any]:
    """A job but for its usage: what a fenced-off attempt used is the one thing it may still add."""
    return {name: value for name, value in job.items() if name not in ("usage", "progress")}
