"""The two Redis servers: limits never evict, the cache evicts what is asked for least.

Neither keeps anything on disk: the record is Postgres, and losing Redis loses nothing.
"""

import socket
from pathlib import Path

from longhaul_dev.layout import Layout
from longhaul_dev.spec import Spec

BINARY = Path("/usr/bin/redis-server")
POLICIES = {"redis-limits": "noeviction", "redis-cache": "allkeys-lfu"}
MEMORY = {"redis-limits": "512mb", "redis-cache": "256mb"}


class Redis:
    """One of the two servers."""

    def __init__(self, layout: Layout, ports: dict[str, int], name: str) -> None:
        self.name = name
        self.ports = (name,)
        self._layout = layout
        self._port = ports[name]

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self._port}"

    def prepare(self) -> None:
        """Writes its settings."""
        rows = {
            "bind": "127.0.0.1",
            "port": self._port,
            "protected-mode": "no",
            "daemonize": "no",
            "save": '""',
            "appendonly": "no",
            "dir": self._layout.service_folder(self._layout.data / self.name),
            "maxmemory": MEMORY[self.name],
            "maxmemory-policy": POLICIES[self.name],
            "databases": 1,
            "tcp-backlog": 511,
            "client-output-buffer-limit": "pubsub 64mb 16mb 30",
        }
        text = "".join(f"{key} {value}\n" for key, value in rows.items())
        self._layout.write(self._layout.etc / f"{self.name}.conf", text)

    def spec(self, env: dict[str, str]) -> Spec:
        return Spec(
            name=self.name,
            argv=[str(BINARY), str(self._layout.etc / f"{self.name}.conf")],
            env=env,
            log=str(self._layout.log_file(self.name)),
            pid_file=str(self._layout.pid_file(self.name)),
        )

    def answers(self) -> bool:
        """True when it says PONG."""
        try:
            return self.command("PING").startswith("+PONG")
        except OSError:
            return False

    def wipe(self) -> None:
        """Nothing is kept on disk: stopping it was the wipe."""

    def command(self, words: str) -> str:
        """Sends one inline command and returns the first piece of the reply as it came."""
        with socket.create_connection(("127.0.0.1", self._port), timeout=2.0) as link:
            link.sendall(words.encode() + b"\r\n")
            return link.recv(65536).decode()
