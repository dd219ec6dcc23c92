"""What every program tells Prometheus: valid text, and true."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from client import Client, chat, until
from prometheus_client.parser import text_string_to_metric_families
from receiver import Receiver

pytestmark = pytest.mark.usefixtures("stack")

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = ("producer-1", "worker-1", "worker-2", "scheduler-1", "scheduler-2")
ROW = re.compile(r"^\| `(\w+)` \| (\w+) \| ([\w ]+|-) \| ([\w ]+) \|", re.MULTILINE)
NOOP = {"kind": "noop", "input": {}}


class Page:
    """One exposition, read as Prometheus reads it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.families = {f.name: f for f in text_string_to_metric_families(text)}
        self.samples = [s for f in self.families.values() for s in f.samples]

    def sum(self, name: str, **labels: str) -> float:
        """All samples of this name with these labels."""
        return sum(
            s.value for s in self.samples if s.name == name and labels.items() <= s.labels.items()
        )


def read(stack: Any, name: str) -> Page:
    key = {"Authorization": f"Bearer {stack.env['LONGHAUL_ADMIN_KEY']}"}
    headers = key if name.startswith("producer") else {}
    reply = httpx.get(stack.address(name), headers=headers, timeout=60)
    reply.raise_for_status()
    assert reply.headers["content-type"].startswith("text/plain; version=0.0.4")
    return Page(reply.text)


def workers(stack: Any, name: str, **labels: str) -> float:
    return sum(read(stack, w).sum(name, **labels) for w in ("worker-1", "worker-2"))


UNDER_WAY = """select (select count(*) from job_lease)
+ (select count(*) from job_ready join queue using (queue_id) where name = 'default')"""


def settled(stack: Any) -> None:
    """Nothing runs or may start, so that no neighbour's job is counted for ours; and what clients
    have seen end is counted: the record's answer may reach them first."""

    def quiet() -> bool:
        held = ("longhaul_jobs_held", "longhaul_ends_pending")
        return stack.psql(UNDER_WAY) == [["0"]] and not any(workers(stack, name) for name in held)

    until("all ends are told", quiet)


def documented() -> dict[str, tuple[str, set[str], set[str]]]:
    """docs/metrics.md: name -> type, labels, programs."""
    rows = ROW.findall((ROOT / "docs/metrics.md").read_text())
    return {
        name: (kind, set(labels.replace("-", "").split()), set(programs.split()))
        for name, kind, labels, programs in rows
    }


@pytest.fixture(scope="module")
def used(client: Client) -> Iterator[None]:
    """Some of everything has happened."""
    jobs = [client.submit(NOOP)["id"] for _ in range(20)]
    jobs.append(client.submit(chat("one. two.", model="sim?tokens=3"))["id"])
    jobs.append(client.submit(chat("one.", model="sim?fail=400"))["id"])
    for job in jobs:
        client.wait(job)
    yield


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.usefixtures("used")
@pytest.mark.promises("X3")
def test_every_page_is_valid_and_as_documented(stack: Any, name: str) -> None:
    page = read(stack, name)
    rows = documented()
    lines = [line for line in page.text.splitlines() if line.startswith("# TYPE ")]
    assert len(lines) == len(set(lines)) == len(page.families)
    keys = Counter((s.name, tuple(sorted(s.labels.items()))) for s in page.samples)
    assert [key for key, n in keys.items() if n > 1] == []
    for family in page.families.values():
        written = family.name + ("_total" if family.type == "counter" else "")
        kind, labels, programs = rows[written]
        assert family.type == kind and family.documentation
        assert name.partition("-")[0] in programs
        assert all(set(s.labels) - {"le"} == labels for s in family.samples)


@pytest.mark.usefixtures("used")
def test_histograms_add_up(stack: Any) -> None:
    for name in PROGRAMS:
        for family in read(stack, name).families.values():
            if family.type != "histogram":
                continue
            last: dict[tuple[tuple[str, str], ...], float] = {}
            for s in family.samples:
                series = tuple(sorted((k, v) for k, v in s.labels.items() if k != "le"))
                if s.name.endswith("_bucket"):
                    assert s.value >= last.get(series, 0.0)
                    last[series] = s.value
                elif s.name.endswith("_count"):
                    assert s.value == last[series]


@pytest.mark.promises("C15", "X3")
def test_a_job_is_counted_where_it_went(stack: Any, client: Client) -> None:
    model = "sim?tokens=7&seed=1"

    def figures() -> tuple[float, ...]:
        return (
            workers(stack, "longhaul_jobs_claimed_total", queue="default"),
            workers(stack, "longhaul_jobs_ended_total", queue="default", outcome="completed"),
            workers(stack, "longhaul_attempts_total", upstream="simulator", error="ok"),
            workers(stack, "longhaul_tokens_total", model=model, direction="output"),
            workers(stack, "longhaul_upstream_call_seconds_count", upstream="simulator"),
        )

    settled(stack)
    before = figures()
    client.wait(client.submit(chat("count me.", model=model))["id"])
    settled(stack)
    assert [a - b for a, b in zip(figures(), before, strict=True)] == [1, 1, 1, 7, 1]


@pytest.mark.promises("C15", "X3")
def test_a_retry_is_counted_with_its_error(stack: Any, client: Client) -> None:
    def figures() -> tuple[float, float]:
        return (
            workers(stack, "longhaul_attempts_total", error="upstream_unavailable"),
            workers(stack, "longhaul_retries_total", upstream="simulator"),
        )

    settled(stack)
    before = figures()
    client.wait(client.submit(chat("again.", model="sim?fail=503&fail_times=1"))["id"])
    settled(stack)
    assert [a - b for a, b in zip(figures(), before, strict=True)] == [1, 1]


@pytest.mark.promises("X3")
def test_a_callers_invented_model_makes_no_series(stack: Any, client: Client) -> None:
    client.wait(client.submit(chat("x", model="sim?fail=404&seed=13"))["id"])
    settled(stack)
    for name in ("worker-1", "worker-2"):
        assert "seed=13" not in read(stack, name).text


@pytest.mark.promises("C3", "X3")
def test_a_delivery_is_counted(stack: Any, client: Client, receiver: Receiver) -> None:
    before = workers(stack, "longhaul_webhook_attempts_total", outcome="delivered")
    client.submit({**NOOP, "callback": {"url": receiver.url("/")}})
    until(
        "the delivery is counted",
        lambda: workers(stack, "longhaul_webhook_attempts_total", outcome="delivered") > before,
    )


@pytest.mark.promises("C15")
def test_running_calls_and_their_memory_are_seen(stack: Any, client: Client) -> None:
    settled(stack)
    before = workers(stack, "longhaul_memory_held_bytes")
    text = "word " * 100000
    jobs = [client.submit(chat(text, model="sim?ttft_ms=3600000"))["id"] for _ in range(3)]
    until(
        "three calls run",
        lambda: workers(stack, "longhaul_upstream_calls_in_flight", upstream="simulator") == 3,
    )
    assert workers(stack, "longhaul_memory_held_bytes") - before >= 3 * len(text)
    assert workers(stack, "longhaul_jobs_held") == 3
    for job in jobs:
        client.http.post(f"/v1/jobs/{job}/cancel").raise_for_status()
    until(
        "their memory is free again",
        lambda: workers(stack, "longhaul_memory_held_bytes") < before + len(text),
    )


def leading(stack: Any) -> list[Page]:
    """Both schedulers' pages, once exactly one of them leads and has done some of its work."""
    pages = [read(stack, name) for name in ("scheduler-1", "scheduler-2")]
    leaders = [page for page in pages if page.sum("longhaul_leader")]
    acted = len(leaders) == 1 and leaders[0].sum("longhaul_duty_seconds_count", duty="dispatch")
    return pages if acted and leaders[0].sum("longhaul_worker_slots") >= 2 else []


@pytest.mark.promises("C15")
def test_one_scheduler_leads_and_tells_of_the_queues(stack: Any, client: Client) -> None:
    client.submit({**NOOP, "run_at": "2099-01-01T00:00:00Z"})
    pages = until("one leads", lambda: leading(stack))
    leader = next(p for p in pages if p.sum("longhaul_leader"))
    follower = next(p for p in pages if not p.sum("longhaul_leader"))
    assert leader.sum("longhaul_leader_term") >= 1
    assert "longhaul_queue_depth" not in follower.families
    assert "longhaul_slots_wanted" not in follower.families
    until(
        "the waiting job is counted",
        lambda: any(
            read(stack, n).sum("longhaul_queue_waiting", queue="default") >= 1
            for n in ("scheduler-1", "scheduler-2")
        ),
    )


@pytest.mark.promises("C15")
def test_slots_wanted_counts_what_runs_and_what_could(
    stack: Any, client: Client, admin: Client
) -> None:
    admin.http.patch("/v1/queues/wanted", json={"concurrency": 2}).raise_for_status()
    slow = {**chat("x", model="sim?ttft_ms=3600000"), "queue": "wanted"}
    jobs = [client.submit(slow)["id"] for _ in range(5)]
    # two run, three could not even with more workers: the queue's cap is two
    until(
        "two run",
        lambda: read(stack, "producer-1").sum("longhaul_queue_running", queue="wanted") == 2,
    )
    page = read(stack, "producer-1")
    others = sum(
        s.value
        for s in page.samples
        if s.name in ("longhaul_queue_running", "longhaul_queue_depth")
        and s.labels["queue"] != "wanted"
    )
    assert 2 <= page.sum("longhaul_slots_wanted") <= 2 + others
    for job in jobs:
        client.http.post(f"/v1/jobs/{job}/cancel").raise_for_status()


@pytest.mark.usefixtures("used")
@pytest.mark.promises("X3")
def test_each_program_tells_how_long_its_loops_keep_others_waiting(stack: Any) -> None:
    for name in PROGRAMS:
        assert read(stack, name).sum("longhaul_loop_turn_seconds_count") > 0, name
    stalls = read(stack, "producer-1").families["longhaul_loop_stalls"].samples
    blamed = {sample.labels["step"] for sample in stalls}
    assert {"other", "live", "limits", "writes", "reads", "slow", "security", "large"} <= blamed


def test_a_probe_sees_that_the_loop_turns(stack: Any) -> None:
    for name in ("worker-1", "scheduler-1"):
        url = stack.address(name).removesuffix("/metrics")
        assert httpx.get(f"{url}/healthz", timeout=60).text == "ok\n"
        assert httpx.get(f"{url}/v1/queues", timeout=60).status_code == 404
