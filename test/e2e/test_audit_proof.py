"""The audit as files: checked offline, and whatever was done to a row is found and named."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from client import Client, chat, until
from stacks import running, tenant_client

ROOT = Path(__file__).resolve().parents[2]
LONGHAUL = ROOT / "build" / os.environ.get("LONGHAUL_MODE", "release") / "longhaul"
JOBS = 40

Done = subprocess.CompletedProcess[str]
pytestmark = pytest.mark.promises("S1.12")


class Book:
    """A stack of its own, whose record may be damaged."""

    def __init__(self, stack: Any, client: Client, folder: Path) -> None:
        self.stack, self.client, self.folder = stack, client, folder
        self.key = folder / "audit.pub"
        self.key.write_text(self.run("audit", "key").stdout)

    def run(self, *words: str | Path) -> Done:
        environment = {"LONGHAUL_CONFIG": str(self.stack.config), "PATH": os.environ["PATH"]}
        return subprocess.run(
            [LONGHAUL, *map(str, words)],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
        )

    def sql(self, sql: str) -> list[list[str]]:
        return self.stack.psql(sql)

    def count(self) -> int:
        return int(self.sql("select count(*) from audit")[0][0])

    def checkpoints(self) -> Path:
        return self.stack.layout.data / "audit/checkpoints"

    def signed(self) -> int:
        latest = self.checkpoints() / "checkpoint"
        return int(latest.read_text().splitlines()[1]) if latest.exists() else 0

    def placed(self) -> int:
        return int(self.sql("select coalesce(max(position + count), 0) from audit_batch")[0][0])

    def scheduler_log(self) -> str:
        return str(self.stack.log("scheduler-1"))

    def settle(self) -> int:
        """Waits until every row is signed, in the record and outside."""

        def quiet() -> bool:
            return self.signed() == self.count()

        until("every row is signed", quiet)
        return self.signed()

    def export(self, name: str, *words: str) -> Path:
        path = self.folder / name
        done = self.run("audit", "export", path, "--force", *words)
        assert done.returncode == 0, done.stderr
        return path

    def verify(self, *words: str | Path) -> dict[str, Any]:
        done = self.run("audit", "verify", "--key-file", self.key, *words, "--json")
        assert done.returncode in (0, 1), done.stderr
        return json.loads(done.stdout)


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Book]:
    quick = {"audit": {"checkpoint_ms": 200}, "scheduler": {"upkeep_ms": 1000}}
    with running("audit", lite=True, workers=1, config_overrides=quick) as stack:
        client = tenant_client(stack)
        for i in range(4):
            for job in client.bulk([chat(f"{i} {n}") for n in range(JOBS // 4)]):
                client.wait(job["id"])
        yield Book(stack, client, tmp_path_factory.mktemp("audit"))
        client.close()


def test_an_export_is_not_written_over(book: Book) -> None:
    path = book.export("kept.audit")
    before = path.read_bytes()
    again = book.run("audit", "export", path)
    assert again.returncode == 2 and "--force" in again.stderr and path.read_bytes() == before
    assert book.run("audit", "export", path, "--force").returncode == 0


@pytest.fixture(scope="module")
def whole(book: Book) -> Path:
    book.settle()
    return book.export("whole.audit")


def rows(text: str) -> list[str]:
    return [line for line in text.splitlines() if line[:1].isdigit()]


def test_what_happened_is_exported_and_checked_without_the_database(
    book: Book, whole: Path
) -> None:
    found = book.verify(whole, "--checkpoint", book.checkpoints() / "checkpoint")
    lines = rows(whole.read_text())
    assert found["intact"] and found["rows"] == len(lines) >= 2 * JOBS
    assert found["signed_rows"] == len(lines) and found["checkpoints"] > 1
    actions = {line.split("\t")[9] for line in lines}
    assert {"job.submit", "job.completed", "api_key.create", "tenant.create"} <= actions


def test_a_file_that_begins_later_is_checked_by_itself(book: Book, whole: Path) -> None:
    size = book.verify(whole)["signed_rows"]
    part = book.export("part.audit.gz", "--from", str(size - 3))
    found = book.verify(part)
    assert found["intact"] and 0 < found["first"] <= size - 3
    lines = gzip.decompress(part.read_bytes()).decode()
    assert rows(lines)[0].startswith(f"{found['first']}\t")


def test_one_row_is_proved_by_a_file_of_its_own(book: Book, whole: Path) -> None:
    proof = book.folder / "row.proof"
    assert book.verify(whole, "--row", "17", "--proof", proof)["intact"]
    row = rows(whole.read_text())[17].split("\t", 2)[2]
    found = book.verify(proof)
    assert (found["row"], found["columns"]) == (17, row)
    for old, new in (("index 17", "index 18"), ("extra ", "extra QQ")):
        bad = book.folder / "bad.proof"
        bad.write_text(proof.read_text().replace(old, new, 1))
        assert book.run("audit", "verify", "--key-file", book.key, bad).returncode == 1


Spoil = Callable[[list[str], int], None]


def flip(lines: list[str], at: int) -> None:
    lines[at] = lines[at][:-1] + ("2" if lines[at][-1] == "1" else "1")


def delete(lines: list[str], at: int) -> None:
    del lines[at]


def insert(lines: list[str], at: int) -> None:
    lines.insert(at, lines[at - 1])


def reorder(lines: list[str], at: int) -> None:
    lines[at], lines[at + 1] = lines[at + 1], lines[at]


def truncate(lines: list[str], at: int) -> None:
    del lines[at:]


@pytest.mark.parametrize("spoil", [flip, delete, insert, reorder, truncate])
def test_a_spoiled_file_is_found_at_its_first_bad_row(
    book: Book, whole: Path, spoil: Spoil
) -> None:
    lines = whole.read_text().splitlines()
    places = [i for i, line in enumerate(lines) if line[:1].isdigit()]
    places = [i for i in places if lines[i + 1][:1].isdigit() and lines[i - 1][:1].isdigit()]
    for at in (places[0], places[len(places) // 2], places[-1]):
        position = int(lines[at].split("\t")[0])
        spoiled = list(lines)
        spoil(spoiled, at)
        path = book.folder / "spoiled.audit"
        path.write_text("\n".join(spoiled) + "\n")
        found = book.verify(path)
        assert not found["intact"] and found["row"] == position, found


def renumber(lines: list[str]) -> list[str]:
    """As somebody would who knows the file: numbers, hashes, and the end are made to fit."""
    number = 0
    fresh = []
    for line in lines:
        if line[:1].isdigit():
            row = line.split("\t", 2)[2]
            leaf = base64.b64encode(hashlib.sha256(b"\0" + row.encode()).digest()).decode()
            fresh.append(f"{number}\t{leaf}\t{row}")
            number += 1
        else:
            fresh.append(f"@end {number}" if line.startswith("@end") else line)
    return fresh


@pytest.mark.parametrize("spoil", [flip, delete, insert, reorder])
def test_hashes_made_to_fit_do_not_deceive(book: Book, whole: Path, spoil: Spoil) -> None:
    """Then the checkpoint behind the row says so: it was signed."""
    lines = whole.read_text().splitlines()
    places = [i for i, line in enumerate(lines) if line[:1].isdigit()]
    places = [i for i in places if lines[i + 1][:1].isdigit() and lines[i - 1][:1].isdigit()]
    at = places[len(places) // 2]
    position = int(lines[at].split("\t")[0])
    signed = [int(lines[i + 1][2:]) for i, line in enumerate(lines) if line == "# longhaul.audit"]
    spoiled = list(lines)
    spoil(spoiled, at)
    path = book.folder / "fitted.audit"
    path.write_text("\n".join(renumber(spoiled)) + "\n")
    found = book.verify(path)
    before = max(size for size in [0, *signed] if size <= position)
    assert not found["intact"] and found["row"] == before, found
    assert re.search(r"not what was signed|some are missing|some were put in", found["fault"])


def test_a_log_cut_back_to_an_older_checkpoint_misses_the_one_from_outside(
    book: Book, whole: Path
) -> None:
    lines = whole.read_text().splitlines()
    end = next(i for i, line in enumerate(lines) if line == "# longhaul.audit")
    while lines[end].startswith("#"):
        end += 1
    cut = lines[:end]
    kept = len(rows("\n".join(cut)))
    path = book.folder / "cut.audit"
    path.write_text("\n".join([*cut, f"@end {kept}"]) + "\n")
    assert book.verify(path)["intact"]
    found = book.verify(path, "--checkpoint", book.checkpoints() / "checkpoint")
    assert not found["intact"] and found["row"] == kept


def test_another_key_is_not_believed(book: Book, whole: Path) -> None:
    tree = yaml.safe_load(book.stack.config.read_text())
    seed, config, public = (book.folder / name for name in ("seed", "other.yaml", "other.pub"))
    seed.touch(0o600)
    seed.write_text(base64.b64encode(bytes(range(32))).decode())
    tree["audit"]["signing_key_file"] = str(seed)
    config.write_text(yaml.safe_dump(tree))
    public.write_text(book.run("audit", "key", "--config", config).stdout)
    done = book.run("audit", "verify", "--key-file", public, whole)
    assert done.returncode == 1 and "no trusted key" in done.stderr
    public.write_text(public.read_text() + book.key.read_text())
    assert book.run("audit", "verify", "--key-file", public, whole).returncode == 0
    done = book.run("audit", "verify", whole)
    assert done.returncode == 0 and "the key came with the file" in done.stderr


# Each damages the record behind the programs' backs; the row that it begins with is found.
IN_THE_RECORD = {
    "flipped": "update audit set action = 'job.delete' where row_id = {row}",
    "deleted": "delete from audit where row_id = {row}",
    "inserted": "insert into audit (tenant_id, at, actor_kind, action, xid, row_id)"
    " select tenant_id, at, actor_kind, action, xid, row_id from audit where row_id = {row}",
    "reordered": "update audit a set row_id = case a.row_id when {row} then {next} else {row} end"
    " where row_id in ({row}, {next})",
    "truncated": "delete from audit where (xid, row_id) >= (select xid, row_id from audit"
    " where row_id = {row})",
}


@pytest.mark.parametrize("how", IN_THE_RECORD)
def test_a_record_changed_by_its_owner_is_found_at_the_row(book: Book, how: str) -> None:
    book.settle()
    book.sql("create table kept as select * from audit")
    order = [row for (row,) in book.sql("select row_id from audit order by xid, row_id")]
    # two neighbours of one transaction, so that exchanging them is exchanging places
    position, row, following = next(
        (i, order[i], order[i + 1])
        for i in range(20, len(order))
        if book.sql(
            f"select count(distinct xid), count(distinct object) from audit"
            f" where row_id in ({order[i]}, {order[i + 1]})"
        )
        == [["1", "2"]]
    )
    book.sql(IN_THE_RECORD[how].format(row=row, next=following))
    try:
        found = book.verify(book.export("damaged.audit"))
    finally:
        book.sql("delete from audit; insert into audit select * from kept; drop table kept")
    # which of two with the same place comes first is nobody's promise
    at = {position, position + 1} if how == "inserted" else {position}
    assert not found["intact"] and found["row"] in at, found
    assert book.verify(book.export("mended.audit"))["intact"]


def test_a_day_that_is_over_is_archived_and_goes_on_from_the_day_before(book: Book) -> None:
    archive = book.stack.layout.data / "audit/archive"

    def archived(n: int) -> list[Path]:
        until(f"{n} days are archived", lambda: len(list(archive.glob("audit-*.gz"))) == n)
        return sorted(archive.glob("audit-*.gz"))

    book.settle()
    book.sql("update audit_checkpoint set made_at = made_at - interval '2 days'")
    (first,) = archived(1)
    assert book.verify(first)["intact"]
    book.client.wait(book.client.submit(chat("one more"))["id"])
    book.settle()
    book.sql("update audit_checkpoint set made_at = made_at - interval '1 day'")
    both = archived(2)
    found = book.verify(*both, "--checkpoint", book.checkpoints() / "checkpoint")
    assert found["intact"] and found["rows"] == book.count()
    second = book.verify(both[1])
    assert second["intact"] and second["first"] == book.verify(both[0])["rows"]
    assert not book.verify(both[1], both[0])["intact"]
    assert "is archived" in book.stack.log("scheduler-1")
    cut = book.folder / "cut.gz"
    cut.write_bytes(both[0].read_bytes()[:-20])
    assert not book.verify(cut)["intact"]


def test_the_key_is_rotated_by_a_command_and_each_is_believed_in_its_time(book: Book) -> None:
    """No program is started again, and a key that another followed signs no more."""
    book.settle()
    before, seed_file = book.key.read_text(), Path(seed_path(book))
    seed = seed_file.read_text()
    said = book.run("signing-key", "rotate", "--kind", "audit", "--json")
    assert said.returncode == 0, said.stderr
    after = json.loads(said.stdout)["key"] + "\n"
    assert after == book.run("audit", "key").stdout != before
    assert seed_file.read_text() != seed
    until("it is seen", lambda: "another key signs" in book.scheduler_log())
    book.client.wait(book.client.submit(chat("signed anew"))["id"])
    book.settle()
    assert published(book) == before + after
    path = book.export("rotated.audit")
    for keys, words in {
        before + after: "",
        before: "after a rotation every key is needed",
        after: "after a rotation every key is needed",
        after + before: "a key that another had followed",
    }.items():
        book.key.write_text(keys)
        done = book.run("audit", "verify", "--key-file", book.key, path)
        assert words in done.stderr and done.returncode == (1 if words else 0), done.stderr
    book.key.write_text(before + after)
    listed = json.loads(book.stack.longhaul("signing-key", "list", "--kind", "audit", "--json"))
    told = [(key["state"], key["public_key"] + "\n") for key in listed["data"]]
    assert told == [("signs", after), ("verifies", before)]
    assert listed["data"][0]["signs_at"] == listed["data"][1]["ends_at"]

    book.settle()  # what was asked for meanwhile is signed outside as well
    follower = seed_file.read_text()
    seed_file.write_text(seed)
    until("the retired key is told", lambda: "is retired, another one" in book.scheduler_log())
    signed = book.signed()
    book.client.wait(book.client.submit(chat("unsigned"))["id"])
    until("its rows have their places", lambda: book.placed() == book.count())
    assert book.signed() == signed < book.count()
    seed_file.write_text(follower)
    book.settle()


def seed_path(book: Book) -> str:
    return str(yaml.safe_load(book.stack.config.read_text())["audit"]["signing_key_file"])


def published(book: Book) -> str:
    keys = book.checkpoints() / "keys"
    return keys.read_text() if keys.exists() else ""


def test_who_reads_far_more_than_ever_before_is_told(book: Book) -> None:
    """A guest with three reads a day for a week, then a thousand; and who always read as many."""
    guest, reader = "00000000-0000-7000-8000-00000000000a", "00000000-0000-7000-8000-00000000000b"
    reads = "insert into audit (tenant_id, actor_kind, action, actor, at, count)"
    shown = "00000000-0000-7000-8000-0000000000"  # credentials: a key, a token
    with_it = reads.replace("count)", "count, credential)")
    token = "'00000000-0000-0000-0000-000000000000', 'token', 'job.list'"
    none = "'00000000-0000-0000-0000-000000000000', 'key', 'job.read'"
    book.sql(
        f"begin; {reads} select {none}, '{guest}', now() - make_interval(hours => 8 * h), 1"
        f" from generate_series(1, 20) h; {reads} select {none}, '{reader}',"
        f" now() - make_interval(hours => h, mins => 30), 1000 from generate_series(0, 300) h;"
        f" {with_it} values ({none}, '{guest}', now(), 990, '{shown}01'),"
        f" ({none}, '{guest}', now(), 10, '{shown}02'),"
        f" ({token}, '{guest}', now(), 1000, '{shown}03');"
        f" {with_it} values ({none}, '{guest}', now() - interval '9 hours', 1, '{shown}04'); commit"
    )
    done = book.run("audit", "anomalies", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    told = [(row["actor"], row["action"], row["now"], row["most"]) for row in found]
    assert ("act_0000000000e00800000000000a", "job.read", 1000, 1) in told
    assert not [row for row in told if row[0].endswith("b") and row[2] == 1000]
    # by what: that leads to `api-key list` and `revoke`; the one used most comes first
    by = {row["action"]: row["credentials"] for row in found if row["actor"].endswith("a")}
    spelt = "_0000000000e0080000000000"
    assert by["job.read"] == [f"key{spelt}01", f"key{spelt}02"]
    assert by["job.list"] == [f"tok{spelt}03"]
    table = book.run("audit", "anomalies").stdout
    assert "NOW" in table and f"key{spelt}01 key{spelt}02" in table


def test_a_record_that_lost_signed_rows_is_told_and_the_proof_kept(book: Book) -> None:
    """As after a restore that lost the last minutes: what was signed outside is ahead."""
    book.stack.stop("scheduler-1")
    signed = book.signed()
    first = "(select min(size) from audit_checkpoint)"
    book.sql(
        f"begin; delete from audit_batch where position >= {first};"
        f" delete from audit_checkpoint where size > {first}; commit"
    )
    book.stack.start("scheduler-1")
    ahead = book.checkpoints() / f"checkpoint-{signed}-ahead"
    until("the checkpoint is put aside", ahead.exists)
    assert "lost rows that were signed" in book.stack.log("scheduler-1")
    until("it goes on", lambda: book.signed() > 0)
