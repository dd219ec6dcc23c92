"""What was stored before there were keys is sealed while jobs run, and refused from then on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import psycopg
import pytest
from client import Client, chat, until
from stacks import admin_client, running

pytestmark = pytest.mark.promises("S1.8")

CLEAR = b"\x00"
VALUES = {
    "job_input": ("input", "subject", "metadata", "callback", "fallback", "trace"),
    "job_result": ("body",),
    "attempt": ("message",),
    "job_event": ("text",),
    "tenant_setting": ("webhook_secret", "callback_origins"),
}


class Old:
    """A tenant as it was before there were keys: its match key lies in clear."""

    def __init__(self, stack: Any, record: psycopg.Connection) -> None:
        self.stack, self.record = stack, record
        self.admin = admin_client(stack)
        made = self.admin.http.post("/v1/tenants", json={"name": "old"}).raise_for_status().json()
        self.tenant = uuid_of(made["id"])
        self.origins(["http://127.0.0.1:9", "http://127.0.0.1:10"])
        record.execute(
            "update tenant_setting set match_key = sha256('old') where tenant_id = %s",
            [self.tenant],
        )
        key = self.admin.http.post("/v1/api-keys", json={"tenant": "old"}).raise_for_status()
        self.client = Client(stack.env["LONGHAUL_URL"], key.json()["key"])
        self.admin.http.patch("/v1/queues/held", json={"weight": 1}).raise_for_status()
        self.admin.http.post("/v1/queues/held/pause").raise_for_status()

    def origins(self, list_of: list[str]) -> None:
        self.record.execute(
            "update tenant_setting set callback_origins = %s where tenant_id = %s",
            [CLEAR + json.dumps(list_of).encode(), self.tenant],
        )

    def put(self, table: str, column: str, job: str, text: str) -> None:
        self.record.execute(
            f"update {table} set {column} = %s where job_id = %s and {column} is not null",
            [CLEAR + text.encode(), uuid_of(job)],
        )

    def plant(self, job: str, read: dict[str, Any], events: list[Any]) -> None:
        """The job's values in clear, and no key, as a program of those days left them."""
        self.put("job_input", "input", job, json.dumps(read["input"]))
        self.put("job_input", "subject", job, read["subject"])
        self.put("job_input", "metadata", job, json.dumps(read["metadata"]))
        self.record.execute(
            "with i as (update job_input i set key_id = null from job_input was"
            "  where i.job_id = %s and was.job_id = i.job_id returning was.key_id)"
            " delete from subject_key k using i where k.key_id = i.key_id",
            [uuid_of(job)],
        )
        if read["result"]:
            self.put("job_result", "body", job, json.dumps(read["result"]))
            text = "".join(data["text"] for _, kind, data in events if kind == "job.delta")
            self.put("job_event", "text", job, text)

    def in_clear(self) -> int:
        """Values that begin with format 0, wherever."""
        return sum(
            self.record.execute(
                f"select count(*) from {table} where substring({column} from 1 for 1) = '\\x00'"
            ).fetchone()[0]
            for table, columns in VALUES.items()
            for column in columns
        )

    def status(self) -> dict[str, Any]:
        words = ("sealing", "status", "--config", str(self.stack.config), "--json")
        return json.loads(self.stack.longhaul(*words))

    def close(self) -> None:
        self.client.close()
        self.admin.close()


def uuid_of(typeid: str) -> str:
    number = 0
    for letter in typeid.rpartition("_")[2]:
        number = number * 32 + "0123456789abcdefghjkmnpqrstvwxyz".index(letter)
    return f"{number:032x}"


@pytest.fixture
def old() -> Iterator[Old]:
    with (
        running("reseal", workers=1) as stack,
        psycopg.connect(stack.env["LONGHAUL_PG_URL"], autocommit=True) as record,
    ):
        # read again, and no walk yet
        record.execute(
            "update record_sealing set sealed_at = null, found_at = now(),"
            " next_at = now() + interval '1 day'"
        )
        one = Old(stack, record)
        yield one
        one.close()


def all_of(client: Client, job: str) -> dict[str, Any]:
    read = client.get(job, expand="input")
    return {name: read[name] for name in ("state", "input", "subject", "metadata", "result")}


def test_values_in_clear_are_sealed_while_jobs_run_and_then_refused(old: Old) -> None:
    client, record = old.client, old.record
    until("clear values are read", lambda: client.http.get("/v1/jobs").status_code == 200)
    # enough for several pages of the walk
    lines = [{"kind": "noop", "input": {}, "queue": "held"}] * 450
    assert all("id" in answer for answer in client.bulk(lines))
    told = [
        client.submit(chat(f"{n}. two. three.", subject=f"person {n}", metadata={"n": str(n)}))[
            "id"
        ]
        for n in range(3)
    ]
    for job in told:
        assert client.wait(job)["state"] == "completed"
    held = client.submit(chat("later. on.", subject="person 0", queue="held"))["id"]
    events = {job: list(client.events(job)) for job in told}
    before = {job: all_of(client, job) for job in [*told, held]}
    for job, read in before.items():
        old.plant(job, read, events.get(job, []))
    planted = old.in_clear()
    assert planted == 3 * 5 + 2 + 1

    # read as they are, by one who holds keys; a job among them waits for its own
    assert {job: all_of(client, job) for job in before} == before
    old.admin.http.post("/v1/queues/held/resume").raise_for_status()
    until("it waits to be sealed", lambda: client.get(held)["waiting_for"] == "sealing")
    assert old.status()["sealed"] is False

    record.execute("update record_sealing set next_at = now()")
    meanwhile = [client.submit(chat("now. here.", subject="somebody"))["id"] for _ in range(20)]
    until("none is left", lambda: old.in_clear() == 0)
    for job in [*meanwhile, held]:
        assert client.wait(job)["state"] == "completed"
    assert {job: all_of(client, job) for job in told} == {job: before[job] for job in told}
    assert {job: list(client.events(job)) for job in told} == events

    # the subject's key bears the name by which submits find it
    assert record.execute(
        "select count(*) from job_input i where i.tenant_id = %s and i.subject is not null and"
        " not exists (select from job_match m where m.tenant_id = i.tenant_id"
        "  and m.job_id = i.job_id and encode(m.hash, 'hex')::uuid = i.key_id)",
        [old.tenant],
    ).fetchone() == (0,)

    # not before the last is an hour old, and a walk met none
    until("a whole walk met none", lambda: rests(record))
    assert old.status()["sealed"] is False
    record.execute(
        "update record_sealing set found_at = now() - interval '2 hours', next_at = now()"
    )
    until("the record is sealed", lambda: old.status()["sealed"])
    assert old.status()["values_sealed"] == planted + 1  # the match key bears no format

    old.plant(told[0], before[told[0]], events[told[0]])
    until("it is refused", lambda: all_of(client, told[0])["result"] is None)
    assert old.in_clear() > 0 and old.status()["sealed"]
    assert shown(record, old.tenant, told[0]) == 0
    record.execute("update record_sealing set sealed_at = null, next_at = now() + interval '1 day'")
    assert shown(record, old.tenant, told[0]) > 0 and shown(record, old.tenant, told[1]) == 0


def shown(record: psycopg.Connection, tenant: str, job: str) -> int:
    """Values of the job that the leader's right shows it: those in clear, until none is read."""
    with record.transaction(force_rollback=True):
        record.execute("set local role longhaul_scheduler")
        record.execute("select set_config('app.tenants', %s, true)", [str(UUID(tenant))])
        values = record.execute(
            "select count(*) from clear_values(%s, array[%s]::uuid[], false, 1000000)",
            [tenant, uuid_of(job)],
        ).fetchone()
        for table in VALUES:
            with (
                pytest.raises(psycopg.errors.InsufficientPrivilege),
                record.transaction(),
            ):
                record.execute(f"select count(*) from {table}")
    assert values
    return int(values[0])


def rests(record: psycopg.Connection) -> bool:
    row = record.execute(
        "select next_at > now() and found = 0 and walks >= 2 from record_sealing"
    ).fetchone()
    return bool(row and row[0])
