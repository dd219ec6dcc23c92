"""Kafka's jars: fetched once through Maven, pinned, every file's checksum verified.

The archive of preloaded classes and the formatted empty log are made here too, once: they turn
a broker start of 7 s into one of 2 s.
"""

import hashlib
import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from longhaul_dev.account import Account
from longhaul_dev.fault import Fault
from longhaul_dev.layout import cache_folder
from longhaul_dev.ports import accepts, is_free
from longhaul_dev.progress import step
from longhaul_dev.wait import until

VERSION = "4.1.1"
POM = Path(__file__).resolve().parents[1] / "kafka" / "pom.xml"
SUMS = POM.with_name("SHA256SUMS")
LOGGING = POM.with_name("log4j2.properties")
COPY_GOAL = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies"
JAVA = "java"
HEAP = ("-Xms64m", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
QUIET = ("-XX:-UsePerfData", "-Xshare:auto", "-Xlog:disable", "-Xlog:all=error:stderr")
FETCH_TIMEOUT_S = 600


class Jars:
    """The folder with Kafka's jars, its class archive and the template of an empty log."""

    def __init__(self) -> None:
        self.folder = cache_folder() / f"kafka-{VERSION}"
        self._jars = self.folder / "jars"
        self._archive = self.folder / "classes.jsa"
        self._logging = self.folder / LOGGING.name
        self.template = self.folder / "formatted"

    def ready(self) -> bool:
        """True when nothing is left to be made."""
        return self._archive.exists() and (self.template / "meta.properties").exists()

    def prepare(self, account: Account) -> None:
        """Fetches and verifies the jars, makes template and archive; seconds once, then nothing."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if not self._jars.is_dir():
            with step(f"fetching Kafka {VERSION} through Maven (43 MB)"):
                self._fetch()
        if not self._logging.exists() or self._logging.read_bytes() != LOGGING.read_bytes():
            shutil.copyfile(LOGGING, self._logging)
        if not self.ready():
            with step("preparing Kafka for fast starts, once"):
                Workshop(self, account).make()

    def java(self, *flags: str, main: str) -> list[str]:
        """The command line of a Kafka program, up to its own arguments."""
        shared = [f"-XX:SharedArchiveFile={self._archive}"] if self._archive.exists() else []
        logging = f"-Dlog4j2.configurationFile={self._logging}"
        return [JAVA, *HEAP, *QUIET, *shared, logging, *flags, "-cp", self._class_path(), main]

    @property
    def archive(self) -> Path:
        return self._archive

    def _class_path(self) -> str:
        return ":".join(str(self._jars / name) for name in sorted(pinned_sums()))

    def _fetch(self) -> None:
        with tempfile.TemporaryDirectory(dir=self.folder, prefix="fetch-") as scratch:
            fresh = Path(scratch) / "jars"
            run_maven(fresh)
            verify(fresh)
            fresh.chmod(0o755)
            for jar in fresh.iterdir():
                jar.chmod(0o644)
            if not self._jars.exists():
                fresh.rename(self._jars)


def run_maven(target: Path) -> None:
    """Copies the pinned dependencies into `target`."""
    if not shutil.which("mvn"):
        raise Fault("Maven is missing; run `make packages`.")
    command = ["mvn", "-B", "-q", "-f", str(POM), COPY_GOAL, f"-DoutputDirectory={target}"]
    try:
        run = subprocess.run(command, capture_output=True, text=True, timeout=FETCH_TIMEOUT_S)
    except subprocess.TimeoutExpired as late:
        raise Fault(
            f"Maven did not end within {FETCH_TIMEOUT_S} s; is the network there?"
        ) from late
    if run.returncode:
        words = [line for line in run.stdout.splitlines() if "ERROR" in line]
        raise Fault(f"Maven could not fetch Kafka: {words[0] if words else run.stderr.strip()}")


def pinned_sums() -> dict[str, str]:
    """File name -> SHA-256, as committed."""
    lines = (line.split() for line in SUMS.read_text(encoding="ascii").splitlines())
    return {name: digest for digest, name in lines}


def verify(folder: Path) -> None:
    """Refuses a folder that is not exactly the pinned files."""
    wanted = pinned_sums()
    found = {jar.name: jar for jar in folder.iterdir()}
    if set(found) != set(wanted):
        odd = ", ".join(sorted(set(found) ^ set(wanted)))
        raise Fault(f"Maven fetched other jars than {SUMS} names: {odd}.")
    for name, jar in found.items():
        if hashlib.sha256(jar.read_bytes()).hexdigest() != wanted[name]:
            raise Fault(f"{name} does not have the SHA-256 in {SUMS}; it was not used.")


class Workshop:
    """Makes template and archive with one broker run in a scratch folder."""

    def __init__(self, jars: Jars, account: Account) -> None:
        self._jars = jars
        self._account = account

    def make(self) -> None:
        from longhaul_dev.kafka import broker_properties, format_log

        with tempfile.TemporaryDirectory(prefix="longhaul-kafka-", dir="/var/tmp") as scratch:
            room = Path(scratch)
            self._account.own(room)
            port, controller = _two_free_ports()
            logs = room / "logs"
            properties = room / "server.properties"
            properties.write_text(broker_properties(port, controller, logs), encoding="ascii")
            room.chmod(0o755)
            format_log(self._jars, self._account, properties, room)
            self._keep(logs, self._jars.template)
            archive = room / "classes.jsa"
            flags = [f"-XX:ArchiveClassesAtExit={archive}", f"-Djava.io.tmpdir={room}"]
            command = self._jars.java(*flags, main="kafka.Kafka")
            self._run_once([*command, str(properties)], port, room)
            self._keep(archive, self._jars.archive)

    def _run_once(self, command: list[str], port: int, room: Path) -> None:
        with (room / "broker.log").open("wb") as log:
            broker = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=room,
                **self._account.switch(),
            )
        try:
            until(lambda: accepts(port) or broker.poll() is not None, 300, "Kafka's first start")
            broker.send_signal(signal.SIGTERM)
            broker.wait(60)
        finally:
            broker.kill()
            broker.wait()
        if not (room / "classes.jsa").exists():
            raise Fault(f"Kafka did not start: {(room / 'broker.log').read_text()[-2000:]}")

    @staticmethod
    def _keep(made: Path, place: Path) -> None:
        fresh = place.with_name(f"{place.name}.{os.getpid()}")
        if made.is_dir():
            shutil.copytree(made, fresh)
            fresh.chmod(0o755)
            for part in fresh.iterdir():
                part.chmod(0o644)
            if place.exists():
                shutil.rmtree(fresh)
            else:
                fresh.rename(place)
        else:
            shutil.copyfile(made, fresh)
            fresh.replace(place)


def _two_free_ports() -> tuple[int, int]:
    free = [port for port in range(14000, 14990) if is_free(port)]
    if len(free) < 2:
        raise Fault("No free TCP port was found on 127.0.0.1 for Kafka's first start.")
    start = os.getpid() % (len(free) - 1)
    return free[start], free[start + 1]
