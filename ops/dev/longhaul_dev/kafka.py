"""One real Kafka broker (KRaft: it is its own controller), small and quick to start."""

import shutil
import signal
import socket
import struct
from pathlib import Path

from longhaul_dev.account import Account
from longhaul_dev.fault import Fault
from longhaul_dev.jars import Jars
from longhaul_dev.layout import Layout
from longhaul_dev.spec import Spec

CLUSTER_ID = "bG9uZ2hhdWwtbG9jYWwtMQ"
API_VERSIONS = struct.pack(">hhih", 18, 0, 1, -1)


def broker_properties(port: int, controller: int, logs: Path) -> str:
    """server.properties of a broker that is alone in its cluster."""
    rows = {
        "process.roles": "broker,controller",
        "node.id": 1,
        "controller.quorum.voters": f"1@127.0.0.1:{controller}",
        "controller.listener.names": "CONTROLLER",
        "listeners": f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}",
        "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
        "log.dirs": logs,
        "num.partitions": 12,
        "auto.create.topics.enable": "false",
        "offsets.topic.replication.factor": 1,
        "offsets.topic.num.partitions": 4,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "share.coordinator.state.topic.replication.factor": 1,
        "share.coordinator.state.topic.min.isr": 1,
        "group.initial.rebalance.delay.ms": 0,
        "log.retention.hours": 2,
        "log.segment.bytes": 64 << 20,
        "log.cleaner.dedupe.buffer.size": 4 << 20,
        "num.network.threads": 2,
        "num.io.threads": 2,
        "broker.session.timeout.ms": 3000,
        "broker.heartbeat.interval.ms": 500,
        "metric.reporters": "",
    }
    return "".join(f"{key}={value}\n" for key, value in rows.items())


def format_log(jars: Jars, account: Account, properties: Path, room: Path) -> None:
    """Writes the empty log's identity; `room` becomes its working folder."""
    command = jars.java(f"-Djava.io.tmpdir={room}", main="kafka.tools.StorageTool")
    run = account.run([*command, "format", "-t", CLUSTER_ID, "-c", properties], cwd=room)
    if run.returncode:
        raise Fault(f"Kafka's log could not be formatted: {(run.stderr or run.stdout).strip()}")


class Kafka:
    """The broker of one stack."""

    name = "kafka"
    ports = ("kafka", "kafka-controller")

    def __init__(self, layout: Layout, ports: dict[str, int]) -> None:
        self._layout = layout
        self._port = ports["kafka"]
        self._controller = ports["kafka-controller"]
        self._jars = Jars()
        self._home = layout.data / "kafka"

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._port}"

    def prepare(self) -> None:
        """Makes the log unless there is one."""
        self._jars.prepare(self._layout.account)
        self._layout.service_folder(self._home)
        properties = broker_properties(self._port, self._controller, self._home / "logs")
        self._layout.write(self._layout.etc / "kafka.properties", properties)
        if not (self._home / "logs").exists():
            self._copy_template()

    def wipe(self) -> None:
        """Forgets every topic, message and offset; the broker must be stopped."""
        shutil.rmtree(self._home, ignore_errors=True)
        self.prepare()

    def spec(self, env: dict[str, str]) -> Spec:
        tmp = f"-Djava.io.tmpdir={self._layout.root / 'tmp'}"
        return Spec(
            name=self.name,
            argv=[
                *self._jars.java(tmp, main="kafka.Kafka"),
                str(self._layout.etc / "kafka.properties"),
            ],
            env=env,
            log=str(self._layout.log_file(self.name)),
            pid_file=str(self._layout.pid_file(self.name)),
            orphan_signal=signal.SIGKILL,
        )

    def answers(self) -> bool:
        """True when the broker answers a request, not only accepts a connection."""
        try:
            with socket.create_connection(("127.0.0.1", self._port), timeout=1.0) as link:
                link.sendall(struct.pack(">i", len(API_VERSIONS)) + API_VERSIONS)
                return len(link.recv(4)) == 4
        except OSError:
            return False

    def _copy_template(self) -> None:
        logs = self._layout.service_folder(self._home / "logs")
        for part in self._jars.template.iterdir():
            shutil.copyfile(part, logs / part.name)
            self._layout.account.own(logs / part.name)
