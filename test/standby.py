"""A second Postgres beside a stack's own: a standby that takes its place, or a backup that is put
into it and restored to a point in time. The one before lies beside it then, and may come back.

Whatever takes the place has its address too, as one behind a virtual address has.
"""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
from client import until
from longhaul_dev.account import service_account
from longhaul_dev.fault import Fault
from longhaul_dev.postgres import BIN
from stacks import free_port

HOME, FORMER = "postgres", "former"


def keep_the_log(stack: Any) -> None:
    """Segments of Postgres' log are kept outside from now on."""
    archive = stack.layout.data / "archive"
    archive.mkdir(exist_ok=True)
    service_account().own(archive)
    stack.psql("alter system set archive_mode = on")
    stack.psql(f"alter system set archive_command = 'cp %p {archive}/%f'")
    stack.restart("postgres")


def base_backup(stack: Any, name: str, *options: str) -> Path:
    home: Path = stack.layout.data / name
    at = urlsplit(stack.env["LONGHAUL_PG_URL"])
    env = {"PGPASSFILE": str(stack.var.resolve() / "keys/pgpass"), "PATH": "/usr/bin:/bin"}
    address = ["-h", "127.0.0.1", "-p", str(at.port), "-U", "postgres"]
    command = [BIN / "pg_basebackup", "-D", home, *address, "-c", "fast", "-N", *options]
    home.mkdir(mode=0o700)
    service_account().own(home)
    run = service_account().run(command, env=env)
    assert run.returncode == 0, run.stderr
    return home


def set_up(home: Path, **settings: str) -> None:
    with (home / "postgresql.auto.conf").open("a") as conf:
        conf.writelines(f"{name} = '{value}'\n" for name, value in settings.items())


def take_place(stack: Any, name: str) -> None:
    """What lies under this name is the stack's Postgres' folder from now on, which must not run."""
    data: Path = stack.layout.data
    (data / HOME).rename(data / FORMER)
    (data / name).rename(data / HOME)


def give_place_back(stack: Any, name: str) -> None:
    data: Path = stack.layout.data
    (data / HOME).rename(data / name)
    (data / FORMER).rename(data / HOME)


def promoted(stack: Any) -> None:
    """Starts it as what it is, and ends its recovery."""

    def ended() -> bool:
        with suppress(Fault):
            return stack.psql("select pg_is_in_recovery() and not pg_promote()") == [["f"]]
        return False

    stack.start("postgres", ready=False)
    until("the recovery has ended", ended)
    stack.start("postgres")


class Standby:
    """Follows the stack's Postgres until its line is cut."""

    def __init__(self, stack: Any) -> None:
        self.stack, self.name = stack, "standby"
        self.home = base_backup(stack, self.name, "-R")
        self.port = free_port()
        url = stack.env["LONGHAUL_PG_URL"]
        self.url = re.sub(r":\d+/", f":{self.port}/", url)
        command = [str(BIN / "postgres"), "-D", str(self.home), "-c", f"port={self.port}"]
        command += ["-c", "unix_socket_directories="]
        self.log = (stack.layout.data / "standby.log").open("w")
        to: dict[str, Any] = {"stdout": self.log, "stderr": self.log, "cwd": "/"}
        self.process = subprocess.Popen(command, **to, **service_account().switch())
        until("the standby answers", self.answers)

    def answers(self) -> bool:
        with suppress(psycopg.Error):
            return self.one("select pg_is_in_recovery()") is True
        return False

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url, autocommit=True) as record:
            return record.execute(sql).fetchall()

    def one(self, sql: str) -> Any:
        return self.ask(sql)[0][0]

    def has(self, lsn: str) -> bool:
        return bool(self.one(f"select pg_last_wal_replay_lsn() >= '{lsn}'"))

    def cut_line(self) -> None:
        """What comes from now on it never gets; what it got is replayed."""
        with psycopg.connect(self.url, autocommit=True) as record:
            record.execute("alter system set primary_conninfo = ''")
            record.execute("select pg_reload_conf()")
        receives = "select count(*) from pg_stat_wal_receiver"
        until("its line is cut", lambda: self.one(receives) == 0)
        # The last record that it got may be a part of one: no comparison of places would end.
        waits = "wait_event in ('RecoveryWalStream', 'RecoveryRetrieveRetryInterval')"
        idle = f"select count(*) from pg_stat_activity where backend_type = 'startup' and {waits}"
        until("it has replayed what it got", lambda: self.one(idle) == 1)

    def stop(self) -> None:
        self.process.send_signal(signal.SIGINT)
        self.process.wait(120)
        self.log.close()

    def take_over(self) -> None:
        """The primary must have ended."""
        self.stop()
        take_place(self.stack, self.name)
        promoted(self.stack)


@contextmanager
def standby(stack: Any) -> Iterator[Standby]:
    one = Standby(stack)
    try:
        yield one
    finally:
        if one.process.poll() is None:
            one.stop()
        shutil.rmtree(one.home, ignore_errors=True)
