"""The record refuses a value of one job: that job alone bears it, whoever shared its statement."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from checker import typeid_uuid
from client import Client, chat, until
from stacks import admin_client, running, tenant_client

JOBS, BAD = 9, 4
NOOP = {"kind": "noop", "input": {}}
SELECTS = "for select to longhaul_worker using"
INSERTS = "for insert to longhaul_worker with check"
# Jobs that run, and what they say is in the record.
WRITTEN = """select count(distinct job_id) from job_event join job using (tenant_id, job_id)
where job_id = any(%s) and state = 'running'"""


@pytest.fixture(scope="module")
def lite() -> Iterator[Any]:
    """Without Redis running text goes into the record, without Kafka inputs are read apart."""
    with running("refused", lite=True, config_overrides={"worker": {"run_flush_ms": 100}}) as one:
        yield one


@pytest.fixture
def lite_client(lite: Any) -> Iterator[Client]:
    one = tenant_client(lite)
    yield one
    one.close()


@contextmanager
def one_refused(stack: Any, client: Client, rule: str, model: str) -> Iterator[list[str]]:
    """Jobs that are claimed together; a statement that meets the row of one fails by a division."""
    table, _, command = rule.partition(" ")
    admin = admin_client(stack)
    admin.http.post("/v1/queues/default/pause").raise_for_status()
    jobs = [row["id"] for row in client.bulk([chat("x", model=model)] * JOBS)]
    uuid = typeid_uuid(jobs[BAD])
    check = f"case when job_id = '{uuid}' then 1 / (length(job_id::text) - 36) = 0 else true end"
    with psycopg.connect(stack.env["LONGHAUL_PG_URL"], autocommit=True) as record:
        record.execute(f"create policy refused on {table} as restrictive {command} ({check})")
        try:
            admin.http.post("/v1/queues/default/resume").raise_for_status()
            yield jobs
        finally:
            record.execute(f"drop policy refused on {table}")
            admin.close()


def assert_one_fails(client: Client, jobs: list[str]) -> None:
    ends = [client.wait(job) for job in jobs]
    assert ends[BAD]["state"] == "failed" and ends[BAD]["error"]["code"] == "database_data"
    assert [end["state"] for end in ends].count("completed") == JOBS - 1


@pytest.mark.promises("C4")
def test_an_input_that_cannot_be_read_fails_its_job_alone(lite: Any, lite_client: Client) -> None:
    with one_refused(lite, lite_client, f"job_input {SELECTS}", "sim?tokens=2") as jobs:
        assert_one_fails(lite_client, jobs)


@pytest.mark.promises("C4")
def test_a_claim_whose_input_cannot_be_read_holds_up_no_other(stack: Any, client: Client) -> None:
    """As above where a message's claim brings the inputs along."""
    with one_refused(stack, client, f"job_input {SELECTS}", "sim?tokens=2") as jobs:
        assert_one_fails(client, jobs)


@pytest.mark.promises("C4")
def test_an_answer_that_cannot_be_written_fails_its_job_alone(stack: Any, client: Client) -> None:
    with one_refused(stack, client, f"job_result {INSERTS}", "sim?tokens=2") as jobs:
        assert_one_fails(client, jobs)


@pytest.mark.promises("C4", "C9")
def test_text_that_cannot_be_written_keeps_no_others_back(lite: Any, lite_client: Client) -> None:
    """Nor does it cost its own job the answer."""
    model = "sim?tokens=150&itl_ms=30"
    with one_refused(lite, lite_client, f"job_event {INSERTS}", model) as jobs:
        others = [typeid_uuid(job) for i, job in enumerate(jobs) if i != BAD]
        with psycopg.connect(lite.env["LONGHAUL_PG_URL"], autocommit=True) as record:

            def written() -> bool:
                row = record.execute(WRITTEN, (others,)).fetchone()
                return row is not None and row[0] == JOBS - 1

            until("the others' text is in the record", written)

        def told() -> bool:
            rows = lite.log("worker-1").splitlines()
            return any("refuses a job's running text" in row and jobs[BAD] in row for row in rows)

        until("the refused one is told", told)
        assert {lite_client.wait(job)["state"] for job in jobs} == {"completed"}


@pytest.mark.promises("C4", "C9")
def test_last_text_that_cannot_be_written_leaves_the_answer(lite: Any, lite_client: Client) -> None:
    """As above where the text comes with the end."""
    with one_refused(lite, lite_client, f"job_event {INSERTS}", "sim?tokens=2") as jobs:
        assert {lite_client.wait(job)["state"] for job in jobs} == {"completed"}


@contextmanager
def submits_refused(stack: Any) -> Iterator[dict[str, Any]]:
    """A job that the record refuses: the statement that would make it fails by a division."""
    check = "case when max_attempts = 13 then 1 / (max_attempts - 13) = 0 else true end"
    with psycopg.connect(stack.env["LONGHAUL_PG_URL"], autocommit=True) as record:
        record.execute(
            "create policy refused on job as restrictive"
            f" for insert to longhaul_producer with check ({check})"
        )
        try:
            yield {"kind": "noop", "input": {}, "max_attempts": 13}
        finally:
            record.execute("drop policy refused on job")


@pytest.mark.promises("C4", "C1")
def test_a_line_that_is_refused_is_told_so_and_the_others_are_jobs(
    stack: Any, client: Client
) -> None:
    with submits_refused(stack) as bad:
        lines = [bad if i in (0, 57, 58, 199) else NOOP for i in range(200)]
        answers = client.bulk(lines)
    assert len(answers) == len(lines)
    for line, answer in zip(lines, answers, strict=True):
        assert answer.get("code") == ("invalid_field" if line is bad else None)
    assert len({answer["id"] for answer in answers if "id" in answer}) == len(lines) - 4


@pytest.mark.promises("C4", "C1")
def test_a_submit_that_is_refused_takes_no_other_along(stack: Any, client: Client) -> None:
    """Each its own request, many of them in one commit."""
    with submits_refused(stack) as bad, ThreadPoolExecutor(16) as pool:
        jobs = [bad if i % 20 == 7 else NOOP for i in range(100)]
        replies = list(pool.map(lambda job: client.http.post("/v1/jobs", json=job), jobs))
    for job, reply in zip(jobs, replies, strict=True):
        assert reply.status_code == (422 if job is bad else 202), reply.text


@pytest.mark.promises("C6")
def test_a_word_that_no_redis_is_there_to_keep_is_refused_for_good(lite: Any) -> None:
    admin = admin_client(lite)
    reply = admin.http.put("/v1/upstreams/simulator/models/sim/breaker", json={"mode": "block"})
    admin.close()
    assert reply.status_code == 409 and "none is configured" in reply.json()["detail"]
    assert "Retry-After" not in reply.headers
