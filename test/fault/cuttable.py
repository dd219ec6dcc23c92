"""A stack in which the fault proxy stands between each pair of programs and servers.

Of two workers and two schedulers the first ones go through it, the others do not: what they cannot
do is done elsewhere, and what comes back late meets its successor. The only producer goes through.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from fault_proxy import FaultProxy
from stacks import free_port, running

PAIRS = (
    "producer-postgres",
    "producer-redis",
    "producer-kafka",
    "worker-postgres",
    "worker-redis",
    "worker-kafka",
    "worker-upstream",
    "scheduler-postgres",
    "scheduler-kafka",
)
VARIABLES = {
    "postgres": "LONGHAUL_PG_URL",
    "redis": "LONGHAUL_REDIS_LIMITS",
    "kafka": "LONGHAUL_KAFKA",
    "upstream": "LONGHAUL_SIM_URL",
}
# Silence must be noticed within a test's patience.
IMPATIENT = {"worker": {"drain_s": 5}}
UPSTREAM_PATIENCE = r"\g<0>\n\1first_byte_timeout_ms: 4000\n\1idle_timeout_ms: 4000"


class Cuttable:
    """The stack and the proxy; doors are named as PAIRS."""

    def __init__(self, stack: Any, proxy: FaultProxy) -> None:
        self.stack = stack
        self.behind = {pair: self._behind(pair) for pair in PAIRS}
        self.doors = {
            pair: proxy.door(pair, "127.0.0.1", port) for pair, port in self.behind.items()
        }
        self._advertise()
        for program in ("producer-1", "worker-1", "scheduler-1"):
            self._lead_through(program)

    def _address(self, server: str) -> str:
        """Of a server as its programs know it, host:port."""
        at = self.stack.env[VARIABLES[server]]
        return urlsplit(at if "//" in at else f"//{at}").netloc.rpartition("@")[2]

    def _behind(self, pair: str) -> int:
        """The port behind a pair's door. Kafka tells its clients where it is, so whoever comes
        through the proxy must come to a listener of its own, which names the proxy."""
        server = pair.split("-")[1]
        port = int(self._address(server).rpartition(":")[2])
        return free_port() if server == "kafka" else port

    def _advertise(self) -> None:
        properties: Path = self.stack.layout.etc / "kafka.properties"
        rows = dict(line.split("=", 1) for line in properties.read_text().splitlines())
        for pair in (pair for pair in PAIRS if pair.endswith("-kafka")):
            door, behind = self.doors[pair].port, self.behind[pair]
            name = pair.split("-")[0].upper()
            rows["listeners"] += f",{name}://127.0.0.1:{behind}"
            rows["advertised.listeners"] += f",{name}://127.0.0.1:{door}"
            rows["listener.security.protocol.map"] += f",{name}:PLAINTEXT"
        rows["inter.broker.listener.name"] = "PLAINTEXT"
        properties.write_text("".join(f"{key}={value}\n" for key, value in rows.items()))
        self.stack.restart("kafka")

    def _lead_through(self, program: str) -> None:
        kind = program.split("-")[0]
        config = self.stack.layout.etc / f"{program}.yaml"
        text = config.read_text()
        for pair in (pair for pair in PAIRS if pair.startswith(kind)):
            server, door = pair.split("-")[1], self.doors[pair].port
            if server == "postgres":
                text = re.sub(r"host=\S+?(?=[\s\"'])", "host=127.0.0.1", text)
                text = re.sub(r"(?<![\w_])port=\d+", f"port={door}", text)
            else:
                text = text.replace(self._address(server), f"127.0.0.1:{door}")
        text = re.sub(r"^( *)max_in_flight: .*$", UPSTREAM_PATIENCE, text, flags=re.MULTILINE)
        config.write_text(text)
        self.stack.restart(program)


@contextmanager
def cuttable(name: str) -> Iterator[Cuttable]:
    proxy = FaultProxy()
    try:
        with running(name, workers=2, schedulers=2, config_overrides=IMPATIENT) as stack:
            yield Cuttable(stack, proxy)
    finally:
        proxy.close()
