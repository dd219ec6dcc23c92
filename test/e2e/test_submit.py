"""Submit: what a 202 means, what is refused, and that nothing of a refused request is kept."""

from __future__ import annotations

import json
import threading
from typing import Any

import psycopg
import pytest
from client import Client, chat, until

pytestmark = pytest.mark.usefixtures("stack")


def jobs_in_record(pg_url: str) -> int:
    with psycopg.connect(pg_url) as record:
        row = record.execute("select count(*) from job").fetchone()
    assert row
    return int(row[0])


@pytest.mark.promises("C1", "X1")
def test_a_job_is_answered_at_once_and_runs_to_its_answer(client: Client) -> None:
    reply = client.http.post("/v1/jobs", json=chat("The sea is wide. Ships cross it."))
    assert reply.status_code == 202
    job = reply.json()
    assert reply.headers["location"] == f"/v1/jobs/{job['id']}"
    assert job["id"].startswith("job_") and job["object"] == "job" and job["state"] == "queued"
    done = client.wait(job["id"])
    assert done["state"] == "completed", done
    assert done["result"]["choices"][0]["message"]["content"]
    assert done["usage"]["output_tokens"] > 0
    assert set(done["timings_ms"]) >= {"queue", "first_byte", "stream", "finish"}


@pytest.mark.promises("C1")
def test_a_202_means_the_row_is_committed(client: Client, pg_url: str) -> None:
    job = client.submit(chat("Committed?", run_at="2099-01-01T00:00:00.000Z"))
    assert job["state"] == "waiting" and job["waiting_for"] == "run_at"
    with psycopg.connect(pg_url) as record:
        found = record.execute("select count(*) from job_due").fetchone()
    assert found and found[0] >= 1


@pytest.mark.promises("C1", "C2")
@pytest.mark.parametrize("store", [True, False])
def test_a_submit_is_answered_with_what_a_read_says(client: Client, store: bool) -> None:
    """Nothing happens to a job that waits for its time."""
    job = chat(
        "Later.",
        run_at="2099-01-01T00:00:00.000Z",
        store=store,
        deadline_s=60,
        metadata={"a": "b"},
        subject="ann",
    )
    lines = client.http.post(
        "/v1/jobs/bulk?expand=job",
        content=json.dumps(job),
        headers={"Content-Type": "application/x-ndjson"},
    )
    for told in (client.submit(job), lines.json()):
        assert told["store"] is store
        assert told == client.get(told["id"])


@pytest.mark.promises("C1")
def test_submits_are_answered_while_every_slot_is_held(client: Client) -> None:
    held = [client.submit(chat("hold", model="sim?ttft_ms=2000&tokens=2")) for _ in range(40)]
    quick = client.submit(chat("quick", model="sim"))
    assert client.wait(quick["id"])["state"] == "completed"
    assert all(client.wait(job["id"])["state"] == "completed" for job in held)


@pytest.mark.promises("C10")
def test_the_same_key_and_body_is_the_same_job(client: Client) -> None:
    body = chat("Once only")
    first = client.http.post("/v1/jobs", json=body, headers={"Idempotency-Key": "once-1"})
    again = client.http.post("/v1/jobs", json=body, headers={"Idempotency-Key": "once-1"})
    assert (first.status_code, again.status_code) == (202, 202)
    assert again.json()["id"] == first.json()["id"]
    assert again.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers


@pytest.mark.promises("C10")
def test_the_same_key_with_another_body_is_refused(client: Client) -> None:
    client.http.post("/v1/jobs", json=chat("one"), headers={"Idempotency-Key": "twice-1"})
    other = client.http.post("/v1/jobs", json=chat("two"), headers={"Idempotency-Key": "twice-1"})
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_conflict")


@pytest.mark.promises("C10")
def test_a_hundred_racing_submits_with_one_key_make_one_job(stack: Any) -> None:
    ids: list[str] = []

    def submit() -> None:
        racer = Client(stack.env["LONGHAUL_URL"], stack.env["LONGHAUL_API_KEY"])
        ids.append(racer.submit(chat("race"), key="race-1")["id"])
        racer.close()

    threads = [threading.Thread(target=submit) for _ in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(ids) == 100 and len(set(ids)) == 1


@pytest.mark.promises("C10")
def test_a_key_of_one_tenant_means_nothing_to_another(client: Client, client2: Client) -> None:
    mine = client.submit(chat("mine"), key="shared-key")
    theirs = client2.submit(chat("theirs"), key="shared-key")
    assert mine["id"] != theirs["id"]


BAD_FIELDS: list[tuple[str, dict[str, Any]]] = [
    ("/kind", {"kind": 7, "input": {}}),
    ("/input", {"kind": "chat"}),
    ("/input", {"kind": "chat", "input": "text"}),
    ("/colour", {**chat("x"), "colour": "red"}),
    ("/priority", {**chat("x"), "priority": 10}),
    ("/priority", {**chat("x"), "priority": "high"}),
    ("/run_at", {**chat("x"), "run_at": "tomorrow"}),
    ("/deadline_s", {**chat("x"), "deadline_s": 0}),
    ("/max_attempts", {**chat("x"), "max_attempts": -1}),
    ("/callback/url", {**chat("x"), "callback": {"url": "ftp://127.0.0.1/"}}),
    ("/callback/url", {**chat("x"), "callback": {"url": "https://not-listed.example/"}}),
    ("/callback/url", {**chat("x"), "callback": {"url": "http://user:word@127.0.0.1/"}}),
    ("/metadata/k", {**chat("x"), "metadata": {"k": 1}}),
    ("/metadata", {**chat("x"), "metadata": {str(i): "v" for i in range(17)}}),
    ("/fallback", {**chat("x"), "fallback": "wait"}),
    ("/depends_on", {**chat("x"), "depends_on": []}),
]


@pytest.mark.parametrize(("pointer", "body"), BAD_FIELDS, ids=[p for p, _ in BAD_FIELDS])
@pytest.mark.promises("C1")
def test_a_wrong_field_is_named_and_nothing_is_kept(
    client: Client, pg_url: str, pointer: str, body: dict[str, Any]
) -> None:
    before = jobs_in_record(pg_url)
    reply = client.http.post("/v1/jobs", json=body)
    problem = reply.json()
    assert reply.status_code == 422, problem
    assert reply.headers["content-type"] == "application/problem+json"
    assert problem["code"] == "invalid_field"
    assert any(error["pointer"].startswith(pointer) for error in problem["errors"]), problem
    assert jobs_in_record(pg_url) == before


BAD_BODIES: list[tuple[str, bytes, int, str]] = [
    ("not JSON", b"{", 400, "invalid_json"),
    ("two values", b"{}{}", 400, "invalid_json"),
    ("duplicate key", b'{"kind":"noop","kind":"noop","input":{}}', 400, "invalid_json"),
    ("not UTF-8", b'{"kind":"noop","input":{"a":"\xff"}}', 400, "invalid_json"),
    ("NUL", b'{"kind":"noop","input":{"a":"\\u0000"}}', 400, "invalid_json"),
    ("an array", b"[]", 422, "invalid_field"),
    ("empty", b"", 400, "invalid_json"),
    ("too deep", b'{"kind":"noop","input":' + b"[" * 70 + b"]" * 70 + b"}", 400, "invalid_json"),
    ("unknown kind", b'{"kind":"dance","input":{}}', 422, "unknown_kind"),
    ("internal kind", b'{"kind":"purge","input":{}}', 422, "unknown_kind"),
    ("unknown queue", b'{"kind":"noop","queue":"nowhere","input":{}}', 422, "unknown_queue"),
]


@pytest.mark.parametrize(
    ("body", "status", "code"), [row[1:] for row in BAD_BODIES], ids=[row[0] for row in BAD_BODIES]
)
@pytest.mark.promises("C1")
def test_a_bad_body_is_a_problem_document(
    client: Client, pg_url: str, body: bytes, status: int, code: str
) -> None:
    before = jobs_in_record(pg_url)
    reply = client.http.post("/v1/jobs", content=body, headers={"Content-Type": "application/json"})
    assert (reply.status_code, reply.json()["code"]) == (status, code)
    assert reply.json()["status"] == status
    assert jobs_in_record(pg_url) == before


@pytest.mark.promises("C1")
def test_a_body_over_the_limit_is_413(client: Client) -> None:
    reply = client.http.post("/v1/jobs", json=chat("x" * (11 << 20)))
    assert (reply.status_code, reply.json()["code"]) == (413, "too_large")


@pytest.mark.parametrize("key", ["", "x" * 256, "tab\tin it"], ids=["empty", "long", "control"])
@pytest.mark.promises("C10")
def test_a_malformed_idempotency_key_is_refused(client: Client, key: str) -> None:
    reply = client.http.post(
        "/v1/jobs", json=chat("x"), headers=[(b"Idempotency-Key", key.encode())]
    )
    assert reply.status_code in (400, 422)


@pytest.mark.parametrize("key", [None, "lh_nonsense", "Bearer", "x" * 9000])
def test_without_a_good_key_there_is_nothing(stack: Any, key: str | None) -> None:
    stranger = Client(stack.env["LONGHAUL_URL"], key)
    reply = stranger.http.post("/v1/jobs", json=chat("x"))
    assert reply.status_code in (401, 431) and "x" * 50 not in reply.text
    stranger.close()


@pytest.mark.promises("C1")
def test_bulk_lines_stand_alone(client: Client) -> None:
    lines = [json.dumps({"kind": "noop", "input": {}})] * 3
    lines.insert(1, "{broken")
    lines.insert(3, json.dumps({"kind": "noop", "input": {}, "priority": 99}))
    reply = client.http.post(
        "/v1/jobs/bulk",
        content="\n".join(lines) + "\n",
        headers={"Content-Type": "application/x-ndjson"},
    )
    assert reply.status_code == 200
    answers = [json.loads(line) for line in reply.text.splitlines()]
    assert [("id" in a) for a in answers] == [True, False, True, False, True]
    assert answers[1]["code"] == "invalid_json" and answers[3]["code"] == "invalid_field"
    for answer in answers:
        if "id" in answer:
            assert client.wait(answer["id"])["state"] == "completed"


@pytest.mark.promises("C1")
def test_bulk_takes_ten_thousand_lines_and_not_one_more(client: Client) -> None:
    line = json.dumps({"kind": "noop", "input": {}, "run_at": "2099-01-01T00:00:00Z"}) + "\n"
    headers = {"Content-Type": "application/x-ndjson"}
    full = client.http.post("/v1/jobs/bulk", content=line * 10_000, headers=headers)
    assert full.status_code == 200 and full.text.count("\n") == 10_000
    over = client.http.post("/v1/jobs/bulk", content=line * 10_001, headers=headers)
    assert over.status_code == 413 or '"too_large"' in over.text.splitlines()[-1]


@pytest.mark.promises("C11")
def test_a_job_with_a_time_runs_when_it_comes(client: Client, record_now: Any) -> None:
    job = client.submit({"kind": "noop", "input": {}, "run_at": record_now(1.0)})
    # on its way here the second may have passed
    assert job["state"] == ("waiting" if job["run_at"] > job["created_at"] else "queued")
    done = client.wait(job["id"])
    assert done["state"] == "completed" and done["started_at"] >= done["run_at"]


@pytest.mark.promises("C5")
def test_a_job_past_its_deadline_expires(client: Client, admin: Client) -> None:
    admin.http.patch("/v1/queues/stopped", json={"concurrency": 1}).raise_for_status()
    admin.http.post("/v1/queues/stopped/pause").raise_for_status()
    job = client.submit({"kind": "noop", "input": {}, "queue": "stopped", "deadline_s": 1})
    done = client.wait(job["id"])
    assert done["state"] == "expired" and done["error"]["code"] == "deadline"


@pytest.mark.promises("C4")
def test_a_paused_queue_holds_its_jobs_and_a_resumed_one_runs_them(
    client: Client, admin: Client
) -> None:
    admin.http.patch("/v1/queues/pausing", json={"concurrency": 4}).raise_for_status()
    admin.http.post("/v1/queues/pausing/pause").raise_for_status()
    job = client.submit({"kind": "noop", "input": {}, "queue": "pausing"})
    other = client.submit({"kind": "noop", "input": {}})
    assert client.wait(other["id"])["state"] == "completed"
    assert client.get(job["id"])["state"] in ("queued", "waiting")
    admin.http.post("/v1/queues/pausing/resume").raise_for_status()
    assert client.wait(job["id"])["state"] == "completed"


@pytest.mark.promises("C1")
def test_a_refusal_says_what_was_probably_meant(client: Client, admin: Client) -> None:
    def problem(**request: Any) -> tuple[str, str]:
        reply = client.http.post("/v1/jobs", **request).json()
        return reply["code"], " ".join(e["pointer"] + " " + e["detail"] for e in reply["errors"])

    assert problem(content=b" ") == ("invalid_json", " the body is empty")
    beside = {"kind": "chat", "input": {}, "model": "sim"}
    assert "/model is no field of a job: it belongs into /input" in problem(json=beside)[1]
    kinds = problem(json={"kind": "purge", "input": {}})[1]
    assert kinds.endswith("there are chat, response, embedding, message, noop")
    assert "no queue is called mails" in problem(json={**chat("x"), "queue": "mails"})[1]
    nobody = client.http.get("/v1/jobs/job_01h455vb4pex5vsknk084sn02q").json()["detail"]
    assert nobody == "there is no job job_01h455vb4pex5vsknk084sn02q"
    assert client.http.get("/v1/queues").json()["detail"] == "nothing is served at this path"


@pytest.mark.promises("C5")
def test_who_asks_for_a_model_that_nobody_serves_learns_which_there_are(client: Client) -> None:
    done = client.wait(client.submit(chat("x", model="gpt-x"))["id"])
    assert done["error"]["code"] == "no_upstream"
    assert "sim*" in done["error"]["upstream_message"]


@pytest.mark.promises("C12")
def test_a_draining_queue_is_not_a_full_one(client: Client, admin: Client) -> None:
    admin.http.patch("/v1/queues/leaving", json={}).raise_for_status()
    admin.http.post("/v1/queues/leaving/drain").raise_for_status()
    body = {"kind": "noop", "input": {}, "queue": "leaving"}
    keyed = {"Idempotency-Key": "leaving"}  # decided by the record, not by the producer
    for reply in (
        client.http.post("/v1/jobs", json=body),
        client.http.post("/v1/jobs", json=body, headers=keyed),
    ):
        assert (reply.status_code, reply.json()["code"]) == (409, "queue_draining")
        assert "retry-after" not in reply.headers
    line = client.http.post("/v1/jobs/bulk", content=json.dumps(body)).json()
    assert line["code"] == "queue_draining"


@pytest.mark.promises("C12")
def test_a_full_queue_says_when_to_come_again(client: Client, admin: Client) -> None:
    admin.http.patch("/v1/queues/narrow", json={"max_queued": 5}).raise_for_status()
    admin.http.post("/v1/queues/narrow/pause").raise_for_status()
    body = {"kind": "noop", "input": {}, "queue": "narrow"}

    def refused() -> Any:
        reply = client.http.post("/v1/jobs", json=body)
        return reply if reply.status_code != 202 else None

    reply = until("the queue is full", refused)
    assert (reply.status_code, reply.json()["code"]) == (503, "queue_full")
    assert int(reply.headers["retry-after"]) >= 1
