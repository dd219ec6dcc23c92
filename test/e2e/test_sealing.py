"""Keys: no program runs without, epochs rotate, a key that goes takes with it what it sealed."""

from __future__ import annotations

import json
import os
import re
import secrets
import socket
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
import yaml
from client import Client, chat, until
from longhaul_dev.account import service_account
from longhaul_dev.fault import Fault
from stacks import Tree, binary, own_config, started, tenant_client

pytestmark = pytest.mark.usefixtures("stack")

PROGRAMS = ("producer", "worker", "scheduler")


def epoch(stack: Any, *words: str) -> Any:
    said = stack.longhaul("epoch", *words, "--config", str(stack.config), "--json")
    return json.loads(said) if said.startswith("{") else said


def epochs(stack: Any) -> dict[int, dict[str, Any]]:
    return {row["epoch"]: row for row in epoch(stack, "list")["data"]}


def with_keys(stack: Any, program: str, folder: Path, keys: Path) -> Path:
    def change(tree: Tree) -> None:
        tree["keys"] = {"dir": str(keys)}

    return own_config(stack, program, folder, change)


def key_folder(folder: Path, number: int = 1, mode: int = 0o600) -> Path:
    keys = folder / "keys"
    keys.mkdir(mode=0o700)
    file = keys / f"epoch-{number}.key"
    file.write_text(secrets.token_hex(32) + "\n")
    file.chmod(mode)
    return keys


def start_fails(stack: Any, program: str, config: Path) -> str:
    command = [binary(stack, program), "--config", str(config)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert run.returncode != 0
    return run.stderr


@pytest.mark.promises("S1.8")
@pytest.mark.parametrize("program", PROGRAMS)
def test_no_program_starts_without_keys(stack: Any, tmp_path: Path, program: str) -> None:
    keys = tmp_path / "none"
    keys.mkdir(mode=0o700)
    config = with_keys(stack, program, tmp_path, keys)
    assert "there are no keys" in start_fails(stack, program, config)


@pytest.mark.promises("S1.8")
def test_keys_that_others_may_read_are_refused(stack: Any, tmp_path: Path) -> None:
    keys = key_folder(tmp_path, mode=0o640)
    config = with_keys(stack, "worker", tmp_path, keys)
    assert "chmod 0600" in start_fails(stack, "worker", config)
    (keys / "epoch-1.key").chmod(0o600)
    keys.chmod(0o755)
    assert "chmod 0700" in start_fails(stack, "worker", config)
    keys.chmod(0o700)
    (keys / "epoch-1.key").write_text("no key\n")
    assert "64 hexadecimal digits" in start_fails(stack, "worker", config)


def key_of(stack: Any) -> dict[str, str]:
    return {"Authorization": f"Bearer {stack.env['LONGHAUL_API_KEY']}"}


@pytest.mark.promises("S1.8")
def test_an_epoch_that_a_live_process_lacks_is_not_activated(stack: Any, pg_url: str) -> None:
    made = epoch(stack, "make")["epoch"]
    with psycopg.connect(pg_url, autocommit=True) as record:
        record.execute(
            "insert into process (process_id, pid, program, host, epochs)"
            " values (gen_random_uuid(), 1, 'worker', 'elsewhere', '{1}')"
        )
        with pytest.raises(Fault, match="worker on elsewhere, process 1, does not hold it yet"):
            epoch(stack, "activate", str(made))
        record.execute("delete from process where host = 'elsewhere'")
    assert epochs(stack)[made]["state"] == "made"
    for change in ("activate", "destroy"):
        with pytest.raises(Fault, match="there is no epoch 9999"):
            epoch(stack, change, "9999")


@pytest.mark.promises("S1.8")
@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives a file away")
def test_a_key_that_is_closed_to_a_process_is_told_from_one_that_it_lacks(
    stack: Any, pg_url: str
) -> None:
    made = epoch(stack, "make")["epoch"]
    file = stack.layout.keys / "epochs" / f"epoch-{made}.key"
    os.chown(file, 0, 0)
    with psycopg.connect(pg_url, autocommit=True) as record:
        record.execute(
            "insert into process (process_id, pid, program, host, epochs)"
            " values (gen_random_uuid(), 1, 'worker', %s, '{1}')",
            (socket.gethostname(),),
        )
        with pytest.raises(Fault, match="process 1, cannot read it: chown its file"):
            epoch(stack, "activate", str(made))
        record.execute("delete from process where pid = 1")
    os.chown(file, service_account().uid, service_account().gid)


def activate_next(stack: Any) -> int:
    made = epoch(stack, "make")["epoch"]

    def held() -> bool:
        row = epochs(stack)[made]
        return row["holders"] == row["processes"] >= 3

    until("every process holds it", held)
    epoch(stack, "activate", str(made))
    return made


def destroy_when_free(stack: Any, record: psycopg.Connection, old: int) -> None:
    """As if the weeks were over; backups of that time hold its data keys."""
    until("all data keys are wrapped anew", lambda: epochs(stack)[old]["keys"] == 0)
    record.execute("update key_epoch set retired_at = now() - interval '3 weeks'")
    epoch(stack, "destroy", str(old))
    gone = (
        "select count(*) from process where %s = any(epochs) and seen_at > now() - interval '30 s'"
    )
    until("all have dropped it", lambda: record.execute(gone, (old,)).fetchone() == (0,))


@contextmanager
def jobs_running(stack: Any) -> Iterator[list[str]]:
    """A new subject each, one after the other: each needs a data key of its own."""
    ids: list[str] = []
    over = threading.Event()

    def run() -> None:
        own = tenant_client(stack)
        while not over.is_set():
            ids.append(own.submit(chat("a. b. c.", subject=f"turning {len(ids)}"))["id"])
        own.close()

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(run)
        try:
            yield ids
        finally:
            over.set()
    running.result()


@pytest.mark.promises("S1.8")
def test_an_epoch_is_rotated_while_jobs_run_and_the_old_one_destroyed(
    stack: Any, client: Client, pg_url: str
) -> None:
    before, lost = (
        client.submit(chat("one. two.", subject=subject))["id"] for subject in ("before", "lost")
    )
    for job in (before, lost):
        assert client.wait(job)["state"] == "completed"
    old = next(n for n, row in epochs(stack).items() if row["state"] == "active")
    file = stack.layout.keys / "epochs" / f"epoch-{old}.key"
    key = file.read_text()
    with psycopg.connect(pg_url, autocommit=True) as record:
        backup = data_key(record, lost)
        with jobs_running(stack) as ids:
            new = activate_next(stack)
            turned = len(ids)
            until("jobs go on", lambda: len(ids) > turned + 20)
        with pytest.raises(Fault, match="not retired for"):
            epoch(stack, "destroy", str(old))
        destroy_when_free(stack, record, old)
        assert not file.exists()
        for job in (before, lost):
            assert client.get(job)["result"]
        ended = [client.wait(job) for job in ids]
        assert {job["state"] for job in ended} == {"completed"}
        assert [job["subject"] for job in ended] == [f"turning {n}" for n in range(len(ids))]
        assert epochs(stack)[new]["keys"] > 0
        # a backup's row comes back, and a host's file was forgotten
        record.execute(
            "update subject_key set epoch = %s, wrapped = %s where tenant_id = %s and key_id = %s",
            backup,
        )
        file.write_text(key)
        file.chmod(0o600)
        until("its file is seen", lambda: '"destroyed_and_here":1' in stack.log("producer-1"))
        file.unlink()
        until("it is gone", lambda: '"destroyed_and_here":0' in after_last_1(stack))
        assert client.get(lost)["result"] is None and client.get(before)["result"]
        said = f'of their epoch is destroyed or not here","epoch":{old}'
        until("the producer says so", lambda: said in stack.log("producer-1"))
        record.execute("delete from subject_key where tenant_id = %s and key_id = %s", backup[2:])


def data_key(record: psycopg.Connection, job: str) -> tuple[Any, ...]:
    row = record.execute(
        "select k.epoch, k.wrapped, k.tenant_id, k.key_id from subject_key k"
        " join job_input i using (tenant_id, key_id) where i.job_id = %s",
        (uuid_of(job),),
    ).fetchone()
    assert row
    return row


def after_last_1(stack: Any) -> str:
    return stack.log("producer-1").rpartition('"destroyed_and_here":1')[2]


@pytest.mark.promises("S1.8")
def test_a_key_file_that_vanishes_is_told_and_its_epoch_given_up(
    stack: Any, client: Client
) -> None:
    """What is held serves on; a restart would not find it. What was never active wraps nothing."""
    active = next(n for n, row in epochs(stack).items() if row["state"] == "active")
    made = epoch(stack, "make")["epoch"]
    file = stack.layout.keys / "epochs" / f"epoch-{made}.key"
    kept = file.with_name("kept")

    def ready() -> str:
        reply = client.http.get("/readyz")
        assert reply.status_code == 200
        return reply.text

    def holders(wanted: bool) -> bool:
        row = epochs(stack)[made]
        return row["holders"] == (row["processes"] if wanted else 0)

    until("all hold it", lambda: holders(True) and ready() == "ready\n")
    file.rename(kept)
    until("nobody counts as holding it", lambda: holders(False) and "gone" in ready())
    assert f'"a key\'s file is gone: put it back before this program ends","epoch":{made}' in (
        stack.log("worker-1")
    )
    kept.rename(file)
    until("all hold it again", lambda: holders(True) and ready() == "ready\n")
    file.unlink()
    with pytest.raises(Fault, match="is active: another one has to be active"):
        epoch(stack, "destroy", str(active))
    epoch(stack, "destroy", str(made))
    assert epochs(stack)[made]["state"] == "destroyed"
    until("it is as before", lambda: ready() == "ready\n")


@pytest.mark.promises("S1.8")
def test_a_copy_in_escrow_brings_back_what_a_backup_holds(
    stack: Any, client: Client, pg_url: str, tmp_path: Path
) -> None:
    """The drill: the record, as a backup has it, and the copy alone. The keys are lost."""
    job = client.submit(chat("kept. text.", subject="in the safe"))["id"]
    assert client.wait(job)["result"]
    active = next(n for n, row in epochs(stack).items() if row["state"] == "active")
    copy, keys = tmp_path / "copy", tmp_path / "keys"
    own_command(stack, stack.config, "escrow", str(active), "--to", str(copy))
    text = copy.read_text()
    assert copy.stat().st_mode & 0o777 == 0o600
    assert re.match(rf"longhaul key epoch {active}\ndestroy this copy by \d{{4}}-\d\d-\d\d,", text)
    config = with_keys(stack, "producer", tmp_path, keys)

    def restore(what: Path) -> str:
        return own_command(stack, config, "restore", str(what))

    other = tmp_path / "other"
    other.write_text(text[: text.rstrip().rindex("\n") + 1] + secrets.token_hex(32) + "\n")
    other.chmod(0o600)
    with pytest.raises(AssertionError, match="is not the key of an epoch"):
        restore(other)
    other.write_text(text[:-20])
    with pytest.raises(AssertionError, match="is not a copy that"):
        restore(other)
    assert not keys.exists()
    assert "again" in restore(copy)
    with pytest.raises(AssertionError, match="are there already"):
        restore(copy)
    url = "http://" + yaml.safe_load(config.read_text())["producer"]["listen"]
    with started(stack, "producer", config) as log:
        until("it is ready", lambda: answer(f"{url}/readyz") == 200)
        read = httpx.get(f"{url}/v1/jobs/{job}", headers=key_of(stack), timeout=60).json()
    pid = json.loads(log.read_text().splitlines()[0])["pid"]
    assert read["result"] and read["subject"] == "in the safe"
    with psycopg.connect(pg_url, autocommit=True) as record:
        record.execute("delete from process where pid = %s", [pid])


def own_command(stack: Any, config: Path, *words: str) -> str:
    """As who runs the tests: the stack's own account reaches none of their folders."""
    command = [str(stack.layout.bin / "longhaul"), "epoch", *words, "--config", str(config)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    return run.stdout


def answer(url: str) -> int:
    try:
        return httpx.get(url, timeout=60).status_code
    except httpx.TransportError:
        return 0


@pytest.mark.promises("S1.8")
def test_a_data_key_that_goes_takes_what_it_sealed(stack: Any, client: Client, pg_url: str) -> None:
    kept = client.submit(chat("kept. text.", subject="stays"))["id"]
    lost = client.submit(chat("lost. text.", subject="goes", metadata={"a": "b"}))["id"]
    for job in (kept, lost):
        assert client.wait(job)["result"]
    with psycopg.connect(pg_url, autocommit=True) as record:
        record.execute(
            "delete from subject_key k using job_input i where k.tenant_id = i.tenant_id"
            " and k.key_id = i.key_id and i.job_id = %s",
            (uuid_of(lost),),
        )
    read = client.get(lost, expand="input")
    assert (read["state"], read["result"], read["input"]) == ("completed", None, None)
    assert (read["subject"], read["metadata"]) == (None, {})
    assert client.get(kept)["result"] and client.get(kept)["subject"] == "stays"


@pytest.mark.promises("S1.8")
def test_a_key_whose_job_was_not_taken_is_looked_for_again(
    stack: Any, client: Client, pg_url: str
) -> None:
    """Its row does not wait for the disk: with no job behind it, a Postgres that crashes loses it.
    So nobody may remember it by then."""
    once = {"Idempotency-Key": "its subject is new"}
    client.http.post("/v1/jobs", json=chat("one."), headers=once).raise_for_status()
    with psycopg.connect(pg_url, autocommit=True) as record:
        (before,) = record.execute("select clock_timestamp()").fetchone() or ()
        job = chat("two.", subject="not taken")
        assert client.http.post("/v1/jobs", json=job, headers=once).status_code == 422
        lost = record.execute("delete from subject_key where made_at > %s", (before,))
        assert lost.rowcount == 1
    taken = client.submit(job)["id"]
    assert client.wait(taken)["result"] and client.get(taken)["subject"] == "not taken"


def uuid_of(job: str) -> str:
    """The record's own form of an id."""
    alphabet = "0123456789abcdefghjkmnpqrstvwxyz"
    number = 0
    for letter in job.removeprefix("job_"):
        number = number * 32 + alphabet.index(letter)
    return f"{number:032x}"


@pytest.mark.promises("S1.8")
def test_a_swapped_value_is_not_read(client: Client, pg_url: str) -> None:
    """The same tenant, subject and column: another row's value does not open."""
    one, other = (client.submit(chat(f"{word}. two."))["id"] for word in ("one", "other"))
    for job in (one, other):
        assert client.wait(job)["result"]
    with psycopg.connect(pg_url, autocommit=True) as record:
        record.execute(
            "update job_result x set body = y.body from job_result y"
            " where x.job_id = %s and y.job_id = %s",
            (uuid_of(one), uuid_of(other)),
        )
    assert client.get(one)["result"] is None


def test_keys_lie_where_only_the_programs_reach_them(stack: Any) -> None:
    folder = stack.layout.keys / "epochs"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert all(file.stat().st_mode & 0o777 == 0o600 for file in folder.iterdir())


# The last: its process counts as a live one for half a minute after it is gone.
@pytest.mark.promises("S1.8")
@pytest.mark.parametrize("number", ["another", "the same"])
def test_a_producer_with_other_keys_is_not_ready_and_says_so(
    stack: Any, tmp_path: Path, number: str
) -> None:
    """A key that bears the active epoch's number, and is another, is none; and that is said."""
    active = next(n for n, row in epochs(stack).items() if row["state"] == "active")
    keys = key_folder(tmp_path, active if number == "the same" else active + 1000)
    words = "key file holds another key" if number == "the same" else "key is not here"
    config = with_keys(stack, "producer", tmp_path, keys)
    url = "http://" + yaml.safe_load(config.read_text())["producer"]["listen"]

    def answer() -> httpx.Response | None:
        try:
            return httpx.get(f"{url}/readyz", timeout=60)
        except httpx.TransportError:
            return None

    with started(stack, "producer", config) as log:
        until("it asked the record", lambda: words in log.read_text())
        ready = until("it answers", answer)
        assert ready.status_code == 503 and words in ready.text
        assert httpx.get(f"{url}/v1/jobs", headers=key_of(stack), timeout=60).status_code == 503
