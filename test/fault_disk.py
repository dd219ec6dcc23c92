"""Drives test/disk: what the disk below a stack's Postgres does is a test's to say.

disk = FaultDisk()
with running("disk", postgres_env=disk.env) as stack:
    with disk.fault("slow_ms", 5000): ...
    disk.cut_power(stack)
    stack.start("postgres")
"""

from __future__ import annotations

import mmap
import os
import shutil
import signal
import struct
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from client import until
from longhaul_dev.account import service_account
from longhaul_dev.fault import Fault

ROOT = Path(__file__).resolve().parents[1]
# struct disk and struct undo of test/disk/disk.c
STATE = ("slow_ms", "failing", "full", "waiting", "failed", "refused")
NUMBER = struct.Struct("q")
UNDO = struct.Struct("qq")


class FaultDisk:
    """One disk, well until told otherwise; close it behind the stack."""

    def __init__(self, build: Path = ROOT / "build/release") -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="longhaul-disk-", dir="/var/tmp"))
        self.folder.chmod(0o755)
        self.own = self.folder / "own"
        self.own.mkdir()
        library = Path(shutil.copy(build / "fault-disk.so", self.folder))
        state = self.own / "state"
        state.write_bytes(bytes(NUMBER.size * len(STATE)))
        for path in (self.own, state):
            service_account().own(path)
        self.env = {"LD_PRELOAD": str(library), "FAULT_DISK": str(self.own)}
        with state.open("r+b") as file:
            self.state = mmap.mmap(file.fileno(), 0)

    def get(self, name: str) -> int:
        return int(NUMBER.unpack_from(self.state, NUMBER.size * STATE.index(name))[0])

    def set(self, name: str, value: int) -> None:
        NUMBER.pack_into(self.state, NUMBER.size * STATE.index(name), value)

    @contextmanager
    def fault(self, name: str, value: int = 1) -> Iterator[None]:
        self.set(name, value)
        try:
            yield
        finally:
            self.set(name, 0)

    def cut_power(self, stack: Any) -> None:
        """Ends Postgres in the midst of what it does; its log keeps what was synced, no more."""
        end_postgres(stack)
        self.set("waiting", 0)
        for undo in self.own.glob("undo-*"):
            segment = stack.layout.data / "postgres/pg_wal" / undo.name.removeprefix("undo-")
            if segment.exists():  # else it was synced, and is no longer needed
                take_back(undo, segment)
            undo.unlink()

    def close(self) -> None:
        self.state.close()
        shutil.rmtree(self.folder)


def end_postgres(stack: Any) -> None:
    """At once, and all of it. Whoever starts its processes stands still meanwhile, so that none of
    them comes back."""
    backends: list[int] = []
    with suppress(Fault):  # it has ended by itself, and with it all of them
        backends = children(stack.signal("postgres", signal.SIGSTOP))
    for pid in backends:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    stack.stop("postgres", signal.SIGKILL)
    until("all of Postgres is gone", lambda: not any(is_alive(pid) for pid in backends))


def status(pid: int) -> list[str]:
    """Of /proc/pid/stat, what follows the name: state, parent ...; empty when there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return []


def children(parent: int) -> list[int]:
    pids = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
    return [pid for pid in pids if status(pid)[1:2] == [str(parent)]]


def is_alive(pid: int) -> bool:
    return status(pid)[:1] not in ([], ["Z"], ["X"])


def take_back(undo: Path, segment: Path) -> None:
    """Puts what a segment held before it was written to and not synced back, the last first."""
    left, entries = undo.read_bytes(), []
    while len(left) >= UNDO.size:  # whoever was killed may have left a part of one
        at, n = UNDO.unpack_from(left)
        entries.append((at, left[UNDO.size : UNDO.size + n]))
        left = left[UNDO.size + n :]
    with segment.open("r+b") as file:
        for at, old in reversed(entries):
            file.seek(at)
            file.write(old)
