"""A second broker beside a stack's own: it keeps messages, the stack's own stays the controller.

A topic that both shall keep is made here, before its queue: the leader of the scheduler finds it.
One that is there already is shared.
"""

from __future__ import annotations

import shutil
import signal
import socket
import struct
from typing import Any

from client import until
from confluent_kafka import ElectionType, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
from longhaul_dev.control import Control
from longhaul_dev.jars import Jars
from longhaul_dev.program import environment
from longhaul_dev.spec import Spec
from stacks import free_port

NAME = "kafka-2"
FIRST, SECOND = 1, 2
DIRECTORY = "c2Vjb25kLWJyb2tlci0wMQ"
PATIENCE_S = 120
# Kafka's AlterPartitionReassignments, which librdkafka does not speak: version 0 of the request
# behind version 2 of a header. Compact arrays and strings tell their length and one more; a zero
# behind each structure says that no tagged fields follow.
REASSIGN = struct.pack(">hhihB", 45, 0, 1, -1, 0)


class SecondBroker:
    """Stopped and started as `kafka-2` of the stack, which takes it down with itself."""

    def __init__(self, stack: Any) -> None:
        self.stack = stack
        self.home = stack.layout.data / NAME
        self.jars = Jars()
        self._format()
        properties = stack.layout.etc / f"{NAME}.properties"
        stack.layout.write(properties, self._properties(free_port()))
        Control(stack.layout).call("define", spec=self._spec(str(properties)).to_json())
        self.admin = AdminClient({"bootstrap.servers": stack.env["LONGHAUL_KAFKA"], "log_level": 0})
        self.start()

    def _format(self) -> None:
        """The log of the stack's own broker, empty, with an identity of this one's."""
        layout = self.stack.layout
        logs = layout.service_folder(layout.service_folder(self.home) / "logs")
        for part in self.jars.template.iterdir():
            shutil.copyfile(part, logs / part.name)
            layout.account.own(logs / part.name)
        rows = {"version": 1, "cluster.id": self._cluster(), "node.id": SECOND}
        rows["directory.id"] = DIRECTORY
        text = "".join(f"{key}={value}\n" for key, value in rows.items())
        layout.write(logs / "meta.properties", text, service=True)

    def _cluster(self) -> str:
        lines = (self.jars.template / "meta.properties").read_text().splitlines()
        return dict(line.partition("=")[::2] for line in lines)["cluster.id"]

    def _properties(self, port: int) -> str:
        """Laid over the first one's: in a file of properties the last of two rows counts."""
        rows = {
            "process.roles": "broker",
            "node.id": SECOND,
            "listeners": f"PLAINTEXT://127.0.0.1:{port}",
            "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}",
            "log.dirs": self.home / "logs",
        }
        text: str = (self.stack.layout.etc / "kafka.properties").read_text()
        return text + "".join(f"{key}={value}\n" for key, value in rows.items())

    def _spec(self, properties: str) -> Spec:
        layout = self.stack.layout
        tmp = f"-Djava.io.tmpdir={layout.root / 'tmp'}"
        return Spec(
            name=NAME,
            argv=[*self.jars.java(tmp, main="kafka.Kafka"), properties],
            env=environment(layout),
            log=str(layout.log_file(NAME)),
            pid_file=str(layout.pid_file(NAME)),
            orphan_signal=signal.SIGKILL,
        )

    def start(self) -> None:
        self.stack.start(NAME)
        until("the second broker is known", lambda: SECOND in self._listed().brokers)

    def stop(self, how: int | None = None) -> None:
        self.stack.stop(NAME, how)

    def _listed(self) -> Any:
        return self.admin.list_topics(timeout=PATIENCE_S)

    def make_topic(self, name: str, partitions: int) -> None:
        """Kept by both, and led by the second one while it is there."""
        both = [[SECOND, FIRST]] * partitions
        asked = NewTopic(name, num_partitions=partitions, replica_assignment=both)
        self.admin.create_topics([asked])[name].result()

    def share(self, topic: str) -> None:
        """From now on both keep what the first one had alone."""
        both = (SECOND, FIRST)
        parts = [
            struct.pack(">iBiiB", part, len(both) + 1, *both, 0)
            for part in self._listed().topics[topic].partitions
        ]
        name = bytes([len(topic) + 1]) + topic.encode()
        topics = bytes([2]) + name + bytes([len(parts) + 1]) + b"".join(parts) + b"\0"
        asked = REASSIGN + struct.pack(">i", PATIENCE_S * 1000) + topics + b"\0"
        host, _, port = self.stack.env["LONGHAUL_KAFKA"].rpartition(":")
        with socket.create_connection((host, int(port)), PATIENCE_S) as link:
            link.sendall(struct.pack(">i", len(asked)) + asked)
            link.recv(4)
        until(f"both hold {topic}", lambda: self.in_step(topic))

    def leaders(self, topic: str) -> set[int]:
        return {part.leader for part in self._listed().topics[topic].partitions.values()}

    def in_step(self, topic: str) -> bool:
        """Either broker holds all that was acknowledged."""
        parts = self._listed().topics[topic].partitions.values()
        return all(set(part.isrs) == {FIRST, SECOND} for part in parts)

    def lead_again(self, topic: str) -> None:
        """The second one takes the lead back, while both are there."""
        parts = [TopicPartition(topic, part) for part in self._listed().topics[topic].partitions]

        def leads() -> bool:
            try:
                asked = self.admin.elect_leaders(ElectionType.PREFERRED, parts)
                asked.result(PATIENCE_S)
            except KafkaException:
                return False
            return self.leaders(topic) == {SECOND}

        until("the second broker leads again", leads)
