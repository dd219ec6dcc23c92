"""Reading a job: poll, long poll, ETag, lists, and that another tenant sees nothing."""

from __future__ import annotations

import socket
import struct
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from client import Client, chat, until

pytestmark = pytest.mark.usefixtures("stack")

NOOP = {"kind": "noop", "input": {}}


@pytest.mark.promises("C2")
def test_an_etag_saves_the_body_until_something_changes(client: Client) -> None:
    job = client.submit({**NOOP, "run_at": "2099-01-01T00:00:00Z"})
    first = client.http.get(f"/v1/jobs/{job['id']}")
    etag = first.headers["etag"]
    same = client.http.get(f"/v1/jobs/{job['id']}", headers={"If-None-Match": etag})
    assert same.status_code == 304 and same.content == b"" and same.headers["etag"] == etag
    client.http.post(f"/v1/jobs/{job['id']}/cancel").raise_for_status()
    changed = client.http.get(f"/v1/jobs/{job['id']}", headers={"If-None-Match": etag})
    assert changed.status_code == 200 and changed.headers["etag"] != etag


@pytest.mark.promises("C2")
def test_a_long_poll_answers_when_the_job_ends(client: Client) -> None:
    job = client.submit(chat("slow", model="sim?ttft_ms=700&tokens=3"))
    reply = client.get(job["id"], wait=30)
    assert reply["state"] == "completed"


@pytest.mark.promises("C2")
def test_a_long_poll_of_a_waiting_job_returns_what_is_true(client: Client) -> None:
    job = client.submit({**NOOP, "run_at": "2099-01-01T00:00:00Z"})
    assert client.get(job["id"], wait=1)["state"] == "waiting"


@pytest.mark.parametrize("wait", ["-1", "61", "soon", "1e3"])
@pytest.mark.promises("C2")
def test_a_wait_out_of_range_is_refused(client: Client, wait: str) -> None:
    job = client.submit(NOOP)
    reply = client.http.get(f"/v1/jobs/{job['id']}", params={"wait": wait})
    assert reply.status_code in (400, 422) and reply.json()["code"] == "invalid_field"


@pytest.mark.promises("C2")
def test_the_answer_is_there_after_the_client_went_away(client: Client, stack) -> None:  # noqa: ANN001
    job = client.submit(chat("Leave. Come back."))
    client.wait(job["id"])
    later = Client(stack.env["LONGHAUL_URL"], stack.env["LONGHAUL_API_KEY"])
    assert later.get(job["id"])["result"] == client.get(job["id"])["result"]
    later.close()


def short_lived(client: Client, **more: Any) -> str:
    return client.submit(chat("Read once.", model="sim?tokens=3", store=False, **more))["id"]


@pytest.mark.promises("C2")
def test_store_false_drops_the_content_once_it_was_read(client: Client) -> None:
    job = short_lived(client)
    assert client.wait(job)["result"]
    until("its content is gone", lambda: client.get(job).get("result") is None)


@pytest.mark.promises("C2")
def test_content_that_could_not_be_dropped_is_told_and_goes_with_the_next_read(
    stack: Any, client: Client, pg_url: str
) -> None:
    job = short_lived(client)
    with psycopg.connect(pg_url, autocommit=True) as record:
        record.execute("revoke update (body) on job_result from longhaul_producer")
        try:
            assert client.wait(job)["result"]
            until("the log names it", lambda: content_stays(stack, job))
        finally:
            record.execute("grant update (body) on job_result to longhaul_producer")
    assert client.get(job)["result"]
    until("its content is gone", lambda: client.get(job).get("result") is None)


def content_stays(stack: Any, job: str) -> bool:
    lines = stack.log("producer-1").splitlines()
    return any(job in line and "content was read and stays" in line for line in lines)


@pytest.mark.parametrize("members", ["attempts", "input,events", "partial_output,deliveries"])
@pytest.mark.promises("C2")
def test_store_false_drops_what_was_read_with_expanded_members(
    client: Client, members: str
) -> None:
    job = short_lived(client)
    until("it ends", lambda: client.http.head(f"/v1/jobs/{job}", params={"wait": 20}).is_success)
    assert client.get(job, wait=20, expand=members)["result"]
    until("its content is gone", lambda: client.get(job, expand="attempts").get("result") is None)


@pytest.mark.promises("C2")
def test_a_head_reads_nothing_so_store_false_keeps_the_content(client: Client) -> None:
    job = short_lived(client)
    path = f"/v1/jobs/{job}"
    until(
        "it ends",
        lambda: (
            client.http.get("/v1/jobs", params={"state": "completed", "limit": 1}).json()["data"][
                0
            ]["id"]
            == job
        ),
    )
    for _ in range(20):
        assert client.http.head(path).status_code == 200
    assert client.get(job)["result"]


@pytest.mark.parametrize("how", ["fin", "rst"])
@pytest.mark.promises("C2")
def test_a_long_poll_whose_client_left_keeps_the_content(
    client: Client, admin: Client, stack: Any, how: str
) -> None:
    """Its job ends only when the client is gone."""
    admin.http.patch("/v1/queues/left", json={"concurrency": 8}).raise_for_status()
    admin.http.post("/v1/queues/left/pause").raise_for_status()
    job = short_lived(client, queue="left")
    url = urlsplit(stack.env["LONGHAUL_URL"])
    head = (
        f"GET /v1/jobs/{job}?wait=20 HTTP/1.1\r\nHost: x\r\n"
        f"Authorization: Bearer {stack.env['LONGHAUL_API_KEY']}\r\n\r\n"
    )
    with socket.create_connection((str(url.hostname), url.port or 80)) as line:
        line.sendall(head.encode())
        until("it waits", lambda: watchers(admin) > 0)
        if how == "rst":
            line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    admin.http.post("/v1/queues/left/resume").raise_for_status()
    query = {"state": "completed", "limit": 1}
    until(
        "it ends", lambda: client.http.get("/v1/jobs", params=query).json()["data"][0]["id"] == job
    )
    for _ in range(20):
        client.http.head(f"/v1/jobs/{job}")
    assert client.get(job)["result"]


def watchers(admin: Client) -> float:
    """Long polls and streams that stand open."""
    rows = admin.http.get("/metrics").text.splitlines()
    return next(float(row.split()[1]) for row in rows if row.startswith("longhaul_watchers "))


@pytest.mark.promises("C2", "S1.6")
def test_many_who_read_one_job_hide_no_other(client: Client, client2: Client) -> None:
    """Reads that arrive together share a statement, whoever asks and whatever for."""
    crowded, alone = client.submit(NOOP)["id"], client2.submit(NOOP)["id"]

    def read(i: int) -> int:
        one, job = (client2, alone) if i % 5 == 0 else (client, crowded)
        return one.http.get(f"/v1/jobs/{job}").status_code

    with ThreadPoolExecutor(24) as readers:
        assert set(readers.map(read, range(2000))) == {200}


@pytest.mark.promises("C2")
def test_expand_adds_what_was_asked_for(client: Client) -> None:
    job = client.submit(chat("Show everything. Please."))
    client.wait(job["id"])
    plain = client.get(job["id"])
    assert "input" not in plain and "attempts" not in plain
    wide = client.get(job["id"], expand="input,attempts,events,deliveries,partial_output")
    assert wide["input"]["messages"][0]["content"] == "Show everything. Please."
    assert len(wide["attempts"]) == 1 and wide["deliveries"] == []
    types = [event["type"] for event in wide["events"]]
    assert types[0] == "job.queued" and types[-1] == "job.completed"
    assert client.http.get(f"/v1/jobs/{job['id']}?expand=soul").status_code in (400, 422)


@pytest.mark.promises("C2")
def test_lists_page_by_keyset_without_gaps_or_doubles(client: Client, admin: Client) -> None:
    admin.http.patch("/v1/queues/listing", json={"concurrency": 8}).raise_for_status()
    made = [client.submit({**NOOP, "queue": "listing"})["id"] for _ in range(25)]
    seen: list[str] = []
    query: dict[str, str | int] = {"queue": "listing", "limit": 10}
    for _ in range(10):
        page = client.http.get("/v1/jobs", params=query).json()
        assert page["object"] == "list"
        seen += [job["id"] for job in page["data"]]
        assert all("input" not in job and job.get("result") is None for job in page["data"])
        if not page["has_more"]:
            break
        query["after"] = page["next"]
    assert seen == sorted(made, reverse=True)


@pytest.mark.promises("C2")
def test_lists_filter_by_state(client: Client, admin: Client) -> None:
    admin.http.patch("/v1/queues/states", json={"concurrency": 8}).raise_for_status()
    done = client.submit({**NOOP, "queue": "states"})["id"]
    later = client.submit({**NOOP, "queue": "states", "run_at": "2099-01-01T00:00:00Z"})["id"]
    client.wait(done)

    def listed(state: str) -> list[str]:
        page = client.http.get("/v1/jobs", params={"queue": "states", "state": state}).json()
        return [job["id"] for job in page["data"]]

    assert listed("completed") == [done] and listed("waiting") == [later]
    assert client.http.get("/v1/jobs?state=tired").status_code in (400, 422)


@pytest.mark.promises("C2")
def test_search_finds_by_subject_and_metadata(client: Client) -> None:
    marked = client.submit({**NOOP, "metadata": {"order": "o-4711"}})
    client.submit({**NOOP, "metadata": {"order": "o-4712"}})
    found = client.http.post("/v1/jobs/search", json={"metadata": {"order": "o-4711"}}).json()
    assert [job["id"] for job in found["data"]] == [marked["id"]]
    assert found["data"][0]["metadata"] == {"order": "o-4711"}


@pytest.mark.promises("S1.6", "C2")
def test_another_tenant_finds_nothing(client: Client, client2: Client) -> None:
    job = client.submit(chat("private"))["id"]
    client.wait(job)
    calls = [
        client2.http.get(f"/v1/jobs/{job}"),
        client2.http.get(f"/v1/jobs/{job}/events"),
        client2.http.post(f"/v1/jobs/{job}/cancel"),
        client2.http.post(f"/v1/jobs/{job}/retry"),
        client2.http.patch(f"/v1/jobs/{job}", json={"priority": 1}),
        client2.http.delete(f"/v1/jobs/{job}"),
    ]
    nobody = "job_01h455vb4pex5vsknk084sn02q"
    missing = client2.http.get(f"/v1/jobs/{nobody}")
    assert {reply.status_code for reply in calls} == {404}
    assert {reply.json()["code"] for reply in calls} == {"not_found"}
    theirs = calls[0].json()
    for document in (theirs, missing.json()):
        document.pop("instance", None)
    assert theirs == missing.json() or theirs["code"] == missing.json()["code"]
    listed = client2.http.get("/v1/jobs", params={"limit": 100}).json()["data"]
    assert job not in [row["id"] for row in listed]
    assert client.get(job)["state"] == "completed"


@pytest.mark.parametrize("name", ["job_", "nonsense", "job_" + "z" * 26, "job_" + "0" * 27, "%00"])
@pytest.mark.promises("C2")
def test_a_malformed_id_is_not_found(client: Client, name: str) -> None:
    assert client.http.get(f"/v1/jobs/{name}").status_code in (400, 404)


@pytest.mark.promises("C8")
def test_cancel_of_a_waiting_job_is_final_and_idempotent(client: Client) -> None:
    job = client.submit({**NOOP, "run_at": "2099-01-01T00:00:00Z"})["id"]
    first = client.http.post(f"/v1/jobs/{job}/cancel")
    again = client.http.post(f"/v1/jobs/{job}/cancel")
    assert first.status_code == again.status_code == 200
    assert first.json()["state"] == again.json()["state"] == "cancelled"


@pytest.mark.promises("C8")
def test_cancel_of_a_finished_job_changes_nothing(client: Client) -> None:
    job = client.submit(NOOP)["id"]
    done, events = client.wait(job), list(client.events(job))
    reply = client.http.post(f"/v1/jobs/{job}/cancel")
    assert (reply.status_code, reply.json()["code"]) == (409, "conflict")
    assert "the job is completed" in reply.json()["detail"]
    assert client.get(job) == done
    assert list(client.events(job)) == events


@pytest.mark.promises("C8")
def test_cancel_of_a_running_call_hangs_up_on_the_model(client: Client, simulator) -> None:  # noqa: ANN001
    job = client.submit(chat("long", model="sim?tokens=400&itl_ms=100"))["id"]
    until("the call runs", lambda: simulator.calls(job))
    assert client.http.post(f"/v1/jobs/{job}/cancel").json()["state"] == "cancelled"
    until("the simulator saw the hang-up", lambda: simulator.calls(job)[0]["hung_up"])
    assert client.get(job)["state"] == "cancelled"


@pytest.mark.promises("C2", "C5")
def test_retry_starts_a_failed_job_anew_and_keeps_its_history(client: Client) -> None:
    job = client.submit(chat("x", model="sim?fail=400&fail_times=1"))["id"]
    assert client.wait(job)["state"] == "failed"
    again = client.http.post(f"/v1/jobs/{job}/retry")
    assert again.status_code == 200 and again.json()["state"] == "queued"
    done = client.wait(job)
    assert done["state"] == "completed"
    assert len(client.get(job, expand="attempts")["attempts"]) == 2
    assert client.http.post(f"/v1/jobs/{job}/retry").json()["code"] == "conflict"


@pytest.mark.promises("C2")
def test_a_parameter_that_is_not_known_is_named(client: Client) -> None:
    def wrong(query: str) -> tuple[str, str]:
        reply = client.http.get(f"/v1/jobs?{query}")
        assert (reply.status_code, reply.json()["code"]) == (422, "invalid_field")
        [error] = reply.json()["errors"]
        return error["pointer"], error["detail"]

    pointer, detail = wrong("stat=queued")
    assert pointer == "?stat" and "queue, state, kind" in detail and detail.endswith(" after")
    for name in ("metadata", "subject"):
        pointer, detail = wrong(f"{name}=a")
        assert pointer == f"?{name}" and "POST /v1/jobs/search" in detail
    assert wrong("%22%0A=1")[0] == '?"\n'
    assert wrong("limit=1&limit=2") == ("?limit", "is given twice")


@pytest.mark.promises("C2", "C11")
def test_a_retry_undoes_a_cancel_and_its_time_stays(client: Client) -> None:
    later = {**NOOP, "run_at": "2099-01-01T00:00:00.000Z", "deadline_s": 60}
    first = client.submit({**later, "metadata": {"undone": "cancel"}})
    one = {"metadata": {"undone": "cancel"}}
    by_id = f"/v1/jobs/{first['id']}/retry"
    ways: list[dict[str, Any]] = [{"url": by_id}, {"url": "/v1/jobs/retry", "json": one}]
    for way in ways:
        client.http.post(f"/v1/jobs/{first['id']}/cancel").raise_for_status()
        client.http.post(**way).raise_for_status()
        again = client.get(first["id"])
        assert (again["state"], again["waiting_for"]) == ("waiting", "run_at")
        assert again["run_at"] == again["due_at"] == later["run_at"]
        assert again["deadline_at"] == first["deadline_at"] and again["finished_at"] is None
    client.http.patch(f"/v1/jobs/{first['id']}", json={"run_at": None}).raise_for_status()
    assert client.wait(first["id"])["state"] == "completed"


@pytest.mark.promises("C2")
def test_patch_changes_what_has_not_started(client: Client) -> None:
    job = client.submit({**NOOP, "run_at": "2099-01-01T00:00:00Z"})["id"]
    reply = client.http.patch(f"/v1/jobs/{job}", json={"priority": 1, "run_at": None})
    assert reply.status_code == 200 and reply.json()["priority"] == 1
    done = client.wait(job)
    assert done["state"] == "completed"
    assert client.http.patch(f"/v1/jobs/{job}", json={"priority": 2}).status_code == 409


@pytest.mark.promises("C2")
def test_delete_takes_a_finished_job_and_its_data(client: Client) -> None:
    job = client.submit(NOOP)["id"]
    client.wait(job)
    assert client.http.delete(f"/v1/jobs/{job}").status_code in (200, 204)
    assert client.http.get(f"/v1/jobs/{job}").status_code == 404


@pytest.mark.promises("C2", "C8")
def test_cancel_by_filter_counts_first(client: Client, admin: Client) -> None:
    admin.http.patch("/v1/queues/mass", json={"concurrency": 1}).raise_for_status()
    admin.http.post("/v1/queues/mass/pause").raise_for_status()
    jobs = [client.submit({**NOOP, "queue": "mass"})["id"] for _ in range(7)]
    dry = client.http.post("/v1/jobs/cancel", json={"queue": "mass", "dry_run": True}).json()
    assert dry["matched"] == 7 and client.get(jobs[0])["state"] == "queued"
    real = client.http.post("/v1/jobs/cancel", json={"queue": "mass"}).json()
    assert real["changed"] == 7
    assert {client.get(job)["state"] for job in jobs} == {"cancelled"}


@pytest.mark.promises("C9")
def test_a_poll_of_a_running_job_shows_how_far_it_is(client: Client) -> None:
    job = client.submit(chat("x", model="sim?tokens=5000&itl_ms=40"))["id"]

    def progress() -> dict[str, Any]:
        found = client.get(job)
        assert found["state"] == "running", found
        return found["progress"]

    until("it runs", lambda: client.get(job)["state"] == "running")
    first = until("some tokens came", lambda: (p := progress())["output_tokens"] and p)
    assert first["stage"] == "generating"
    until("more came", lambda: progress()["output_tokens"] > first["output_tokens"])
    client.http.post(f"/v1/jobs/{job}/cancel").raise_for_status()


@pytest.mark.promises("C9")
def test_a_poll_shows_the_answer_as_far_as_it_is_written(client: Client) -> None:
    quick = client.submit(chat("x", model="sim?tokens=120&seed=3"))["id"]
    whole = client.wait(quick)["result"]["choices"][0]["message"]["content"]
    # the same text, which takes much longer than we look
    slow = client.submit(chat("x", model="sim?tokens=120&itl_ms=300&seed=3"))["id"]
    seen: list[str] = []

    def partial(job: str) -> str:
        return client.get(job, expand="partial_output")["partial_output"]

    for _ in range(3):
        before = seen[-1] if seen else ""
        seen.append(until("more text", lambda b=before: len(t := partial(slow)) > len(b) and t))
    client.http.post(f"/v1/jobs/{slow}/cancel").raise_for_status()
    assert all(whole.startswith(text) and len(text) < len(whole) for text in seen)
    assert partial(quick) == whole
