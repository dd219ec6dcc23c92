"""Drives test/proxy: ports in front of servers, whose lines misbehave on command.

    proxy = FaultProxy()
    record = proxy.door("record", "127.0.0.1", 5432)
    with record.fault("drop"): ...  # for whoever connects to record.port

What can go wrong is listed in test/proxy/fault.h; healing is the fault "pass".
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from client import until

ROOT = Path(__file__).resolve().parents[1]
FAULTS = (
    "drop",
    "to-client",
    "to-server",
    "reset",
    "refuse",
    "half-open",
    "slow 20000",
    "delay 300",
    "cut 3000",
)
ANSWER_S = 120.0


@dataclass(frozen=True)
class Door:
    """One port of a proxy, and the server behind it."""

    proxy: FaultProxy
    name: str
    port: int

    def set(self, what: str) -> None:
        """Changes what happens from now on; "pass" heals."""
        self.proxy.ask(f"fault {self.name} {what}")

    def lines(self) -> tuple[int, int]:
        """How many stand now, and stood ever."""
        now, ever = self.proxy.ask(f"lines {self.name}")
        return int(now), int(ever)

    @contextmanager
    def fault(self, what: str) -> Iterator[None]:
        self.set(what)
        try:
            yield
        finally:
            self.set("pass")


class FaultProxy:
    """One process, any number of doors; it ends with close, and with us."""

    def __init__(self, build: Path = ROOT / "build/release") -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="fault-proxy-"))
        control = self.folder / "control"
        self.process = subprocess.Popen([build / "fault-proxy", "--control", control])
        self.line = socket.socket(socket.AF_UNIX)
        self.line.settimeout(ANSWER_S)
        until("the fault proxy listens", lambda: self.line.connect_ex(str(control)) == 0, ANSWER_S)
        self.answers = self.line.makefile()

    def ask(self, words: str) -> list[str]:
        self.line.sendall(words.encode() + b"\n")
        verdict, *rest = self.answers.readline().split()
        if verdict != "ok":
            raise ValueError(f"{words}: {' '.join(rest)}")
        return rest

    def door(self, name: str, host: str, port: int) -> Door:
        """A new port, behind which host:port is reached from now on."""
        return Door(self, name, int(self.ask(f"door {name} {host} {port}")[0]))

    def close(self) -> None:
        self.answers.close()
        self.line.close()
        try:
            self.process.wait(ANSWER_S)
        finally:
            self.process.kill()
            shutil.rmtree(self.folder, ignore_errors=True)
