"""The record goes back: a standby that lags takes over, or a backup is restored to a point in time.

What was acknowledged behind the end of the history that is left is lost, and said to be. All else
is as ever: nothing is held twice, no number is given twice, and what ran when the history ended,
and may have ended since, waits for an operator's word.
"""

from __future__ import annotations

import json
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from checker import judge, typeid_uuid
from client import Client, History, chat, until
from fault_disk import end_postgres
from longhaul_dev.account import service_account
from stacks import running, tenant_client
from standby import (
    FORMER,
    base_backup,
    give_place_back,
    keep_the_log,
    set_up,
    standby,
    take_place,
)

from .conftest import Fault, rounds
from .load import Load, load, more

SLOW = chat("s", model="sim?tokens=40&itl_ms=50", max_attempts=20)
PROGRAMS = ("producer-1", "worker-1", "worker-2", "scheduler-1")
SLEEPER = "worker-2"
OTHER = "the record has another history"
DROPS = "dropping what is held"
LIVE = """select count(*) from worker join worker_beat using (worker_id) where gone is null
    and beat_at > now() - interval '2 s'"""


@pytest.fixture(scope="module")
def stack() -> Iterator[Any]:
    with running("history", workers=2) as one:
        keep_the_log(one)
        yield one


@pytest.fixture
def client(stack: Any) -> Iterator[Client]:
    """Behind a take-over each lane finds its own way back, and until then it says 503."""
    one = tenant_client(stack)
    yield one
    one.close()


@pytest.fixture(autouse=True)
def nobody_is_left(stack: Any) -> Iterator[None]:
    yield
    shutil.rmtree(stack.layout.data / FORMER, ignore_errors=True)


def command(stack: Any, *words: str) -> dict[str, Any]:
    return json.loads(stack.longhaul(*words, "--config", str(stack.config), "--json"))


def in_review(stack: Any) -> set[str]:
    return {row["id"] for row in command(stack, "review", "list")["data"]}


def acknowledged(one: Load) -> set[str]:
    """Read without a lock while clients append."""
    return {str(e.job) for c in one.clients for e in list(c.history.entries) if e.outcome == "ok"}


def uuids(jobs: set[str]) -> set[str]:
    return {typeid_uuid(job) for job in jobs}


@contextmanager
def held(fault: Fault, client: Client) -> Iterator[list[str]]:
    """Jobs that run, and do not end while the block lasts: the model stands still."""
    left = "select count(*) from job_lease where job_id = any(%s)"

    def stand_still() -> list[str]:
        jobs = fault.under_way(client, SLOW, 6, 6)
        fault.stack.signal("simulator", signal.SIGSTOP)
        if fault.one(left, [typeid_uuid(job) for job in jobs]) == len(jobs):
            return jobs
        fault.stack.signal("simulator", signal.SIGCONT)  # some had ended by then
        return []

    jobs = until("jobs run", stand_still)
    try:
        yield jobs
    finally:
        fault.stack.signal("simulator", signal.SIGCONT)


class Loss:
    """One end of a history under load, and what must be true behind it."""

    def __init__(self, stack: Any, client: Client, one: Load) -> None:
        self.stack, self.client, self.one = stack, client, one
        self.fault, self.seen = Fault(stack), {n: len(stack.log(n)) for n in PROGRAMS}
        self.epoch = self.fault.one("select max(fence_base) from record_epoch")
        self.most = 0
        self.told: set[str] = set()

    def comes(self) -> None:
        """A holder sleeps through it. What was handed out and acknowledged until then is known:
        when each client has heard of it, none waits for an answer from before."""
        self.stack.signal(SLEEPER, signal.SIGSTOP)
        self.most = self.fault.one("select max(fence) from job")
        end_postgres(self.stack)
        stories = [client.history.entries for client in self.one.clients]
        heard = [len(story) for story in stories]

        def refused() -> bool:
            later = [story[n:] for story, n in zip(stories, heard, strict=True)]
            return all(story and story[-1].outcome != "ok" for story in later)

        until("each client is refused", refused)
        self.told = acknowledged(self.one)

    def said(self, words: str) -> list[str]:
        """By whom, since it began."""
        return [name for name in PROGRAMS if words in self.stack.log(name)[self.seen[name] :]]

    def look(self, job: str) -> httpx.Response:
        """A producer that is busy may be late, which is a 503."""
        path = f"/v1/jobs/{job}"
        return until(
            "an answer", lambda: (r := self.client.http.get(path)).status_code != 503 and r
        )

    def assert_begun_anew(self) -> None:
        """No fence and no term of the history before is handed out again."""
        newest = "select max(fence_base) from record_epoch"
        base = until(
            "somebody begins it", lambda: (b := self.fault.one(newest)) != self.epoch and b
        )
        assert base > self.most
        until("it is led", lambda: self.fault.one("select number from leader_term") >= base)
        self.stack.signal(SLEEPER, signal.SIGCONT)
        until("it drops what it held", lambda: SLEEPER in self.said(DROPS))
        more(self.one, 30)
        between = "select count(*) from attempt where fence > %s and fence <= %s"
        assert self.fault.one(between, self.most, base) == 0

    def assert_told(self, ran: set[str]) -> None:
        newest = command(self.stack, "history", "list")["data"][0]
        assert (newest["held"], newest["in_review"]) == (len(ran), len(ran))
        assert newest["before_ends_at"] < newest["began_at"]
        assert len(self.said(OTHER)) == 1
        assert uuids(in_review(self.stack)) == ran

    def have_a_word(self) -> str:
        """An operator cancels one of those in review, and releases the others."""
        waiting = sorted(in_review(self.stack))
        told = [self.look(job).json() for job in waiting]
        words = {(job["state"], job["waiting_for"], job["due_at"]) for job in told}
        assert words == {("waiting", "review", None)}
        path, body = f"/v1/jobs/{waiting[0]}", {"priority": 0}
        moved = until(
            "refused",
            lambda: (r := self.client.http.patch(path, json=body)).status_code != 503 and r,
        )
        assert moved.status_code == 409
        assert command(self.stack, "review", "cancel", waiting[0]) == {"cancelled": 1}
        assert command(self.stack, "review", "release", "--all") == {"released": len(waiting) - 1}
        assert in_review(self.stack) == set()
        return waiting[0]

    def assert_lost(self, lost: set[str]) -> None:
        """Such a job is not there, and is taken anew under its key. Its subject's key was lost with
        it, though a producer may remember that one: what is sealed now must open."""
        entries = [e for c in self.one.clients for e in list(c.history.entries) if e.job in lost]
        for entry in entries[-5:]:
            assert self.look(str(entry.job)).status_code == 404
            again = until("it is taken", lambda key=entry.key: self.taken(key))
            assert again != entry.job and self.client.wait(again)["state"] == "completed"

    def taken(self, key: str) -> str | None:
        reply = self.one.post(self.client, key)
        return str(reply.json()["id"]) if reply.status_code in (200, 202) else None

    def assert_kept(self, kept: set[str], cancelled: str) -> None:
        """All of it ends, once."""
        left = "select count(*) from job where state in ('queued', 'running', 'waiting')"
        until("every job ends", lambda: self.fault.one(left) == 0)
        clients = [*self.one.clients, self.client]
        history = History([e for c in clients for e in c.history.entries if e.job in kept])
        verdict = judge(history, self.fault.pg_url)
        verdict.phantom = []
        assert verdict.faults() == {}, verdict
        assert verdict.acknowledged == len(kept)
        ended = dict(self.fault.ask("select job_id::text, state::text from job"))
        assert {job for job in uuids(kept) if ended[job] != "completed"} <= uuids({cancelled})
        assert ended[typeid_uuid(cancelled)] == "cancelled"
        late = "select count(*) from job_result r join job j using (tenant_id, job_id)"
        assert self.fault.one(late + " where r.fence <> j.fence or j.state <> 'completed'") == 0

    def assert_survived(self, history: set[str], ran: set[str], slow: list[str]) -> str:
        self.assert_begun_anew()
        self.assert_told(ran)
        assert uuids(set(slow)) <= ran
        lost = {job for job in self.told if typeid_uuid(job) not in history}
        assert lost, "nothing was lost, which shows nothing"
        cancelled = self.have_a_word()
        self.assert_lost(lost)
        return cancelled

    def kept(self, history: set[str], slow: list[str]) -> set[str]:
        """What it has, and what was acknowledged since."""
        now = acknowledged(self.one) | set(slow)
        return {job for job in now if typeid_uuid(job) in history or job not in self.told}


def column(rows: list[tuple[Any, ...]]) -> set[str]:
    return {str(row[0]) for row in rows}


@pytest.mark.promises("C1", "C7", "C10", "C19")
@pytest.mark.parametrize("n", range(rounds(1, 20)))
def test_a_standby_that_lags_takes_over(stack: Any, client: Client, n: int) -> None:
    with standby(stack) as other, load(stack, keyed=True) as one:
        loss = Loss(stack, client, one)
        more(one, 30)
        with held(loss.fault, client) as slow:
            lsn = loss.fault.one("select pg_current_wal_lsn()::text")
            until("the standby has it", lambda: other.has(lsn))
            other.cut_line()
        history = column(other.ask("select job_id from job"))
        ran = column(other.ask("select job_id from job_lease"))
        more(one, 30)
        client.http.post(f"/v1/jobs/{slow[0]}/cancel").raise_for_status()
        loss.fault.under_way(client, SLOW, 4, 4)
        loss.comes()
        other.take_over()
        cancelled = loss.assert_survived(history, ran, slow)
    loss.assert_kept(loss.kept(history, slow), cancelled)


@pytest.mark.promises("C1", "C7", "C10", "C19")
@pytest.mark.parametrize("n", range(rounds(1, 20)))
def test_a_backup_is_restored_to_a_point_in_time(stack: Any, client: Client, n: int) -> None:
    backup = base_backup(stack, "restored")
    with load(stack, keyed=True) as one:
        loss = Loss(stack, client, one)
        more(one, 30)
        with held(loss.fault, client) as slow:
            before = acknowledged(one) | set(slow)
            point = loss.fault.one("select pg_create_restore_point('good')::text")
        more(one, 30)
        until("its log is kept", lambda: is_kept(loss.fault, point))
        loss.comes()
        awake = [name for name in PROGRAMS if name != SLEEPER]
        for name in awake:
            stack.stop(name, signal.SIGKILL)
        restored(stack, backup)
        history = column(loss.fault.ask("select job_id from job"))
        ran = column(loss.fault.ask("select job_id from job_lease"))
        for name in awake:
            stack.start(name)
        assert uuids(before) <= history
        cancelled = loss.assert_survived(history, ran, slow)
    loss.assert_kept(loss.kept(history, slow), cancelled)


def is_kept(fault: Fault, point: str) -> bool:
    """The segment with this place is in the archive; it is, once it is full or given up."""
    fault.ask("select pg_switch_wal()")
    kept = "select last_archived_wal >= pg_walfile_name(%s) from pg_stat_archiver"
    return fault.one(kept, point) is True


def restored(stack: Any, backup: Path) -> None:
    archive = stack.layout.data / "archive"
    target = {"recovery_target_name": "good", "recovery_target_action": "promote"}
    set_up(backup, restore_command=f"cp {archive}/%f %p", **target)
    signal_file = backup / "recovery.signal"
    signal_file.touch()
    service_account().own(signal_file)
    take_place(stack, backup.name)
    stack.start("postgres")
    until("it is restored", lambda: stack.psql("select pg_is_in_recovery()") == [["f"]])
    for name in target:  # a standby made of this one would end there
        stack.psql(f"alter system reset {name}")


WRITTEN = (
    "select (select count(*) from job), (select max(beat_at) from worker_beat),"
    " (select until from leader_term), (select count(*) from record_epoch)"
)
THERE = "select count(*) from pg_stat_activity where starts_with(usename, 'longhaul_')"
CAME = "select sum(sessions) from pg_stat_database where datname = 'longhaul'"


@contextmanager
def looked_at(fault: Fault) -> Iterator[psycopg.Connection[Any]]:
    """A server that is starting."""

    def session() -> psycopg.Connection[Any] | None:
        with suppress(psycopg.Error):
            return psycopg.connect(fault.pg_url, autocommit=True)
        return None

    with until("it answers", session) as one:
        yield one


@pytest.mark.promises("C1", "C19")
def test_a_former_primary_that_comes_back_is_refused(stack: Any, client: Client) -> None:
    """Programs that know the history behind it come, see what it is, and write nothing; they are
    there again when it has gone."""
    fault = Fault(stack)
    with standby(stack) as other:
        lsn = fault.one("select pg_current_wal_lsn()::text")
        until("the standby has it", lambda: other.has(lsn))
        there = fault.one(THERE)
        end_postgres(stack)
        other.take_over()
    until("one is taken", lambda: client.http.post("/v1/jobs", json=chat("x")).is_success)
    until("both workers have met it", lambda: fault.one(LIVE) == 2)
    # What a connection has seen counts for that one alone.
    until("every connection has met it", lambda: fault.one(THERE) >= there)
    end_postgres(stack)
    give_place_back(stack, "successor")
    stack.start("postgres", ready=False)
    with looked_at(fault) as former:
        written = former.execute(WRITTEN).fetchall()
        at_first = former.execute(CAME).fetchall()[0][0]
        until("they come", lambda: former.execute(CAME).fetchall()[0][0] >= at_first + 40)
        assert client.http.post("/v1/jobs", json=chat("x")).status_code == 503
        assert former.execute(WRITTEN).fetchall() == written
    end_postgres(stack)
    take_place(stack, "successor")
    stack.start("postgres", ready=False)
    until("one is taken", lambda: client.http.post("/v1/jobs", json=chat("x")).is_success)
