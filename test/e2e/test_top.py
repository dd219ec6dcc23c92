"""longhaul top: one page of what goes on, for people and for programs."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from client import Client, chat, until

ROOT = Path(__file__).resolve().parents[2]
LONGHAUL = ROOT / "build" / os.environ.get("LONGHAUL_MODE", "release") / "longhaul"
HOME = "\x1b[H"


def environment(stack: Any) -> dict[str, str]:
    return {"LONGHAUL_PROFILE": str(stack.profile), "PATH": os.environ["PATH"]}


def top(stack: Any, *words: str) -> str:
    done = subprocess.run(
        [LONGHAUL, "top", *words],
        env=environment(stack),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def slow(client: Client) -> Iterator[list[str]]:
    """Three jobs that run for long."""
    jobs = [client.submit(chat("x", model="sim?ttft_ms=3600000"))["id"] for _ in range(3)]
    for job in jobs:
        until("it runs", lambda job=job: client.get(job)["state"] == "running")
    yield jobs
    for job in jobs:
        client.http.post(f"/v1/jobs/{job}/cancel").raise_for_status()


def total(rows: list[dict[str, Any]], member: str) -> int:
    return sum(row[member] for row in rows)


@pytest.mark.promises("C15", "X2")
def test_the_page_for_programs_counts_what_runs(stack: Any, slow: list[str]) -> None:
    def page() -> dict[str, Any]:
        return json.loads(top(stack, "--once", "--json"))

    def told() -> dict[str, Any] | None:
        """Each of its tables is as old as the last word of who fills it."""
        p = page()
        demo = next(tenant for tenant in p["tenants"] if tenant["name"] == "demo")
        counts = [total(p["workers"], member) for member in ("calls", "running")]
        return p if min(*counts, demo["running"]) >= len(slow) else None

    seen = until("the page counts their calls", told)
    assert set(seen) == {"queues", "tenants", "upstreams", "limits", "workers"}
    assert total(seen["workers"], "memory_bytes") > 0
    assert all(w["memory_target_bytes"] >= w["memory_bytes"] for w in seen["workers"])
    assert "simulator" in [upstream["name"] for upstream in seen["upstreams"]]

    def health() -> list[dict[str, Any]]:
        return [upstream["health"] for upstream in page()["upstreams"]]

    until("workers told of it", lambda: total(health(), "calls") >= len(slow))


@pytest.mark.promises("X2")
def test_a_tenants_backlog_is_counted(stack: Any, client: Client, admin: Client) -> None:
    admin.http.patch("/v1/queues/held", json={"weight": 1}).raise_for_status()
    admin.http.post("/v1/queues/held/pause").raise_for_status()
    noop = {"kind": "noop", "input": {}, "queue": "held"}
    for _ in range(4):
        client.submit(noop)
    client.submit({**noop, "run_at": "2099-01-01T00:00:00Z"})

    def counted() -> bool:
        tenants = json.loads(top(stack, "--json"))["tenants"]
        demo = next(tenant for tenant in tenants if tenant["name"] == "demo")
        return demo["queued"] >= 4 and demo["waiting"] >= 1

    until("its jobs are counted", counted)
    admin.http.post("/v1/queues/held/resume").raise_for_status()


@pytest.mark.promises("X2")
def test_without_a_terminal_it_is_printed_once(stack: Any) -> None:
    page = top(stack)
    assert "\x1b" not in page
    heads = [line.split()[0] for line in page.splitlines() if line and line.isupper()]
    for head in ("QUEUE", "TENANT", "UPSTREAM", "WORKER"):
        assert head in heads or re.search(rf"^{head}\b", page, re.MULTILINE)
    assert re.search(r"running \d+ of \d+ slots", page.splitlines()[0])


@pytest.mark.promises("X2")
def test_in_a_terminal_it_refreshes_until_interrupted(stack: Any) -> None:
    main, side = pty.openpty()
    child = subprocess.Popen(
        [LONGHAUL, "top", "--every", "1"],
        env=environment(stack),
        stdin=side,
        stdout=side,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(side)
    seen = ""
    while seen.count(HOME) < 3:
        seen += os.read(main, 65536).decode()
    child.terminate()
    child.wait(120)
    os.close(main)
    second = seen.split(HOME)[2]
    assert re.search(r"^QUEUE\s", second, re.MULTILINE)
    # a terminal of unknown size is taken for one of 24 lines: no page scrolls it
    assert second.count("\n") < 24
