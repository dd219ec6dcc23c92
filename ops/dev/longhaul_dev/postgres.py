"""A private Postgres 15 cluster: durable like a real one, reachable by password only."""

import os
import secrets
import shutil
import signal
from pathlib import Path

from longhaul_dev.fault import Fault
from longhaul_dev.layout import Layout
from longhaul_dev.spec import Spec

BIN = Path("/usr/lib/postgresql/15/bin")
SUPERUSER = "postgres"
OWNER = "longhaul_owner"
PROGRAM_ROLES = ("longhaul_producer", "longhaul_worker", "longhaul_scheduler")
DATABASE = "longhaul"
SOCKET_PATH_MAX = 100
SETTINGS = {
    "listen_addresses": "'127.0.0.1'",
    "password_encryption": "'scram-sha-256'",
    "max_connections": "200",
    "shared_buffers": "'1GB'",
    "dynamic_shared_memory_type": "'mmap'",
    "min_wal_size": "'1GB'",
    "max_wal_size": "'2GB'",
    "checkpoint_timeout": "'15min'",
    "checkpoint_completion_target": "0.9",
    "wal_compression": "'lz4'",
    "autovacuum_naptime": "'10s'",
    "jit": "off",
    "random_page_cost": "1.1",
    "log_min_duration_statement": "'5s'",
    "log_line_prefix": "'%m [%p] %q%u@%d '",
    "timezone": "'UTC'",
    "log_timezone": "'UTC'",
}
"""fsync, synchronous_commit and full_page_writes stay as they are: on. min_wal_size keeps segments
to write again: a new one is filled with zeros first, which stalls every commit for 20 to 45 ms."""


class Postgres:
    """The cluster of one stack, its roles and their passwords."""

    name = "postgres"
    ports = ("postgres",)

    def __init__(self, layout: Layout, ports: dict[str, int]) -> None:
        self._layout = layout
        self._port = ports["postgres"]
        self._home = layout.data / "postgres"
        self._socket = layout.run / "pg"
        self.passfile = layout.keys / "pgpass"

    @property
    def url(self) -> str:
        """The superuser's, for checks and scripts."""
        password = self._passwords()[SUPERUSER]
        return f"postgresql://{SUPERUSER}:{password}@127.0.0.1:{self._port}/{DATABASE}"

    @property
    def dsn(self) -> str:
        """What the programs put their own role in front of."""
        return f"host={self.host} port={self._port} dbname={DATABASE}"

    @property
    def host(self) -> str:
        """The socket's folder, or 127.0.0.1 when a socket's path could not be that long."""
        fits = len(str(self._socket)) + len("/.s.PGSQL.00000.lock") < SOCKET_PATH_MAX
        return str(self._socket) if fits else "127.0.0.1"

    @property
    def port(self) -> int:
        return self._port

    def prepare(self) -> None:
        """Makes the cluster unless there is one, and writes its settings for these ports."""
        self._layout.service_folder(self._socket)
        if not self.passfile.exists():
            self._write_passwords()
        if not (self._home / "PG_VERSION").exists():
            self._initdb()
        rows = {
            **SETTINGS,
            "port": str(self._port),
            "unix_socket_directories": f"'{self._socket}'" if self.host[0] == "/" else "''",
        }
        text = "".join(f"{key} = {value}\n" for key, value in rows.items())
        self._layout.write(self._home / "longhaul.conf", text, 0o600, service=True)

    def spec(self, env: dict[str, str]) -> Spec:
        return Spec(
            name=self.name,
            argv=[str(BIN / "postgres"), "-D", str(self._home)],
            env=env,
            log=str(self._layout.log_file(self.name)),
            pid_file=str(self._layout.pid_file(self.name)),
            stop_signal=signal.SIGINT,
            stop_timeout_s=30.0,
            orphan_signal=signal.SIGQUIT,
        )

    def answers(self) -> bool:
        """True when the server takes connections, by its own word."""
        try:
            lines = (self._home / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        except OSError:
            return False
        return len(lines) >= 8 and lines[7].strip() == "ready"

    def wipe(self) -> None:
        """Forgets everything; the server must be stopped."""
        shutil.rmtree(self._home, ignore_errors=True)
        self.prepare()

    def create_database(self) -> None:
        """Makes owner and database unless they are there."""
        self.query(
            f"select 'create role {OWNER} login createrole' where not exists"
            f" (select from pg_roles where rolname = '{OWNER}') \\gexec\n"
            f"alter role {OWNER} password '{self._passwords()[OWNER]}';\n"
            f"select 'create database {DATABASE} owner {OWNER}' where not exists"
            f" (select from pg_database where datname = '{DATABASE}') \\gexec\n",
            database="postgres",
        )

    def query(self, sql: str, database: str = DATABASE, timeout_s: float = 60) -> str:
        """Runs SQL as superuser and returns its rows: one line each, columns parted by tabs."""
        psql: list[str | Path] = [
            BIN / "psql",
            "-XqAt",
            "-F",
            "\t",
            "-v",
            "ON_ERROR_STOP=1",
            "-f",
            "-",
        ]
        env = {
            **self.client_env(),
            "PGUSER": SUPERUSER,
            "PGDATABASE": database,
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
        }
        run = self._layout.account.run(psql, env=env, stdin=sql, timeout_s=timeout_s)
        if run.returncode:
            raise Fault(f"Postgres refused a statement: {run.stderr.strip()}")
        return run.stdout

    def client_env(self) -> dict[str, str]:
        """The libpq environment that reaches this server."""
        return {"PGHOST": self.host, "PGPORT": str(self._port), "PGPASSFILE": str(self.passfile)}

    def _initdb(self) -> None:
        self._layout.service_folder(self._home)
        first = self._layout.root / "tmp" / "first-password"
        self._layout.write(first, self._passwords()[SUPERUSER] + "\n", 0o600, service=True)
        command: list[str | Path] = [BIN / "initdb", "-D", self._home, "-U", SUPERUSER]
        command += ["--pwfile", first]
        command += ["-A", "scram-sha-256", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]
        run = self._layout.account.run(command, env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"})
        first.unlink()
        if run.returncode:
            shutil.rmtree(self._home)
            raise Fault(f"Postgres could not make its folder: {run.stderr.strip()}")
        with (self._home / "postgresql.conf").open("a", encoding="ascii") as conf:
            conf.write("\ninclude 'longhaul.conf'\n")

    def _write_passwords(self) -> None:
        roles = (SUPERUSER, OWNER, *PROGRAM_ROLES)
        lines = "".join(f"*:*:*:{role}:{secrets.token_hex(24)}\n" for role in roles)
        self._layout.write(self.passfile, lines, 0o600, service=True)

    def _passwords(self) -> dict[str, str]:
        lines = self.passfile.read_text(encoding="ascii").splitlines()
        return {row[3]: row[4] for row in (line.split(":") for line in lines)}
